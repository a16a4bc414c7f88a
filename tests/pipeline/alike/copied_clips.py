"""Clips that show something, and copies of them: brighter, blurred, mirrored."""

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

SIZE = 128

Clip = npt.NDArray[np.uint8]
"""(T, 128, 128, 3)"""


@cache
def draw_clip(seed: int, *, frames: int = 32, things: int = 2, size: int = SIZE) -> Clip:
    """Draw a place of rectangles and disks, in which some things move; of equal arguments equal."""
    rng = np.random.default_rng([seed, 18])
    place = _leaves(rng, size, 60 if size > 32 else 24) * rng.uniform(0.5, 1.0)
    movers = [
        (_leaves(rng, int(rng.uniform(0.15, 0.4) * size), 10), *rng.uniform(-0.1, 0.9, 2) * size)
        for _ in range(things)
    ]
    ways = rng.normal(0, 0.012 * size, (things, 2))
    pictures = np.repeat(place[None], frames, axis=0)
    for t in range(frames if things else 0):
        for (thing, left, top), (across, down) in zip(movers, ways, strict=True):
            _put(pictures[t], thing, int(left + across * t), int(top + down * t))
    noise = rng.integers(-3, 4, pictures.shape, np.int8)
    clip = np.clip(pictures + noise, 0, 255).astype(np.uint8)
    clip.flags.writeable = False
    return clip


def brighter(clip: Clip, gain: float = 1.25, more: float = 15) -> Clip:
    """Brighten a clip; what is white stays white."""
    return np.clip(clip * np.float32(gain) + np.float32(more), 0, 255).astype(np.uint8)


def blurred(clip: Clip, factor: int = 2) -> Clip:
    """Shrink the frames and enlarge them again."""
    size = clip.shape[1]
    small = [cv2.resize(f, (size // factor,) * 2, interpolation=cv2.INTER_AREA) for f in clip]
    return np.stack([cv2.resize(f, (size, size), interpolation=cv2.INTER_CUBIC) for f in small])


def in_mirror_frames(clip: Clip) -> Clip:
    """Turn left and right."""
    return np.ascontiguousarray(clip[:, :, ::-1])


def _leaves(rng: np.random.Generator, size: int, count: int) -> npt.NDArray[np.float32]:
    picture = np.full((size, size, 3), rng.uniform(30, 220, 3), np.float32)
    for _ in range(count):
        reach = int(min(size / 2, 1 + size / 20 * rng.pareto(1.5)))
        left, top = (rng.uniform(0, size, 2) - reach).astype(int)
        color = rng.uniform(10, 245, 3).tolist()
        if rng.random() < 0.5:
            cv2.circle(picture, (int(left) + reach, int(top) + reach), reach, color, -1)
        else:
            high, wide = (reach * rng.uniform(0.5, 3, 2)).astype(int)
            corner = int(left + wide), int(top + high)
            cv2.rectangle(picture, (int(left), int(top)), corner, color, -1)
    return picture


def _put(
    picture: npt.NDArray[np.float32], thing: npt.NDArray[np.float32], left: int, top: int
) -> None:
    size, side = len(picture), len(thing)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, size), min(top + side, size)
    if x1 > x0 and y1 > y0:
        picture[y0:y1, x0:x1] = thing[y0 - top : y1 - top, x0 - left : x1 - left]
