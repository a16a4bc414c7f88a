"""The log of blocks and takedowns, and the audit lines -> the tables of a catalog.

Of the block list, the last word on a name counts. A takedown that has an audit line is finished;
one that has none is open, and whoever is next alone with the output finishes it. Run twice, it
changes nothing.

Cost: that of reading the log, and a transaction per block that the catalog does not have.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tinyvideo.pipeline.errors import RejectReason
from tinyvideo.pipeline.outside_json import parse_json
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog import (
    AUDIT_KEY,
    TakedownKind,
    enter_block,
    is_blocked,
    lift_block,
    mark_taken_down,
    matching,
)
from tinyvideo.storage.database import TAKEDOWNS, VIDEOS, transaction
from tinyvideo.storage.objects import Store
from tinyvideo.storage.outputs import LogEntry, Output, Said, read_log
from tinyvideo.storage.storage_errors import GoneError, StorageError

_OF_ROW = ("number", "kind", "name", "requested_at", "finished_at")


def enter_what_is_blocked(output: Output) -> None:
    """Bring blocks and takedowns of a catalog in line with what the store says.

    Raises:
        StorageError: the store or the catalog cannot be used, or an entry is damaged.
    """
    log, audit = read_log(output.store), _read_audit(output.store)
    last = {(e.kind, e.name): e for e in log if e.said is not Said.TAKEDOWN}
    for entry in last.values():
        _enter_block(output.catalog.engine, entry)
    with transaction(output.catalog.engine, writes=True) as db:
        for line in audit:
            _enter_finished(db, line)
        for entry in log:
            if entry.said is Said.TAKEDOWN and not _is_known(db, entry):
                row = {"kind": entry.kind.value, "name": entry.name, "requested_at": entry.at}
                db.execute(TAKEDOWNS.insert().values(row))


def _enter_block(engine: sa.Engine, entry: LogEntry) -> None:
    blocked = is_blocked(engine, entry.kind, entry.name)
    if entry.said is Said.BLOCK and not blocked:
        enter_block(engine, entry.kind, entry.name, entry.why, entry.at)
    elif entry.said is Said.UNBLOCK and blocked:
        lift_block(engine, entry.kind, entry.name)


def _is_known(db: sa.Connection, entry: LogEntry) -> bool:
    # The row is written just after the entry, and serves all that were asked for until it ends.
    same = sa.and_(TAKEDOWNS.c.kind == entry.kind, TAKEDOWNS.c.name == entry.name)
    end = TAKEDOWNS.c.finished_at
    second = entry.at.replace(microsecond=0)  # an audit line knows no finer time
    query = sa.select(TAKEDOWNS.c.number).where(same, sa.or_(end.is_(None), end >= second))
    return db.scalar(query.limit(1)) is not None


def _enter_finished(db: sa.Connection, line: Mapping[str, Any]) -> None:
    kind, name = TakedownKind(line["kind"]), line["name"]
    end = line["finished_at"] + timedelta(seconds=1)
    same = sa.and_(
        TAKEDOWNS.c.kind == kind,
        TAKEDOWNS.c.name == name,
        TAKEDOWNS.c.requested_at.between(line["requested_at"], end),
    )
    report = json.dumps({k: v for k, v in line.items() if k not in _OF_ROW})
    values = {"finished_at": line["finished_at"], "report": report}
    found = db.execute(sa.select(TAKEDOWNS.c.number, TAKEDOWNS.c.finished_at).where(same)).first()
    if found is not None and found.finished_at is not None:
        return
    if found is None:
        values |= {"kind": kind.value, "name": name, "requested_at": line["requested_at"]}
        db.execute(TAKEDOWNS.insert().values({**values, **_free_number(db, line["number"])}))
    else:
        db.execute(TAKEDOWNS.update().where(TAKEDOWNS.c.number == found.number).values(values))
    _mark_loose(db, kind, name, line["number"])


def _free_number(db: sa.Connection, number: int) -> dict[str, int]:
    taken = db.scalar(sa.select(TAKEDOWNS.c.number).where(TAKEDOWNS.c.number == number))
    return {"number": number} if taken is None else {}


def _mark_loose(db: sa.Connection, kind: TakedownKind, name: str, number: int) -> None:
    """Take out of the books what is meant and is in no shard: a backup may have it as waiting."""
    ids = sa.select(VIDEOS.c.video_id).where(
        matching(kind, name),
        VIDEOS.c.state != VideoState.SHARDED,
        VIDEOS.c.reason != RejectReason.TAKEN_DOWN.value,
    )
    mark_taken_down(db, list(db.scalars(ids)), f"takedown {number} of {kind} {name}")


def _read_audit(store: Store) -> list[dict[str, Any]]:
    try:
        text = store.read(AUDIT_KEY).decode()
        return [_checked(parse_json(line)) for line in text.splitlines()]
    except GoneError:
        return []
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f"{store.name(AUDIT_KEY)} cannot be read: {error}; put back a copy of it, or move it "
            "away: what the log has of these takedowns is then done once more"
        ) from error


def _checked(line: Any) -> dict[str, Any]:
    moments = {name: datetime.fromisoformat(line[name]) for name in ("requested_at", "finished_at")}
    TakedownKind(line["kind"])
    return {**line, **moments, "number": int(line["number"]), "name": str(line["name"])}
