"""Measure, in the picture itself, how much of a room stands still along a camera path.

Keypoints lie where texture is, and that is on people: a shirt has two hundred, the wall behind it
ten. So what stands still is measured by area. The frames are carried into frame 0, and every pixel
of frame 0 is followed through time. How far a block has moved is the spread of its brightness over
time, less the noise, divided by how steep it is. A block that is flat says nothing. One that is
faint says little, since it would hardly be seen if it moved.

The room reaches around whoever stands in it, so the rim of the picture is counted apart: the left,
right and upper one, since bodies reach down to the lower one.

The local mean is taken off every frame first, so that a lamp or an exposure that adapts is no
motion. All is done at half the size of the frames.

Source: ours. The spread is half the way between the 12.5th and 87.5th percentile: what passes for a
quarter of the window does not count. Percentiles come from sorting whole frames against each other
by Batcher's network ("Sorting networks and their applications", 1968).

T counts frames; a block is 12 x 12 pixels. Cost on one core, 32 frames of 427 x 240 px: 3 ms to
prepare, 4 ms per path.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.pixels import halve, to_gray
from tinyvideo.pipeline.types import Frames, GrayFrame, Homographies

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

TO_HALF = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])
FROM_HALF = np.linalg.inv(TO_HALF)

BLOCK = 6
"""Side of a block, in pixels of the half size."""

RIM = 0.18
"""Width of the rim at the left and right, as a share of the picture's; at the top two thirds."""

_MEAN_PX = 15
"""Side of the square whose mean is taken off a pixel, in pixels of the half size."""

_NEAR = (16.0, 0.0, 0.0, 0.0)
"""Farthest that a pixel counts from the mean around it, in brightness."""

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
    """The frames of a window, prepared to be carried along many paths."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._textures: dict[int, GrayFrame] = {}
        self.count = len(frames)
        looked_at = np.linspace(0, self.count - 1, min(self.count, _LOOKED_AT))
        self.looked_at = [int(t) for t in np.rint(looked_at)]
        self.shape = height, width = self.texture(0).shape
        self.grid = height // BLOCK, width // BLOCK
        self.rim = _rim(self.grid)
        self.room = _room(self.grid)
        self.room_parts = _room(_PARTS)
        self.upper = np.arange(self.grid[0])[:, None] < _UPPER * self.grid[0]
        x, y = slopes_of(self.texture(0).astype(np.float32))
        self.slopes = self.by_block(x * x + y * y)
        self.say = self.slopes / (self.slopes + _FAINT**2)

    def texture(self, t: int) -> GrayFrame:
        """What frame t shows, without its local mean, at half the size."""
        if t not in self._textures:
            self._textures[t] = _texture(self._frames[t])
        return self._textures[t]

    def carried(self, to_first: Homographies | None) -> tuple[list[GrayFrame], Floats]:
        """Carry every second frame into frame 0, and say how often each block is seen, 0 to 1.

        Where a frame shows nothing, what was there before is kept. None leaves them where they are.
        """
        if to_first is None:
            still = [self.texture(t) for t in self.looked_at]
            return still, np.ones(self.grid, np.float32)
        height, width = self.shape
        everything = np.full((height, width), 255, np.uint8)
        carried, seen = [self.texture(0)], np.ones(self.grid, np.float32)
        places = TO_HALF @ to_first @ FROM_HALF
        for t in self.looked_at[1:]:
            place, moved = places[t], carried[-1].copy()
            cv2.warpPerspective(
                self.texture(t),
                place,
                (width, height),
                dst=moved,
                borderMode=cv2.BORDER_TRANSPARENT,
            )
            carried.append(moved)
            if _fills(place, width, height):
                seen += 1
            else:
                seen += self.by_block(cv2.warpPerspective(everything, place, (width, height))) / 255
        return carried, seen / len(carried)

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
        carried, seen = self.carried(to_first)
        still = np.tile(np.eye(3), (self.count, 1, 1))
        return Look(self, still if to_first is None else to_first, carried, seen)


class Look:
    """The frames carried along one path."""

    def __init__(
        self, pictures: Pictures, to_first: Homographies, carried: list[GrayFrame], seen: Floats
    ) -> None:
        self.pictures, self.to_first = pictures, to_first
        self.carried, self.seen = carried, seen
        ordered = sort_frames(carried)
        count = len(ordered)
        eighth = count // 8
        self.median = (
            ordered[(count - 1) // 2].astype(np.float32) + ordered[count // 2]
        ) / np.float32(2)
        spread = cv2.subtract(ordered[count - 1 - eighth], ordered[eighth]).astype(np.float32) / 2
        x, y = slopes_of(self.median)
        steep = x * x + y * y
        self.slopes = pictures.by_block(steep)
        flat = pictures.slopes <= np.percentile(pictures.slopes, 25)
        low, high = _NOISE
        around = pictures.by_block(spread * spread)[flat]
        self.noise = float(np.clip(np.median(around), low**2, high**2))
        # What passes before a part of a block makes it no more than a moving one.
        most = np.square(2 * np.sqrt(self.noise) + _MOST_PX / 2 * np.sqrt(steep))
        self.spread = pictures.by_block(np.minimum(spread * spread, most))
        self.in_view = seen >= 0.5
        self.sure = self.in_view & (self.slopes > self.noise / 8)
        excess = np.maximum(self.spread - self.noise, 0)
        self.moved_px = 2 * np.sqrt(excess / np.maximum(self.slopes, 1e-6))
        self.say = np.where(self.sure, self.slopes / (self.slopes + _FAINT**2), 0)

    @cached_property
    def stillness(self) -> Stillness:
        """What stands still."""
        rim = self.pictures.rim
        possible = self.pictures.say
        strict, loose = (self.say * (self.moved_px < px) for px in (_STRICT_PX, LOOSE_PX))

        def share(held: Floats, where: Mask | slice) -> float:
            return float(min(held[where].sum() / max(float(possible[where].sum()), 1.0), 1.0))

        shows = self.in_view & (self.slopes > np.maximum(4 * self.noise, 1))
        exact = (shows & (self.moved_px < _EXACT_PX) & self.pictures.upper).astype(np.float32)
        everywhere = slice(None)
        return Stillness(
            self._reach(possible),
            share(strict, everywhere),
            share(strict, rim),
            share(loose, everywhere),
            share(loose, rim),
            self._sides(loose, possible),
            self._worst_frame(loose),
            float((exact * self.pictures.room).sum()),
            int((self.pictures.by_part(exact) > 0).sum()),
            float((self.pictures.slopes < _NOTHING**2)[rim].mean()),
            float(
                ((self.pictures.slopes >= _NOTHING**2) & (self.moved_px >= LOOSE_PX))[rim].mean()
            ),
        )

    def _reach(self, possible: Floats) -> float:
        held = self.pictures.by_part(self.say * self.graded)
        texture = np.maximum(self.pictures.by_part(possible), self.pictures.by_part(self.say))
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

    def _sides(self, held: Floats, possible: Floats) -> int:
        rows, columns = held.shape
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
        excess = np.maximum(self.pictures.by_block(apart * apart) - 2 * self.noise, 0)
        return np.asarray(2 * np.sqrt(excess / np.maximum(self.slopes, 1e-6)) > 2 * _PASSED_PX)


def block_means(picture: npt.NDArray[np.generic], side: int, grid: tuple[int, int]) -> Floats:
    """Take the mean of every block of `side` x `side` pixels, of a grid (rows, columns)."""
    rows, columns = grid
    inside = np.ascontiguousarray(picture[: rows * side, : columns * side])
    means = cv2.resize(inside, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.float32)


def slopes_of(picture: Floats) -> tuple[Floats, Floats]:
    """Slopes of a picture along x and y, in brightness per pixel."""
    x = cv2.Sobel(picture, cv2.CV_32F, 1, 0, scale=1 / 8)
    y = cv2.Sobel(picture, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def sort_frames(frames: Sequence[GrayFrame]) -> list[GrayFrame]:
    """Sort every pixel over time: T pictures (H, W), the darkest first."""
    ordered = list(frames)
    for low, high in _network(len(ordered)):
        one, other = ordered[low], ordered[high]
        ordered[low], ordered[high] = cv2.min(one, other), cv2.max(one, other)
    return ordered


@lru_cache(maxsize=8)
def _network(count: int) -> list[tuple[int, int]]:
    """Batcher's odd-even merge sort: the pairs that are compared, in order."""
    pairs, part = [], 1
    while part < count:
        step = part
        while step >= 1:
            for begin in range(step % part, count - step, 2 * step):
                for i in range(begin, min(begin + step, count - step)):
                    if i // (2 * part) == (i + step) // (2 * part):
                        pairs.append((i, i + step))
            step //= 2
        part *= 2
    return pairs


