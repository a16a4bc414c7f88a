"""Prefect's process worker, which also knows what it was doing when it was stopped.

Prefect kills the flow runs of a worker that is stopped and leaves them `Running` for ever. Here
each run that did not come to its end is remembered, in a file too, and put back into its queue: at
the end of a worker that is stopped, or when one that was killed starts again. And each run starts
one process instead of two, since our flows are in the installed package. What is none of them is
refused (`flows.machine.only_ours`), and a cancel reaches its run whatever became of the server
meanwhile (`flows.machine.cancel_watch`).

A run whose process dies is done again by an automation of the server's. Three things of Prefect's
get in its way, and are mended here. The automation is faster than the worker, which then hands out
the run anew before it has taken note of its end: that ends the worker. The worker tells of a crash
twice, and the second time undoes what the automation has done. And a server that is away is told of
no crash, and one whose database is SQLite and busy loses events: so it forgets the run.

Cost: nothing beside Prefect's; a run starts 2 to 3 s earlier.
"""

import asyncio
import copy
import json
import sys
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings
from prefect.states import AwaitingRetry, Failed
from prefect.utilities.processutils import command_to_string
from prefect.workers import process as prefects
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker

from tinyvideo.flows.machine.cancel_watch import watch_cancels
from tinyvideo.flows.machine.deployments import other_version
from tinyvideo.flows.machine.only_ours import (
    ENTRYPOINT,
    ForeignRunError,
    entrypoint_of,
    load_ours,
    require_plain,
)
from tinyvideo.flows.terminal import say

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import DeploymentResponse, WorkerFlowRunResponse

FORGOTTEN_S = 30.0
"""Seconds that a crashed run is left to the automation, before its worker puts it back itself."""


watch_cancels()

prefects.load_flow_from_flow_run = load_ours  # type: ignore[attr-defined,assignment]  # it follows pull steps


