"""Verdicts: what a worker found out about a video, entered once, with every window counted.

Cost: 1.5 to 7 ms each, nearly all of it the sync to disk.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from tinyvideo.pipeline.errors import FailCause
from tinyvideo.pipeline.types import ClipCounts, VideoState
from tinyvideo.storage.catalog.crawl_pace import count_verdict
from tinyvideo.storage.catalog.leases import MAX_ATTEMPTS, check_holder
from tinyvideo.storage.database import (
    CLIPS,
    VIDEOS,
    CatalogBase,
    chunks,
    rows_of_clips,
    update_videos,
    verdict_of,
)

_OPEN = (VideoState.PENDING, VideoState.LEASED, VideoState.CURATED)


class Verdicts(CatalogBase):
    """The part of the catalog that says how videos ended."""

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
        verdict = {"state": state, "reason": reason, "detail": detail}
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
        verdict = {"state": state, "reason": reason, "detail": detail}
        self._conclude(video_id, rows, verdict, holder)
        return state

    def forget_clips(self, video_ids: Sequence[str]) -> None:
        """Return videos whose part files are lost to pending, as if nobody had seen them.

        A video that was leased `MAX_ATTEMPTS` times has failed: else it might be curated for ever.
        """
        given_up = {"state": VideoState.FAILED, "reason": FailCause.BUG.value}
        given_up["detail"] = f"its strips were lost, after {MAX_ATTEMPTS} attempts or more"
        with self._write() as db:
            for chunk in chunks(video_ids):
                db.execute(CLIPS.delete().where(CLIPS.c.video_id.in_(chunk)))
                ids = VIDEOS.c.video_id.in_(chunk)
                update_videos(db, ids, state=VideoState.PENDING, shard_key="")
                update_videos(db, sa.and_(ids, VIDEOS.c.attempts >= MAX_ATTEMPTS), **given_up)

    def _conclude(
        self,
        video_id: str,
        clips: Sequence[Mapping[str, Any]],
        verdict: Mapping[str, Any],
        holder: str | None,
    ) -> None:
        # Clips of an earlier attempt go: the books would count them twice.
        with self._write() as db:
            check_holder(db, video_id, holder)
            is_open = sa.and_(VIDEOS.c.state.in_(_OPEN), VIDEOS.c.shard_key == "")
            mine = sa.and_(VIDEOS.c.video_id == video_id, is_open)
            if update_videos(db, mine, **verdict) != 1:
                raise ValueError(f"video {video_id} is unknown, or has already ended")
            db.execute(CLIPS.delete().where(CLIPS.c.video_id == video_id))
            if clips:
                db.execute(CLIPS.insert(), clips)
            count_verdict(db, self._clock())
