"""Batches -> flow runs of `make-shard`: on a pool of workers, or here, one after the other.

    hand_out      a run per batch on the pool; at most N are under way; what ends is looked after
    work_here     the same flow in this process, where nobody has deployed anything

Whatever becomes of a run, its batch ends: done by the run itself, or taken back here when the run
has failed or has gone silent. A crashed run is left to the automations for a while, which start it
again. What somebody has cancelled is not handed out again by this crawl: it is taken back at the
crawl's end, for the next one. A crawl that is suspended on Prefect's page ends here, since it is
started anew when it is resumed; batches that are under way go on.

A crawl that was killed finds the runs of its batches again by the name of the batch, under which no
second one can be made; so do two crawls that share a catalog, each of which also waits for the
batches of the other.

Cost: 90 ms per batch to start its run, and one call to the server every 3 s, whatever the number of
batches; nothing is kept of a batch that has ended.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from prefect import get_run_logger
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import State, WorkerStatus
from prefect.deployments import arun_deployment
from prefect.exceptions import ObjectNotFound, Pause
from prefect.states import Crashed

from tinyvideo.flows.machine import CPU, LOST_BATCH, SHARDS
from tinyvideo.flows.make_shard import make_shard
from tinyvideo.flows.run_options import RunOptions
from tinyvideo.flows.server import ServerError
from tinyvideo.flows.settings import code_version
from tinyvideo.flows.workers import LEASE_S, RENEW_S, worker_name
from tinyvideo.pipeline.errors import ExpectedError
from tinyvideo.storage.batches import (
    Batch,
    BatchLostError,
    BatchState,
    begin_batch,
    blame,
    is_open,
    keep_waiting,
    open_batches,
    reclaim,
    reclaim_expired,
    what_is_left,
)
from tinyvideo.storage.outputs import Output

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

POLL_S = 3.0
CRASHED_S = 60.0
"""Seconds that a crashed run may take to be started again, before its batch is taken back."""

MAX_FAILED = 3
"""Batches in a row that may fail before the crawl gives up: then it is not the videos' fault."""

OnChange: TypeAlias = Callable[[], Awaitable[None]]
"""Is called between the looks at what is under way."""

MAKE_SHARD = "make-shard/make-shard"


class FanOutError(ExpectedError):
    """The batches fail one after the other; the text is that of the last."""

    exit_code = 1


@dataclass(slots=True)
class Run:
    """A batch whose run is under way."""

    batch: Batch
    crashed_at: float | None = None
    looked_at: float = field(default_factory=time.monotonic)


async def work_here(output: Output, options: RunOptions, label: str, on_change: OnChange) -> None:
    """Do all batches in this process, one after the other.

    Raises:
        StorageError: the output cannot be used.
    """
    while True:
        reclaim_expired(output)
        batch = begin_batch(
            output.catalog, options.batch_videos, label, LEASE_S, worker=worker_name()
        )
        if batch is not None:
            await make_shard.with_options(flow_run_name=batch.title)(batch.token, options)
            await on_change()
        elif left := what_is_left(output.catalog):  # batches of others may become ours
            due_in_s = POLL_S if left.due_in_s is None else left.due_in_s
            await asyncio.sleep(min(due_in_s, POLL_S))
        else:
            return


