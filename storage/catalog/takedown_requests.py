"""What was asked to be taken down, and what came of it: the table of requests, and audit lines.

A request is entered once, gains a report while it is worked on, and has a date when it is finished.
It is never deleted, because it is the block. `takedowns.jsonl`, beside the shards, has a
JSON object per line for each finished one: who keeps the output can read it without a database.

Cost: a transaction per change, 2 to 7 ms.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from tinyvideo.pipeline.outside_json import parse_json
from tinyvideo.storage.catalog.block_list import TakedownKind
from tinyvideo.storage.database import TAKEDOWNS, DamagedError, transaction
from tinyvideo.storage.objects import Store

AUDIT_KEY = "takedowns.jsonl"

_COLUMNS = ("number", "kind", "name", "requested_at", "finished_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Takedown:
    """What was asked, and what came of it."""

    number: int
    """1, 2, ... in the order in which they were asked for."""

    kind: TakedownKind
    name: str
    requested_at: str
    """ISO 8601, UTC."""

    finished_at: str = ""
    videos: tuple[str, ...] = ()
    """Ids of the videos that were marked."""

    strips: int = 0
    """Strips that were removed from shards."""

    shards: dict[str, str] = field(default_factory=dict)
    """New key by old key; "" where no strip was left."""

    datasets: tuple[str, ...] = ()
    """Those that named one of these shards; they have a new revision, or fewer old ones."""

    manifests: tuple[str, ...] = ()
    """Ids of the manifests that held one of the strips."""

    checkpoints: tuple[str, ...] = ()
    """Those that were trained on one of these manifests."""

    uncertain_checkpoints: tuple[str, ...] = ()
    """Those whose manifest is no longer there, so that nobody can tell."""

    looked_up: bool = False
    """Whether the above is complete but for what happens to the shards."""


def ask(engine: sa.Engine, kind: TakedownKind, name: str) -> int:
    """Enter a request, unless the same one is open; return its number."""
    same = sa.and_(TAKEDOWNS.c.kind == kind, TAKEDOWNS.c.name == name)
    with transaction(engine, writes=True) as db:
        query = sa.select(TAKEDOWNS.c.number).where(same, TAKEDOWNS.c.finished_at.is_(None))
        if db.scalar(query) is None:
            row = {"kind": kind.value, "name": name, "requested_at": datetime.now(UTC)}
            db.execute(TAKEDOWNS.insert().values(row))
        return int(db.scalar(query) or 0)


def read_takedowns(engine: sa.Engine, *, finished: bool) -> list[Takedown]:
    """List the takedowns that are finished, or those that are not, in the order of asking."""
    at = TAKEDOWNS.c.finished_at
    query = sa.select(TAKEDOWNS).where(at.is_not(None) if finished else at.is_(None))
    with transaction(engine, writes=False) as db:
        return [_parse(row) for row in db.execute(query.order_by(TAKEDOWNS.c.number))]


def save(db: sa.Connection, asked: Takedown) -> None:
    """Keep what has come of a request so far."""
    report = {name: value for name, value in asdict(asked).items() if name not in _COLUMNS}
    finished = datetime.fromisoformat(asked.finished_at) if asked.finished_at else None
    values = {"report": json.dumps(report), "finished_at": finished}
    db.execute(TAKEDOWNS.update().where(TAKEDOWNS.c.number == asked.number).values(values))


def write_audit(engine: sa.Engine, store: Store, done: Takedown) -> None:
    """Write the audit lines of all finished requests, and of `done`, which is about to be.

    Raises:
        StorageError: the storage cannot be written.
    """
    lines = [*read_takedowns(engine, finished=True), done]
    audit = "".join(json.dumps(as_dict(line)) + "\n" for line in lines)
    store.replace(AUDIT_KEY, audit.encode())


def as_dict(takedown: Takedown) -> dict[str, Any]:
    """Lay a takedown out for JSON."""
    return {name: value for name, value in asdict(takedown).items() if name != "looked_up"}


def _parse(row: Any) -> Takedown:
    try:
        return _read(row, parse_json(row.report))
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedError(f"the takedown {row.number} cannot be read: {error}") from error


def _read(row: Any, report: Any) -> Takedown:
    known = {f.name: report[f.name] for f in fields(Takedown) if f.name in report}
    lists = {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
    return Takedown(
        number=row.number,
        kind=TakedownKind(row.kind),
        name=row.name,
        requested_at=_iso(row.requested_at),
        finished_at=_iso(row.finished_at) if row.finished_at else "",
        **{**known, **lists},
    )


def _iso(moment: datetime) -> str:
    # SQLite gives a moment back without its zone.
    return moment.replace(tzinfo=moment.tzinfo or UTC).isoformat(timespec="seconds")
