"""Textures of frames, their blocks, and what each pixel is over time.

A texture is what is left of a frame without its local mean, at half the size: so a lamp, or an
exposure that adapts, is no motion. Percentiles over time come from sorting whole frames against
each other, some hundred passes over bytes.

Source: Batcher, "Sorting networks and their applications", 1968.

T counts frames; a block is 12 x 12 pixels of a frame. Cost on one core, 427 x 240 px: 0.1 ms for a
texture, 1 ms to sort 16 of them.
"""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.pixels import halve, to_gray
from tinyvideo.pipeline.types import Frame, GrayFrame

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

_NEAR = 16
"""Farthest that a pixel counts from the mean around it, in brightness."""


def texture_of(frame: Frame | GrayFrame) -> GrayFrame:
    """What is left of a frame without its local mean, around 128, at half the size."""
    soft = cv2.blur(halve(to_gray(frame)), (2, 2))
    mean = cv2.blur(soft, (_MEAN_PX, _MEAN_PX))
    # What passes nearby, a snowflake, hardly moves a mean of pixels that are kept near it.
    way = np.full_like(mean, _NEAR)
    near = np.minimum(np.maximum(soft, cv2.subtract(mean, way)), cv2.add(mean, way))
    mean = cv2.blur(near, (_MEAN_PX, _MEAN_PX))
    return np.asarray(cv2.addWeighted(soft, 1, mean, -1, 128), np.uint8)


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


def rim_of(grid: tuple[int, int]) -> Mask:
    """Say which fields of a grid (rows, columns) lie at the left, right and upper rim.

    The lower one is left out: bodies reach down to it.
    """
    rows, columns = grid
    y, x = (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns
    return np.asarray((x < RIM) | (x > 1 - RIM) | (y[:, None] < RIM * 2 / 3))


def room_of(grid: tuple[int, int]) -> Floats:
    """Say how likely each field of a grid (rows, columns) shows the room: more to the sides and up.

    Somebody stands on the lower edge, and mostly in the middle.
    """
    rows, columns = grid
    y, x = (np.arange(rows) + 0.5)[:, None] / rows, (np.arange(columns) + 0.5) / columns
    return np.asarray((0.2 + (2 * x - 1) ** 2 + (1 - y) ** 2) * (1.2 - y), np.float32)


def sort_frames(frames: Sequence[npt.NDArray[np.generic]]) -> list[npt.NDArray[np.uint8]]:
    """Sort every pixel over time: T pictures of bytes, of any shape, the darkest first."""
    return ranked(frames, tuple(range(len(frames))))


def ranked(
    frames: Sequence[npt.NDArray[np.generic]], ranks: tuple[int, ...]
) -> list[npt.NDArray[np.uint8]]:
    """Sort every pixel over time, and return these places of the order only, 0 the darkest."""
    ordered = [np.asarray(frame, np.uint8) for frame in frames]
    for low, high, keep_low, keep_high in _pruned(len(ordered), ranks):
        one, other = ordered[low], ordered[high]
        if keep_low:
            ordered[low] = np.minimum(one, other)
        if keep_high:
            ordered[high] = np.maximum(one, other)
    return [ordered[rank] for rank in ranks]


@lru_cache(maxsize=16)
def _pruned(count: int, ranks: tuple[int, ...]) -> list[tuple[int, int, bool, bool]]:
    """Leave out of the network what `ranks` do not depend on."""
    asked, steps = set(ranks), []
    for low, high in reversed(_network(count)):
        if low in asked or high in asked:
            steps.append((low, high, low in asked, high in asked))
            asked |= {low, high}
    return steps[::-1]


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
