"""Small copies of strips for people to look at, and the same clip before it was stabilized.

A strip keeps no unstabilized picture, so the film is decoded again up to the clip, and its
frames go through the same crops and scaling with identities for homographies. Frame 0 is never
warped: if it differs from the strip's, the file is not the one that the strip was cut from.

Cost: 6 ms to shrink a strip of 128 pixels; to decode a film again up to its clip, 1.4 ms (320 x
240 pixels) to 4.7 ms (1280 x 720) per frame, on one core.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from tinyvideo.pipeline.decode import FramesConfig, open_video
from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.pixels import to_gray
from tinyvideo.pipeline.stabilize import render
from tinyvideo.pipeline.strips import crop_to_strip, decode_strip, encode_strip, strip_shape
from tinyvideo.pipeline.types import STRIP_FRAMES, Crop, Frame, Frames, frames_of_film

SAME_PICTURE = 1.0
"""Largest mean difference, 0 to 255, between two copies of one frame, both shrunk to 16 x 16 gray
pixels. Ours: JPEG makes 0.3 on real films, four frames later the picture has changed by 1.6."""


def shrink_strip(jpeg: bytes, size: int, quality: int) -> bytes:
    """Copy a strip with frames of at most `size` x `size` pixels, in eighths of the stored size.

    Raises:
        ValueError: `jpeg` is not a strip.
    """
    stored = strip_shape(jpeg)[1]
    eighths = min(8, max(1, 8 * size // stored))
    return encode_strip(decode_strip(jpeg, stored * eighths // 8), quality)


def contact_sheet(strips: Sequence[bytes], size: int = 64, quality: int = 80) -> bytes:
    """Show strips below each other, one row each: every fourth of its frames, left to right.

    Returns a JPEG of 8 `size` x `len(strips)` `size` pixels, 3 kB per strip; `size` is in eighths
    of the stored size, which all strips share, and at most that.

    Raises:
        ValueError: one of them is not a strip, or there is none.
    """
    size = min(size, strip_shape(strips[0])[1]) if strips else size
    rows = [np.hstack(list(decode_strip(jpeg, size)[:: STRIP_FRAMES // 8])) for jpeg in strips]
    sheet = np.ascontiguousarray(np.vstack(rows))
    return bytes(simplejpeg.encode_jpeg(sheet, quality=quality))


def unstabilized_strip(
    film: Path,
    start_frame: int,
    stabilized: bytes,
    quality: int,
    *,
    step: int = 1,
    source_frames: Sequence[int] | None = None,
    crop: Crop | None = None,
    config: FramesConfig | None = None,
) -> bytes:
    """Decode `film` again and make of it the strip that `stabilized` would be without any warp.

    `start_frame`, `step`, `source_frames` and `crop` are those of `pipeline.types.Strip`; the size
    is that of `stabilized`.

    Raises:
        UnreadableError: the file is gone, or is not the one that the strip was cut from.
        RejectedError: it cannot be decoded up to the end of the clip.
        ValueError: `stabilized` is not a strip, or the film has no such part as `crop`.
    """
    first = decode_strip(stabilized)[0]
    wanted = frames_of_film(start_frame, step, source_frames)
    with open_video(film, config or FramesConfig()) as video:
        images: list[Frame] = []
        for frame in video.take(wanted):
            images.append((frame if images else video.cut_again(frame, crop)).image)
        frames = _render_still(images, len(first))
    if len(frames) < STRIP_FRAMES or _difference(frames[0], first) > SAME_PICTURE:
        raise UnreadableError(f"not the file that the strip was cut from: {str(film)!r}")
    return encode_strip(frames, quality)


def same_picture(one: bytes, other: bytes) -> bool:
    """Tell whether two strips, of any sizes, begin with the same picture.

    Raises:
        ValueError: one of them is no strip.
    """
    return _difference(decode_strip(one)[0], decode_strip(other)[0]) <= SAME_PICTURE


def _render_still(images: list[Frame], size: int) -> Frames:
    if not images:
        return np.empty((0, size, size, 3), np.uint8)
    height, width = images[0].shape[:2]
    stay = np.tile(np.eye(3), (len(images), 1, 1))
    return render(np.stack(images), stay, crop_to_strip(width, height, size), size).frames


def _difference(one: Frame, other: Frame) -> float:
    # Shrunk so far, JPEG's noise averages out, and what is left is what the picture shows.
    small = [
        cv2.resize(to_gray(frame), (16, 16), interpolation=cv2.INTER_AREA) for frame in (one, other)
    ]
    return float(np.mean(cv2.absdiff(*small)))
