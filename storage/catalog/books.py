"""The books: what was found equals what became of it, in videos and in clips.

    found = sharded + rejected (by reason) + failed (by cause) + pending

The two sides are counted apart: `found` is a counter of its own, the right side is summed by state,
clips come from the per-video counts, and strips from the committed shards. So a lost update, a
doubled strip or a shard without its videos shows up as a sentence in `problems`, which names the
rows that contradict each other.

Cost: one query of the sums that the database keeps and one of the shards; rows are read only where
a sum says that something is wrong with them, or all of them with `recount`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from tinyvideo.pipeline.errors import ExpectedError
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.database import (
    SHARDS,
    VIDEOS,
    VIDEOS_FOUND,
    Key,
    find_differences,
    read_count,
    read_counters,
)


class BooksError(ExpectedError):
    """Something was lost or counted twice; the text says what."""

    exit_code = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One side of the books, counted in `unit`s."""

    unit: str
    found: int
    sharded: int
    rejected: dict[str, int]
    failed: dict[str, int]
    pending: int

    @property
    def accounted(self) -> int:
        """Sum of everything that became of what was found."""
        return self.sharded + sum(self.rejected.values()) + sum(self.failed.values()) + self.pending

    @property
    def problem(self) -> str:
        """Say by how much the sides differ; empty if they agree."""
        if self.found == self.accounted:
            return ""
        return f"{self.found} {self.unit} found, but {self.accounted} accounted for"

    def as_dict(self) -> dict[str, Any]:
        """Lay the account out for JSON."""
        return {
            "found": self.found,
            "sharded": self.sharded,
            "rejected": self.rejected,
            "failed": self.failed,
            "pending": self.pending,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Videos, clips and shards of one catalog at one moment."""

    videos: Account
    clips: Account
    shards: int
    strips: int
    """Rows in committed shards."""

    bytes: int
    """Size of the committed shards."""

    stray: list[str] = field(default_factory=list)
    """Rows that contradict each other, one sentence each."""

    @property
    def problems(self) -> list[str]:
        """Say everything that does not balance; empty when all does."""
        found = [self.videos.problem, self.clips.problem]
        if self.clips.sharded != self.strips:
            found.append(
                f"sharded videos gave {self.clips.sharded} strips, the shards hold {self.strips}"
            )
        return [problem for problem in [*found, *self.stray] if problem]

    @property
    def balanced(self) -> bool:
        """True when nothing is lost and nothing is counted twice."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """Lay the books out for JSON."""
        return {
            "videos": self.videos.as_dict(),
            "clips": self.clips.as_dict(),
            "shards": self.shards,
            "strips": self.strips,
            "bytes": self.bytes,
            "balanced": self.balanced,
            "problems": self.problems,
        }


_UNFINISHED = (VideoState.PENDING, VideoState.LEASED, VideoState.CURATED)
_DROPPED = (VideoState.REJECTED, VideoState.FAILED)


def count_books(db: sa.Connection, *, recount: bool = False) -> Books:
    """Count everything that `db` sees, which should be one moment.

    With `recount` the sums are held against the rows, too.
    """
    sums = read_counters(db)
    committed = _committed_shards(db)
    stray = [*_homeless(db, sums, committed), *_silent(db, sums), *_uneven_shards(sums, committed)]
    return Books(
        videos=Account(
            unit="videos",
            found=read_count(db, VIDEOS_FOUND),
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
