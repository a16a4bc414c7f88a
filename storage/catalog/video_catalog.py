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

A catalog is put together of its parts: `ledger` (the database), `leases`, `verdicts`, `shard_rows`,
and what is in here: entering videos, looking them up, counting.

Cost: a transaction is 1.5 to 7 ms, nearly all of it the sync to disk, and there is one per video
and three per batch. `benchmarks/catalog.py` measures leases, books and entering with two
million videos; the sums of the books are kept by the database (`storage.database.counters`).
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import sqlalchemy as sa

from tinyvideo.pipeline.types import VideoRecord, VideoState
from tinyvideo.storage.catalog.block_list import refuse_blocked
from tinyvideo.storage.catalog.books import Books, count_books, count_states, count_strips
from tinyvideo.storage.catalog.leases import Leases
from tinyvideo.storage.catalog.shard_states import ShardRows
from tinyvideo.storage.catalog.video_results import Verdicts
from tinyvideo.storage.database import (
    RECORD_COLUMNS,
    VIDEO_COLUMNS,
    VIDEOS,
    VIDEOS_FOUND,
    VideoRow,
    add_count,
    chunks,
    record_of,
    row_of_video,
    state_of,
    transaction,
    video_of,
)

SCHEMES = ("flickr", "https", "http", "s3", "file")
"""Where films are, by the beginning of their addresses."""


class Catalog(Leases, Verdicts, ShardRows):
    """The catalog of one output; any number of processes may have it open."""

    def add(self, records: Iterable[VideoRecord]) -> int:
        """Enter videos that are not yet known; return how many were new.

        One that was taken down, or whose owner was, is entered as rejected.
        """
        new = 0
        chunk: list[VideoRecord] = []
        for following in chain(chunks(records), [[]]):
            # The last one waits for the disk, and what came before it is on the disk by then.
            new += self._enter(chunk, lasting=not following) if chunk else 0
            chunk = following
        return new

    def _enter(self, chunk: Sequence[VideoRecord], *, lasting: bool) -> int:
        with self._write(lasting=lasting) as db:
            query = sa.select(VIDEOS.c.video_id, VIDEOS.c.uri)
            query = query.where(VIDEOS.c.video_id.in_([r.video_id for r in chunk]))
            known = {row.video_id: row.uri for row in db.execute(query)}
            _tell_places(db, chunk, known)
            fresh: dict[str, VideoRecord] = {}
            for record in chunk:
                if record.video_id not in known:
                    fresh.setdefault(record.video_id, record)
            if fresh:
                rows = [row_of_video(r, self._clock()) for r in fresh.values()]
                db.execute(VIDEOS.insert(), refuse_blocked(db, rows))
                count_found(db, len(fresh))
        return len(fresh)

    def records(self, video_ids: Sequence[str]) -> list[VideoRecord]:
        """Read the records of these videos, in the order of their ids."""
        found: list[VideoRecord] = []
        with self._read() as db:
            for chunk in chunks(sorted(video_ids)):
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


def states_of(catalog: Catalog, video_ids: Sequence[str]) -> dict[str, tuple[VideoState, int]]:
    """Say of some videos in which state they are, and how often they were leased."""
    query = sa.select(VIDEOS.c.video_id, VIDEOS.c.state, VIDEOS.c.attempts)
    found: dict[str, tuple[VideoState, int]] = {}
    with transaction(catalog.engine, writes=False) as db:
        for chunk in chunks(video_ids):
            rows = db.execute(query.where(VIDEOS.c.video_id.in_(chunk)))
            found |= {row.video_id: (state_of(row.state), row.attempts) for row in rows}
    return found


def count_by_scheme(catalog: Catalog) -> dict[str, int]:
    """Count the pending and leased videos by where they are: flickr, https, http, s3, file.

    What the catalog has in no such place counts as "other". It reads every video that waits: 1 us
    each.
    """
    named = [(VIDEOS.c.uri.startswith(f"{scheme}:"), scheme) for scheme in SCHEMES]
    scheme = sa.case(*named, else_="other").label("scheme")
    waiting = VIDEOS.c.state.in_([VideoState.PENDING, VideoState.LEASED])
    query = sa.select(scheme, sa.func.count()).where(waiting).group_by(scheme)
    with transaction(catalog.engine, writes=False) as db:
        found = {str(name): int(count) for name, count in db.execute(query)}
    return {name: found[name] for name in (*SCHEMES, "other") if name in found}


def _tell_places(
    db: sa.Connection, records: Sequence[VideoRecord], known: Mapping[str, str]
) -> None:
    # A catalog that was made of shards does not know where films lay on a disk.
    for record in records:
        if record.uri and known.get(record.video_id) == "":
            same = VIDEOS.c.video_id == record.video_id
            db.execute(VIDEOS.update().where(same).values(uri=record.uri))


def count_found(db: sa.Connection, new: int) -> None:
    """Add to the left side of the books what was entered."""
    add_count(db, VIDEOS_FOUND, new)
