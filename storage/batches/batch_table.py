"""Batches: videos that are to share a shard, under one name, whoever makes it.

    begin    a number is drawn, and videos are leased under a name that nobody else has
    take     a run says that it works on the batch; what has ended meanwhile is no longer its
    pack     the curated videos of the batch become the shard of its number (`commit_shard`)
    close    what is left goes back; the row stays as the record of what became of the batch

The name is the holder of the leases, so that a run whose batch was given to others can enter
nothing any more. Part files lie in a folder per batch: a run that dies leaves them to whoever does
the batch again on the same machine. `reclaim` undoes a batch whose run is lost, and finishes it
where its shard is already in its place.

Cost: three transactions per batch, 2 to 7 ms each; a row of 300 bytes is kept.
"""

import json
import shutil
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from tinyvideo.pipeline.outside_json import parse_json
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog import Catalog, lease_due
from tinyvideo.storage.database import BATCHES, SHARDS, VIDEOS, DamagedError, transaction
from tinyvideo.storage.objects import FolderStore
from tinyvideo.storage.storage_errors import StorageError

_OPEN = BATCHES.c.state.in_(["waiting", "working"])
_NEXT_ATTEMPT = BATCHES.c.attempts + 1

FOLDER = "batches"
"""Folder of the part files, below a work folder; in it, one folder per batch."""


class BatchState(StrEnum):
    WAITING = "waiting"
    """Leased, and not yet begun by a run."""

    WORKING = "working"
    DONE = "done"
    LOST = "lost"
    """Given back: its run failed, was stopped, or went silent."""


class BatchLostError(StorageError):
    """The batch has ended, or was given to others, while a run worked on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    number: int
    """That of its shard, too."""

    token: str
    """Its name, which holds the leases."""

    label: str
    """Where its videos come from, for people."""

    videos: int
    attempt: int = 0
    """How often it has been taken; of two runs that think they have it, the later one has it."""

    @property
    def key(self) -> str:
        """Name its shard."""
        return f"shards/shard-{self.number:06d}.parquet"

    @property
    def title(self) -> str:
        """Name it for people: "shard-000123 · tag beach · 256 videos"."""
        counted = f"{self.videos} video{'s' if self.videos != 1 else ''}"
        return " · ".join(filter(None, [f"shard-{self.number:06d}", self.label, counted]))


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """What became of a batch, for the monitor."""

    batch: Batch
    state: BatchState
    worker: str
    """Machine and process."""

    started_at: datetime | None
    ended_at: datetime | None
    strips: int
    bytes: int
    expires_at: datetime
    """When it is lost, unless somebody renews it."""

    outcomes: dict[str, int] = field(default_factory=dict)
    """Videos by what became of them: "sharded", "rejected: flat", "failed: timeout"."""


def begin_batch(
    catalog: Catalog, limit: int, label: str, seconds: float, *, worker: str = ""
) -> Batch | None:
    """Lease up to `limit` videos for `seconds` as a batch; None if none is due.

    It waits for a run to take it, unless `worker` will do that at once.
    """
    token = uuid.uuid4().hex
    # The leases and the row at once: whoever looks between them would see nothing left to do.
    with transaction(catalog.engine, writes=True) as db:
        videos = len(lease_due(db, catalog.clock(), limit, token, seconds))
        if not videos:
            return None
        drawn = (db.scalar(sa.select(sa.func.max(t.c.number))) or 0 for t in (SHARDS, BATCHES))
        batch = Batch(number=max(drawn) + 1, token=token, label=label, videos=videos)
        shard = {"key": batch.key, "number": batch.number, "committed": False}
        db.execute(SHARDS.insert().values(**shard, updated_at=catalog.clock()))
        named = {"number": batch.number, "token": token, "label": label, "videos": videos}
        times = {
            "began_at": catalog.clock(),
            "expires_at": catalog.clock() + timedelta(seconds=seconds),
        }
        state = BatchState.WORKING if worker else BatchState.WAITING
        db.execute(BATCHES.insert().values(**named, **times, worker=worker, state=state))
    return batch


def take_batch(catalog: Catalog, token: str, worker: str, seconds: float) -> BatchRow:
    """Begin, or go on with, a batch, as `worker`; its leases end `seconds` from now.

    Raises:
        BatchLostError: it is closed.
    """
    values = {"state": BatchState.WORKING, "worker": worker, "started_at": catalog.clock()}
    return _keep(catalog, BATCHES.c.token == token, seconds, attempts=_NEXT_ATTEMPT, **values)


def renew_batch(
    catalog: Catalog, batch: Batch, seconds: float, outcomes: Mapping[str, int] | None = None
) -> BatchRow:
    """Have a batch and its leases end `seconds` from now; note what became of its videos so far.

    Raises:
        BatchLostError: it is closed, or a later attempt has it.
    """
    noted = {} if outcomes is None else {"outcomes": json.dumps(outcomes)}
    return _keep(catalog, _is_mine(batch), seconds, **noted)


def keep_waiting(catalog: Catalog, batch: Batch, seconds: float) -> None:
    """Have a batch that no run works on end `seconds` from now, whatever attempt is to come.

    Raises:
        BatchLostError: it is closed.
    """
    _keep(catalog, BATCHES.c.token == batch.token, seconds)


def videos_of(catalog: Catalog, token: str, state: VideoState) -> list[str]:
    """List the ids of the batch's videos that are leased or curated."""
    query = sa.select(VIDEOS.c.video_id).where(VIDEOS.c.state == state, VIDEOS.c.holder == token)
    with transaction(catalog.engine, writes=False) as db:
        return list(db.scalars(query.order_by(VIDEOS.c.video_id)))


