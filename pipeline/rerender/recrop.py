"""Cut strips from a film again, at another size or crop, with the homographies that are stored.

The frames are decoded at their full size, so that a larger strip is sharper, and no camera is
looked for: it is known where every frame lies in the first one of its clip.

Cost: to decode every frame up to the last clip (0.5 ms at 360p, 9 ms at 1080p), and 0.5 to 3 ms per
frame of a strip, by size. One clip of full-size frames is in memory: 200 MB at 1080p.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tinyvideo.pipeline.decode import FramesConfig, OpenVideo, TimedFrame, open_video
from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.stabilize import render
from tinyvideo.pipeline.strips import StripConfig, crop_to_strip, encode_strip
from tinyvideo.pipeline.types import (
    STRIP_FRAMES,
    Crop,
    Frame,
    Frames,
    Homographies,
    Homography,
    frames_of_film,
)

DEFAULT_FRAMES, DEFAULT_STRIP = FramesConfig(), StripConfig()

Square = tuple[float, float, float]
"""Left, top and side of a square of the film, in its pixels, from the corner of the picture. Where
these are not square, the side counts columns."""


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

    crop: Crop | None = None
    """What bars leave of the film's picture; None: all of it."""

    @property
    def frames(self) -> tuple[int, ...]:
        """Numbers of its 32 frames among all decoded frames of the film."""
        return frames_of_film(self.start_frame, self.frame_step, self.source_frames)

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "ClipPlace":
        """Read a row of a shard.

        Raises:
            UnreadableError: nobody knows where the strip lies in its film.
        """
        if row["to_first"] is None or row["start_frame"] is None:
            raise UnreadableError(f"strip {row['strip_id']} has no homographies: it was imported")
        crop = {side: row[f"crop_{side}"] for side in ("left", "top", "width", "height")}
        listed = row["source_frames"]
        return cls(
            index=row["clip_index"],
            start_frame=row["start_frame"],
            frame_step=row["source_step"],
            to_first=np.reshape(row["to_first"], (STRIP_FRAMES, 3, 3)),
            source_frames=tuple(listed) if listed else None,
            crop=None if None in crop.values() else Crop(**crop),
        )

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
            crop=_read_crop(entry.get("crop")),
        )


def cut_strips(
    film: Path,
    places: Sequence[ClipPlace],
    size: int,
    square: Square | None = None,
    *,
    frames: FramesConfig = DEFAULT_FRAMES,
    quality: int = DEFAULT_STRIP.jpeg_quality,
) -> Iterator[bytes]:
    """Yield the strip of every place, in the order of `start_frame`, as JPEG.

    Without a square, the strip shows the middle of the film, as large as it is between its bars.
    Of `frames`, only the limits of size count here: which frames a clip has is known.

    Raises:
        UnreadableError: the film cannot be opened, or ends before its clips do.
        RejectedError: it cannot be decoded.
        ValueError: it is smaller than the crop of a clip.
    """
    waiting = sorted(places, key=lambda place: place.start_frame)
    with open_video(film, replace(frames, working_px=None)) as video:
        wanted = video.take({number for place in waiting for number in place.frames})
        while waiting:
            place = waiting[0]
            images = _read_frames(video, wanted, place, None if square else place.crop)
            if len(images) < STRIP_FRAMES:
                break
            cut = _cut(video, np.stack(images), place, size, square)
            yield encode_strip(cut, quality)
            waiting = waiting[1:]
    if waiting:
        raise UnreadableError(
            f"{film} ends before its clip {waiting[0].index}, which begins at frame "
            f"{waiting[0].start_frame}: this is not the film that the clips were found in"
        )


def _read_frames(
    video: OpenVideo, wanted: Iterator[TimedFrame], place: ClipPlace, crop: Crop | None
) -> list[Frame]:
    """Read on to the end of a clip; fewer than 32 frames if the film ends before."""
    frames: list[Frame] = []
    for frame in wanted:
        if frame.index == place.frames[len(frames)]:
            # Only here it is sure how large the pictures of the clip are.
            frames.append((frame if frames else video.cut_again(frame, crop)).image)
        if len(frames) == STRIP_FRAMES:
            break
    return frames


def _cut(
    video: OpenVideo, frames: Frames, place: ClipPlace, size: int, square: Square | None
) -> Frames:
    height, width = frames.shape[1:3]
    here = video.source_to_working
    to_first = here @ place.to_first @ np.linalg.inv(here)
    if square is None:
        return render(frames, to_first, crop_to_strip(width, height, size), size).frames
    shown = square[0] * here[0, 0], square[1] * here[1, 1], square[2] * here[0, 0]
    return render(frames, to_first, _crop_square(shown, size), size).frames


def _crop_square(square: Square, size: int) -> Homography:
    left, top, side = square
    scale = size / side
    half = (scale - 1) / 2
    return np.array([[scale, 0, half - left * scale], [0, scale, half - top * scale], [0, 0, 1]])


def _read_crop(entry: dict[str, Any] | None) -> Crop | None:
    return None if entry is None else Crop(**{name: int(size) for name, size in entry.items()})
