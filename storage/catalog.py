"""The ledger: one state for every video and every shard, and how they change.

Tables (SQLAlchemy Core; a SQLite file in WAL mode, or a PostgreSQL database): `videos` holds
exactly one state per video and the reason for it in words, `clips` how many windows of a
video ended how, `shards` one row per Parquet file, `events` what befell a video on the way. Every
change is one transaction that nobody else can come between, so a process that is killed leaves a
catalog that a later one can read and finish, and two processes never lease one video. Prefect's
database may be deleted without losing a video; this one may not.

    add -> PENDING -> lease -> LEASED -> enter_clips -> CURATED -> commit_shard -> SHARDED
              ^                  |  |                      |
              +--- give_back ----+  +- enter_clips, settle +- forget_clips -> PENDING, FAILED
              +--- postpone -----+  |
              +--- its end ------+  v
              +--- reopen_failed, retry -- FAILED  (REJECTED stays)

Cost: a transaction is 1.5 to 7 ms, nearly all of it the sync to disk, and there is one per video
and three per batch. `python -m benchmarks.catalog` measures leases, books and entering with two
million videos; the sums of the books are kept by the database (`storage.counters`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import sqlalchemy as sa

from pipeline.errors import FailCause
from pipeline.types import ClipCounts, VideoRecord, VideoState
from storage import leases
from storage.blocks import refuse_blocked
from storage.books import Books
from storage.counters import keep_counters
from storage.database import alone, empty_log, name_of, open_database, transaction
from storage.migrations import migrate, stamp
from storage.objects import StorageError
from storage.rows import (
    RECORD_COLUMNS,
    VIDEO_COLUMNS,
    ShardRow,
    VideoRow,
    record_of,
    row_of_video,
    rows_of_clips,
    storable,
    verdict_of,
    video_of,
)
from storage.tables import ACCEPTED, CLIPS, FACTS, METADATA, SHARDS, VIDEOS, VIDEOS_FOUND
from storage.tally import count_books, count_states, count_strips

__all__ = ["CATALOG_VERSION", "MAX_ATTEMPTS", "Catalog", "ShardRow", "VideoRow"]

CATALOG_VERSION = 4
"""2 added what was taken down, 3 leases that end and what Flickr says of a video, 4 where it was
filmed, and indexes. What has to be done to a catalog of an older version stands in
`storage.migrations`."""

MAX_ATTEMPTS = 5
"""Leases after which the loss of a video's strips is final. Ours: a disk that loses five is ill."""

BESIDE = frozenset({"budgets"})
"""Tables of others in the same database, which may be there before the catalog."""

LEASE_S = 24 * 3600
"""How long a lease lasts where nobody says, in seconds. Ours: for a run that is alone."""

_CHUNK = 500
"""Values in one `IN` list; SQLite before 3.32 takes 999 at most."""

_OPEN = (VideoState.PENDING, VideoState.LEASED, VideoState.CURATED)

T = TypeVar("T")

Clock: TypeAlias = Callable[[], datetime]
"""Says what time it is, in UTC."""


def now() -> datetime:
    """Read this machine's clock."""
    return datetime.now(UTC)


class LeaseLostError(StorageError):
    """A worker reports on a video that was given to somebody else meanwhile."""


