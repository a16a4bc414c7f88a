"""`tinyvideo deploy --schedule '0 3 * * *' --tag beach`: a crawl at set times, as Prefect has them.

A schedule is one of the deployment `crawl-and-stabilize`, and bears a name of what it searches for,
so that the same call with other times changes it, and one with other words adds a second. What it
does not say, the deployment does. It can be paused and deleted on Prefect's page; that stays so.

Cost: two requests to the server.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from tinyvideo.flows.commands.source_options import search_of

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

CRAWL = "crawl-and-stabilize"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlSchedule:
    """Times of a crawl, and what it searches for."""

    cron: str
    timezone: str
    options: dict[str, Any]
    """What its runs are told beside what the deployment says."""

    @property
    def slug(self) -> str:
        """Name the schedule after its search: lowercase letters, digits and dashes."""
        search = self.options.get("search") or {}
        words = "-".join(filter(None, (search.get("tags"), search.get("text"))))
        return "-".join(["crawl", *re.findall(r"[a-z0-9]+", words.lower())])


def schedule_of(cron: str, timezone: str, tags: Sequence[str], text: str) -> CrawlSchedule | None:
    """Make a schedule of what a command was told; None where it was told no times.

    Raises:
        BadParameter: the times are no cron, the time zone is none, or words have no times.
        ValidationError: nobody can search for that.
    """
    if not cron:
        if tags or text:
            raise typer.BadParameter("belongs to --schedule", param_hint="--tag, --text")
        return None
    _require_times(cron, timezone)
    search = search_of(flickr=bool(tags or text), tags=list(tags), text=text)
    told = {"search": search.model_dump(mode="json", exclude_unset=True)} if search else {}
    return CrawlSchedule(cron=cron, timezone=timezone, options=told)


async def set_schedule(client: "PrefectClient", schedule: CrawlSchedule) -> None:
    """Add a schedule to the crawl's deployment, or renew the one of its name."""
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule

    deployment = (await client.read_deployment_by_name(f"{CRAWL}/{CRAWL}")).id
    times = CronSchedule(cron=schedule.cron, timezone=schedule.timezone)
    parameters = {"options": schedule.options} if schedule.options else {}
    for known in await client.read_deployment_schedules(deployment):
        if known.slug == schedule.slug:
            await client.update_deployment_schedule(
                deployment,
                known.id,
                active=known.active,  # what is not said here would be taken away
                schedule=times,
                parameters=parameters,
            )
            return
    made = DeploymentScheduleCreate(schedule=times, parameters=parameters, slug=schedule.slug)
    await client.create_deployment_schedules(deployment, [made])


def _require_times(cron: str, timezone: str) -> None:
    from prefect.client.schemas.schedules import CronSchedule
    from pydantic import ValidationError

    try:
        CronSchedule(cron=cron, timezone=timezone)
    except ValidationError as error:
        if error.errors()[0]["loc"][:1] == ("timezone",):
            raise typer.BadParameter(
                f"{timezone!r} is no time zone; such as Europe/Berlin", param_hint="--timezone"
            ) from error
        raise typer.BadParameter(
            f"{cron!r} is no cron: minute hour day month weekday, as '0 3 * * *' for every day at "
            "three",
            param_hint="--schedule",
        ) from error
