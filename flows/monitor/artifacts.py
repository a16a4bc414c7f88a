"""Artifacts of a flow run that are rewritten where they are, instead of piling up.

Prefect adds a version each time an artifact is created, and a page full of cards is no monitor. A
`Board` creates each key once and updates it from then on, at most every 10 s; the last word of a
run always gets through. A server that is away costs the picture, never the work: after a failure
the board stays silent for a minute.

Cost: 11 ms to create, 7 ms to update; while the server is away, one attempt per minute.
"""

import asyncio
import hashlib
import json
import logging
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tinyvideo.flows.terminal import tame

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

logger = logging.getLogger(__name__)

EVERY_S = 10.0
SILENT_S = 60.0
LIMIT_S = 5.0
"""Seconds that one call may take. Ours: a busy server answers within one."""


@dataclass(slots=True)
class _Shown:
    artifact: UUID
    at: float
    content: tuple[str, str]


class Board:
    """The artifacts of one flow run, by key: lowercase letters, digits and dashes.

    Keys are the whole server's. `output` is the address that they speak of, and has a part in them,
    so that those of two outputs do not mix.
    """

    def __init__(self, client: "PrefectClient", flow_run: UUID | None, output: str = "") -> None:
        self._client = client
        self._suffix = f"-{output_key(output)}" if output else ""
        self._flow_run = flow_run
        self._shown: dict[str, _Shown] = {}
        self._silent_until = 0.0

    async def table(
        self, key: str, rows: list[dict[str, Any]], description: str, *, last: bool = False
    ) -> None:
        """Show a table; `last` says that no more is to come, so that it is shown at once."""
        cells = [{name: _cell(value) for name, value in row.items()} for row in rows]
        await self._show("table", key, json.dumps(cells), description, last=last)

    async def text(self, key: str, markdown: str, description: str, *, last: bool = False) -> None:
        """Show a text with headings, tables and pictures in it."""
        await self._show("markdown", key, markdown, description, last=last)

    async def _show(self, kind: str, key: str, data: str, description: str, *, last: bool) -> None:
        key += self._suffix
        now = time.monotonic()
        known = self._shown.get(key)
        if now < self._silent_until or (known and known.content == (data, description)):
            return
        if known and not last and now - known.at < EVERY_S:
            return
        try:
            call = self._write(kind, key, data, description, known)
            artifact = await asyncio.wait_for(call, LIMIT_S)
        except Exception as error:  # whatever it is: the page is poorer, the work goes on
            self._silent_until = now + SILENT_S
            logger.warning("the page does not get %s: %s", key, error or type(error).__name__)
            return
        self._shown[key] = _Shown(artifact, now, (data, description))

    async def _write(
        self, kind: str, key: str, data: str, description: str, known: _Shown | None
    ) -> UUID:
        from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate  # noqa: PLC0415

        if known is not None:
            update = ArtifactUpdate(data=data, description=description)
            await self._client.update_artifact(known.artifact, update)
            return known.artifact
        artifact = ArtifactCreate(
            type=kind, key=key, data=data, description=description, flow_run_id=self._flow_run
        )
        return (await self._client.create_artifact(artifact)).id


def output_key(address: str) -> str:
    """Name an output in a key: its last part, and four digits that tell two of one name apart."""
    last = address.rstrip("/").rpartition("/")[2].lower()
    name = "-".join(re.findall(r"[a-z0-9]+", last)) or "output"
    return f"{name[:40]}-{hashlib.sha256(address.encode()).hexdigest()[:4]}"


def _cell(value: Any) -> Any:
    # The page draws links in cells; names of searches, machines and outcomes are no links.
    return tame(value).replace("](", "] (").replace("<", "(") if isinstance(value, str) else value