def assign(catalog: Catalog, batch: Batch, video_ids: list[str]) -> None:
    """Mean the curated videos of a batch for its shard.

    Raises:
        BatchLostError: one of them is no longer the batch's.
    """
    free = sa.and_(VIDEOS.c.state == VideoState.CURATED, VIDEOS.c.holder == batch.token)
    with transaction(catalog.engine, writes=True) as db:
        mine = sa.select(BATCHES.c.number).where(_is_mine(batch), _OPEN)
        moved = 0
        if db.scalar(mine) is not None:
            for start in range(0, len(video_ids), 500):
                ids = VIDEOS.c.video_id.in_(video_ids[start : start + 500])
                change = VIDEOS.update().where(ids, free).values(shard_key=batch.key)
                moved += db.execute(change).rowcount
        if moved != len(video_ids):
            raise BatchLostError(f"videos of {batch.title} were given to others; run again")


def close_batch(
    catalog: Catalog, batch: Batch, state: BatchState, outcomes: Mapping[str, int] | None = None
) -> int:
    """Record the end of a batch and give back what is still leased; return how many videos.

    A batch that has ended already stays as it is.
    """
    returned = catalog.give_back(batch.token)
    with transaction(catalog.engine, writes=True) as db:
        shard = db.execute(
            sa.select(SHARDS.c.strips, SHARDS.c.bytes).where(
                SHARDS.c.number == batch.number, SHARDS.c.committed
            )
        ).one_or_none()
        strips, size = (0, 0) if shard is None else shard
        values = {"state": state, "ended_at": catalog.clock(), "strips": strips, "bytes": size}
        if outcomes is not None:
            values["outcomes"] = json.dumps(outcomes)
        mine = sa.and_(BATCHES.c.token == batch.token, _OPEN)
        db.execute(BATCHES.update().where(mine).values(**values))
    return returned


