"""Measure, in the picture itself, how much of a room stands still along a camera path.

Keypoints lie where texture is, and that is on people: a shirt has two hundred, the wall behind it
ten. So what stands still is measured by area. The frames are carried into frame 0, and every pixel
of frame 0 is followed through time. How far a block has moved is the spread of its brightness over
time, less the noise, divided by how steep it is. A block that is flat says nothing. One that is
faint says little, since it would hardly be seen if it moved.

The room reaches around whoever stands in it, so the rim of the picture is counted apart: the left,
right and upper one, since bodies reach down to the lower one.

A body with strong texture must not outvote a room with faint edges. So paths compete by parts of
the picture, each of which counts as large as it is, those to the sides and above more.

Source: ours. The spread is half the way between the 12.5th and 87.5th percentile: what passes for a
quarter of the window does not count.

T counts frames; a block is 12 x 12 pixels. Every second frame is looked at, at half the size. Cost
on one core, 32 frames of 427 x 240 px: 2 ms to prepare, 3 ms for a tripod, 6 ms per path.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.pixels import halve
from tinyvideo.pipeline.stabilize.blocks import (
    BLOCK,
    FROM_HALF,
    RIM,
    TO_HALF,
    Floats,
    Mask,
    block_means,
    ranked,
    rim_of,
    room_of,
    slopes_of,
    texture_of,
)
from tinyvideo.pipeline.types import Frames, GrayFrame, Homographies

Array = npt.NDArray[np.float64]

_EVERYWHERE = slice(None)

_LOOKED_AT = 16
"""Frames, evenly spaced, that are looked at."""

_FAINT = 1.0
"""Slope, in brightness (0 to 255) per pixel of the half size, at which a block counts half."""

_PARTS = 4, 6
"""Rows and columns of the parts of the picture that count as large as they are."""

_LEAST_TEXTURE = 0.5
"""A part with less, in blocks, shows nothing."""

_NOTHING = 0.7
"""A block with less slope shows next to nothing."""

_NOISE = 0.1, 2.0
"""Least and largest standard deviation that is taken for noise, after softening, in brightness."""

_STRICT_PX = 0.35
"""A block that moved less stands still. Ours: on tripods nearly all of a room does, in a hand
hardly any."""

LOOSE_PX = 1.2
"""A block that moved less stands still as far as one plane can hold a room with depth."""

_EXACT_PX = 0.15
"""A block that shows texture and moved less did not move. Ours: in a hand none does."""

_UPPER = 0.6
"""Such blocks are looked for in this upper share of the picture: captions lie below."""

_GRADED_PX = 0.6
"""Motion, in pixels, at which a block has lost three quarters of its say where paths compete."""

_MOST_PX = 2.0
"""No pixel counts as if it had moved farther."""

_PASSED_PX = 1.2
"""A block of the room that is farther off in one frame is covered, or the frame lies elsewhere."""


@dataclass(frozen=True, slots=True)
class Stillness:
    """What stands still along a camera path: shares, 0 to 1, of the texture that can be seen."""

    reach: float
    """Of every part of the picture, as large as it is, by how still it stands and how likely it is
    the room: what paths compete by. A body has all the texture and fills a few parts; a room has
    faint edges in most of them."""

    strict: float
    """Of all, blocks that stand still to a third of a pixel."""

    strict_rim: float

    loose: float
    """Of all, blocks that stand still to about a pixel."""

    loose_rim: float

    sides: int
    """At how many of the left, right, upper and lower rim something stands still, of what shows
    any texture."""

    worst_frame: float
    """Share of the still blocks that also stand still in the frame where fewest do."""

    exact: float
    """How many blocks do not move at all although they would show it, by how likely they are the
    room."""

    exact_parts: int
    """Over how many parts of the picture these are spread, of 24."""

    faint_rim: float
    """Share of the rim's area, 0 to 1, that shows next to nothing, and moves with no path."""

    moving_rim: float
    """Share of the rim's area, 0 to 1, that shows something and moves."""

    @property
    def held(self) -> float:
        """Picture and rim together, 0 to 2, as far as one plane can hold a room with depth."""
        return self.loose + self.loose_rim


