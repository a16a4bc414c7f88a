"""A worker runs our flows only: what else a deployment says is refused before it is begun."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings
from prefect.states import Scheduled
from prefect.workers.process import ProcessWorker

from tinyvideo.flows.machine.run_worker import RunWorker

pytestmark = [
    pytest.mark.timeout(300),  # with the start of a server, on a busy machine
    pytest.mark.usefixtures("server"),
]

OURS = "tinyvideo.flows.build_dataset:build_dataset"


@pytest.fixture
def server(prefect_url, tmp_path) -> Iterator[None]:
    """A server that this process talks to."""
    with temporary_settings({PREFECT_API_URL: prefect_url, PREFECT_HOME: tmp_path}):
        yield


async def deploy(client: PrefectClient, pool: str, **said: Any) -> uuid.UUID:
    flow = await client.create_flow_from_name("build-dataset")
    said = {"entrypoint": OURS, "name": f"d-{uuid.uuid4()}", "work_pool_name": pool, **said}
    return await client.create_deployment(flow, **said)


async def make_pool(client: PrefectClient, **defaults: Any) -> str:
    template = ProcessWorker.get_default_base_job_template()
    for name, value in defaults.items():
        template["variables"]["properties"][name]["default"] = value
    pool = WorkPoolCreate(name=f"p-{uuid.uuid4()}", type="process", base_job_template=template)
    return (await client.create_work_pool(pool)).name


def shell(file: Path) -> list[dict[str, Any]]:
    """Pull steps that leave a file."""
    step = "prefect.deployments.steps.run_shell_script"
    return [{step: {"script": f"touch {file}"}}]


Doing = Callable[..., Awaitable[Any]]


async def submitted(
    pool: dict[str, Any], said: dict[str, Any], asked: dict[str, Any], doing: Doing | None = None
) -> tuple[FlowRun, set[uuid.UUID]]:
    """What became of a run that a worker was given, and what the worker holds to be under way."""
    async with get_client() as client:
        name = await make_pool(client, **pool)
        deployment = await deploy(client, name, **said)
        run = await client.create_flow_run_from_deployment(
            deployment, state=Scheduled(), job_variables=asked
        )
        async with RunWorker(work_pool_name=name, name=f"w-{uuid.uuid4()}", limit=1) as it:
            if doing is not None:
                it.run = partial(doing, it)  # type: ignore[method-assign]
            await it.sync_with_backend()
            it.limiter.acquire_on_behalf_of_nowait(run.id)
            it._submitting_flow_run_ids.add(run.id)
            await it._submit_run(run)
        return await client.read_flow_run(run.id), it.interrupted


@pytest.mark.parametrize(
    ("pool", "said", "asked", "named"),
    [
        ({}, {"pull_steps": shell(Path("/never"))}, {}, "has pull steps"),
        ({}, {"entrypoint": "/tmp/theirs.py:flow"}, {}, "names the code '/tmp/theirs.py:flow'"),
        ({}, {"entrypoint": "os.system"}, {}, "names the code 'os.system'"),
        ({}, {"job_variables": {"command": "touch /never"}}, {}, "job variables set 'command'"),
        ({}, {"job_variables": {"env": {"PYTHONPATH": "/tmp"}}}, {}, "job variables set 'env'"),
        ({}, {}, {"env": {"LD_PRELOAD": "/tmp/a.so"}}, "job variables set 'env'"),
        ({}, {}, {"image": "theirs", "working_dir": "/"}, "set 'image' and 'working_dir'"),
        ({"command": "touch /never"}, {}, {}, "work pool sets 'command'"),
        ({"env": {"PATH": "/tmp"}}, {}, {}, "work pool sets 'env'"),
    ],
)
def test_what_asks_for_more_than_a_flow_of_ours_has_failed_before_it_began(
    pool, said, asked, named, capfd
):
    run, under_way = asyncio.run(submitted(pool, said, asked, began))
    assert run.state.type.value == "FAILED"  # a crashed one would be done again
    assert named in run.state.message
    assert not under_way
    printed = capfd.readouterr().err
    assert named in printed
    assert "Traceback" not in printed


async def began(_worker: RunWorker, flow_run: FlowRun, **_: Any) -> None:
    raise RuntimeError("it was begun")


@pytest.mark.parametrize("said", [{}, {"pull_steps": [], "job_variables": {"labels": {"a": "b"}}}])
def test_a_flow_of_ours_is_begun(said):
    run, _ = asyncio.run(submitted({}, said, {}, began))
    assert "it was begun" in run.state.message


def test_a_deployment_that_is_changed_after_it_was_looked_at_runs_nothing(tmp_path):
    left = tmp_path / "left"

    async def change(worker: RunWorker, flow_run: FlowRun, **told: Any) -> Any:
        await worker.client.update_deployment(
            flow_run.deployment_id, DeploymentUpdate(pull_steps=shell(left))
        )
        return await RunWorker.run(worker, flow_run, **told)

    run, _ = asyncio.run(submitted({}, {}, {}, change))
    assert not left.exists()
    assert "say where: --out DIR" in run.state.message  # our flow, which was told nothing
