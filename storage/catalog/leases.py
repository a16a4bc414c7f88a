"""Leases: who may work on which video, until when, and how attempts are counted.

A lease has a holder (a name that the run or worker chose) and an end. Whoever works longer renews
it; when its end has passed, the video is pending again, for anybody, so that a dead worker's videos
return by themselves. A video that was postponed is not leased before its time. The clock is the
catalog's, so machines that share a catalog should agree on the time to within a few seconds.

An attempt counts when it was judged: videos that are given back, or whose holder died, lose
nothing, because a machine that goes down is not their fault.

Cost: 12 ms for a lease of 256, with two million videos; it reads no more rows than it takes, and
those that have run out. It waits for no disk: a machine that loses its power loses the leases too.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from tinyvideo.pipeline.errors import FailCause
from tinyvideo.pipeline.types import VideoRecord, VideoState
from tinyvideo.storage.database import (
    EVENTS,
    RECORD_COLUMNS,
    VIDEOS,
    CatalogBase,
    chunks,
    record_of,
    update_videos,
)
from tinyvideo.storage.storage_errors import StorageError

MAX_ATTEMPTS = 5
"""Leases after which the loss of a video's strips is final. Ours: a disk that loses five is ill."""

LEASE_S = 24 * 3600
"""How long a lease lasts where nobody says, in seconds. Ours: for a run that is alone."""

_FREE = {"state": VideoState.PENDING.value, "holder": "", "leased_until": None}

_LEASED = VIDEOS.c.state == sa.literal(VideoState.LEASED.value, literal_execute=True)
"""Written out, not sent as a parameter: else SQLite does not see that its own index will do."""


class LeaseLostError(StorageError):
    """A worker reports on a video that was given to somebody else meanwhile."""


class Leases(CatalogBase):
    """The part of the catalog that gives videos out and takes them back."""

    def lease(self, limit: int, holder: str = "run", seconds: float = LEASE_S) -> list[VideoRecord]:
        """Take up to `limit` videos that are due, in the order in which they were found.

        After `seconds` they are pending again, unless `holder` renews its leases. A video that
        was postponed is due when its time has come, and its turn is by that time.
        """
        with self._write(lasting=False) as db:
            return lease_due(db, self._clock(), limit, holder, seconds)

    def renew(self, holder: str, seconds: float) -> int:
        """Have every lease of `holder` end `seconds` from now; return how many it still has.

        Fewer than it took: some had run out, and are pending or another's now.
        """
        until = self._clock() + timedelta(seconds=seconds)
        mine = VIDEOS.update().where(_LEASED, VIDEOS.c.holder == holder)
        with self._write(lasting=False) as db:
            return db.execute(mine.values(leased_until=until)).rowcount

    def give_back(self, holder: str | None = None) -> int:
        """Return the leased videos of `holder` to pending, as if nobody had tried them.

        Those of everybody without one: only for whoever holds the catalog alone.
        """
        whose = sa.true() if holder is None else VIDEOS.c.holder == holder
        with self._write(lasting=False) as db:
            return _free(db, self._clock(), whose)

    def postpone(
        self,
        video_id: str,
        cause: FailCause,
        detail: str,
        next_try_at: datetime,
        *,
        holder: str | None = None,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> VideoState:
        """Return a leased video to pending, not before `next_try_at`, for a cause that may pass.

        FAILED instead, with that cause, when it was leased `max_attempts` times. The attempt
        stands in its history either way.

        Raises:
            ValueError: the video is not leased.
            LeaseLostError: it is not `holder` who has it.
        """
        mine, moment, text = VIDEOS.c.video_id == video_id, self._clock(), detail
        values = {"reason": cause.value, "detail": text, "next_try_at": next_try_at}
        leased = VIDEOS.update().where(mine, _LEASED)
        with self._write() as db:
            check_holder(db, video_id, holder)
            if db.execute(leased.values(**_FREE, **values, updated_at=moment)).rowcount != 1:
                raise ValueError(f"video {video_id} is not leased, so it cannot be postponed")
            note(db, [video_id], moment, cause.value, text)
            spent = sa.and_(mine, VIDEOS.c.attempts >= max_attempts)
            failed = update_videos(db, spent, state=VideoState.FAILED)
        return VideoState.FAILED if failed else VideoState.PENDING

    def reopen_failed(self) -> int:
        """Return every failed video to pending, to be tried again."""
        again = {"state": VideoState.PENDING, "reason": "", "detail": "", "attempts": 0}
        with self._write() as db:
            return update_videos(db, VIDEOS.c.state == VideoState.FAILED, **again)


def lease_due(
    db: sa.Connection, moment: datetime, limit: int, holder: str, seconds: float
) -> list[VideoRecord]:
    """Do what `Leases.lease` does within a transaction that does more."""
    due = sa.and_(VIDEOS.c.state == VideoState.PENDING, VIDEOS.c.next_try_at <= moment)
    query = sa.select(*RECORD_COLUMNS).where(due)
    query = query.order_by(VIDEOS.c.next_try_at, VIDEOS.c.video_id).limit(limit)
    _free(db, moment, VIDEOS.c.leased_until <= moment)
    records = [record_of(row) for row in db.execute(query)]
    until = moment + timedelta(seconds=seconds)
    for chunk in chunks(record.video_id for record in records):
        taken = VIDEOS.update().where(VIDEOS.c.video_id.in_(chunk))
        taken = taken.values(state=VideoState.LEASED, holder=holder, attempts=VIDEOS.c.attempts + 1)
        db.execute(taken.values(leased_until=until, updated_at=moment))
    return records


def check_holder(db: sa.Connection, video_id: str, holder: str | None) -> None:
    """See that a video is leased by `holder`; None is nobody in particular.

    Raises:
        LeaseLostError: it is not.
    """
    if holder is None:
        return
    row = db.execute(
        sa.select(VIDEOS.c.state, VIDEOS.c.holder).where(VIDEOS.c.video_id == video_id)
    ).one_or_none()
    if row is not None and tuple(row) != (VideoState.LEASED, holder):
        raise LeaseLostError(
            f"{holder} no longer has {video_id}: its lease ran out, and the video is "
            f"{row.state}{f' by {row.holder}' if row.holder else ''} now"
        )


def note(db: sa.Connection, video_ids: Sequence[str], at: datetime, what: str, detail: str) -> None:
    """Write into the history of some videos what befell them."""
    rows = [{"video_id": i, "at": at, "what": what, "detail": detail} for i in video_ids]
    if rows:
        db.execute(EVENTS.insert(), rows)


def _free(db: sa.Connection, moment: datetime, whose: sa.ColumnElement[bool]) -> int:
    given = VIDEOS.update().where(_LEASED, whose).values(**_FREE, updated_at=moment)
    return db.execute(given.values(attempts=VIDEOS.c.attempts - 1)).rowcount
