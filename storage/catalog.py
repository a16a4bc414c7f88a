"""The ledger: what became of every video and every shard.

Three tables (SQLAlchemy Core; a SQLite file in WAL mode): `videos` holds exactly one state per
video and the reason for it in words, `clips` how many windows of a video ended how, `shards` one
row per Parquet file. Every change is one transaction, so a process that is killed leaves a
catalog that a later one can read and finish. Prefect's database may be deleted without losing a
video; this one may not.

Cost: a transaction is 1 to 3 ms, three per video; the books of 10,000 videos take about 20 ms.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from pipeline.errors import FailCause
from pipeline.types import ClipCounts, VideoRecord, VideoState
from storage.books import Account, Books
from storage.objects import StorageError
from storage.tables import CLIPS, FACTS, METADATA, SHARDS, VIDEOS, open_sqlite

CATALOG_VERSION = 1
ACCEPTED = "accepted"
"""What `clips.outcome` says of a window that became a strip; else it is the reason."""

_FOUND = "videos_found"
"""Name of the fact that counts what was ever entered: the left side of the books."""

_UNFINISHED = (VideoState.PENDING, VideoState.LEASED, VideoState.CURATED)
_RECORD_FIELDS = ("video_id", "source", "uri", "title", "owner", "page_url", "license")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRow:
    """What the catalog knows of one video."""

    record: VideoRecord
    state: VideoState
    reason: str
    detail: str
    attempts: int
    shard_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRow:
    """What the catalog knows of one shard."""

    key: str
    strips: int
    bytes: int
    sha256: str


class Catalog:
    """The catalog of one output folder."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, path: Path) -> "Catalog":
        """Open the SQLite file at `path`, made with its tables if it is missing.

        Raises:
            StorageError: not a database, or one written by a newer version.
        """
        engine = open_sqlite(path)
        catalog = cls(engine)
        try:
            METADATA.create_all(engine)
            version = int(catalog.fact("version", str(CATALOG_VERSION)))
        except sa.exc.DatabaseError as error:
            raise StorageError(f"{path} is not a usable catalog: {error.orig}") from error
        if version > CATALOG_VERSION:
            raise StorageError(
                f"{path} has catalog version {version}, this tinyvideo knows up to "
                f"{CATALOG_VERSION}; install a newer tinyvideo"
            )
        return catalog

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def fact(self, name: str, value: str) -> str:
        """Return the stored value of `name`, which becomes `value` if there is none yet."""
        with self._engine.begin() as db:
            stored = db.scalar(sa.select(FACTS.c.value).where(FACTS.c.name == name))
            if stored is not None:
                return str(stored)
            db.execute(FACTS.insert().values(name=name, value=value))
            return value

    # -- videos -----------------------------------------------------------------------------

    def add(self, records: Iterable[VideoRecord]) -> int:
        """Enter videos that are not yet known; return how many were new."""
        new = 0
        for chunk in _chunks(records, 500):
            with self._engine.begin() as db:
                ids = [record.video_id for record in chunk]
                known = db.scalars(
                    sa.select(VIDEOS.c.video_id).where(VIDEOS.c.video_id.in_(ids))
                ).all()
                fresh = {r.video_id: r for r in chunk if r.video_id not in set(known)}
                if fresh:
                    db.execute(VIDEOS.insert(), [_video_row(r) for r in fresh.values()])
                    _count_found(db, len(fresh))
                new += len(fresh)
        return new

    def lease(self, limit: int) -> list[VideoRecord]:
        """Take up to `limit` pending videos, in the order in which they were found."""
        with self._engine.begin() as db:
            rows = db.execute(
                sa.select(VIDEOS)
                .where(VIDEOS.c.state == VideoState.PENDING)
                .order_by(VIDEOS.c.found_at, VIDEOS.c.video_id)
                .limit(limit)
            ).all()
            ids = [row.video_id for row in rows]
            self._set(db, ids, state=VideoState.LEASED, attempts=VIDEOS.c.attempts + 1)
        return [_video(row).record for row in rows]

    def give_back(self) -> int:
        """Return every leased video to pending; only for whoever holds the catalog alone."""
        with self._engine.begin() as db:
            leased = VIDEOS.c.state == VideoState.LEASED
            ids = db.scalars(sa.select(VIDEOS.c.video_id).where(leased)).all()
            self._set(db, ids, state=VideoState.PENDING)
        return len(ids)

    def reopen_failed(self) -> int:
        """Return every failed video to pending, to be tried again."""
        with self._engine.begin() as db:
            failed = VIDEOS.c.state == VideoState.FAILED
            ids = db.scalars(sa.select(VIDEOS.c.video_id).where(failed)).all()
            self._set(db, ids, state=VideoState.PENDING, reason="", detail="")
        return len(ids)

    def settle(self, video_id: str, state: VideoState, reason: str, detail: str) -> None:
        """Give a video the state REJECTED or FAILED, with its reason in words."""
        with self._engine.begin() as db:
            self._set(db, [video_id], state=state, reason=reason, detail=detail)

    def enter_clips(self, video_id: str, counts: ClipCounts) -> VideoState:
        """Store how the windows of a video ended; return the state that follows from it.

        CURATED if it gave a strip; else REJECTED, for the reason that befell most windows.
        """
        rows: list[dict[str, Any]] = [
            {"outcome": ACCEPTED, "count": counts.accepted, "first_detail": ""}
        ]
        for cause, count in counts.rejected.items():
            rows.append(
                {"outcome": cause, "count": count, "first_detail": counts.first_details[cause]}
            )
        state, reason, detail = _verdict(counts)
        with self._engine.begin() as db:
            db.execute(CLIPS.delete().where(CLIPS.c.video_id == video_id))
            db.execute(CLIPS.insert(), [{"video_id": video_id, **row} for row in rows])
            self._set(db, [video_id], state=state, reason=reason, detail=detail)
        return state

    def forget_clips(self, video_ids: Sequence[str]) -> None:
        """Return videos whose part files are lost to pending, as if nobody had seen them."""
        with self._engine.begin() as db:
            db.execute(CLIPS.delete().where(CLIPS.c.video_id.in_(video_ids)))
            self._set(db, video_ids, state=VideoState.PENDING, shard_key="")

    def records(self, video_ids: Sequence[str]) -> list[VideoRecord]:
        """Read the records of these videos, in the order of their ids."""
        found: list[VideoRecord] = []
        with self._engine.connect() as db:
            for chunk in _chunks(sorted(video_ids), 500):
                query = sa.select(VIDEOS).where(VIDEOS.c.video_id.in_(chunk))
                found += [_video(r).record for r in db.execute(query.order_by(VIDEOS.c.video_id))]
        return found

    def videos(self, state: VideoState | None = None) -> list[VideoRow]:
        """List videos, all or those in one state, by id."""
        query = sa.select(VIDEOS).order_by(VIDEOS.c.video_id)
        if state is not None:
            query = query.where(VIDEOS.c.state == state)
        with self._engine.connect() as db:
            return [_video(row) for row in db.execute(query)]

    # -- shards -----------------------------------------------------------------------------

    def begin_shard(self, video_ids: Sequence[str]) -> str:
        """Enter a shard that will hold the strips of these curated videos; return its key."""
        with self._engine.begin() as db:
            number = int(db.scalar(sa.select(sa.func.max(SHARDS.c.number))) or 0) + 1
            key = f"shards/shard-{number:06d}.parquet"
            db.execute(
                SHARDS.insert().values(key=key, number=number, committed=False, updated_at=_now())
            )
            self._set(db, video_ids, shard_key=key)
        return key

    def commit_shard(self, key: str, *, strips: int, size: int, sha256: str) -> None:
        """Mark a shard whose object is in its place, and its videos, as done."""
        with self._engine.begin() as db:
            db.execute(
                SHARDS.update()
                .where(SHARDS.c.key == key)
                .values(committed=True, strips=strips, bytes=size, sha256=sha256, updated_at=_now())
            )
            ids = db.scalars(sa.select(VIDEOS.c.video_id).where(VIDEOS.c.shard_key == key)).all()
            self._set(db, ids, state=VideoState.SHARDED)

    def drop_shard(self, key: str) -> None:
        """Forget a shard that was begun and has no videos left."""
        with self._engine.begin() as db:
            db.execute(SHARDS.delete().where(SHARDS.c.key == key, ~SHARDS.c.committed))

    def shards(self, *, committed: bool) -> list[ShardRow]:
        """List the shards that are done, or those that were begun and not finished."""
        query = sa.select(SHARDS).where(SHARDS.c.committed == committed)
        with self._engine.connect() as db:
            rows = db.execute(query.order_by(SHARDS.c.number)).all()
        return [ShardRow(key=r.key, strips=r.strips, bytes=r.bytes, sha256=r.sha256) for r in rows]

    def position(self) -> tuple[int, int, int]:
        """Count videos that nobody needs to look at again, all videos, and their strips."""
        with self._engine.connect() as db:
            by_state = _grouped(db, VIDEOS.c.state)
            strips = sa.select(sa.func.sum(CLIPS.c.count)).where(CLIPS.c.outcome == ACCEPTED)
            found = sum(by_state.values())
            open_states = (VideoState.PENDING, VideoState.LEASED)
            waiting = sum(by_state.get(state, 0) for state in open_states)
            return found - waiting, found, int(db.scalar(strips) or 0)

    # -- books ------------------------------------------------------------------------------

    def books(self) -> Books:
        """Count everything, at one moment."""
        with self._engine.begin() as db:
            by_state = _grouped(db, VIDEOS.c.state)
            committed = sa.select(
                sa.func.count(), sa.func.sum(SHARDS.c.strips), sa.func.sum(SHARDS.c.bytes)
            ).where(SHARDS.c.committed)
            shards, strips, size = db.execute(committed).one()
            return Books(
                videos=Account(
                    unit="videos",
                    found=int(_read_fact(db, _FOUND) or 0),
                    sharded=by_state.get(VideoState.SHARDED, 0),
                    rejected=_grouped(db, VIDEOS.c.reason, VideoState.REJECTED),
                    failed=_grouped(db, VIDEOS.c.reason, VideoState.FAILED),
                    pending=sum(by_state.get(state, 0) for state in _UNFINISHED),
                ),
                clips=_clip_account(db),
                shards=shards,
                strips=strips or 0,
                bytes=size or 0,
                stray=_strays(db),
            )

    def _set(self, db: sa.Connection, video_ids: Sequence[str], **values: Any) -> None:
        for chunk in _chunks(video_ids, 500):
            db.execute(
                VIDEOS.update()
                .where(VIDEOS.c.video_id.in_(chunk))
                .values(updated_at=_now(), **values)
            )


