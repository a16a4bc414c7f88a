"""Films with black bars, and films that only look as if they had some, each of 32 frames.

`WITH_BARS` names what the bars are: rows at the top and bottom, columns at the left and right;
`WITHOUT_BARS` has none, and a word of why one might think so. Frames are (32, 180, 320, 3).

Cost: 50 ms to draw a film.
"""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from tests.drawn.films import HEIGHT, WIDTH, add_ball, film, flat, shaky_path
from tinyvideo.pipeline.types import STRIP_FRAMES, Frames

Bars = tuple[int, int, int, int]
"""Top, bottom, left, right, in pixels."""

Weights = npt.NDArray[np.float64]


@cache
def by_hand(seed: int = 3) -> Frames:
    """Film a textured scene from the hand: it moves by 6 px."""
    return film(shaky_path(STRIP_FRAMES, seed=seed, strength=6), seed=seed)


@cache
def on_tripod(seed: int = 3) -> Frames:
    """Film a textured scene in which a ball rolls, from a tripod, with the noise of a camera."""
    still = np.tile(np.eye(3), (STRIP_FRAMES, 1, 1))
    frames = add_ball(film(still, seed=seed), still).astype(np.float64)
    noise = np.random.default_rng(seed).normal(0, 2, frames.shape)
    return np.clip(frames + noise, 0, 255).astype(np.uint8)


def barred(frames: Frames, bars: Bars, value: int = 0) -> Frames:
    """Lay bars of one gray value over a copy of `frames`."""
    top, bottom, left, right = bars
    height, width = frames.shape[1:3]
    boxed = np.full_like(frames, value)
    inside = np.s_[:, top : height - bottom, left : width - right]
    boxed[inside] = frames[inside]
    return boxed


def dimmed(frames: Frames, weights: float | Weights) -> Frames:
    """Darken `frames` by a factor, or one per frame (T,), or one per pixel (H, W) or (T, H, W)."""
    by = np.asarray(weights, np.float64)
    by = by.reshape(by.shape + (1,) * 3) if by.ndim == 1 else by[..., None]
    return np.rint(frames * by).astype(np.uint8)


def written(frames: Frames, words: str, place: tuple[int, int], value: int = 220) -> Frames:
    """Write white words over a copy of `frames`, (x, y) the lower left of the first letter."""
    font = cv2.FONT_HERSHEY_SIMPLEX
    copies = [frame.copy() for frame in frames]
    for frame in copies:
        cv2.putText(frame, words, place, font, 0.45, (value,) * 3, 1, cv2.LINE_AA)
    return np.stack(copies)


