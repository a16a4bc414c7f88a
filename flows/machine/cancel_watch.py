"""A cancel reaches its run within seconds, after any outage of the server.

Prefect's watcher of cancels listens to the server's events, and when that fails it asks every 10 s;
when asking fails three times in a row, it ends for good: "flow run cancellation disabled", and a
GPU stays busy with what the page shows as being cancelled. What is cancelled while its connection
is away it never hears of. This one listens as well, and beside that asks as long as there is a run,
whatever becomes of an answer.

Cost: two small requests to the server every 10 s per run that is under way.
"""

import asyncio
import logging
import time
from typing import Any, Self
from uuid import UUID

from prefect._internal import observers
from prefect.runner import _flow_run_executor
from prefect.workers import base

logger = logging.getLogger(__name__)

ASK_S = 10.0
"""Seconds from one question to the next, and for an answer: Prefect's client would wait minutes for
a server that is away, and not see that it is back. A cancel has to act within 30."""

AGAIN_S = 60.0
"""Seconds after which a cancel that has not ended its run is tried again. Ours: a process has 30 to
end, and a second signal would disturb it."""


class CancelWatch(observers.FlowRunCancellingObserver):
    """Prefect's watcher, which is never disabled."""

    def __init__(
        self, on_cancelling: observers.OnCancellingCallback, *args: Any, **options: Any
    ) -> None:
        self._act = on_cancelling
        self._acted: dict[UUID, float] = {}
        super().__init__(self._once, *args, **options)

    async def __aenter__(self) -> Self:
        await super().__aenter__()  # type: ignore[no-untyped-call]
        if self._polling_task is None:
            self._ask_for_ever()
        return self

    def _once(self, flow_run_id: UUID) -> None:
        """Act on a cancel that was heard of twice: by an event, and by asking."""
        now = time.monotonic()
        if now - self._acted.get(flow_run_id, -AGAIN_S) >= AGAIN_S:
            self._acted[flow_run_id] = now
            self._act(flow_run_id)

    def _ask_for_ever(self) -> None:
        self._polling_task = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        while True:
            await asyncio.sleep(ASK_S)
            self._cancelling_flow_run_ids.clear()  # or one would be asked for once only
            if not self._in_flight_flow_run_ids:
                continue
            try:
                async with asyncio.timeout(ASK_S):
                    await self._check_for_cancelled_flow_runs()  # type: ignore[no-untyped-call]
            except Exception:  # of any kind: the next question may be answered
                logger.debug("the server could not be asked what is cancelled", exc_info=True)

    def _start_polling_task(self, task: "asyncio.Task[None]") -> None:
        """Go on without the server's events: they are asked for anyway."""
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.debug("no more events of the server's: %s", error)

    def _handle_polling_task_done(self, task: "asyncio.Task[None]") -> None:
        """Begin anew where Prefect's own polling, of a server that was away at first, has ended."""
        if not task.cancelled() and not self._is_shutting_down:
            self._ask_for_ever()


def watch_cancels() -> None:
    """Have Prefect's worker and what it runs watch for cancels in this way."""
    for module in (_flow_run_executor, base):
        module.FlowRunCancellingObserver = CancelWatch  # type: ignore[attr-defined]