def _verdict(counts: ClipCounts) -> tuple[VideoState, str, str]:
    if counts.accepted:
        return VideoState.CURATED, "", ""
    if not counts.rejected:
        raise ValueError("a video without a single window must be rejected by its decoder")
    reason = max(counts.rejected, key=lambda r: counts.rejected[r])  # the first of equals
    windows = sum(counts.rejected.values())
    share = f"{counts.rejected[reason]} of {windows} windows"
    return VideoState.REJECTED, reason, f"{share}; the first: {counts.first_details[reason]}"


def _clip_account(db: sa.Connection) -> Account:
    accepted = (
        sa.select(VIDEOS.c.state, sa.func.sum(CLIPS.c.count))
        .join(CLIPS, CLIPS.c.video_id == VIDEOS.c.video_id)
        .where(CLIPS.c.outcome == ACCEPTED)
        .group_by(VIDEOS.c.state)
    )
    by_state = {state: int(count) for state, count in db.execute(accepted)}
    rejected = (
        sa.select(CLIPS.c.outcome, sa.func.sum(CLIPS.c.count))
        .where(CLIPS.c.outcome != ACCEPTED)
        .group_by(CLIPS.c.outcome)
        .order_by(CLIPS.c.outcome)
    )
    return Account(
        unit="clips",
        found=int(db.scalar(sa.select(sa.func.sum(CLIPS.c.count))) or 0),
        sharded=by_state.get(VideoState.SHARDED, 0),
        rejected={outcome: int(count) for outcome, count in db.execute(rejected)},
        failed={},  # a video that fails leaves no count of its clips
        pending=by_state.get(VideoState.CURATED, 0),
    )