class FanOut:
    """Flow runs on a pool, as many at a time as there are workers, or as was asked for."""

    def __init__(
        self, client: "PrefectClient", output: Output, options: RunOptions, label: str
    ) -> None:
        self._client = client
        self._output = output
        self._options = options
        self._label = label
        self._runs: dict[UUID, Run] = {}
        self._cancelled: list[Run] = []
        self._failed = 0
        self._logger = get_run_logger()

    async def hand_out(self, on_change: OnChange, own_run: UUID | None) -> None:
        """Have all batches made into shards; `on_change` is called between the looks at them.

        Raises:
            ServerError: the deployment `make-shard` is unknown.
            FanOutError: batch after batch fails.
            Pause: the crawl was suspended.
            StorageError: the output cannot be used.
        """
        try:
            await self._work(on_change, own_run)
        finally:
            for run in self._cancelled:
                reclaim(self._output, run.batch)

    async def _work(self, on_change: OnChange, own_run: UUID | None) -> None:
        while True:
            reclaim_expired(self._output)
            await self._adopt()
            if not await self._is_paused(own_run):
                await self._start_more()
            await on_change()
            if self._is_done():
                return
            await asyncio.sleep(POLL_S)
            await self._look()

    def _is_done(self) -> bool:
        cancelled = {run.batch.token for run in self._cancelled}
        return not self._runs and not what_is_left(self._output.catalog, cancelled)

    async def _adopt(self) -> None:
        # After a kill of this crawl, or beside another one: a batch has one run, by its name.
        known = {run.batch.token for run in [*self._runs.values(), *self._cancelled]}
        for row in open_batches(self._output.catalog):
            if row.state is BatchState.WAITING and row.batch.token not in known:
                await self._start(row.batch)

    async def _start_more(self) -> None:
        most = self._options.at_once or await self._count_workers()
        while len(self._runs) < most:
            options = self._options
            batch = begin_batch(self._output.catalog, options.batch_videos, self._label, LEASE_S)
            if batch is None:
                return
            await self._start(batch)

    async def _start(self, batch: Batch) -> None:
        parameters = {
            "batch": batch.token,
            "options": self._options.model_dump(mode="json"),
            "version": code_version(),
        }
        try:
            run = await arun_deployment(
                MAKE_SHARD,
                client=self._client,
                parameters=parameters,
                flow_run_name=batch.title,
                timeout=0,
                # One run per batch. A batch that is taken back gets another name.
                idempotency_key=f"{batch.token}-1",
            )
        except ObjectNotFound as error:
            reclaim(self._output, batch)
            raise ServerError(
                f"there is no deployment {MAKE_SHARD} at {self._client.api_url}; make it with "
                "'tinyvideo up', or 'prefect deploy --all'"
            ) from error
        self._runs[run.id] = Run(batch)

    async def _count_workers(self) -> int:
        workers = await self._client.read_workers_for_work_pool(CPU)
        online = [w for w in workers if w.status == WorkerStatus.ONLINE]
        return max(1, sum(worker.name.endswith(f"-{SHARDS}") for worker in online))

    async def _is_paused(self, own_run: UUID | None) -> bool:
        if own_run is None:
            return False
        state = (await self._client.read_flow_run(own_run)).state
        if state is None or not state.is_paused():
            return False
        if state.state_details.pause_reschedule:  # when resumed, a worker starts it anew
            raise Pause(state=state)
        return True

    async def _look(self) -> None:
        for run in self._cancelled:
            self._keep_cancelled(run)
        if not self._runs:
            return
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=list(self._runs)))
        found = await self._client.read_flow_runs(flow_run_filter=wanted, limit=len(self._runs))
        states = {run.id: run.state for run in found}
        for run_id, run in list(self._runs.items()):
            if await self._has_ended(run_id, run, states.get(run_id)):
                del self._runs[run_id]

    async def _has_ended(self, run_id: UUID, run: Run, state: State[Any] | None) -> bool:
        if state is not None and not state.is_final():
            run.crashed_at = None
            return not await self._keep(run_id, run, state)
        if state is not None and state.is_crashed() and not self._is_given_up(run):
            return False
        self._count(run, state)
        if state is not None and state.is_cancelled():
            self._cancelled.append(run)
            return True
        if state is not None and (state.is_crashed() or "AttemptsError" in (state.message or "")):
            blame(self._output, run.batch, state.message or "its run has crashed")
        reclaim(self._output, run.batch)
        return True

    async def _keep(self, run_id: UUID, run: Run, state: State[Any]) -> bool:
        """Renew what no run has begun; end a run that goes on without its batch."""
        if time.monotonic() - run.looked_at < RENEW_S:
            return True
        run.looked_at = time.monotonic()
        try:
            if not state.is_running():
                keep_waiting(self._output.catalog, run.batch, LEASE_S)
            elif not is_open(self._output.catalog, run.batch):
                raise BatchLostError(f"{run.batch.title} was given to others")
        except BatchLostError as error:
            await self._client.set_flow_run_state(run_id, Crashed(message=str(error)), force=True)
            return False
        return True

    def _keep_cancelled(self, run: Run) -> None:
        if time.monotonic() - run.looked_at >= RENEW_S:
            run.looked_at = time.monotonic()
            with suppress(BatchLostError):  # a run that was cancelled too late has done it
                keep_waiting(self._output.catalog, run.batch, LEASE_S)

    def _is_given_up(self, run: Run) -> bool:
        if run.crashed_at is None:
            run.crashed_at = time.monotonic()
        return time.monotonic() - run.crashed_at > CRASHED_S

    def _count(self, run: Run, state: State[Any] | None) -> None:
        if state is not None and state.is_failed() and state.name != LOST_BATCH:
            self._failed += 1
            self._logger.error("%s has failed: %s", run.batch.title, state.message)
            if self._failed >= MAX_FAILED:
                raise FanOutError(f"{self._failed} batches in a row have failed; {state.message}")
        elif state is not None and state.is_completed():
            self._failed = 0