class Pictures:
    """The frames of a window, RGB or brightness, prepared to be carried along many paths."""

    def __init__(self, frames: Frames | Sequence[GrayFrame]) -> None:
        self._frames = frames
        self._textures: dict[int, GrayFrame] = {}
        self._halved: dict[int, GrayFrame] = {}
        self.count = len(frames)
        looked_at = np.linspace(0, self.count - 1, min(self.count, _LOOKED_AT))
        self.looked_at = [int(t) for t in np.rint(looked_at)]
        self.shape = height, width = self.texture(0).shape
        self.grid = height // BLOCK, width // BLOCK
        down, along = np.mgrid[: self.grid[0], : self.grid[1]].reshape(2, -1) * BLOCK
        middle = (BLOCK - 1) / 2
        self._middles = np.stack([along + middle, down + middle, np.ones(len(down))])
        self.rim = rim_of(self.grid)
        self.room = room_of(self.grid)
        self.room_parts = room_of(_PARTS)
        self.upper = np.arange(self.grid[0])[:, None] < _UPPER * self.grid[0]
        x, y = slopes_of(self.texture(0).astype(np.float32))
        self.slopes = self.by_block(x * x + y * y)
        self.say = self.slopes / (self.slopes + _FAINT**2)
        self.textured = int((self.slopes >= _NOTHING**2).sum())

    def texture(self, t: int) -> GrayFrame:
        """What frame t shows, without its local mean, at half the size."""
        if t not in self._textures:
            self._textures[t] = texture_of(self._frames[t])
        return self._textures[t]

    def halved(self, t: int) -> GrayFrame:
        """The texture of frame t at half its size, for a first guess."""
        if t not in self._halved:
            self._halved[t] = halve(self.texture(t))
        return self._halved[t]

    def carried(self, to_first: Homographies | None) -> tuple[list[GrayFrame], Floats]:
        """Carry every second frame into frame 0, and say how often each block is seen, 0 to 1.

        Where a frame shows nothing, what was there before is kept. None leaves them where they are.
        """
        if to_first is None:
            still = [self.texture(t) for t in self.looked_at]
            return still, np.ones(self.grid, np.float32)
        height, width = self.shape
        places = TO_HALF @ to_first[self.looked_at] @ FROM_HALF
        carried = [self.texture(0)]
        for t, place in zip(self.looked_at[1:], places[1:], strict=True):
            moved = carried[-1].copy()
            cv2.warpPerspective(
                self.texture(t),
                place,
                (width, height),
                dst=moved,
                borderMode=cv2.BORDER_TRANSPARENT,
            )
            carried.append(moved)
        return carried, self._in_view(places)

    def _in_view(self, places: Homographies) -> Floats:
        """How often the middle of each block is seen by frames that lie at `places`, 0 to 1."""
        height, width = self.shape
        x, y, w = np.moveaxis(np.linalg.inv(places) @ self._middles, 1, 0)
        low, across, down = np.minimum(x, y) >= -0.5 * w, width - 0.5, height - 0.5
        inside = low & (x <= across * w) & (y <= down * w) & (w > 0)
        return np.asarray(inside.mean(axis=0).reshape(self.grid), np.float32)

    def by_part(self, blocks: Floats) -> Floats:
        """Sum blocks up over the parts of the picture."""
        rows, columns = self.grid
        down = np.arange(_PARTS[0]) * rows // _PARTS[0]
        along = np.arange(_PARTS[1]) * columns // _PARTS[1]
        return np.asarray(np.add.reduceat(np.add.reduceat(blocks, down, 0), along, 1))

    def by_block(self, picture: npt.NDArray[np.generic]) -> Floats:
        """Take the mean of every block of a picture of the half size."""
        return block_means(picture, BLOCK, self.grid)

    def judge(self, to_first: Homographies | None) -> Stillness:
        """Measure what stands still along a path, (T, 3, 3) in pixels of the frames; None: none."""
        return self.look(to_first).stillness

    def look(self, to_first: Homographies | None) -> "Look":
        """Carry the frames along a path, (T, 3, 3), and follow every pixel; None: along none."""
        return Look(self, *self.carried(to_first))


