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

import sqlalchemy as sa

from tinyvideo.pipeline.types import VideoRecord, VideoState
from tinyvideo.storage.catalog.block_list import refuse_blocked
from tinyvideo.storage.catalog.books import Books, count_books, count_states, count_strips
from tinyvideo.storage.catalog.leases import Leases
from tinyvideo.storage.catalog.shard_states import ShardRows
from tinyvideo.storage.catalog.video_results import Verdicts
from tinyvideo.storage.database import (
    FACTS,
    RECORD_COLUMNS,
    VIDEO_COLUMNS,
    VIDEOS,
    VIDEOS_FOUND,
    VideoRow,
    chunks,
    read_fact,
    record_of,
    row_of_video,
    storable,
    video_of,
)


class Catalog(Leases, Verdicts, ShardRows):
    """The catalog of one output; any number of processes may have it open."""

    def add(self, records: Iterable[VideoRecord]) -> int:
        """Enter videos that are not yet known; return how many were new.

        One that was taken down, or whose owner was, is entered as rejected.
        """
        new = 0
        for chunk in chunks(records):
            with self._write() as db:
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
            new += len(fresh)
        return new

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


def _tell_places(
    db: sa.Connection, records: Sequence[VideoRecord], known: Mapping[str, str]
) -> None:
    # A catalog that was made of shards does not know where films lay on a disk.
    for record in records:
        if record.uri and known.get(record.video_id) == "":
            same = VIDEOS.c.video_id == record.video_id
            db.execute(VIDEOS.update().where(same).values(uri=storable(record.uri)))


def count_found(db: sa.Connection, new: int) -> None:
    """Add to the left side of the books what was entered."""
    found = read_fact(db, VIDEOS_FOUND)
    if found is None:
        db.execute(FACTS.insert().values(name=VIDEOS_FOUND, value=str(new)))
    else:
        total = str(int(found) + new)
        db.execute(FACTS.update().where(FACTS.c.name == VIDEOS_FOUND).values(value=total))