class RunConfiguration(ProcessJobConfiguration):
    """Starts a run's process at once: without a first process to see where its code is."""

    def prepare_for_flow_run(
        self,
        flow_run: "FlowRun",
        deployment: "DeploymentResponse | None" = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Take our command as if it had been asked for, and a flow of ours as what it loads.

        Raises:
            ForeignRunError: the deployment, its variables or the pool ask for more.
        """
        entrypoint = entrypoint_of(deployment)
        require_plain(flow_run, deployment, self)  # before Prefect's own values are there
        super().prepare_for_flow_run(flow_run, deployment, *args, **kwargs)
        self.command = command_to_string(
            [sys.executable, "-P", "-m", "tinyvideo.flows.run_process"]
        )
        self._command_configured = True
        self.env[ENTRYPOINT] = entrypoint


with warnings.catch_warnings(action="ignore"):  # Prefect says that it takes the other's place

    class RunWorker(ProcessWorker):
        """A process worker; its type stays `process`, as the pool's is."""

        job_configuration = RunConfiguration

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._note = _note_of(self.name)
            self.interrupted: set[UUID] = _read(self._note)
            """Flow runs that are under way, and at the end those that were cut off; at the
            beginning those that a worker of this name has left when it was killed."""
            self._told: set[UUID] = set()  # whose end the server has just been told
            self.leaves: asyncio.Future[str] | None = None
            """Is told why, when a run asks for another version than this worker has."""
            self.crashed: dict[UUID, datetime] = {}
            """Flow runs whose processes died, and when."""

        async def _submit_run(self, flow_run: "FlowRun") -> None:
            self.interrupted.add(flow_run.id)  # before the server knows that it is ours
            self.remember()
            await super()._submit_run(flow_run)
            if flow_run.id not in self.limiter.statistics().borrowers:  # it was not to be begun
                self._forget(flow_run.id)

        async def _propose_pending_state(self, flow_run: "FlowRun") -> bool:
            """Take a run, unless it asks for what is not ours: then it has failed, for good.

            One that asks for another version of ours is left to other workers, and this one ends.
            """
            if sentence := await self._asks_for_another(flow_run):
                if self.leaves is not None and not self.leaves.done():
                    self.leaves.set_result(f"{flow_run.name!r} {sentence}")
                return False
            try:
                await self.job_configuration.resolve_for_flow_run(
                    copy.deepcopy(flow_run),  # of which Prefect takes the variables out
                    client=self.client,
                    work_pool=copy.deepcopy(self.work_pool),
                    worker_name=self.name,
                    worker_id=self.backend_id,
                )
            except ForeignRunError as error:
                await self._refuse(flow_run, str(error))
                return False
            except Exception:
                self._logger.debug("it comes again where the run is begun", exc_info=True)
            return await super()._propose_pending_state(flow_run)

        async def _asks_for_another(self, flow_run: "FlowRun") -> str:
            asked = (flow_run.parameters or {}).get("version")
            if not asked and flow_run.deployment_id:
                try:
                    asked = (await self.client.read_deployment(flow_run.deployment_id)).version
                except ObjectNotFound:
                    return ""
            return other_version(asked)

        async def _refuse(self, flow_run: "FlowRun", sentence: str) -> None:
            say(f"{flow_run.name!r}: {sentence}")
            failed: State[Any] = Failed(message=sentence)  # a crashed run would be done again
            await self.client.set_flow_run_state(flow_run.id, failed, force=True)

        async def run(self, flow_run: "FlowRun", *args: Any, **kwargs: Any) -> Any:
            """Do one flow run in a process."""
            result = await super().run(flow_run, *args, **kwargs)
            self._forget(flow_run.id)
            if result.status_code:
                self.crashed[flow_run.id] = datetime.now(UTC)
                self._told.add(flow_run.id)
            return result

        async def get_and_submit_flow_runs(self) -> "list[FlowRun]":
            """Begin what is due; but first, put back what has crashed and been forgotten."""
            for flow_run, died in list(self.crashed.items()):
                if datetime.now(UTC) - died > timedelta(seconds=FORGOTTEN_S):
                    await _put_back(self.client, flow_run, partial(_is_left, died))
                    del self.crashed[flow_run]
            return await super().get_and_submit_flow_runs()

        async def _propose_crashed_state(self, flow_run: "FlowRun", *args: Any, **kw: Any) -> None:
            if flow_run.id in self._told:
                self._told.remove(flow_run.id)  # by what watched its process
            else:
                await super()._propose_crashed_state(flow_run, *args, **kw)

        async def _submit_scheduled_flow_runs(
            self, flow_run_response: "list[WorkerFlowRunResponse]"
        ) -> "list[FlowRun]":
            # A run that is due again while its last process is seen off has its place still.
            held = set(self.limiter.statistics().borrowers)
            free = [each for each in flow_run_response if each.flow_run.id not in held]
            return await super()._submit_scheduled_flow_runs(free)

        def _forget(self, flow_run: UUID) -> None:
            self.interrupted.discard(flow_run)
            self.remember()

        def remember(self) -> None:
            """Write down which runs are under way."""
            self._note.parent.mkdir(parents=True, exist_ok=True)
            draft = self._note.with_suffix(".new")
            draft.write_text(json.dumps(sorted(map(str, self.interrupted))))
            draft.replace(self._note)


def _note_of(worker: str) -> Path:
    name = "".join(letter if letter.isalnum() else "-" for letter in worker)
    return Path(get_current_settings().home) / f"under-way-{name}.json"


def _read(note: Path) -> set[UUID]:
    try:
        return set(map(UUID, json.loads(note.read_text())))
    except (OSError, ValueError):
        return set()


async def put_back_interrupted(client: "PrefectClient", worker: RunWorker) -> int:
    """Put the runs that a worker was cut off from back into their queue; return how many."""
    found = len(worker.interrupted)
    for flow_run in worker.interrupted:
        await _put_back(client, flow_run, _is_cut_off)
    worker.interrupted.clear()
    worker.remember()
    return found


def _is_left(died: datetime, state: State[Any]) -> bool:
    # While the server was away, nobody could tell it: its run is as it was before it died.
    return state.is_crashed() or (_is_cut_off(state) and state.timestamp < died)


def _is_cut_off(state: State[Any]) -> bool:
    return state.is_running() or state.is_pending() or state.is_crashed()


async def _put_back(
    client: "PrefectClient", flow_run: UUID, when: Callable[[State[Any]], bool]
) -> None:
    try:
        state = (await client.read_flow_run(flow_run)).state
    except ObjectNotFound:  # somebody has deleted it, or begun the server's database anew
        return
    if state is not None and when(state):
        await client.set_flow_run_state(
            flow_run, AwaitingRetry(message="the worker or its process was stopped"), force=True
        )