class Look:
    """The frames carried along one path."""

    def __init__(self, pictures: Pictures, carried: list[GrayFrame], seen: Floats) -> None:
        self.pictures, self.carried = pictures, carried
        self.median, spread = _over_time(carried)
        x, y = slopes_of(self.median)
        steep = x * x + y * y
        self.slopes = pictures.by_block(steep)
        """Mean squared slope of every block, in brightness per pixel of the half size."""

        flat = pictures.slopes <= np.percentile(pictures.slopes, 25)
        low, high = _NOISE
        around = pictures.by_block(spread * spread)[flat]
        self.noise = float(np.clip(np.median(around), low**2, high**2))
        # What passes before a part of a block makes it no more than a moving one.
        most = np.square(2 * np.sqrt(self.noise) + _MOST_PX / 2 * np.sqrt(steep))
        excess = pictures.by_block(np.minimum(spread * spread, most)) - self.noise
        self.moved_px = self._in_pixels(excess)
        self.in_view = seen >= 0.5
        sure = self.in_view & (self.slopes > self.noise / 8)
        self.say = np.where(sure, self.slopes / (self.slopes + _FAINT**2), 0)

    @cached_property
    def stillness(self) -> Stillness:
        """What stands still."""
        pictures, moved_px = self.pictures, self.moved_px
        strict, loose = (self.say * (moved_px < px) for px in (_STRICT_PX, LOOSE_PX))
        shows = self.in_view & (self.slopes > np.maximum(4 * self.noise, 1))
        exact = (shows & (moved_px < _EXACT_PX) & pictures.upper).astype(np.float32)
        faint = pictures.slopes < _NOTHING**2
        return Stillness(
            reach=self.reach,
            strict=self._share(strict, _EVERYWHERE),
            strict_rim=self._share(strict, pictures.rim),
            loose=self._share(loose, _EVERYWHERE),
            loose_rim=self._share(loose, pictures.rim),
            sides=self._sides(loose),
            worst_frame=self._worst_frame(loose),
            exact=float((exact * pictures.room).sum()),
            exact_parts=int((pictures.by_part(exact) > 0).sum()),
            faint_rim=float(faint[pictures.rim].mean()),
            moving_rim=float((~faint & (moved_px >= LOOSE_PX))[pictures.rim].mean()),
        )

    def _share(self, held: Floats, where: Mask | slice) -> float:
        possible = max(float(self.pictures.say[where].sum()), 1.0)
        return min(float(held[where].sum()) / possible, 1.0)

    @cached_property
    def reach(self) -> float:
        """That of its stillness: all that is asked where a path is brought nearer."""
        by_part = self.pictures.by_part
        held = by_part(self.say * self.graded)
        texture = np.maximum(by_part(self.pictures.say), by_part(self.say))
        counts = self.pictures.room_parts * (texture > _LEAST_TEXTURE)
        shares = np.minimum(held / np.maximum(texture, _LEAST_TEXTURE), 1)
        return float((counts * shares).sum() / max(float(counts.sum()), 1e-6))

    @cached_property
    def graded(self) -> Floats:
        """How still every block stands, 0 to 1."""
        return np.asarray((self.say > 0) / (1 + (self.moved_px / _GRADED_PX) ** 2) ** 2)

    def standing_still(self, points: Array) -> Array:
        """Say how far points (N, 2) of frame 0 belong to a room that stands still: (N,)."""
        rows, columns = self.pictures.grid
        x = np.clip(points[:, 0] / (2 * BLOCK), 0, columns - 1).astype(int)
        y = np.clip(points[:, 1] / (2 * BLOCK), 0, rows - 1).astype(int)
        return np.asarray((self.graded * self.pictures.room)[y, x], np.float64)

    def _sides(self, held: Floats) -> int:
        possible, (rows, columns) = self.pictures.say, held.shape
        wide, high = max(1, round(columns * RIM)), max(1, round(rows * RIM))
        sides = (np.s_[:, :wide], np.s_[:, -wide:], np.s_[:high], np.s_[-high:])
        return sum(bool(held[side].sum() > 0.2 * possible[side].sum()) for side in sides)

    def _worst_frame(self, held: Floats) -> float:
        total = float(held.sum())
        if total == 0:
            return 0.0
        return float(min((held * ~self.off(t)).sum() for t in range(len(self.carried))) / total)

    def off(self, t: int) -> Mask:
        """Say which blocks are not in their place in the frame number t that is looked at."""
        middle = np.asarray(np.rint(self.median), np.uint8)
        apart = cv2.absdiff(self.carried[t], middle).astype(np.float32)
        excess = self.pictures.by_block(apart * apart) - 2 * self.noise
        return np.asarray(self._in_pixels(excess) > 2 * _PASSED_PX)

    def _in_pixels(self, excess: Floats) -> Floats:
        """Say how far blocks whose brightness varies by so much, squared, have moved."""
        return np.asarray(2 * np.sqrt(np.maximum(excess, 0) / np.maximum(self.slopes, 1e-6)))


def _over_time(carried: list[GrayFrame]) -> tuple[Floats, Floats]:
    """Median of every pixel over time, and half the way between its outer eighths."""
    count, eighth = len(carried), len(carried) // 8
    ranks = (count - 1) // 2, count // 2, eighth, count - 1 - eighth
    lower, upper, dark, bright = ranked(carried, ranks)
    median = (lower.astype(np.float32) + upper) / np.float32(2)
    spread = cv2.subtract(bright, dark)
    return median, spread.astype(np.float32) / np.float32(2)
