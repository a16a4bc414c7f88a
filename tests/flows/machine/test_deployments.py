"""prefect.yaml, the deployments of `up` and the flows themselves say the same."""

import asyncio
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import (
    DeploymentScheduleCreate,
    DeploymentUpdate,
    WorkPoolUpdate,
)
from prefect.client.schemas.objects import WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.utilities.callables import parameter_schema

from tinyvideo.flows.machine.automations import TAG, automate
from tinyvideo.flows.machine.deployments import (
    DEPLOYMENTS,
    POOLS,
    deploy_all,
    make_pools,
    require_current,
)
from tinyvideo.flows.machine.pool_worker import AT_ONCE
from tinyvideo.flows.make_shard import make_shard
from tinyvideo.flows.run_start.attempts import VersionError, refuse_other_version
from tinyvideo.flows.server.server_answers import ServerError
from tinyvideo.flows.settings import code_version

YAML = yaml.safe_load((Path(__file__).parents[3] / "prefect.yaml").read_text())


def flow_of(entrypoint: str) -> Any:
    module, name = entrypoint.split(":")
    return getattr(import_module(module), name)


def test_the_yaml_says_what_up_makes():
    assert YAML["pull"] == []
    assert [
        (d["name"], d["entrypoint"], d["tags"], d["work_pool"]) for d in YAML["deployments"]
    ] == [
        (d.name, d.entrypoint, [TAG], {"name": d.pool, "work_queue_name": d.queue})
        for d in DEPLOYMENTS
    ]


@pytest.mark.parametrize("waiting", DEPLOYMENTS, ids=lambda waiting: waiting.name)
def test_a_deployment_bears_the_name_of_its_flow_and_its_queue_is_worked_at(waiting):
    assert flow_of(waiting.entrypoint).name == waiting.name
    assert waiting.queue in POOLS[waiting.pool][1]
    assert AT_ONCE[waiting.queue] >= 1


@pytest.mark.parametrize("waiting", DEPLOYMENTS, ids=lambda waiting: waiting.name)
def test_every_parameter_is_described_in_the_form(waiting):
    schema = parameter_schema(flow_of(waiting.entrypoint).fn).model_dump()
    fields = dict(schema["properties"])
    for definition in schema["definitions"].values():
        fields |= definition["properties"]
    assert fields
    assert [name for name, field in fields.items() if not field.get("description")] == []
    needed = set(schema["required"])
    assert needed == ({"batch"} if waiting.name == "make-shard" else set())


def test_deployments_of_a_version_whose_flows_were_elsewhere_are_told_before_a_run_is_taken(
    prefect_url,
):
    async def renewed() -> str:
        async with get_client() as client:
            await make_pools(client)
            await deploy_all(client, {})
            await require_current(client)
            made = await client.read_deployment_by_name("make-shard/make-shard")
            await client.update_deployment(
                made.id,
                DeploymentUpdate(entrypoint="flows.make_shard:make_shard", version="0.1.0"),
            )
            try:
                await require_current(client)
            except ServerError as error:
                return str(error)
            finally:
                await deploy_all(client, {})
                await require_current(client)
        return ""

    with temporary_settings({PREFECT_API_URL: prefect_url}):
        said = asyncio.run(renewed())
    assert said == (
        f"the deployment make-shard at {prefect_url}/ was made by tinyvideo 0.1.0 and names "
        f"flows.make_shard:make_shard, which tinyvideo {code_version()} does not have; renew it "
        "with 'tinyvideo deploy'"
    )


def test_deploying_again_keeps_what_the_operator_has_set(prefect_url):
    name = "crawl-and-stabilize/crawl-and-stabilize"

    async def deployed_again() -> tuple[DeploymentResponse, WorkPool, bool]:
        async with get_client() as client:
            await make_pools(client)
            await deploy_all(client, {}, {"crawl-and-stabilize": {"options": {"size": 64}}})
            await automate(client)
            made = await client.read_deployment_by_name(name)
            cron = CronSchedule(cron="0 3 * * *")
            night = DeploymentScheduleCreate(schedule=cron, active=False)
            await client.create_deployment_schedules(made.id, [night])
            its_own = {"options": {"batch_videos": 7, "size": 32}}
            set_by_hand = DeploymentUpdate(
                tags=[TAG, "night"], concurrency_limit=5, paused=True, parameters=its_own
            )
            await client.update_deployment(made.id, set_by_hand)
            await client.update_work_pool(
                "cpu", WorkPoolUpdate(is_paused=True, concurrency_limit=3)
            )
            (lost,) = await client.read_automations_by_name("tinyvideo: find lost runs")
            await client.pause_automation(lost.id)
            try:
                await make_pools(client)
                told = {"crawl-and-stabilize": {"options": {"out": "/strips"}}}
                await deploy_all(client, told, {"crawl-and-stabilize": {"options": {"size": 64}}})
                await automate(client)
                (still,) = await client.read_automations_by_name(lost.name)
                pool = await client.read_work_pool("cpu")
                return await client.read_deployment_by_name(name), pool, still.enabled
            finally:  # the server is everybody's
                await client.resume_automation(lost.id)
                await client.update_work_pool(
                    "cpu", WorkPoolUpdate(is_paused=False, concurrency_limit=None)
                )
                await client.delete_deployment(made.id)

    with temporary_settings({PREFECT_API_URL: prefect_url}):
        made, pool, enabled = asyncio.run(deployed_again())
    ((schedule,), tags) = made.schedules, made.tags
    assert (schedule.schedule.cron, schedule.active) == ("0 3 * * *", False)
    assert set(tags) == {TAG, "night"}
    assert made.paused
    assert made.global_concurrency_limit.limit == 5
    # What is told wins, then what somebody has set, then what is said where nobody has.
    assert made.parameters == {"options": {"batch_videos": 7, "size": 32, "out": "/strips"}}
    assert (pool.is_paused, pool.concurrency_limit) == (True, 3)
    assert not enabled


def test_a_worker_of_another_version_refuses_with_both_versions():
    refuse_other_version("")
    refuse_other_version(code_version())
    with pytest.raises(VersionError, match=rf"has tinyvideo {code_version()}.*by tinyvideo 9\.9"):
        asyncio.run(make_shard.fn("some-batch", version="9.9"))
