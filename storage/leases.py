"""Leases: who may work on which video, until when, and how attempts are counted.

A lease has a holder (a name that the run or worker chose) and an end. Whoever works longer renews
it; when its end has passed, the video is pending again, for anybody, so that a dead worker's videos
return by themselves. A video that was postponed is not leased before its time. The clock is the
catalog's, so machines that share a catalog should agree on the time to within a few seconds.

An attempt counts when it was judged: videos that are given back, or whose holder died, lose
nothing, because a machine that goes down is not their fault.

Cost: see `storage.catalog`; a lease reads no more rows than it takes, and those that have run out.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipeline.errors import FailCause
from pipeline.types import VideoState
from storage.rows import RECORD_COLUMNS, storable
from storage.tables import EVENTS, VIDEOS

_CHUNK = 500
"""Values in one `IN` list; SQLite before 3.32 takes 999 at most."""

_FREE = {"state": VideoState.PENDING.value, "holder": "", "leased_until": None}
_LEASED = VIDEOS.c.state == sa.literal(VideoState.LEASED.value, literal_execute=True)
"""Written out, not sent as a parameter: else SQLite does not see that its own index will do."""


def take_videos(
    db: sa.Connection, limit: int, holder: str, now: datetime, seconds: float
) -> list[sa.Row[Any]]:
    """Lease up to `limit` videos that are due, first found first; return their record rows."""
    give_back(db, now, VIDEOS.c.leased_until <= now)
    due = sa.and_(VIDEOS.c.state == VideoState.PENDING, VIDEOS.c.next_try_at <= now)
    query = sa.select(*RECORD_COLUMNS).where(due)
    rows = db.execute(query.order_by(VIDEOS.c.next_try_at, VIDEOS.c.video_id).limit(limit)).all()
    for start in range(0, len(rows), _CHUNK):
        ids = [row.video_id for row in rows[start : start + _CHUNK]]
        db.execute(
            VIDEOS.update()
            .where(VIDEOS.c.video_id.in_(ids))
            .values(
                state=VideoState.LEASED,
                holder=holder,
                leased_until=now + timedelta(seconds=seconds),
                attempts=VIDEOS.c.attempts + 1,
                updated_at=now,
            )
        )
    return list(rows)


def renew(db: sa.Connection, holder: str, until: datetime) -> int:
    """Move the end of every lease of `holder` to `until`; return how many it still has."""
    mine = sa.and_(_LEASED, VIDEOS.c.holder == holder)
    return db.execute(VIDEOS.update().where(mine).values(leased_until=until)).rowcount


def give_back(db: sa.Connection, now: datetime, whose: sa.ColumnElement[bool]) -> int:
    """Make leased videos pending again, as if nobody had tried them."""
    given = VIDEOS.update().where(_LEASED, whose)
    return db.execute(
        given.values(**_FREE, attempts=VIDEOS.c.attempts - 1, updated_at=now)
    ).rowcount


def postpone(
    db: sa.Connection, video_id: str, cause: FailCause, detail: str, at: tuple[datetime, datetime]
) -> bool:
    """Make a leased video pending again; `at` is now, and when it is due. False: not leased."""
    now, next_try_at = at
    leased = VIDEOS.update().where(VIDEOS.c.video_id == video_id, _LEASED)
    text = storable(detail)
    values = {"reason": cause.value, "detail": text, "next_try_at": next_try_at, "updated_at": now}
    if db.execute(leased.values(**_FREE, **values)).rowcount != 1:
        return False
    note(db, [video_id], now, cause.value, text)
    return True


def note(db: sa.Connection, video_ids: Sequence[str], at: datetime, what: str, detail: str) -> None:
    """Write into the history of some videos what befell them."""
    rows = [{"video_id": i, "at": at, "what": what, "detail": detail} for i in video_ids]
    if rows:
        db.execute(EVENTS.insert(), rows)
