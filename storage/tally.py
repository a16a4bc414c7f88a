"""Count the books out of the catalog's tables.

Every figure comes from rows of its own, so that rows which contradict each other cannot agree
by accident: what was found is a counter, what became of it is summed by state, and each
committed shard is held against the clips of its videos.

Cost: 15 to 30 ms for 10,000 videos, 0.2 s for 100,000: every row of a video and its clips is read.
"""

from typing import Any

import sqlalchemy as sa

from pipeline.types import VideoState
from storage.books import Account, Books
from storage.tables import ACCEPTED, CLIPS, FACTS, SHARDS, VIDEOS, VIDEOS_FOUND

_UNFINISHED = (VideoState.PENDING, VideoState.LEASED, VideoState.CURATED)


def count_books(db: sa.Connection) -> Books:
    """Count everything that `db` sees, which should be one moment."""
    by_state = count_states(db)
    committed = sa.select(
        sa.func.count(), sa.func.sum(SHARDS.c.strips), sa.func.sum(SHARDS.c.bytes)
    ).where(SHARDS.c.committed)
    shards, strips, size = db.execute(committed).one()
    found = sa.select(FACTS.c.value).where(FACTS.c.name == VIDEOS_FOUND)
    return Books(
        videos=Account(
            unit="videos",
            found=int(db.scalar(found) or 0),
            sharded=by_state.get(VideoState.SHARDED, 0),
            rejected=_count_reasons(db, VideoState.REJECTED),
            failed=_count_reasons(db, VideoState.FAILED),
            pending=sum(by_state.get(state, 0) for state in _UNFINISHED),
        ),
        clips=_count_clips(db),
        shards=shards,
        strips=int(strips or 0),
        bytes=int(size or 0),
        stray=[*_homeless(db), *_silent(db), *_uneven_shards(db)],
    )


def count_states(db: sa.Connection) -> dict[str, int]:
    """Count the videos in each state."""
    return _as_counts(db, sa.select(VIDEOS.c.state, sa.func.count()).group_by(VIDEOS.c.state))


def count_strips(db: sa.Connection) -> int:
    """Count the strips of all videos, in shards or not yet."""
    strips = sa.select(sa.func.sum(CLIPS.c.count)).where(CLIPS.c.outcome == ACCEPTED)
    return int(db.scalar(strips) or 0)


def _count_reasons(db: sa.Connection, state: VideoState) -> dict[str, int]:
    reason = VIDEOS.c.reason
    query = sa.select(reason, sa.func.count()).where(VIDEOS.c.state == state)
    return _as_counts(db, query.group_by(reason).order_by(reason))


def _count_clips(db: sa.Connection) -> Account:
    clips, outcome = sa.func.sum(CLIPS.c.count), CLIPS.c.outcome
    accepted = (
        sa.select(VIDEOS.c.state, clips)
        .join(CLIPS, CLIPS.c.video_id == VIDEOS.c.video_id)
        .where(outcome == ACCEPTED)
        .group_by(VIDEOS.c.state)
    )
    by_state = _as_counts(db, accepted)
    rejected = sa.select(outcome, clips).where(outcome != ACCEPTED)
    return Account(
        unit="clips",
        found=int(db.scalar(sa.select(clips)) or 0),
        sharded=by_state.get(VideoState.SHARDED, 0),
        rejected=_as_counts(db, rejected.group_by(outcome).order_by(outcome)),
        failed={},  # a video that fails leaves no count of its clips
        pending=by_state.get(VideoState.CURATED, 0),
    )


def _homeless(db: sa.Connection) -> list[str]:
    done = sa.select(SHARDS.c.key).where(SHARDS.c.committed)
    videos = sa.select(VIDEOS.c.video_id).where(
        VIDEOS.c.state == VideoState.SHARDED, VIDEOS.c.shard_key.not_in(done)
    )
    return [f"video {i} counts as sharded, but its shard is not there" for i in db.scalars(videos)]


def _silent(db: sa.Connection) -> list[str]:
    videos = sa.select(VIDEOS.c.video_id).where(
        VIDEOS.c.state.in_([VideoState.REJECTED, VideoState.FAILED]), VIDEOS.c.reason == ""
    )
    return [f"video {i} was dropped without a reason" for i in db.scalars(videos)]


def _uneven_shards(db: sa.Connection) -> list[str]:
    # Two shards that are wrong by the same number would go unnoticed in the totals.
    given = sa.func.coalesce(sa.func.sum(CLIPS.c.count), 0)
    shards = (
        sa.select(SHARDS.c.key, SHARDS.c.strips, given)
        .outerjoin(VIDEOS, VIDEOS.c.shard_key == SHARDS.c.key)
        .outerjoin(
            CLIPS, sa.and_(CLIPS.c.video_id == VIDEOS.c.video_id, CLIPS.c.outcome == ACCEPTED)
        )
        .where(SHARDS.c.committed)
        .group_by(SHARDS.c.key)
        .having(SHARDS.c.strips != given)
    )
    return [
        f"{key} holds {strips} strips, its videos gave {count}"
        for key, strips, count in db.execute(shards)
    ]


def _as_counts(db: sa.Connection, query: sa.Select[Any]) -> dict[str, int]:
    return {str(name): int(count) for name, count in db.execute(query)}
