"""A schedule begins crawls, one at a time, with what it says over what the deployment says."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.servers.prefect_machine import films
from tinyvideo.flows.commands.operating.crawl_schedules import CrawlSchedule, set_schedule

pytestmark = pytest.mark.timeout(600)  # with the start of a server, on a busy machine

NAME = "crawl-and-stabilize/crawl-and-stabilize"


@pytest.mark.long  # minutes of a server and its worker
def test_a_schedule_begins_crawls_that_do_not_overlap(machine):
    folder, out = films(machine.home / "shore", 3, frames=33), machine.home / "out"
    machine.tinyvideo("deploy", "--folder", folder, "--out", out)

    async def crawled() -> list[FlowRun]:
        async with get_client() as client, asyncio.timeout(500):
            made = (await client.read_deployment_by_name(NAME)).id
            often = DeploymentScheduleCreate(
                schedule=IntervalSchedule(interval=timedelta(seconds=5)),
                parameters={"options": {"batch_videos": 2}},
            )
            (schedule,) = await client.create_deployment_schedules(made, [often])
            mine = DeploymentFilter(id=DeploymentFilterId(any_=[made]))

            async def until(enough: Callable[[list[FlowRun]], bool]) -> list[FlowRun]:
                while True:
                    found = await client.read_flow_runs(deployment_filter=mine)
                    if enough(found):
                        return [run for run in found if run.start_time]
                    await asyncio.sleep(0.5)

            try:
                await until(lambda runs: "Cancelled" in {run.state_name for run in runs})
            finally:  # and with it the runs that are still to come
                await client.delete_deployment_schedule(made, schedule.id)
            return await until(lambda runs: all(run.state.is_final() for run in runs))

    with temporary_settings({PREFECT_API_URL: machine.url}):
        runs = asyncio.run(crawled())
    worked = [run for run in runs if run.state_name == "Completed"]
    skipped = [run.state.message or "" for run in runs if run.state_name == "Cancelled"]
    assert any("of the same schedule is under way" in message for message in skipped)
    spans = sorted((run.start_time, run.end_time) for run in worked)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    # Folder and output are the deployment's, the size of a batch is the schedule's.
    shards = sum(len(machine.shards(str(run.id))) for run in worked)
    assert shards == 2
    assert machine.books(out)["videos"]["found"] == 3


def test_a_schedule_of_one_name_is_changed_and_of_another_is_added(prefect_url, machine):
    def schedule(cron: str, tags: str) -> CrawlSchedule:
        return CrawlSchedule(cron=cron, timezone="UTC", options={"search": {"tags": tags}})

    async def listed() -> dict[str | None, Any]:
        async with get_client() as client:
            made = (await client.read_deployment_by_name(NAME)).id
            for each in (("0 3 * * *", "beach"), ("0 4 * * *", "dog"), ("0 5 * * *", "beach")):
                await set_schedule(client, schedule(*each))
            found = await client.read_deployment_schedules(made)
            for each in found:
                await client.delete_deployment_schedule(made, each.id)
            return {each.slug: (each.schedule.cron, each.parameters) for each in found}

    with temporary_settings({PREFECT_API_URL: prefect_url}):
        found = asyncio.run(listed())
    assert found == {
        "crawl-beach": ("0 5 * * *", {"options": {"search": {"tags": "beach"}}}),
        "crawl-dog": ("0 4 * * *", {"options": {"search": {"tags": "dog"}}}),
    }
