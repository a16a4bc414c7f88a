"""What sources say of videos after they were found: the one home of license, owner and title.

A video is asked about again before it is fetched, and whenever somebody checks what was fetched
before. The newest answer replaces what the search said, so that rows of shards that are made then,
credits and `explain` all tell the same, and each says when it was asked.

Cost: one transaction per answer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa

from tinyvideo.pipeline.types import VideoRecord, VideoState
from tinyvideo.storage.catalog.leases import note
from tinyvideo.storage.database import RECORD_COLUMNS, VIDEOS, now, record_of, transaction


class FoundToBe(StrEnum):
    """What a video has become that is in a shard."""

    GONE = "gone"
    """Its source knows it no more: deleted, or private."""

    RELICENSED = "relicensed"
    """Its license does not allow derivatives any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a source says of a video now."""

    video_id: str
    record: VideoRecord | None = None
    """With its rights as they are; None: it is not known any more."""

    found_to_be: FoundToBe | None = None
    """What is wrong with it; None: it may stay."""

    detail: str = ""


def enter_rights(
    engine: sa.Engine, answer: Answer, asked_at: datetime | None = None
) -> dict[str, tuple[str, str]]:
    """Enter what a source says of a video now; return what has changed: before and after, by name.

    Raises:
        StorageError: the database cannot be used.
    """
    moment, same = asked_at or now(), VIDEOS.c.video_id == answer.video_id
    names = ("license", "license_id", "license_url", "owner", "owner_name", "title", "page_url")
    with transaction(engine, writes=True) as db:
        columns = [VIDEOS.c[name] for name in (*names, "found_to_be")]
        before = db.execute(sa.select(*columns).where(same)).mappings().one_or_none()
        if before is None:
            return {}
        after = {"found_to_be": answer.found_to_be.value if answer.found_to_be else ""}
        if answer.record is not None:
            told = {name: getattr(answer.record, name) for name in names}
            rights = {"license", "license_id", "license_url"}
            after |= {name: text for name, text in told.items() if text or name in rights}
        changed = {k: (before[k], text) for k, text in after.items() if before[k] != text}
        db.execute(VIDEOS.update().where(same).values(asked_at=moment, **after))
        if changed:
            words = ", ".join(f"{k}: {a or '-'} -> {b or '-'}" for k, (a, b) in changed.items())
            note(db, [answer.video_id], moment, "rights", f"{words} {answer.detail}".strip())
    return changed


def due_for_check(engine: sa.Engine, older_than: timedelta, limit: int) -> list[VideoRecord]:
    """List videos of Flickr in shards that were not asked about for so long, the oldest first.

    Raises:
        StorageError: the database cannot be used.
    """
    asked = sa.func.coalesce(VIDEOS.c.asked_at, VIDEOS.c.found_at)
    query = (
        sa.select(*RECORD_COLUMNS)
        .where(VIDEOS.c.state == VideoState.SHARDED, asked <= now() - older_than)
        .where(VIDEOS.c.video_id.like("flickr-%"))
        .order_by(asked, VIDEOS.c.video_id)
    )
    with transaction(engine, writes=False) as db:
        return [record_of(row) for row in db.execute(query.limit(limit))]


def list_to_take_down(engine: sa.Engine) -> list[tuple[str, str, str]]:
    """List videos in shards whose license no longer allows it, or that are gone: id, what, owner.

    Raises:
        StorageError: the database cannot be used.
    """
    bad = sa.and_(VIDEOS.c.state == VideoState.SHARDED, VIDEOS.c.found_to_be != "")
    query = sa.select(VIDEOS.c.video_id, VIDEOS.c.found_to_be, VIDEOS.c.owner).where(bad)
    with transaction(engine, writes=False) as db:
        return [tuple(row) for row in db.execute(query.order_by(VIDEOS.c.video_id))]
