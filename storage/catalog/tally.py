"""Count the books out of the sums that the database keeps, and name the rows that contradict.

What was found is a counter of its own, and each committed shard is held against the clips of its
videos, so that rows which contradict each other cannot agree by accident.

Cost: one query of the kept sums and one of the shards; rows are read only where a sum says that
something is wrong with them, or all of them with `recount`.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog.books import Account, Books
from tinyvideo.storage.database import (
    FACTS,
    SHARDS,
    VIDEOS,
    VIDEOS_FOUND,
    Key,
    find_differences,
    read_counters,
)

_UNFINISHED = (VideoState.PENDING, VideoState.LEASED, VideoState.CURATED)
_DROPPED = (VideoState.REJECTED, VideoState.FAILED)


def count_books(db: sa.Connection, *, recount: bool = False) -> Books:
    """Count everything that `db` sees, which should be one moment.

    With `recount` the sums are held against the rows, too.
    """
    sums = read_counters(db)
    committed = _committed_shards(db)
    found = sa.select(FACTS.c.value).where(FACTS.c.name == VIDEOS_FOUND)
    stray = [*_homeless(db, sums, committed), *_silent(db, sums), *_uneven_shards(sums, committed)]
    return Books(
        videos=Account(
            unit="videos",
            found=int(db.scalar(found) or 0),
            sharded=_total(sums, "video", [VideoState.SHARDED]),
            rejected=_named(sums, "video", VideoState.REJECTED),
            failed=_named(sums, "video", VideoState.FAILED),
            pending=_total(sums, "video", _UNFINISHED),
        ),
        clips=_count_clips(sums),
        shards=len(committed),
        strips=sum(strips for strips, _ in committed.values()),
        bytes=sum(size for _, size in committed.values()),
        stray=[*stray, *(find_differences(db) if recount else ())],
    )


def count_states(db: sa.Connection) -> dict[str, int]:
    """Count the videos in each state."""
    found: dict[str, int] = {}
    for (_, state, _), count in read_counters(db, "video").items():
        found[state] = found.get(state, 0) + count
    return found


def count_strips(db: sa.Connection) -> int:
    """Count the strips of all videos, in shards or not yet."""
    return _total(read_counters(db, "strip"), "strip")


def _committed_shards(db: sa.Connection) -> dict[str, tuple[int, int]]:
    """Strips and bytes of every committed shard, by key."""
    query = sa.select(SHARDS.c.key, SHARDS.c.strips, SHARDS.c.bytes).where(SHARDS.c.committed)
    rows = db.execute(query.order_by(SHARDS.c.number))
    return {key: (int(strips), int(size)) for key, strips, size in rows}


def _total(sums: dict[Key, int], kind: str, states: Iterable[str] | None = None) -> int:
    wanted = None if states is None else set(states)
    return sum(n for (k, s, _), n in sums.items() if k == kind and (wanted is None or s in wanted))


def _named(sums: dict[Key, int], kind: str, state: str = "") -> dict[str, int]:
    return {name: n for (k, s, name), n in sorted(sums.items()) if (k, s) == (kind, state)}


def _count_clips(sums: dict[Key, int]) -> Account:
    rejected = _named(sums, "clip")
    return Account(
        unit="clips",
        found=_total(sums, "strip") + sum(rejected.values()),
        sharded=_total(sums, "strip", [VideoState.SHARDED]),
        rejected=rejected,
        failed={},  # a video that fails leaves no count of its clips
        pending=_total(sums, "strip", [VideoState.CURATED]),
    )


def _homeless(
    db: sa.Connection, sums: dict[Key, int], committed: dict[str, tuple[int, int]]
) -> list[str]:
    said = _named(sums, "shard_video", VideoState.SHARDED)
    keys = [key for key in said if key not in committed]
    query = sa.select(VIDEOS.c.video_id).where(VIDEOS.c.state == VideoState.SHARDED)
    lost = [i for key in keys for i in db.scalars(query.where(VIDEOS.c.shard_key == key))]
    return [f"video {i} counts as sharded, but its shard is not there" for i in lost]


def _silent(db: sa.Connection, sums: dict[Key, int]) -> list[str]:
    if not any(("video", state, "") in sums for state in _DROPPED):
        return []
    videos = sa.select(VIDEOS.c.video_id).where(VIDEOS.c.state.in_(_DROPPED), VIDEOS.c.reason == "")
    return [f"video {i} was dropped without a reason" for i in db.scalars(videos)]


def _uneven_shards(sums: dict[Key, int], committed: dict[str, tuple[int, int]]) -> list[str]:
    # Two shards that are wrong by the same number would go unnoticed in the totals.
    given = _named(sums, "shard_strip")
    return [
        f"{key} holds {strips} strips, its videos gave {given.get(key, 0)}"
        for key, (strips, _) in committed.items()
        if strips != given.get(key, 0)
    ]
