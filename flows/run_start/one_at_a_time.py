"""Two scheduled crawls never overlap; what somebody starts by hand goes on beside them.

A crawl may take longer than the time between two of its schedule, and after a night without a
server several are due at once. A run of a schedule waits while an older scheduled one is under way;
where that is of the same schedule it is not begun at all, and says so in its state: the next one
finds what it would have found.

Cost: two requests to the server at the start of a crawl, and one every 10 s while it waits.
"""

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.runtime import flow_run
from prefect.states import Cancelled

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

LOOK_S = 10.0

UNDER_WAY = [StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING]
"""States of a run that has been begun and has not ended."""


async def wait_for_turn() -> State[Any] | None:
    """Wait until no older scheduled crawl is under way; return a state to end with, or None.

    A run that no schedule has made has nothing to wait for.
    """
    if flow_run.id is None:
        return None
    async with get_client() as client:
        own = await client.read_flow_run(UUID(flow_run.id))
        while own.auto_scheduled and (older := await _older(client, own)):
            if any(_schedule(run) == _schedule(own) for run in older):
                return Cancelled(
                    message=f"not begun: {older[0].name!r} of the same schedule is under way; the "
                    "next run finds what is new"
                )
            get_run_logger().info("waits for %r: scheduled crawls do not overlap", older[0].name)
            await asyncio.sleep(LOOK_S)
    return None


async def _older(client: "PrefectClient", own: FlowRun) -> list[FlowRun]:
    assert own.deployment_id is not None  # a schedule is a deployment's
    found = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[own.deployment_id])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNDER_WAY))
        ),
    )
    return [run for run in found if run.auto_scheduled and _due(run) < _due(own)]


def _due(run: FlowRun) -> tuple[Any, str]:
    return run.expected_start_time, str(run.id)


def _schedule(run: FlowRun) -> UUID | None:
    return run.created_by.id if run.created_by else None
