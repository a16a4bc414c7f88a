"""Batches on a cluster that somebody has already: Dask or Ray, by Prefect's task runners.

    tinyvideo run --engine dask                                     a cluster on this machine
    tinyvideo run --engine ray --engine-address ray://head:10001    an existing one

A task is a whole batch: it leases by name, curates in worker processes with their limits, and
commits the shard. So the nodes of a cluster need no common disk for unfinished work, only the
output and its catalog (S3 and PostgreSQL, where there is more than one machine), and Prefect's
server carries one task run per shard and not one per video. A task that fails, or whose node is
lost, gives its batch back.

Cost: a local cluster starts in 3 (Dask) to 8 s (Ray); 80 ms per task, which takes minutes.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run

from flows.board import Board
from flows.fan_out import MAX_FAILED, POLL_S, FanOutError
from flows.held_batch import LEASE_S, at_work, worker_name
from flows.make_shard import make_shard
from flows.monitor import CrawlMonitor
from flows.options import RunOptions
from pipeline.errors import ExpectedError
from storage.batches import Batch, begin_batch, open_batches
from storage.output import Output
from storage.pack_batch import reclaim, reclaim_expired
from storage.waiting import seconds_until_due

if TYPE_CHECKING:
    from prefect.task_runners import TaskRunner


class EngineError(ExpectedError):
    """The engine that was asked for is not installed."""


async def work_on_cluster(options: RunOptions, label: str) -> None:
    """Do all batches as tasks of a cluster.

    Raises:
        EngineError: the engine is not installed.
        FanOutError: batch after batch fails.
        StorageError: the output cannot be used.
    """
    await make_shards.with_options(task_runner=task_runner(options))(options, label)


async def hand_to_cluster(options: RunOptions, label: str) -> None:
    """Hand out the batches; its arguments, and nothing that is open, go to the nodes as well."""
    async with at_work(options.place) as output, get_client() as client:
        own_run = UUID(flow_run.id) if flow_run.id else None
        monitor = CrawlMonitor(Board(client, own_run), output.catalog)
        await _Cluster(output, options, label).work(monitor.show)


def make_on_node(title: str, batch: str, options: RunOptions) -> str | None:
    """Do one batch on a node of the cluster; `title` names the task."""
    return asyncio.run(make_shard.fn(batch, options))


# Under names of their own: by those of the functions a node finds the functions again.
make_shards = flow(name="make-shards", validate_parameters=False)(hand_to_cluster)
shard_task = task(name="make-shard", task_run_name="{title}", cache_policy=NO_CACHE)(make_on_node)


def task_runner(options: RunOptions) -> "TaskRunner[Any]":
    """Connect to the cluster that was asked for, or lay out one on this machine.

    Raises:
        EngineError: the engine is not installed.
    """
    try:
        return (_dask if options.engine == "dask" else _ray)(options)
    except ModuleNotFoundError as error:
        raise EngineError(
            f"--engine {options.engine} is not installed: pip install 'tinyvideo[{options.engine}]'"
        ) from error


def tasks_at_once(options: RunOptions) -> int:
    """Count the batches that are under way together: as was asked for, or as fit on the cores."""
    return options.at_once or max(1, (os.cpu_count() or 1) // (options.workers or 1))


class _Cluster:
    def __init__(self, output: Output, options: RunOptions, label: str) -> None:
        self._output = output
        self._options = options
        self._label = label
        self._futures: dict[str, tuple[Batch, PrefectFuture[Any]]] = {}
        self._failed = 0

    async def work(self, on_change: Callable[[], Awaitable[None]]) -> None:
        catalog = self._output.catalog
        while True:
            reclaim_expired(self._output)
            self._start_more()
            await on_change()
            if not self._futures and not open_batches(catalog):
                if (wait_s := seconds_until_due(catalog)) is None:
                    return
                await asyncio.sleep(min(wait_s, POLL_S))
            await self._look()

    def _start_more(self) -> None:
        options = self._options
        while len(self._futures) < tasks_at_once(options):
            batch = begin_batch(
                self._output.catalog,
                options.batch_videos,
                self._label,
                LEASE_S,
                worker=worker_name(),
            )
            if batch is None:
                return
            future = shard_task.submit(batch.title, batch.token, options)
            self._futures[batch.token] = (batch, future)

    async def _look(self) -> None:
        await asyncio.sleep(1)
        for token, (batch, future) in list(self._futures.items()):
            try:
                await asyncio.to_thread(future.wait, 0.01)
            except TimeoutError:
                continue
            if not future.state.is_final():
                continue
            del self._futures[token]
            self._end(batch, future)

    def _end(self, batch: Batch, future: PrefectFuture[Any]) -> None:
        state = future.state
        reclaim(self._output, batch)  # nothing, where the task has closed it
        if state.is_completed():
            self._failed = 0
            return
        self._failed += 1
        get_run_logger().warning("%s has failed: %s", batch.title, state.message)
        if self._failed >= MAX_FAILED:
            raise FanOutError(f"{self._failed} batches in a row have failed; {state.message}")


def _dask(options: RunOptions) -> "TaskRunner[Any]":
    import dask  # noqa: PLC0415
    from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415

    if options.engine_address:
        return DaskTaskRunner(address=options.engine_address)
    # A daemon may start no processes, and each video is one.
    dask.config.set({"distributed.worker.daemon": False})
    size = {"n_workers": tasks_at_once(options), "threads_per_worker": 1}
    return DaskTaskRunner(cluster_kwargs={**size, "dashboard_address": None})


def _ray(options: RunOptions) -> "TaskRunner[Any]":
    from prefect_ray.task_runners import RayTaskRunner  # noqa: PLC0415

    size = {"num_cpus": tasks_at_once(options), "include_dashboard": False}
    there = {"address": options.engine_address} if options.engine_address else {"init_kwargs": size}
    runner: TaskRunner[Any] = RayTaskRunner(**there)
    return runner
