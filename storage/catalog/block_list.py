"""Who must not be fetched: takedowns and the block list, and how a video leaves the books.

A takedown is a row of its table, finished or not, and the row is the block: it is never deleted. A
name that was taken down is a video's id in the catalog (`flickr-123`), its id at its source
(`123`, whichever way it comes in), or the name of an owner. The books stay balanced: the video
counts as rejected, its strips as clips that were rejected, both for `RejectReason.TAKEN_DOWN`.

Cost: 1.4 ms per 250 new videos, by one query of an indexed table.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from tinyvideo.pipeline.errors import RejectReason
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.database import (
    ACCEPTED,
    BLOCKS,
    CLIPS,
    TAKEDOWNS,
    VIDEOS,
    chunks,
    now,
    transaction,
    update_videos,
)
from tinyvideo.storage.storage_errors import StorageError

_CHUNK = 250
"""Videos per query, each with three names; SQLite before 3.32 takes 999 values at most."""


class TakedownKind(StrEnum):
    """What is taken down."""

    VIDEO = "video"
    OWNER = "owner"


def refuse_blocked(db: sa.Connection, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of new videos, in which those that are blocked or taken down are rejected."""
    taken, unwanted = blocked_videos(db, rows), _in_chunks(db, rows, BLOCKS)
    verdicts = {
        **dict.fromkeys(unwanted, _blocked_verdict("on the block list")),
        **dict.fromkeys(taken, _verdict("blocked by a takedown")),
    }
    return [{**row, **verdicts.get(row["video_id"], {})} for row in rows]


def enter_block(
    engine: sa.Engine, kind: TakedownKind, name: str, why: str, at: datetime | None = None
) -> int:
    """Put a name on the block list; return how many pending videos are rejected for it.

    `at` is when that was asked for, if not now.

    Raises:
        StorageError: the database cannot be used.
    """
    with transaction(engine, writes=True) as db:
        same = sa.and_(BLOCKS.c.kind == kind, BLOCKS.c.name == name)
        db.execute(BLOCKS.delete().where(same))
        db.execute(BLOCKS.insert().values(kind=kind.value, name=name, why=why, at=at or now()))
        waiting = sa.and_(matching(kind, name), VIDEOS.c.state == VideoState.PENDING)
        verdict = _blocked_verdict(f"on the block list: {why}" if why else "on the block list")
        return update_videos(db, waiting, **verdict)


def lift_block(engine: sa.Engine, kind: TakedownKind, name: str) -> int:
    """Take a name off the block list; return how many videos are pending again for it.

    Those that another entry of the list, or a takedown, means stay rejected.

    Raises:
        StorageError: it is not on the list, or the database cannot be used.
    """
    rejected = sa.and_(
        matching(kind, name),
        VIDEOS.c.state == VideoState.REJECTED,
        VIDEOS.c.reason == RejectReason.BLOCKED.value,
    )
    again = {"state": VideoState.PENDING.value, "reason": "", "detail": ""}
    with transaction(engine, writes=True) as db:
        same = sa.and_(BLOCKS.c.kind == kind, BLOCKS.c.name == name)
        if db.execute(BLOCKS.delete().where(same)).rowcount == 0:
            raise StorageError(f"{kind} {name} is not on the block list")
        rows = db.execute(sa.select(VIDEOS.c.video_id, VIDEOS.c.owner).where(rejected)).mappings()
        found = [dict(row) for row in rows]
        still = blocked_videos(db, found) | _in_chunks(db, found, BLOCKS)
        free = [row["video_id"] for row in found if row["video_id"] not in still]
        for chunk in chunks(free):
            update_videos(db, VIDEOS.c.video_id.in_(chunk), **again)
    return len(free)


def is_blocked(engine: sa.Engine, kind: TakedownKind, name: str) -> bool:
    """Tell whether a name is on the block list.

    Raises:
        StorageError: the database cannot be used.
    """
    same = sa.and_(BLOCKS.c.kind == kind, BLOCKS.c.name == name)
    with transaction(engine, writes=False) as db:
        return db.scalar(sa.select(BLOCKS.c.name).where(same)) is not None


def list_blocks(engine: sa.Engine) -> list[dict[str, Any]]:
    """List what is on the block list, the newest first: kind, name, why, at.

    Raises:
        StorageError: the database cannot be used.
    """
    rows = sa.select(BLOCKS).order_by(BLOCKS.c.at.desc(), BLOCKS.c.kind, BLOCKS.c.name)
    with transaction(engine, writes=False) as db:
        return [{**row, "at": row["at"].isoformat()} for row in db.execute(rows).mappings()]


def blocked_videos(db: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Name those of some videos (`video_id`, `source`, `owner`) that were taken down."""
    return _in_chunks(db, rows, TAKEDOWNS)


def matching(kind: TakedownKind, name: str) -> sa.ColumnElement[bool]:
    """Say which rows of the table of videos a takedown means."""
    if kind is TakedownKind.OWNER:
        return VIDEOS.c.owner == name
    # A video of Flickr may have come in by way of a list.
    at_source = VIDEOS.c.source + sa.literal("-") + sa.literal(name, VIDEOS.c.source.type)
    return sa.or_(VIDEOS.c.video_id.in_([name, f"flickr-{name}"]), VIDEOS.c.video_id == at_source)


def mark_taken_down(db: sa.Connection, video_ids: Sequence[str], why: str) -> None:
    """Take videos out of the books, in whatever state they are; their titles go too."""
    for chunk in chunks(video_ids):
        update_videos(db, VIDEOS.c.video_id.in_(chunk), **_verdict(why), shard_key="")
        db.execute(
            CLIPS.update()
            .where(CLIPS.c.video_id.in_(chunk), CLIPS.c.outcome == ACCEPTED, CLIPS.c.count > 0)
            .values(outcome=RejectReason.TAKEN_DOWN.value, first_detail=why)
        )


def _in_chunks(db: sa.Connection, rows: Sequence[Mapping[str, Any]], table: sa.Table) -> set[str]:
    if db.scalar(sa.select(table.c.name).limit(1)) is None:
        return set()
    starts = range(0, len(rows), _CHUNK)
    return set().union(*(_blocked(db, rows[n : n + _CHUNK], table) for n in starts))


def _blocked(db: sa.Connection, rows: Sequence[Mapping[str, Any]], table: sa.Table) -> set[str]:
    kind, name = table.c.kind, table.c.name
    videos = {name for row in rows for name in _names(row)}
    owners = {row["owner"] for row in rows if row["owner"]}
    query = sa.select(kind, name).where(
        sa.or_(
            sa.and_(kind == TakedownKind.VIDEO, name.in_(videos)),
            sa.and_(kind == TakedownKind.OWNER, name.in_(owners)),
        )
    )
    found = {(TakedownKind(kind), name) for kind, name in db.execute(query)}
    return {row["video_id"] for row in rows if found & _blocks_of(row)}


def _blocks_of(row: Mapping[str, Any]) -> set[tuple[TakedownKind, str]]:
    names = {(TakedownKind.VIDEO, name) for name in _names(row)}
    return {*names, (TakedownKind.OWNER, row["owner"])}


def _names(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["video_id"], row["video_id"].partition("-")[2]


def _verdict(why: str) -> dict[str, str]:
    return {
        "state": VideoState.REJECTED.value,
        "reason": RejectReason.TAKEN_DOWN.value,
        "detail": why,
        "title": "",
        "page_url": "",
    }


def _blocked_verdict(why: str) -> dict[str, str]:
    verdict = {"state": VideoState.REJECTED.value, "reason": RejectReason.BLOCKED.value}
    return {**verdict, "detail": why}