def open_batches(catalog: Catalog) -> list[BatchRow]:
    """List the batches that have not ended, by number."""
    with transaction(catalog.engine, writes=False) as db:
        rows = db.execute(sa.select(BATCHES).where(_OPEN).order_by(BATCHES.c.number)).all()
    return [_row_of(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Left:
    """What a crawl may still have to do, by one look at the catalog."""

    under_way: bool
    """Batches are open; if their runs die, their videos are for others."""

    due_in_s: float | None
    """Seconds until the next video that waits is due; None where none waits."""

    def __bool__(self) -> bool:
        return self.under_way or self.due_in_s is not None


def what_is_left(catalog: Catalog, without: Collection[str] = ()) -> Left:
    """Say what is under way and what waits, but for the batches whose tokens are given.

    One statement: between two, others may take up what waits, or put back what is under way, and
    nothing would seem to be left.
    """
    open_ones = sa.select(sa.func.count()).where(_OPEN, BATCHES.c.token.not_in(list(without)))
    waiting = sa.select(sa.func.min(VIDEOS.c.next_try_at)).where(
        VIDEOS.c.state == VideoState.PENDING
    )
    query = sa.select(open_ones.scalar_subquery(), waiting.scalar_subquery())
    with transaction(catalog.engine, writes=False) as db:
        under_way, due = db.execute(query).one()
    if due is None:
        return Left(bool(under_way), None)
    moment: datetime = due if due.tzinfo else due.replace(tzinfo=UTC)  # SQLite forgets the zone
    return Left(bool(under_way), max(0.0, (moment - catalog.clock()).total_seconds()))


def is_open(catalog: Catalog, batch: Batch) -> bool:
    """Tell whether a batch has not ended."""
    query = sa.select(BATCHES.c.number).where(BATCHES.c.token == batch.token, _OPEN)
    with transaction(catalog.engine, writes=False) as db:
        return db.scalar(query) is not None


def ended_as(catalog: Catalog, token: str) -> BatchState | None:
    """Say how a batch stands, by its name; None where the catalog knows none of that name."""
    with transaction(catalog.engine, writes=False) as db:
        state = db.scalar(sa.select(BATCHES.c.state).where(BATCHES.c.token == token))
    return None if state is None else BatchState(state)


def latest_batches(catalog: Catalog, limit: int) -> list[BatchRow]:
    """List the last `limit` batches, the newest first."""
    query = sa.select(BATCHES).order_by(BATCHES.c.number.desc()).limit(limit)
    with transaction(catalog.engine, writes=False) as db:
        return [_row_of(row) for row in db.execute(query)]


def batch_counts(catalog: Catalog) -> dict[str, int]:
    """Count all batches by state."""
    query = sa.select(BATCHES.c.state, sa.func.count()).group_by(BATCHES.c.state)
    with transaction(catalog.engine, writes=False) as db:
        return {state: int(count) for state, count in db.execute(query)}


def expired_batches(catalog: Catalog) -> list[Batch]:
    """List the open batches that nobody has renewed in time, by number."""
    now = catalog.clock()
    return [row.batch for row in open_batches(catalog) if row.expires_at <= now]


def work_of(work: FolderStore, batch: Batch) -> FolderStore:
    """Name the folder for the part files of a batch."""
    return FolderStore(work.path(f"{FOLDER}/{_checked(batch.token)}"), links=work.links)


def clear_folders(catalog: Catalog, work: FolderStore) -> None:
    """Delete the folders, on this machine, of batches that have ended."""
    # Listed first: a batch is in the catalog before its folder is made, so that what another run
    # begins meanwhile is never taken for one that has ended.
    paths = [path for path in work.path(FOLDER).glob("*") if _is_token(path.name)]
    needed = {row.batch.token for row in open_batches(catalog)}
    for path in paths:
        if path.name not in needed:
            shutil.rmtree(path, ignore_errors=True)


def _keep(
    catalog: Catalog, whose: sa.ColumnElement[bool], seconds: float, **values: Any
) -> BatchRow:
    mine = sa.and_(whose, _OPEN)
    values["expires_at"] = catalog.clock() + timedelta(seconds=seconds)
    with transaction(catalog.engine, writes=True) as db:
        row = db.execute(sa.select(BATCHES.c.number).where(mine)).one_or_none()
        if row is None:
            raise BatchLostError("the batch has ended, or its videos were given to others")
        same = BATCHES.c.number == row.number
        db.execute(BATCHES.update().where(same).values(**values))
        row = db.execute(sa.select(BATCHES).where(same)).one()
    catalog.renew(row.token, seconds)
    return _row_of(row)


def _is_mine(batch: Batch) -> sa.ColumnElement[bool]:
    return sa.and_(BATCHES.c.token == batch.token, BATCHES.c.attempts == batch.attempt)


def _row_of(row: Any) -> BatchRow:
    try:
        return _read(row, parse_json(row.outcomes))
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise DamagedError(f"the batch {row.number} cannot be read: {error}") from error


def _read(row: Any, outcomes: Any) -> BatchRow:
    return BatchRow(
        batch=Batch(
            number=row.number,
            token=row.token,
            label=row.label,
            videos=row.videos,
            attempt=row.attempts,
        ),
        state=BatchState(row.state),
        worker=row.worker,
        started_at=row.started_at and _utc(row.started_at),
        ended_at=row.ended_at and _utc(row.ended_at),
        expires_at=_utc(row.expires_at),
        strips=row.strips,
        bytes=row.bytes,
        outcomes={str(name): int(count) for name, count in outcomes.items()},
    )


def _utc(moment: datetime) -> datetime:
    # SQLite forgets the zone.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _checked(token: str) -> str:
    if not _is_token(token):
        raise StorageError(f"the catalog has a batch of the name {token[:80]!r}: it is damaged")
    return token


def _is_token(name: str) -> bool:
    return len(name) == 32 and set(name) <= set("0123456789abcdef")
