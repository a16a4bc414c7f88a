"""A worker whose runs' processes are killed goes on, and no run is forgotten."""

import asyncio
import time
import uuid
from collections.abc import Iterator

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings
from prefect.states import Completed, Crashed

from flows.machine.run_worker import FORGOTTEN_S, RunWorker

pytestmark = [
    pytest.mark.timeout(300),  # with the start of a server, on a busy machine
    pytest.mark.usefixtures("server"),
]


@pytest.fixture
def server(prefect_url, tmp_path) -> Iterator[None]:
    """A server that this process talks to."""
    with temporary_settings({PREFECT_API_URL: prefect_url, PREFECT_HOME: tmp_path}):
        yield


@flow
def forgotten() -> None:
    """Does nothing; its runs are only spoken of."""


def worker() -> RunWorker:
    return RunWorker(work_pool_name=f"test-{uuid.uuid4()}", name="test", limit=1)


def due(run: uuid.UUID) -> list[WorkerFlowRunResponse]:
    flow_run = FlowRun(id=run, flow_id=uuid.uuid4())
    return [
        WorkerFlowRunResponse(
            work_pool_id=uuid.uuid4(), work_queue_id=uuid.uuid4(), flow_run=flow_run
        )
    ]


def test_a_run_that_is_due_again_before_its_end_was_noted_waits():
    async def submit_twice():
        run = uuid.uuid4()
        async with worker() as it:
            it.limiter.acquire_on_behalf_of_nowait(run)
            return await it._submit_scheduled_flow_runs(due(run))

    assert asyncio.run(submit_twice()) == []


@pytest.mark.parametrize(
    ("state", "age_s", "becomes"),
    [
        (Crashed(), FORGOTTEN_S + 1, "AwaitingRetry"),
        (Crashed(), 0, "Crashed"),
        (Completed(), FORGOTTEN_S + 1, "Completed"),
    ],
)
def test_a_crashed_run_that_the_server_has_forgotten_is_put_back(state, age_s, becomes):
    async def crash():
        async with get_client() as client, worker() as it:
            run = await client.create_flow_run(forgotten, state=state)
            it.crashed[run.id] = time.monotonic() - age_s
            await it.get_and_submit_flow_runs()
            return (await client.read_flow_run(run.id)).state.name

    assert asyncio.run(crash()) == becomes