def _strays(db: sa.Connection) -> list[str]:
    done = sa.select(SHARDS.c.key).where(SHARDS.c.committed)
    homeless = sa.select(VIDEOS.c.video_id).where(
        VIDEOS.c.state == VideoState.SHARDED, VIDEOS.c.shard_key.not_in(done)
    )
    silent = sa.select(VIDEOS.c.video_id).where(
        VIDEOS.c.state.in_([VideoState.REJECTED, VideoState.FAILED]), VIDEOS.c.reason == ""
    )
    return [
        *(f"video {i} counts as sharded, but its shard is not there" for i in db.scalars(homeless)),
        *(f"video {i} was dropped without a reason" for i in db.scalars(silent)),
    ]


def _grouped(
    db: sa.Connection, column: sa.Column[str], state: VideoState | None = None
) -> dict[str, int]:
    query = sa.select(column, sa.func.count()).group_by(column).order_by(column)
    if state is not None:
        query = query.where(VIDEOS.c.state == state)
    return {str(value): int(count) for value, count in db.execute(query)}


def _video_row(record: VideoRecord) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in _RECORD_FIELDS}
    now = _now()
    state = VideoState.FAILED if record.problem else VideoState.PENDING
    reason = FailCause.UNREADABLE.value if record.problem else ""
    known = {"state": state.value, "reason": reason, "detail": record.problem}
    return {**row, **known, "found_at": now, "updated_at": now}


def _video(row: sa.Row[Any]) -> VideoRow:
    return VideoRow(
        record=VideoRecord(**{name: getattr(row, name) for name in _RECORD_FIELDS}),
        state=VideoState(row.state),
        reason=row.reason,
        detail=row.detail,
        attempts=row.attempts,
        shard_key=row.shard_key,
    )


def _read_fact(db: sa.Connection, name: str) -> str | None:
    return db.scalar(sa.select(FACTS.c.value).where(FACTS.c.name == name))


def _count_found(db: sa.Connection, new: int) -> None:
    found = _read_fact(db, _FOUND)
    if found is None:
        db.execute(FACTS.insert().values(name=_FOUND, value=str(new)))
    else:
        total = str(int(found) + new)
        db.execute(FACTS.update().where(FACTS.c.name == _FOUND).values(value=total))


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _now() -> datetime:
    return datetime.now(UTC)
