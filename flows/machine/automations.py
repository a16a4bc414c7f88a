"""What Prefect's server does by itself: lost runs are found, done again, and told of for good.

    tinyvideo: find lost runs      no sign of life for TINYVIDEO_SILENCE_S, 5 minutes -> `Crashed`
    tinyvideo: run crashed again   `Crashed` -> back into the queue, for any worker
    tinyvideo: tell of failures    failed -> a notification, where TINYVIDEO_NOTIFY_URL is set

A run sends a sign of life every 30 s, so that a healthy one would have to miss ten; one that a
worker has taken has as long for the first. It is the same flow run that is done again;
`flows.run_start.attempts` ends it for good at the third attempt, or a video that takes its machine
along would go round for ever. They concern runs of our deployments only, which bear a tag. Data
does not depend on any of this: leases run out by themselves.

Cost: one row per automation on the server, made once and renewed by `tinyvideo up`.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from tinyvideo.flows.settings import read_settings

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ActionTypes
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

TAG = "tinyvideo"
"""Tag of our deployments, and so of their flow runs."""

TOLD = """{{ flow_run.name }} of {{ flow.name }} has failed: {{ flow_run.state.message }}
{{ flow_run|ui_url }}"""
"""The text of a notification."""

LOST_BATCH = "LostBatch"
"""Name of the failed state of a make-shard run whose batch is gone: a crawl does not count it."""

_FINAL = ("Completed", "Failed", LOST_BATCH, "TimedOut", "RolledBack", "Cancelled", "Crashed")
"""Every name under which our runs end; Prefect calls the event by the name, not by the type."""

_WAITING = ("Scheduled", "Late", "AwaitingRetry", "AwaitingConcurrencySlot", "Paused", "Suspended")
"""States in which a run says nothing, and lacks nothing."""


async def automate(client: "PrefectClient") -> None:
    """Make the automations on the server, or renew those that are there."""
    known = {each.name: each for each in await client.read_automations()}
    silence = timedelta(seconds=read_settings().silence_s)
    for automation in _automations(await _notification(client), silence):
        if automation.name in known:
            automation.enabled = known[automation.name].enabled  # as somebody may have set it
            await client.update_automation(known[automation.name].id, automation)
        else:
            await client.create_automation(automation)


def _automations(tell: "ActionTypes", silence: timedelta) -> "Iterable[AutomationCore]":
    from prefect.client.schemas.objects import StateType  # noqa: PLC0415  after the server
    from prefect.events.schemas.automations import AutomationCore, Posture  # noqa: PLC0415

    heartbeat = "prefect.flow-run.heartbeat"
    rests = [f"prefect.flow-run.{state}" for state in (*_FINAL, *_WAITING)]
    begins = {f"prefect.flow-run.{state}" for state in ("Pending", "Running")}
    lost = f"no sign of life for {silence.total_seconds():.0f} s: its machine is lost"
    yield AutomationCore(
        name="tinyvideo: find lost runs",
        description="A run whose machine is gone says nothing more; it has crashed.",
        trigger=_trigger([heartbeat, *rests], Posture.Proactive, silence, {heartbeat, *begins}),
        actions=[_change(StateType.CRASHED, "Crashed", lost)],
    )
    yield AutomationCore(
        name="tinyvideo: run crashed again",
        description="A crashed run goes back into its queue; the third attempt is the last.",
        trigger=_trigger(["prefect.flow-run.Crashed"], Posture.Reactive),
        actions=[_change(StateType.SCHEDULED, "AwaitingRetry", "crashed; done again")],
    )
    yield AutomationCore(
        name="tinyvideo: tell of failures",
        description="A shard has failed for good, or the books do not balance. "
        "With TINYVIDEO_NOTIFY_URL set when 'tinyvideo up' runs, somebody is told.",
        trigger=_trigger(["prefect.flow-run.*"], Posture.Reactive, state="FAILED"),  # by any name
        actions=[tell],
    )


def _change(state: "StateType", name: str, message: str) -> "ActionTypes":
    from prefect.events.actions import ChangeFlowRunState  # noqa: PLC0415

    return ChangeFlowRunState(state=state, name=name, message=message, force=False)


def _trigger(
    events: list[str],
    posture: "Literal[Posture.Reactive, Posture.Proactive]",
    within: timedelta = timedelta(0),
    after: set[str] | None = None,
    state: str = "",
) -> "EventTrigger":
    from prefect.events.schemas.automations import EventTrigger  # noqa: PLC0415
    from prefect.events.schemas.events import ResourceSpecification  # noqa: PLC0415

    match: dict[str, str | list[str]] = {"prefect.resource.id": "prefect.flow-run.*"}
    if state:
        match["prefect.state-type"] = state
    return EventTrigger(
        match=ResourceSpecification(match),
        match_related=ResourceSpecification({"prefect.resource.id": f"prefect.tag.{TAG}"}),
        for_each={"prefect.resource.id"},
        after=after or set(),
        expect=set(events),
        posture=posture,
        threshold=1,
        within=within,
    )


async def _notification(client: "PrefectClient") -> "ActionTypes":
    from prefect.events.actions import DoNothing, SendNotification  # noqa: PLC0415

    url = read_settings().notify_url
    if not url:
        return DoNothing()
    block = await _webhook(client, url)
    return SendNotification(block_document_id=block, subject="tinyvideo", body=TOLD)


async def _webhook(client: "PrefectClient", url: str) -> "UUID":
    from prefect.blocks.notifications import CustomWebhookNotificationBlock  # noqa: PLC0415

    webhook = CustomWebhookNotificationBlock.model_validate(
        {
            "name": "tinyvideo",
            "url": url,
            "json_data": {"text": "{{body}}"},  # as Slack, Mattermost and many others read it
            "allow_private_urls": True,
        }
    )
    block: UUID = await webhook.save("tinyvideo-notify", overwrite=True, client=client)
    return block
