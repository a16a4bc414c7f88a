"""A worker goes on when its runs' processes are killed, forgets no run, hears of each cancel."""

import asyncio
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.runner import _flow_run_executor
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings
from prefect.states import Cancelling, Completed, Crashed, Pending, Running, Scheduled
from prefect.workers import base

from tests.servers.way import way_to
from tinyvideo.flows.machine import cancel_watch, run_worker
from tinyvideo.flows.machine.cancel_watch import CancelWatch
from tinyvideo.flows.machine.deployments import other_version
from tinyvideo.flows.machine.run_worker import RunWorker
from tinyvideo.flows.settings import code_version

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


@flow
def versioned(version: str = "") -> None:
    """Does nothing; asks for a version."""


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
    ("state", "wait_s", "ago_s", "becomes"),
    [
        (Crashed(), 30, 31, "AwaitingRetry"),
        (Crashed(), 30, 0, "Crashed"),
        (Completed(), 30, 31, "Completed"),
        (Pending(), 30, 31, "Pending"),  # another worker has taken it since
        (Pending(), 0, 0, "AwaitingRetry"),
    ],
)
def test_a_crashed_run_that_the_server_has_forgotten_is_put_back(
    monkeypatch, state, wait_s, ago_s, becomes
):
    monkeypatch.setattr(run_worker, "FORGOTTEN_S", wait_s)

    async def crash():
        async with get_client() as client, worker() as it:
            run = await client.create_flow_run(forgotten, state=state)
            it.crashed[run.id] = datetime.now(UTC) - timedelta(seconds=ago_s)
            await it.get_and_submit_flow_runs()
            return (await client.read_flow_run(run.id)).state.name

    assert asyncio.run(crash()) == becomes


@pytest.mark.parametrize("begins", ["before", "during"], ids=["before an outage", "in an outage"])
def test_a_cancel_acts_after_an_outage_of_the_server(prefect_url, monkeypatch, begins):
    monkeypatch.setattr(cancel_watch, "ASK_S", 0.2)
    heard: list[uuid.UUID] = []

    async def cancel() -> uuid.UUID:
        async with get_client() as direct:
            run = await direct.create_flow_run(forgotten, state=Running())
            with way_to(prefect_url) as way, temporary_settings({PREFECT_API_URL: way.url}):
                if begins == "during":
                    way.close()
                async with CancelWatch(heard.append, polling_interval=0.1) as watch:
                    watch.add_in_flight_flow_run_id(run.id)
                    way.close()
                    await direct.set_flow_run_state(run.id, Cancelling(), force=True)
                    await asyncio.sleep(2)  # some questions without an answer
                    assert heard == []
                    way.open()
                    async with asyncio.timeout(60):
                        while not heard:
                            await asyncio.sleep(0.1)
                    await asyncio.sleep(1)  # it is told once, and asked for again only much later
            return run.id

    cancelled = asyncio.run(cancel())
    assert heard == [cancelled]


@pytest.mark.parametrize(("asked", "taken"), [("9.9.0", False), (code_version(), True)])
def test_a_run_of_another_version_is_left_to_others_and_the_worker_leaves(asked, taken):
    async def offer() -> tuple[bool, str, bool, str]:
        async with get_client() as client, worker() as it:
            it.leaves = asyncio.get_running_loop().create_future()
            run = await client.create_flow_run(
                versioned, parameters={"version": asked}, state=Scheduled()
            )
            left = await it._asks_for_another(run)
            if left:
                assert not await it._propose_pending_state(run)
            state = (await client.read_flow_run(run.id)).state
            said = it.leaves.result() if it.leaves.done() else ""
            return not left, said, state.is_scheduled(), run.name

    free, said, scheduled, name = asyncio.run(offer())
    assert (free, scheduled) == (taken, True)
    sentence = f"{name!r} asks for tinyvideo 9.9.0, and this worker has {code_version()}: it takes"
    assert said.startswith("" if taken else sentence)
    assert bool(said) != taken


@pytest.mark.parametrize("version", [None, "", code_version(), "5a1f3c0e9d", "main"])
def test_what_is_no_version_of_ours_asks_for_none(version):
    assert other_version(version) == ""


def test_the_worker_and_what_it_runs_watch_in_this_way():
    assert base.FlowRunCancellingObserver is CancelWatch
    assert _flow_run_executor.FlowRunCancellingObserver is CancelWatch
