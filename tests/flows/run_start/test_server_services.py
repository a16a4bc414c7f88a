"""What Prefect's server does at set times, on a real one: the pinned versions are a set that works.

With SQLAlchemy 2.1 its scheduler ended at every tick with "Can't evaluate bulk DML statement", and
the page showed a schedule as active that never began anything.
"""

import asyncio
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterId,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings
from prefect.states import Paused, Scheduled, State

pytestmark = [
    pytest.mark.timeout(300),  # with the start of a server, on a busy machine
    pytest.mark.usefixtures("server"),
]

TICK_S = 90
"""A service of the server's comes by every 5 to 20 s; a busy machine takes its time."""


@pytest.fixture
def server(prefect_url, tmp_path) -> Iterator[None]:
    """A server that this process talks to."""
    with temporary_settings({PREFECT_API_URL: prefect_url, PREFECT_HOME: tmp_path}):
        yield


async def deployment(client: PrefectClient, *schedules: DeploymentScheduleCreate) -> uuid.UUID:
    """A deployment on a pool on which nobody works."""
    flow = await client.create_flow_from_name("waits")
    pool = await client.create_work_pool(WorkPoolCreate(name=f"p-{uuid.uuid4()}", type="process"))
    return await client.create_deployment(
        flow, name=f"d-{uuid.uuid4()}", work_pool_name=pool.name, schedules=list(schedules)
    )


async def runs_of(client: PrefectClient, deployment: uuid.UUID) -> list[FlowRun]:
    wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    return await client.read_flow_runs(deployment_filter=wanted)


async def wait_for_state(client: PrefectClient, run: uuid.UUID, name: str) -> State:
    wanted = FlowRunFilter(id=FlowRunFilterId(any_=[run]))
    async with asyncio.timeout(TICK_S):
        while True:
            (found,) = await client.read_flow_runs(flow_run_filter=wanted)
            assert found.state is not None
            if found.state.name == name:
                return found.state
            await asyncio.sleep(0.5)


@pytest.mark.parametrize(
    "schedule",
    [CronSchedule(cron="0 3 * * *"), IntervalSchedule(interval=timedelta(hours=1))],
    ids=["cron", "interval"],
)
def test_the_scheduler_lays_out_the_runs_of_a_schedule(schedule):
    async def scheduled() -> list[FlowRun]:
        async with get_client() as client, asyncio.timeout(TICK_S):
            made = await deployment(client, DeploymentScheduleCreate(schedule=schedule))
            while not (found := await runs_of(client, made)):
                await asyncio.sleep(0.5)
            return found

    found = asyncio.run(scheduled())
    starts = sorted(run.expected_start_time for run in found if run.expected_start_time)
    assert len(found) == len(starts) >= 3
    assert {run.state_name for run in found} == {"Scheduled"}
    assert datetime.now(UTC) < starts[0]
    gap = timedelta(hours=1) if isinstance(schedule, IntervalSchedule) else timedelta(days=1)
    assert starts[1] - starts[0] == gap


def test_a_run_that_nobody_takes_is_marked_late():
    async def late() -> State:
        async with get_client() as client:
            made = await deployment(client)
            due = Scheduled(scheduled_time=datetime.now(UTC) - timedelta(minutes=1))
            run = await client.create_flow_run_from_deployment(made, state=due)
            return await wait_for_state(client, run.id, "Late")

    assert asyncio.run(late()).is_scheduled()


def test_the_pause_of_a_run_ends_at_its_time():
    async def paused() -> State:
        async with get_client() as client:
            over = datetime.now(UTC) - timedelta(minutes=1)
            state = Paused(pause_expiration_time=over)
            run = await client.create_flow_run_from_deployment(await deployment(client))
            await client.set_flow_run_state(run.id, state, force=True)
            return await wait_for_state(client, run.id, "Failed")

    assert "pause" in (asyncio.run(paused()).message or "").lower()
