"""See by the pictures themselves that one is damaged, where its decoder has not noticed.

Bits that were turned over can be valid bits, and then no decoder complains. What it paints shows
two things that no camera and no encoder makes:

* colors that do not exist. Of brightness and the two color differences most combinations are no
  color at all. Every picture was once RGB, and a mean of colors is a color: so the means of 8 x 8
  pixels must be some, but for what coding adds.
* changes that end at blocks. Where a picture suddenly differs from the one before it, the edges of
  what differs lie anywhere; those of damage lie on the grid of 8 pixels, more than the edges of the
  pictures themselves, which coding has made blocky too.

    share of blocks that are no color      honest films 0.009 at most, damaged pictures 0.01 to 0.7
    changes at blocks, beside pictures     honest films 1.66 at most, damaged pictures 1.1 to 2.9
    the same of MJPEG                      1.29 at most, 1.3 to 2.9

The honest films are 30 from the net, and a row of cuts, flashes and captions that was encoded as
badly as 14 encoders can.

Cost per frame: 50 us at 640 x 360, and 1 ms where the picture changes suddenly. Source: ours, of
the films of tests/fuzz/mutated_films.py.
"""

from collections import deque
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from tinyvideo.pipeline.errors import RejectedError, RejectReason

Plane: TypeAlias = npt.NDArray[Any]

BLOCK = 8
"""Side of a block, in pixels: that of JPEG and MPEG; newer codecs have multiples of it."""

PAST_COLORS, MOST_IMPOSSIBLE = 28.0, 0.02
"""How far blocks may lie outside of all colors, 0 to 255, and the share of those that lie further
outside, at most. Ours: MJPEG of the least quality has 0.009 of them 24 outside."""

SUDDEN, SUDDEN_RATIO = 3.0, 2.5
"""A change is sudden above so many of 255, and so many times the usual one. Ours."""

ON_GRID, ON_GRID_OF = 1.7, {"mjpeg": 1.32}
"""How many times as much as pictures a sudden change may show the grid of blocks, at most. Ours:
in MJPEG nothing is predicted, so nothing but damage is more blocky than the pictures."""

MATRICES = ((1.402, 0.344, 0.714, 1.772), (1.575, 0.187, 0.468, 1.856))
"""What red, green and blue take of the color differences, by BT.601 and BT.709: films do not always
say by which, so a block must be a color by one of them."""


class DamageWatch:
    """Looks at every frame of one film, in order."""

    def __init__(self, codec: str) -> None:
        self._on_grid = ON_GRID_OF.get(codec, ON_GRID)
        self._before: tuple[list[Plane], list[Plane]] | None = None
        self._usual: deque[float] = deque(maxlen=8)
        self._number = -1

    def look(self, frame: VideoFrame) -> None:
        """Take the next frame.

        Raises:
            RejectedError: CORRUPT, with the figures.
        """
        self._number += 1
        planes = planes_of(frame)
        if planes is None:
            return
        small = [shrink(plane) for plane in planes]
        share = impossible_share(small)
        if share > MOST_IMPOSSIBLE:
            raise self._damaged(f"{share:.1%} of the picture have colors that do not exist")
        before, self._before = self._before, (planes, small)
        if before is None or before[0][0].shape != planes[0].shape:
            return
        changes = [_mean_change(*two) for two in zip(before[1], small, strict=True)]
        usual = float(np.median(self._usual)) if self._usual else 0.0
        self._usual.append(max(changes))
        for change, old, new in zip(changes, before[0], planes, strict=True):
            if change > max(SUDDEN, SUDDEN_RATIO * usual):
                self._check_grid(change, old, new)

    def _check_grid(self, change: float, old: Plane, new: Plane) -> None:
        difference = cv2.subtract(new, old, dtype=cv2.CV_16S)
        ratio = grid_ratio(difference) / max(grid_ratio(old), grid_ratio(new))
        if ratio > self._on_grid:
            detail = f"it changes by {change:.1f} of 255, and {ratio:.2f} times as much at blocks"
            raise self._damaged(f"{detail} as pictures do")

    def _damaged(self, why: str) -> RejectedError:
        return RejectedError(RejectReason.CORRUPT, f"at frame {self._number}: {why}")


def planes_of(frame: VideoFrame) -> list[Plane] | None:
    """See the planes of a YUV frame, (H, W) and (h, w) twice, uncopied; None if it has none."""
    layout = frame.format
    if not layout.name.startswith("yuv") or len(frame.planes) < 3 or not layout.is_planar:
        return None
    kind = np.uint8 if layout.components[0].bits == 8 else np.uint16
    found = []
    for plane in frame.planes[:3]:
        if plane.line_size <= 0 or layout.is_big_endian:
            return None
        rows = np.ndarray((plane.height, plane.line_size), np.uint8, buffer=memoryview(plane))
        found.append(rows.view(kind)[:, : plane.width])
    if kind is np.uint16:
        shift = layout.components[0].bits - 8
        found = [(plane >> shift).astype(np.uint8) for plane in found]
    return found


def shrink(plane: Plane) -> Plane:
    """Take the means of blocks, (H / 8, W / 8) float32; of color at half size, of 4 x 4."""
    height, width = plane.shape
    return cv2.resize(
        plane, (max(1, width // BLOCK), max(1, height // BLOCK)), interpolation=cv2.INTER_AREA
    )


def impossible_share(small: list[Plane]) -> float:
    """Compute which share of blocks is no color, by none of the matrices."""
    luma, *others = small
    size = luma.shape[::-1]
    u, v = (
        cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32) - 128
        for plane in others
    )
    y = luma.astype(np.float32)
    excess = [_excess(y, u, v, matrix) for matrix in MATRICES]
    return float((np.minimum(*excess) > PAST_COLORS).mean())


def _excess(y: Plane, u: Plane, v: Plane, matrix: tuple[float, float, float, float]) -> Plane:
    red, green_u, green_v, blue = matrix
    r, g, b = y + red * v, y - green_u * u - green_v * v, y + blue * u
    high = np.maximum(np.maximum(r, g), b) - 255
    return np.maximum(high, -np.minimum(np.minimum(r, g), b))


def grid_ratio(plane: Plane) -> float:
    """Compute how much larger the steps of (H, W) values are across the grid of blocks."""
    on, off = 0.0, 0.0
    for axis in (0, 1):
        steps = np.abs(np.diff(plane.astype(np.int16), axis=axis)).mean(axis=1 - axis)
        grid = np.arange(1, len(steps) + 1) % BLOCK == 0
        on, off = on + float(steps[grid].mean()), off + float(steps[~grid].mean())
    return max(on, 0.01) / (off + 1.0)


def _mean_change(one: Plane, other: Plane) -> float:
    return float(cv2.norm(one, other, cv2.NORM_L1)) / one.size
