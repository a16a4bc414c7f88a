"""Rows of the catalog's tables <-> the types of the pipeline.

Cost: 4 us to lay out the row of a video, 6 us to read one; SQLAlchemy's part is larger.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from tinyvideo.pipeline.errors import FailCause
from tinyvideo.pipeline.types import ClipCounts, VideoRecord, VideoState
from tinyvideo.storage.database.column_types import DamagedError, storable
from tinyvideo.storage.database.tables import ACCEPTED, VIDEOS

_RECORD_FIELDS = tuple(f.name for f in fields(VideoRecord) if f.name not in {"problem", "refused"})
_VALUES_OF = attrgetter(*_RECORD_FIELDS)
_VIDEO_FIELDS = ("state", "reason", "detail", "attempts", "shard_key")

RECORD_COLUMNS = tuple(VIDEOS.c[name] for name in _RECORD_FIELDS)
"""What `record_of` wants."""

VIDEO_COLUMNS = (*RECORD_COLUMNS, *(VIDEOS.c[name] for name in _VIDEO_FIELDS))
"""What `video_of` wants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRow:
    """What the catalog knows of one video."""

    record: VideoRecord
    state: VideoState
    reason: str
    """Why it has this state; of a pending video, why its last attempt came to nothing."""

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


def row_of_video(record: VideoRecord, found_at: datetime) -> dict[str, Any]:
    """Lay out a new video: pending, or rejected or failed at once where its source knows why."""
    values = zip(_RECORD_FIELDS, _VALUES_OF(record), strict=True)
    # As the database will have it, so that blocked names are found in it.
    row = {name: storable(v) if isinstance(v, str) else v for name, v in values}
    moments = dict.fromkeys(("found_at", "updated_at", "next_try_at"), found_at)
    return {**row, **_first_verdict(record), **moments}


def _first_verdict(record: VideoRecord) -> dict[str, str]:
    state, reason = VideoState.PENDING, ""
    if record.refused:
        state, reason = VideoState.REJECTED, record.refused.value
    elif record.problem:
        state, reason = VideoState.FAILED, FailCause.UNREADABLE.value
    return {"state": state.value, "reason": reason, "detail": record.problem}


def record_of(row: Sequence[Any]) -> VideoRecord:
    """Read a row of `RECORD_COLUMNS`.

    Raises:
        DamagedError: the catalog holds an id that is none.
    """
    try:
        return VideoRecord(**dict(zip(_RECORD_FIELDS, row, strict=True)))
    except (ValueError, TypeError) as error:
        raise DamagedError(str(error)) from error


def video_of(row: Sequence[Any]) -> VideoRow:
    """Read a row of `VIDEO_COLUMNS`."""
    fields = len(_RECORD_FIELDS)
    state, reason, detail, attempts, shard_key = row[fields:]
    return VideoRow(
        record=record_of(row[:fields]),
        state=state_of(state),
        reason=reason,
        detail=detail,
        attempts=attempts,
        shard_key=shard_key,
    )


def state_of(word: str) -> VideoState:
    """Read in which state a video is.

    Raises:
        DamagedError: in none that there is.
    """
    try:
        return VideoState(word)
    except ValueError as error:
        raise DamagedError(str(error)) from error


def rows_of_clips(video_id: str, counts: ClipCounts) -> list[dict[str, Any]]:
    """Lay out how the windows of a video ended, one row per outcome."""
    accepted = {"outcome": ACCEPTED, "count": counts.accepted, "first_detail": ""}
    rejected = (
        {"outcome": reason, "count": count, "first_detail": counts.first_details[reason]}
        for reason, count in counts.rejected.items()
    )
    return [{"video_id": video_id, **row} for row in (accepted, *rejected)]


def verdict_of(counts: ClipCounts) -> tuple[VideoState, str, str]:
    """Judge a video by its windows: CURATED, or REJECTED with the reason that befell most.

    Raises:
        ValueError: there is not a single window.
    """
    if counts.accepted:
        return VideoState.CURATED, "", ""
    if not counts.rejected:
        raise ValueError("a video without a single window must be rejected by its decoder")
    reason = max(counts.rejected, key=lambda r: counts.rejected[r])  # the first of equals
    windows = sum(counts.rejected.values())
    share = f"{counts.rejected[reason]} of {windows} windows"
    return VideoState.REJECTED, reason, f"{share}; the first: {counts.first_details[reason]}"
