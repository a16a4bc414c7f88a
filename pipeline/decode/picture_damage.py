"""See by the pictures themselves that one is damaged, where its decoder has not noticed.

Bits that were turned over can be valid bits, and then no decoder complains. What it paints shows
two things that no camera and no encoder makes:

* colors that do not exist. Of brightness and the two color differences most combinations are no
  color at all. Every picture was once RGB, and a mean of colors is a color: so the means of some
  pixels must be some, but for what coding adds.
* changes that end at blocks. Where a picture suddenly differs from the one before it, the edges of
  what differs lie anywhere; those of damage lie on the grid of 8 pixels, more than the edges of the
  pictures themselves, which coding has made blocky too.

    share of blocks that are no color      honest films 0.009 at most, damaged pictures 0.01 to 0.7
    changes at blocks, beside pictures     honest films 1.66 at most, damaged pictures 1.1 to 2.9
    the same of MJPEG                      1.29 at most, 1.3 to 2.9

The honest films are 30 from the net, and a row of cuts, flashes and captions that was encoded as
badly as 14 encoders can.

Cost per frame, beside decoding, on a busy machine: 0.2 ms at 640 x 360; 0.8 ms at 320 x 240 where
every sixth frame changes suddenly. Source: ours, of the films of tests/fuzz/mutated_films.py, and
the limits were set on these films.
"""

from collections import deque
from collections.abc import Generator
from contextlib import closing
from statistics import median
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from tinyvideo.pipeline.decode.cutting import see_plane
from tinyvideo.pipeline.errors import RejectedError, RejectReason

Plane: TypeAlias = npt.NDArray[Any]

BLOCK = 8
"""Side of a block, in pixels: that of JPEG and MPEG; newer codecs have multiples of it."""

PAST_COLORS, MOST_IMPOSSIBLE = 28.0, 0.02
"""How far blocks may lie outside of all colors, 0 to 255, and the share of those that lie further
outside, at most. Ours: MJPEG of the least quality has 0.009 of them 24 outside."""

LOOKED_AT = 8
"""Every how many frames colors are looked at, besides those that change suddenly. Ours."""

SUDDEN, SUDDEN_RATIO = 4.0, 2.5
"""A change is sudden above so many of 255, and so many times the usual one. Ours."""

ON_GRID, ON_GRID_OF = 1.7, {"mjpeg": 1.32}
"""How many times as much as pictures a sudden change may show the grid of blocks, at most. Ours:
in MJPEG nothing is predicted, so nothing but damage is more blocky than the pictures."""

LEAST_GRID = 0.7
"""What pictures show of the grid of blocks, at least. Ours: those of H.264 show 0.8 to 1."""

TO_RGB = np.array(
    [
        [[1, 0, 1.402], [1, -0.344, -0.714], [1, 1.772, 0]],
        [[1, 0, 1.575], [1, -0.187, -0.468], [1, 1.856, 0]],
    ],
    np.float32,
).reshape(-1, 3)
"""Red, green, blue of brightness and color differences, by BT.601 and BT.709: films do not always
say by which, so a block must be a color by one of them. Full range, which has more colors."""


def watched(frames: Generator[VideoFrame], watch: "DamageWatch") -> Generator[VideoFrame]:
    """Hand frames that follow each other on, as long as they show no damage.

    Raises:
        RejectedError: CORRUPT, with the figures.
    """
    watch.begin()
    with closing(frames):
        for frame in frames:
            watch.look(frame)
            yield frame


class DamageWatch:
    """Looks at every frame of one film, in order."""

    def __init__(self, codec: str) -> None:
        self._on_grid = ON_GRID_OF.get(codec, ON_GRID)
        self._number = -1
        self.begin()

    def begin(self) -> None:
        """Take note that the next frame follows none of those before."""
        self._before: list[Plane] | None = None
        self._usual: deque[float] = deque(maxlen=8)
        self._since = -1

    def look(self, frame: VideoFrame) -> None:
        """Take the next frame.

        Raises:
            RejectedError: CORRUPT, with the figures.
        """
        self._number += 1
        self._since += 1
        planes = planes_of(frame)
        if planes is None:
            return
        before, self._before = self._before, planes
        sudden: list[tuple[float, Plane, Plane]] = []
        if before is not None and before[0].shape == planes[0].shape:
            sudden = self._sudden_changes(before, planes)
        if sudden or self._since % LOOKED_AT == 0:
            self._check_colors(planes)
        for change, old, new in sudden:
            self._check_grid(change, old, new)

    def _sudden_changes(
        self, before: list[Plane], planes: list[Plane]
    ) -> list[tuple[float, Plane, Plane]]:
        changes = [_change(old, new) for old, new in zip(before, planes, strict=True)]
        least = max(SUDDEN, SUDDEN_RATIO * median(self._usual)) if self._usual else SUDDEN
        self._usual.append(max(changes))
        seen = zip(changes, before, planes, strict=True)
        return [(change, old, new) for change, old, new in seen if change > least]

    def _check_colors(self, planes: list[Plane]) -> None:
        share = impossible_share(planes)
        if share > MOST_IMPOSSIBLE:
            raise self._damaged(f"{share:.1%} of the picture have colors that do not exist")

    def _check_grid(self, change: float, old: Plane, new: Plane) -> None:
        of_change = grid_ratio(cv2.subtract(new, old, dtype=cv2.CV_16S))
        if of_change < self._on_grid * LEAST_GRID:
            return
        ratio = of_change / max(grid_ratio(old), grid_ratio(new), LEAST_GRID)
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
    bits, found = layout.components[0].bits, []
    for plane in frame.planes[:3]:
        samples = None if layout.is_big_endian else see_plane(plane, bits)
        if samples is None:
            return None
        seen = samples[:, : plane.width]
        found.append(np.right_shift(seen, bits - 8).astype(np.uint8) if bits > 8 else seen)
    return found


def impossible_share(planes: list[Plane]) -> float:
    """Compute which share of blocks is no color, by none of the matrices; of each its middle."""
    height, width = planes[0].shape
    size = max(1, width // BLOCK), max(1, height // BLOCK)
    blocks = [cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in planes]
    yuv = np.stack([block.ravel() for block in blocks]).astype(np.float32)
    yuv[1:] -= 128
    rgb = (TO_RGB @ yuv).reshape(len(TO_RGB) // 3, 3, -1)
    outside = np.maximum(rgb.max(axis=1) - 255, -rgb.min(axis=1))
    return float((outside.min(axis=0) > PAST_COLORS).mean())


def grid_ratio(plane: Plane) -> float:
    """Compute how much larger the steps of (H, W) values are across the grid of blocks."""
    on, off = 0.0, 0.0
    for turned in (plane[::3], plane.T[::3]):  # a third of the lines tells as much
        lines = np.ascontiguousarray(turned)
        steps = cv2.absdiff(lines[:, 1:], lines[:, :-1])
        means = cv2.reduce(steps, 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
        grid = np.arange(1, len(means) + 1) % BLOCK == 0
        on, off = on + float(means[grid].mean()), off + float(means[~grid].mean())
    return max(on, 0.01) / (off + 1.0)


def _change(old: Plane, new: Plane) -> float:
    """Measure the root mean square difference of some 24 rows, 0 to 255."""
    step = max(1, len(new) // 24)
    rows = old[step // 2 :: step], new[step // 2 :: step]
    return float(cv2.norm(*rows, cv2.NORM_L2) / rows[0].size ** 0.5)
