"""The log of blocks and takedowns, beside the shards: what a lost catalog must not bring back.

    log/20261128T151300123456-1f0c9a2b.entry     one or more JSON objects, a line each

An entry is written before the catalog is changed, under a name that nobody else has, and is never
changed: writers on any number of machines do not meet. Of a block list, the last word on a name
counts. What came of a takedown stands in `takedowns.jsonl` (`storage.catalog.takedown_requests`).

Cost: one small object per block, unblock and takedown, 5 ms on S3; reading takes 2 ms for each.
"""

import json
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tinyvideo.pipeline.outside_json import parse_json
from tinyvideo.storage.catalog import (
    Takedown,
    TakedownKind,
    enter_block,
    is_blocked,
    lift_block,
    list_blocks,
    read_takedowns,
)
from tinyvideo.storage.objects import Store, in_order
from tinyvideo.storage.storage_errors import StorageError

if TYPE_CHECKING:
    from tinyvideo.storage.outputs.output_address import Output

FOLDER = "log"
SUFFIX = ".entry"
"""No glob for data takes it: `load_dataset` of an output would read *.json as rows."""


class Said(StrEnum):
    """What an entry says of a name."""

    BLOCK = "block"
    UNBLOCK = "unblock"
    TAKEDOWN = "takedown"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One line of the log."""

    said: Said
    kind: TakedownKind
    name: str
    why: str = ""
    at: datetime
    """When, in UTC."""


def block(output: "Output", kind: TakedownKind, name: str, why: str) -> int:
    """Put a name on the block list, for good; return how many pending videos are rejected for it.

    Raises:
        StorageError: the store or the catalog cannot be written.
    """
    write_log(output.store, [LogEntry(said=Said.BLOCK, kind=kind, name=name, why=why, at=_now())])
    return enter_block(output.catalog.engine, kind, name, why)


def unblock(output: "Output", kind: TakedownKind, name: str) -> int:
    """Take a name off the block list; return how many videos are pending again for it.

    Raises:
        StorageError: it is not on the list, or the store or the catalog cannot be written.
    """
    if is_blocked(output.catalog.engine, kind, name):
        write_log(output.store, [LogEntry(said=Said.UNBLOCK, kind=kind, name=name, at=_now())])
    return lift_block(output.catalog.engine, kind, name)


def log_takedown(output: "Output", kind: TakedownKind, name: str) -> None:
    """Note that a takedown is asked for, before anything is done about it.

    Raises:
        StorageError: the store cannot be written.
    """
    write_log(output.store, [LogEntry(said=Said.TAKEDOWN, kind=kind, name=name, at=_now())])


def log_what_is_known(engine: sa.Engine, store: Store) -> int:
    """Write all that a catalog of an older version has blocked; return how many entries.

    Raises:
        StorageError: the store or the catalog cannot be used.
    """
    entries = [
        LogEntry(
            said=Said.BLOCK,
            kind=TakedownKind(row["kind"]),
            name=row["name"],
            why=row["why"],
            at=datetime.fromisoformat(row["at"]),
        )
        for row in list_blocks(engine)
    ]
    asked = (*read_takedowns(engine, finished=True), *read_takedowns(engine, finished=False))
    entries += map(_of_takedown, asked)
    if entries:
        write_log(store, entries)
    return len(entries)


def write_log(store: Store, entries: Iterable[LogEntry]) -> None:
    """Write some entries as one object.

    Raises:
        StorageError: the store cannot be written.
    """
    lines = "".join(
        json.dumps({**asdict(entry), "at": entry.at.isoformat()}) + "\n" for entry in entries
    )
    key = f"{FOLDER}/{_now():%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}{SUFFIX}"
    store.replace(key, lines.encode())


def read_log(store: Store) -> list[LogEntry]:
    """Read all entries, the oldest first.

    Raises:
        StorageError: the store cannot be read, or an entry is damaged.
    """
    keys = [key for key in store.list(FOLDER) if key.endswith(SUFFIX)]
    found = in_order(store, lambda key: _parse(store, key), keys)
    return sorted((entry for each in found for entry in each), key=lambda entry: entry.at)


def _parse(store: Store, key: str) -> list[LogEntry]:
    try:
        return [_entry_of(line) for line in store.read(key).decode().splitlines()]
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f"{store.name(key)}, of the log of blocks and takedowns, cannot be read: {error}; put "
            "back a copy of it, or move it away and block anew what it says"
        ) from error


def _entry_of(line: str) -> LogEntry:
    told = parse_json(line)
    return LogEntry(
        said=Said(told["said"]),
        kind=TakedownKind(told["kind"]),
        name=str(told["name"]),
        why=str(told["why"]),
        at=_utc(datetime.fromisoformat(told["at"])),
    )


def _of_takedown(asked: Takedown) -> LogEntry:
    at = _utc(datetime.fromisoformat(asked.requested_at))
    return LogEntry(said=Said.TAKEDOWN, kind=asked.kind, name=asked.name, at=at)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _now() -> datetime:
    return datetime.now(UTC)
