"""Cut strips from a film again, at another size or crop, with the homographies that are stored.

The frames are decoded at their full size, so that a larger strip is sharper, and no camera is
looked for: it is known where every frame lies in the first one of its clip.

Cost: to decode every frame up to the last clip (0.5 ms at 360p, 9 ms at 1080p), and 0.5 to 3 ms per
frame of a strip, by size. One clip of full-size frames is in memory: 200 MB at 1080p.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tinyvideo.pipeline.decode import FramesConfig, open_video
from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.stabilize import render
from tinyvideo.pipeline.strips import crop_to_strip, encode_strip
from tinyvideo.pipeline.types import (
    STRIP_FRAMES,
    Frame,
    Homographies,
    Homography,
    frames_of_film,
)

Square = tuple[float, float, float]
"""Left, top and side of a square of the film, in its pixels, from the corner of the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipPlace:
    """Where a clip lies in its film."""

    index: int
    start_frame: int
    frame_step: int
    to_first: Homographies
    """In pixels of the film, (32, 3, 3)."""

    source_frames: tuple[int, ...] | None = None
    """Which frames of the film it shows, where they are not even."""

    @property
    def frames(self) -> tuple[int, ...]:
        """Numbers of its 32 frames among all decoded frames of the film."""
        return frames_of_film(self.start_frame, self.frame_step, self.source_frames)

    @classmethod
    def of(cls, entry: dict[str, Any]) -> "ClipPlace":
        """Read an entry of clips.json.

        Raises:
            ValueError, KeyError, TypeError: it is none.
        """
        to_first = np.asarray(entry["to_first"], np.float64)
        if to_first.shape != (STRIP_FRAMES, 3, 3):
            raise ValueError(f"clip {entry['index']} has no 32 matrices, but {to_first.shape}")
        # A list of before there were any has none.
        listed = tuple(int(number) for number in entry.get("source_frames") or ())
        if listed and (len(listed) != STRIP_FRAMES or list(listed) != sorted(set(listed))):
            raise ValueError(f"clip {entry['index']} has no 32 ascending source_frames")
        return cls(
            index=int(entry["index"]),
            start_frame=int(entry["start_frame"]),
            frame_step=int(entry["frame_step"]),
            to_first=to_first,
            source_frames=listed or None,
        )


def cut_strips(
    film: Path, places: Sequence[ClipPlace], size: int, square: Square | None = None
) -> Iterator[bytes]:
    """Yield the strip of every place, in the order of `start_frame`, as JPEG.

    Without a square, the strip shows the middle of the film, as large as it is.

    Raises:
        UnreadableError: the film cannot be opened, or ends before its clips do.
        RejectedError: it cannot be decoded.
    """
    waiting = sorted(places, key=lambda place: place.start_frame)
    with open_video(film, replace(FramesConfig(), working_px=None)) as video:
        crop = _crop(video.facts.width, video.facts.height, size, square)
        frames: list[Frame] = []
        for frame in video.take({number for place in places for number in place.frames}):
            if not waiting:
                return
            place = waiting[0]
            if frame.index != place.frames[len(frames)]:
                continue
            frames.append(frame.image)
            if len(frames) == STRIP_FRAMES:
                yield encode_strip(render(np.stack(frames), place.to_first, crop, size).frames)
                waiting, frames = waiting[1:], []
    if waiting:
        raise UnreadableError(
            f"{film} ends before its clip {waiting[0].index}, which begins at frame "
            f"{waiting[0].start_frame}: this is not the film that the clips were found in"
        )


def _crop(width: int, height: int, size: int, square: Square | None) -> Homography:
    if square is None:
        return crop_to_strip(width, height, size)
    left, top, side = square
    scale = size / side
    half = (scale - 1) / 2
    return np.array([[scale, 0, half - left * scale], [0, scale, half - top * scale], [0, 0, 1]])