def _mask(lit: Callable[[Weights, Weights], npt.NDArray[np.bool_]], soft: float = 0.7) -> Weights:
    """Light where `lit` says so, of x and y, (H, W), with the soft edge that a lens makes."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    return np.asarray(cv2.GaussianBlur(lit(x, y).astype(np.float64), (0, 0), soft))


def _shaken(weights: Weights, reach: float = 6) -> Weights:
    """Move a mask (H, W) as a hand would, (T, H, W)."""
    moved = []
    for t in range(STRIP_FRAMES):
        shift = np.array([[1, 0, reach * np.sin(t / 4)], [0, 1, reach * np.cos(t / 5)]])
        size = (WIDTH, HEIGHT)
        moved.append(cv2.warpAffine(weights, shift, size, borderMode=cv2.BORDER_REPLICATE))
    return np.stack(moved)


def _ellipse(x0: float, y0: float, width: float, height: float) -> Weights:
    return _mask(lambda x, y: ((x - x0) / width) ** 2 + ((y - y0) / height) ** 2 < 1)


def _skyline(x: Weights, y: Weights) -> npt.NDArray[np.bool_]:
    roofs = np.random.default_rng(8).integers(40, 90, WIDTH // 20 + 1)
    return np.asarray(y > roofs[(x // 20).astype(int)])


def _fade(start: int, end: int) -> Weights:
    """Rise from 0 in frame `start` to 1 in frame `end`, (T,)."""
    return np.clip((np.arange(STRIP_FRAMES) - start) / (end - start), 0, 1)


def _noisy(frames: Frames, level: float, strength: float) -> Frames:
    noise = np.random.default_rng(1).normal(level, strength, frames.shape)
    return np.clip(frames + noise, 0, 255).astype(np.uint8)


def _softened(bars: Bars) -> Frames:
    """Shrink a barred film, as a site does: its borders fall between rows."""
    whole = barred(np.repeat(np.repeat(by_hand(), 2, axis=1), 2, axis=2), bars)
    size = (WIDTH, HEIGHT)
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in whole])


def _program(ground: int, bars: Bars, words: bool = True) -> Frames:
    """Record a screen: a text that is scrolled, between a tool bar and a status bar."""
    page = np.full((600, WIDTH, 3), ground, np.uint8)
    for line, y in enumerate(range(20, 600, 14)):
        text = "the quick brown fox jumps over it"[: 12 + 7 * line % 21]
        cv2.putText(page, text, (30, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (210,) * 3, 1)
    frames = np.stack([page[4 * t : 4 * t + HEIGHT] for t in range(STRIP_FRAMES)])
    frames = barred(frames, bars, ground)
    return written(frames, "File Edit View", (6, 14)) if words else frames


def _blurred_sides() -> Frames:
    blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 12) for frame in by_hand()])
    blurred = dimmed(blurred, 0.5)
    blurred[:, :, 109:211] = by_hand()[:, :, 109:211]
    return blurred


LETTERBOX: Bars = (24, 24, 0, 0)
NARROW: Bars = (0, 0, 109, 109)

WITH_BARS: dict[str, tuple[Bars, Callable[[], Frames]]] = {
    "letterbox": (LETTERBOX, lambda: barred(by_hand(), LETTERBOX)),
    "letterbox, odd rows": ((23, 23, 0, 0), lambda: barred(by_hand(5), (23, 23, 0, 0))),
    "letterbox on a tripod": (LETTERBOX, lambda: barred(on_tripod(), LETTERBOX)),
    "pillarbox": ((0, 0, 40, 40), lambda: barred(by_hand(), (0, 0, 40, 40))),
    "an upright film": (NARROW, lambda: barred(on_tripod(5), NARROW)),
    "windowbox": ((20, 20, 31, 31), lambda: barred(by_hand(), (20, 20, 31, 31))),
    "a small window": ((50, 50, 80, 80), lambda: barred(by_hand(), (50, 50, 80, 80))),
    "unequal by 4 rows": ((22, 26, 0, 0), lambda: barred(on_tripod(), (22, 26, 0, 0))),
    "unequal by 15 rows": ((20, 35, 0, 0), lambda: barred(by_hand(), (20, 35, 0, 0))),
    "at the bottom alone": ((0, 30, 0, 0), lambda: barred(by_hand(), (0, 30, 0, 0))),
    "1 row at the top": ((1, 0, 0, 0), lambda: barred(by_hand(), (1, 0, 0, 0))),
    "2 rows at the bottom": ((0, 2, 0, 0), lambda: barred(on_tripod(), (0, 2, 0, 0))),
    "3 columns and 1": ((0, 0, 3, 1), lambda: barred(on_tripod(), (0, 0, 3, 1))),
    "subtitles": (
        LETTERBOX,
        lambda: written(barred(by_hand(), LETTERBOX), "What did you say?", (90, 173)),
    ),
    "a logo": (LETTERBOX, lambda: written(barred(by_hand(), LETTERBOX), "TV1", (280, 16))),
    "ten dark frames first": (
        LETTERBOX,
        lambda: barred(dimmed(by_hand(), (_fade(9, 10))), LETTERBOX),
    ),
    "fades in": (LETTERBOX, lambda: barred(dimmed(by_hand(), _fade(0, 20)), LETTERBOX)),
    "dim": (LETTERBOX, lambda: barred(dimmed(by_hand(), 0.35), LETTERBOX)),
    "dark gray bars": (LETTERBOX, lambda: barred(by_hand(), LETTERBOX, 24)),
    "noise in the bars": (LETTERBOX, lambda: _noisy(barred(by_hand(), LETTERBOX), 6, 2)),
    "border between two rows": ((23, 23, 0, 0), lambda: _softened((45, 45, 0, 0))),
    "night in its upper half": (
        LETTERBOX,
        lambda: barred(dimmed(by_hand(), _shaken(_mask(_skyline, 3))), LETTERBOX),
    ),
}
"""Films with bars, and these."""

WITHOUT_BARS: dict[str, Callable[[], Frames]] = {
    "bright": by_hand,
    "dark": lambda: dimmed(by_hand(), 0.08),
    "roofs at night": lambda: dimmed(by_hand(), _shaken(_mask(_skyline))),
    "a wall at night, tripod": lambda: dimmed(on_tripod(), _mask(lambda x, y: y > 50)),
    "a wall at night, by hand": lambda: dimmed(by_hand(), _shaken(_mask(lambda x, y: y > 50))),
    "a lit window, by hand": lambda: dimmed(
        by_hand(), _shaken(_mask(lambda x, y: (abs(x - 160) < 90) & (abs(y - 90) < 50)))
    ),
    "a door seen from the dark, tripod": lambda: dimmed(
        on_tripod(), _mask(lambda x, y: (x > 60) & (x < 220))
    ),
    "a stage between curtains": lambda: dimmed(
        on_tripod(), _mask(lambda x, y: (x > 50) & (x < 290) & (y > 30))
    ),
    "a spotlight": lambda: dimmed(on_tripod(), _ellipse(160, 90, 90, 70)),
    "the moon": lambda: dimmed(flat(STRIP_FRAMES, 230), _shaken(_ellipse(200, 60, 24, 24))),
    "black clothes": lambda: dimmed(by_hand(), 1 - _shaken(_ellipse(160, 190, 150, 90))),
    "a dashboard": lambda: dimmed(by_hand(), 1 - _ellipse(160, 200, 260, 70)),
    "a vignette": lambda: dimmed(
        by_hand(), cv2.GaussianBlur(_ellipse(160, 90, 150, 80), (0, 0), 25)
    ),
    "a slanted horizon": lambda: dimmed(
        on_tripod(), _mask(lambda x, y: y > 40 + np.tan(np.radians(2)) * x)
    ),
    "a sky that darkens": lambda: dimmed(by_hand(), _mask(lambda x, y: y > 40, soft=15)),
    "fades in": lambda: dimmed(by_hand(), _fade(0, 20)),
    "fades out": lambda: dimmed(by_hand(), _fade(0, 20)[::-1]),
    "a dark program": lambda: _program(30, (20, 30, 0, 0)),
    "a black program": lambda: _program(0, (20, 30, 0, 0)),
    "black": lambda: flat(STRIP_FRAMES),
    "noise": lambda: _noisy(flat(STRIP_FRAMES), 12, 4),
    "a player in a dark program": lambda: written(
        barred(by_hand(), LETTERBOX, 30), "File Edit View", (6, 14)
    ),
    "white bars": lambda: barred(by_hand(), LETTERBOX, 255),
    "blurred sides": _blurred_sides,
}
"""Films without bars, by what may be taken for one."""