def _texture(frame: npt.NDArray[np.uint8]) -> GrayFrame:
    """What is left of a frame without its local mean, around 128, at half the size."""
    soft = cv2.blur(halve(to_gray(frame)), (2, 2))
    mean = cv2.blur(soft, (_MEAN_PX, _MEAN_PX))
    # What passes nearby, a snowflake, hardly moves a mean of pixels that are kept near it.
    near = cv2.min(cv2.max(soft, cv2.subtract(mean, _NEAR)), cv2.add(mean, _NEAR))
    mean = cv2.blur(near, (_MEAN_PX, _MEAN_PX))
    return np.asarray(cv2.addWeighted(soft, 1, mean, -1, 128), np.uint8)


def _rim(grid: tuple[int, int]) -> Mask:
    rows, columns = grid
    y, x = (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns
    return np.asarray((x < RIM) | (x > 1 - RIM) | (y[:, None] < RIM * 2 / 3))


def _room(grid: tuple[int, int]) -> Floats:
    """Say how likely each field of a grid (rows, columns) shows the room: more to the sides and up.

    Somebody stands on the lower edge, and mostly in the middle.
    """
    rows, columns = grid
    y, x = (np.arange(rows) + 0.5)[:, None] / rows, (np.arange(columns) + 0.5) / columns
    return np.asarray((0.2 + (2 * x - 1) ** 2 + (1 - y) ** 2) * (1.2 - y), np.float32)


def _fills(place: npt.NDArray[np.floating], width: int, height: int) -> bool:
    """Whether a frame that lies at `place` leaves no corner of frame 0 empty."""
    corners = np.array([[0, width - 1, 0, width - 1], [0, 0, height - 1, height - 1], [1, 1, 1, 1]])
    x, y, w = np.linalg.inv(place) @ corners
    x, y = x / w, y / w
    inside = (x.min() >= 0) & (y.min() >= 0) & (x.max() <= width - 1) & (y.max() <= height - 1)
    return bool(inside and (w > 0).all())