class Catalog:
    """The catalog of one output; any number of processes may have it open."""

    def __init__(self, engine: sa.Engine, clock: Clock = now) -> None:
        self._engine = engine
        self._clock = clock

    @classmethod
    def open(cls, address: str | Path, *, make: bool = True, clock: Clock = now) -> "Catalog":
        """Open the catalog at a path or URL; it is made with its tables if it is missing.

        `clock` says what time it is for leases and postponements.

        Raises:
            StorageError: not a database, another program's, or one written by a newer version;
                or there is none, and it was not to be made.
        """
        catalog = cls(open_database(address), clock)
        try:
            catalog._prepare(make=make)
        except BaseException:
            catalog.close()
            raise
        return catalog

    @property
    def engine(self) -> sa.Engine:
        """The connections, for the modules that keep tables of their own beside these."""
        return self._engine

    @property
    def clock(self) -> Clock:
        """What says what time it is, for the same modules."""
        return self._clock

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def alone(self) -> AbstractContextManager[None]:
        """Be the only run that works with this catalog, beside the lock of the work folder.

        Raises:
            StorageError: another run works with it.
        """
        return alone(self._engine)

    def fact(self, name: str, value: str) -> str:
        """Return the stored value of `name`, which becomes `value` if there is none yet."""
        with self._read() as db:
            stored = _read_fact(db, name)
        if stored is not None:
            return stored
        with self._write() as db:
            stored = _read_fact(db, name)  # another process may have been faster
            if stored is None:
                db.execute(FACTS.insert().values(name=name, value=value))
            return value if stored is None else stored

    # -- videos -----------------------------------------------------------------------------

    def add(self, records: Iterable[VideoRecord]) -> int:
        """Enter videos that are not yet known; return how many were new.

        One that was taken down, or whose owner was, is entered as rejected.
        """
        new = 0
        for chunk in _chunks(records):
            with self._write() as db:
                query = sa.select(VIDEOS.c.video_id)
                query = query.where(VIDEOS.c.video_id.in_([r.video_id for r in chunk]))
                known = set(db.scalars(query))
                fresh: dict[str, VideoRecord] = {}
                for record in chunk:
                    if record.video_id not in known:
                        fresh.setdefault(record.video_id, record)
                if fresh:
                    rows = [row_of_video(r, self._clock()) for r in fresh.values()]
                    db.execute(VIDEOS.insert(), refuse_blocked(db, rows))
                    _count_found(db, len(fresh))
            new += len(fresh)
        return new

    def lease(self, limit: int, holder: str = "run", seconds: float = LEASE_S) -> list[VideoRecord]:
        """Take up to `limit` videos that are due, in the order in which they were found.

        After `seconds` they are pending again, unless `holder` renews its leases. A video that
        was postponed is due when its time has come, and its turn is by that time.
        """
        with self._write() as db:
            rows = leases.take_videos(db, limit, holder, self._clock(), seconds)
        return [record_of(row) for row in rows]

    def renew(self, holder: str, seconds: float) -> int:
        """Have every lease of `holder` end `seconds` from now; return how many it still has.

        Fewer than it took: some had run out, and are pending or another's now.
        """
        with self._write() as db:
            return leases.renew(db, holder, self._clock() + timedelta(seconds=seconds))

    def give_back(self, holder: str | None = None) -> int:
        """Return the leased videos of `holder` to pending, as if nobody had tried them.

        Those of everybody without one: only for whoever holds the catalog alone.
        """
        whose = sa.true() if holder is None else VIDEOS.c.holder == holder
        with self._write() as db:
            return leases.give_back(db, self._clock(), whose)

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
        with self._write() as db:
            self._check_holder(db, video_id, holder)
            if not leases.postpone(db, video_id, cause, detail, (self._clock(), next_try_at)):
                raise ValueError(f"video {video_id} is not leased, so it cannot be postponed")
            mine = VIDEOS.c.video_id == video_id
            failed = _update(
                db, sa.and_(mine, VIDEOS.c.attempts >= max_attempts), state=VideoState.FAILED
            )
        return VideoState.FAILED if failed else VideoState.PENDING

    def reopen_failed(self) -> int:
        """Return every failed video to pending, to be tried again."""
        with self._write() as db:
            failed = VIDEOS.c.state == VideoState.FAILED
            return _update(db, failed, state=VideoState.PENDING, reason="", detail="", attempts=0)

    def settle(
        self,
        video_id: str,
        state: VideoState,
        reason: str,
        detail: str,
        *,
        holder: str | None = None,
    ) -> None:
        """Give a video the state REJECTED or FAILED, with its reason in words.

        Raises:
            ValueError: another state, no reason, or the video has already ended.
            LeaseLostError: it is not `holder` who has it.
        """
        if state not in {VideoState.REJECTED, VideoState.FAILED} or not reason:
            raise ValueError(f"{video_id} cannot be settled as {state} for reason {reason!r}")
        verdict = {"state": state, "reason": reason, "detail": storable(detail)}
        self._conclude(video_id, [], verdict, holder)

    def enter_clips(
        self, video_id: str, counts: ClipCounts, *, holder: str | None = None
    ) -> VideoState:
        """Store how the windows of a video ended; return the state that follows from it.

        CURATED if it gave a strip; else REJECTED, for the reason that befell most windows.

        Raises:
            ValueError: not a single window, or the video has already ended.
            LeaseLostError: it is not `holder` who has it.
        """
        state, reason, detail = verdict_of(counts)
        rows = rows_of_clips(video_id, counts)
        verdict = {"state": state, "reason": reason, "detail": storable(detail)}
        self._conclude(video_id, rows, verdict, holder)
        return state

    def forget_clips(self, video_ids: Sequence[str]) -> None:
        """Return videos whose part files are lost to pending, as if nobody had seen them.

        A video that was leased `MAX_ATTEMPTS` times has failed: else it might be curated for ever.
        """
        given_up = {"state": VideoState.FAILED, "reason": FailCause.BUG.value}
        given_up["detail"] = f"its strips were lost, after {MAX_ATTEMPTS} attempts or more"
        with self._write() as db:
            for chunk in _chunks(video_ids):
                db.execute(CLIPS.delete().where(CLIPS.c.video_id.in_(chunk)))
                ids = VIDEOS.c.video_id.in_(chunk)
                _update(db, ids, state=VideoState.PENDING, shard_key="")
                _update(db, sa.and_(ids, VIDEOS.c.attempts >= MAX_ATTEMPTS), **given_up)

    def records(self, video_ids: Sequence[str]) -> list[VideoRecord]:
        """Read the records of these videos, in the order of their ids."""
        found: list[VideoRecord] = []
        with self._read() as db:
            for chunk in _chunks(sorted(video_ids)):
                query = sa.select(*RECORD_COLUMNS).where(VIDEOS.c.video_id.in_(chunk))
                found += [record_of(row) for row in db.execute(query.order_by(VIDEOS.c.video_id))]
        return found

    def videos(self, state: VideoState | None = None) -> list[VideoRow]:
        """List videos, all or those in one state, by id."""
        query = sa.select(*VIDEO_COLUMNS)
        if state is not None:
            query = query.where(VIDEOS.c.state == state)
        with self._read() as db:
            return [video_of(row) for row in db.execute(query.order_by(VIDEOS.c.video_id))]

    def curated(self, shard_key: str | None = None) -> dict[str, int]:
        """Count the strips of each curated video, all or those meant for one shard ("": none)."""
        query = (
            sa.select(VIDEOS.c.video_id, sa.func.coalesce(CLIPS.c.count, 0))
            .outerjoin(
                CLIPS, sa.and_(CLIPS.c.video_id == VIDEOS.c.video_id, CLIPS.c.outcome == ACCEPTED)
            )
            .where(VIDEOS.c.state == VideoState.CURATED)
            .order_by(VIDEOS.c.video_id)
        )
        if shard_key is not None:
            query = query.where(VIDEOS.c.shard_key == shard_key)
        with self._read() as db:
            return {video_id: int(count) for video_id, count in db.execute(query)}

    # -- shards -----------------------------------------------------------------------------

    def begin_shard(self, video_ids: Sequence[str]) -> str:
        """Enter a shard that will hold the strips of these curated videos; return its key.

        Raises:
            ValueError: a video is not curated, or is meant for another shard.
        """
        with self._write() as db:
            number = int(db.scalar(sa.select(sa.func.max(SHARDS.c.number))) or 0) + 1
            key = f"shards/shard-{number:06d}.parquet"
            db.execute(
                SHARDS.insert().values(key=key, number=number, committed=False, updated_at=now())
            )
            loose = sa.and_(VIDEOS.c.state == VideoState.CURATED, VIDEOS.c.shard_key == "")
            for chunk in _chunks(video_ids):
                ids = VIDEOS.c.video_id.in_(chunk)
                if _update(db, sa.and_(ids, loose), shard_key=key) != len(chunk):
                    raise ValueError(f"{key} was to hold videos that are not free for it: {chunk}")
        return key

    def commit_shard(self, key: str, *, strips: int, size: int, sha256: str) -> None:
        """Mark a shard whose object is in its place, and its videos, as done.

        Raises:
            ValueError: the shard was not begun, or is committed already.
        """
        begun = sa.and_(SHARDS.c.key == key, ~SHARDS.c.committed)
        done = {"committed": True, "strips": strips, "bytes": size, "sha256": sha256}
        with self._write() as db:
            shard = db.execute(SHARDS.update().where(begun).values(**done, updated_at=now()))
            if shard.rowcount != 1:
                raise ValueError(f"{key} is not a shard that was begun and not committed")
            members = sa.and_(VIDEOS.c.shard_key == key, VIDEOS.c.state == VideoState.CURATED)
            _update(db, members, state=VideoState.SHARDED)

    def drop_shard(self, key: str) -> None:
        """Forget a shard that was begun and has no videos left."""
        with self._write() as db:
            db.execute(SHARDS.delete().where(SHARDS.c.key == key, ~SHARDS.c.committed))

    def shards(self, *, committed: bool) -> list[ShardRow]:
        """List the shards that are done, or those that were begun and not finished."""
        query = sa.select(SHARDS).where(SHARDS.c.committed == committed)
        with self._read() as db:
            rows = db.execute(query.order_by(SHARDS.c.number)).all()
        return [ShardRow(key=r.key, strips=r.strips, bytes=r.bytes, sha256=r.sha256) for r in rows]

    # -- counts -----------------------------------------------------------------------------

    def position(self) -> tuple[int, int, int]:
        """Count videos that nobody needs to look at again, all videos, and their strips."""
        with self._read() as db:
            by_state = count_states(db)
            found = sum(by_state.values())
            waiting = by_state.get(VideoState.PENDING, 0) + by_state.get(VideoState.LEASED, 0)
            return found - waiting, found, count_strips(db)

    def books(self, *, recount: bool = False) -> Books:
        """Count everything, at one moment; `recount` holds the kept sums against every row."""
        with self._read() as db:
            return count_books(db, recount=recount)

    # -- transactions -----------------------------------------------------------------------

    def _prepare(self, *, make: bool) -> None:
        name = name_of(self._engine.url)
        with self._read() as db:
            tables = set(sa.inspect(db).get_table_names()) - BESIDE
        if not tables and not make:
            raise StorageError(f"there is no catalog in {name}; make one with 'tinyvideo run'")
        if not tables:
            with self._write() as db:
                METADATA.create_all(db)  # makes what no other process has made meanwhile
                keep_counters(db)
                stamp(db, CATALOG_VERSION)
            empty_log(self._engine)
        elif FACTS.name not in tables:
            raise StorageError(f"{name} is the database of another program, not a catalog")
        version = int(self.fact("version", str(CATALOG_VERSION)))
        if version > CATALOG_VERSION:
            raise StorageError(
                f"{name} has catalog version {version}, this tinyvideo knows up to "
                f"{CATALOG_VERSION}; install a newer tinyvideo"
            )
        if version < CATALOG_VERSION:
            self._upgrade()

    def _upgrade(self) -> None:
        with self._write() as db:
            known = int(_read_fact(db, "version") or CATALOG_VERSION)
            if known < CATALOG_VERSION:  # else another process was faster
                migrate(db, known)

    def _check_holder(self, db: sa.Connection, video_id: str, holder: str | None) -> None:
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

    def _conclude(
        self,
        video_id: str,
        clips: list[dict[str, Any]],
        verdict: dict[str, Any],
        holder: str | None,
    ) -> None:
        # Clips of an earlier attempt go: the books would count them twice.
        with self._write() as db:
            self._check_holder(db, video_id, holder)
            is_open = sa.and_(VIDEOS.c.state.in_(_OPEN), VIDEOS.c.shard_key == "")
            if _update(db, sa.and_(VIDEOS.c.video_id == video_id, is_open), **verdict) != 1:
                raise ValueError(f"video {video_id} is unknown, or has already ended")
            db.execute(CLIPS.delete().where(CLIPS.c.video_id == video_id))
            if clips:
                db.execute(CLIPS.insert(), clips)

    def _read(self) -> AbstractContextManager[sa.Connection]:
        return transaction(self._engine, writes=False)

    def _write(self) -> AbstractContextManager[sa.Connection]:
        return transaction(self._engine, writes=True)


def _update(db: sa.Connection, where: sa.ColumnElement[bool], **values: Any) -> int:
    return db.execute(VIDEOS.update().where(where).values(updated_at=now(), **values)).rowcount


def _read_fact(db: sa.Connection, name: str) -> str | None:
    return db.scalar(sa.select(FACTS.c.value).where(FACTS.c.name == name))


def _count_found(db: sa.Connection, new: int) -> None:
    found = _read_fact(db, VIDEOS_FOUND)
    if found is None:
        db.execute(FACTS.insert().values(name=VIDEOS_FOUND, value=str(new)))
    else:
        total = str(int(found) + new)
        db.execute(FACTS.update().where(FACTS.c.name == VIDEOS_FOUND).values(value=total))


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk
