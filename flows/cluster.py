"""The videos of a batch on a cluster that somebody has already: Dask or Ray, by Prefect's runners.

    process      worker processes of this machine (`flows.workers.process_pool`); the default
    dask, ray    a task per 16 videos on any node, in which the same pool has one process

So a hostile video costs its own process on a cluster too, never the node's. Nodes have the package
installed and see films and work folder under the same paths; what they send back is counts. Without
an address, the cluster is one on this machine, made for the batch.

Cost: a cluster on this machine starts in 3 to 8 s per batch, and each task loads torch anew, which
takes 3 s: worth it for films of minutes on many nodes. More work pools cost less.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias

from prefect import task
from prefect.cache_policies import NO_CACHE

from tinyvideo.flows.workers import Outcome, WorkerConfig, curate_videos
from tinyvideo.pipeline.errors import ExpectedError, install_extra
from tinyvideo.pipeline.types import VideoRecord

if TYPE_CHECKING:
    from prefect.futures import PrefectFuture
    from prefect.task_runners import TaskRunner

PIECE = 16
"""Videos of one task. Ours: one process curates them, and starts in 3 s."""

Curated: TypeAlias = list[tuple[VideoRecord, Outcome]]


class EngineError(ExpectedError):
    """The engine that was asked for is not installed, or its cluster does not answer."""


async def curate_on_cluster(
    records: Sequence[VideoRecord],
    config: WorkerConfig,
    *,
    engine: str,
    address: str,
    workers: int,
    limit_s: float,
) -> AsyncIterator[tuple[VideoRecord, Outcome]]:
    """Yield every video with what became of it, piece by piece as they finish.

    Raises:
        EngineError: the engine is not installed, or the cluster cannot be reached.
    """
    pieces = [list(records[start : start + PIECE]) for start in range(0, len(records), PIECE)]
    runner = task_runner(engine, address, min(workers, len(pieces)))
    told = [{"records": piece, "config": config, "limit_s": limit_s} for piece in pieces]
    try:
        futures = await asyncio.to_thread(_submit, runner, engine, told)
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(len(futures)) as threads:
            waiting = [loop.run_in_executor(threads, _result, future) for future in futures]
            for finished in asyncio.as_completed(waiting):
                for each in await finished:
                    yield each
    finally:
        await asyncio.to_thread(runner.__exit__, None, None, None)


def curate_on_node(records: list[VideoRecord], config: WorkerConfig, limit_s: float) -> Curated:
    """Curate some videos in a process of the node."""

    async def curate() -> Curated:
        return [each async for each in curate_videos(records, config, workers=1, limit_s=limit_s)]

    return asyncio.run(curate())


# Under a name of its own: by that of the function a node finds the function again.
curate_piece = task(name="curate-videos", cache_policy=NO_CACHE)(curate_on_node)


def task_runner(engine: str, address: str, workers: int) -> "TaskRunner[Any]":
    """Lay out the cluster at `address`, or one on this machine with so many workers.

    Raises:
        EngineError: the engine is not installed.
    """
    try:
        return (_dask if engine == "dask" else _ray)(address, workers)
    except ModuleNotFoundError as error:
        raise EngineError(
            f"the engine {engine} is not installed: {install_extra(engine)}"
        ) from error


def _dask(address: str, workers: int) -> "TaskRunner[Any]":
    import dask  # noqa: PLC0415
    from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415

    if address:
        return DaskTaskRunner(address=address)
    # A daemon may start no processes, and each video has one.
    dask.config.set({"distributed.worker.daemon": False})
    size = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
    return DaskTaskRunner(cluster_kwargs=size)


def _ray(address: str, workers: int) -> "TaskRunner[Any]":
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from prefect_ray.task_runners import RayTaskRunner  # noqa: PLC0415

    size = {} if address else {"num_cpus": workers, "include_dashboard": False}
    runner: TaskRunner[Any] = RayTaskRunner(address=address or None, init_kwargs=size)
    return runner


def _submit(
    runner: "TaskRunner[Any]", engine: str, told: list[dict[str, Any]]
) -> "list[PrefectFuture[Any]]":
    try:
        runner.__enter__()
        return [runner.submit(curate_piece, parameters) for parameters in told]
    except OSError as error:
        raise EngineError(f"the cluster of {engine} cannot be used: {error}") from error


def _result(future: "PrefectFuture[Any]") -> Curated:
    found: Curated = future.result()
    return found
