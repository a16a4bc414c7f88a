"""Find where the picture begins behind a dark rim: the border of a bar, exact to the row.

Seen from one side of the picture, lines (rows, or columns) go inward. At the border the share of
lit pixels rises at once, along most of the length, in one and the same line of every frame that is
bright enough to show it; before it all is dark and of one brightness. A scene that is dark at its
rim has an edge that is ragged, slanted, soft, or not where it was a moment ago.

Where shrinking or an old capture has let the border rise over two or three lines, the bar ends
where the picture has most of its brightness.

Cost: 0.1 ms for eight frames of 360p.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.types import GrayFrame

RAMP = 3
"""Lines, at most, in which the border rises."""

DARK = 10
"""What is brighter than the bar by more is lit, 0 to 255. Ours: noise and coding stay below."""

SPECKS, WRITTEN = 0.01, 0.6
"""Lit share of a line up to which a bar is clean, or bears words or a logo. Ours."""

_RINGING = 8
"""Lines next to the border that lossy coding may stain: the side of a block, in pixels."""

_FLICKER = 6
"""Most that the median of the outermost line may change; ringing does it to a bar of one line."""

_RISEN, _STAIN = 0.6, 0.3
"""Share of the picture's mean brightness with which it begins, and most before the border."""

_SURE, _LIKELY = (0.8, 0.6), (0.6, 0.3)
"""Share of the bright picture that has the border in its place: in all frames, in the worst. Ours:
barred copies of real films have 0.75 and more, mostly 0.95; a skyline has 0.4."""

_CHANGE = 7
"""Least change of a place within a window that means that it moves; noise makes 3 to 6."""

Stack = npt.NDArray[np.uint8]
"""Brightness of N frames along one side: (N, L, S), L lines from the rim inward, S samples each."""

Shares = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """A dark rim with a picture behind it."""

    bar: int
    """Lines before the border."""

    level: float
    """Brightness of the rim, 0 to 255."""

    sure: bool
    """It is straight where the picture is bright. Dark things that touch it make it unsure."""

    clean: bool
    """Nothing is written in it."""

    moves: bool
    """Most of the picture behind it changes, while the border stays."""


def find_border(
    frames: Sequence[GrayFrame], *, max_level: float, min_step: float, min_reach: float
) -> Border | None:
    """Find the border nearest to the rim, in frames (L, S) of one shot; None if none is sure.

    The rim is at most as bright as `max_level`; the picture is brighter by `min_step` along a
    share of `min_reach`, in one frame or another.
    """
    rims = [_middle(frame[0]) for frame in frames]
    level = sorted(rims)[len(rims) // 2]
    if level > max_level or max(abs(rim - level) for rim in rims) > _FLICKER:
        return None
    lines = np.stack(frames)
    lit = _lit_shares(lines, level)
    for near in _steps(lit.mean(axis=0)):
        border = _judge(lines, lit, level, near, (min_step, min_reach))
        if border is not None:
            return border
    return None


def is_border(lines: GrayFrame, bar: int, *, max_level: float, min_step: float) -> bool:
    """Tell from one frame, (L, S), whether the picture begins behind `bar` lines, 0 or more."""
    if bar == 0:
        return bool(2 * np.count_nonzero(lines[0] > max_level) > lines.shape[1])
    outer, last, first, inner = (
        lines[max(at, 0)].astype(np.float32) for at in (bar - 2, bar - 1, bar, bar + 1)
    )
    step = float(inner.mean() - outer.mean())
    sharp = step > min_step and float(first.mean() - last.mean()) > step / 2
    level = _middle(lines[max(bar - 2, 0)])
    return sharp and level <= max_level and float((outer > level + DARK).mean()) < 0.05


def is_dark(frames: Sequence[GrayFrame], *, max_level: float, max_lit: float) -> bool:
    """Whether frames, (L, S), hold nothing bright, but in a share `max_lit` of a line."""
    lines = np.stack(frames)
    level = _middle(lines[:, 0].ravel())
    lit = _lit_shares(lines[:, : max(1, lines.shape[1] - RAMP)], level)
    return level <= max_level and bool(lit.max() <= max_lit)


def _middle(line: npt.NDArray[np.uint8]) -> float:
    """Take the median of (S,), several times as fast as NumPy does."""
    return float(np.sort(line)[len(line) // 2])


def _lit_shares(lines: Stack, level: float) -> Shares:
    """Say which share of every line is lit, (N, L)."""
    flat = np.ascontiguousarray(lines).reshape(-1, lines.shape[2])
    lit = cv2.threshold(flat, level + DARK, 1, cv2.THRESH_BINARY)[1]
    counts = cv2.reduce(lit, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)
    return np.asarray(counts.reshape(lines.shape[:2]) / lines.shape[2], np.float64)


def _steps(lit: Shares) -> list[int]:
    """Find up to four lines at which the lit share of lines, (L,), rises suddenly, in order."""
    total = np.concatenate([np.zeros(RAMP + 1), np.cumsum(lit)])
    mean = (total[RAMP:] - total[:-RAMP]) / RAMP
    rise = mean[RAMP:] - mean[:-RAMP]  # of line k: lines k to k + 2 against k - 3 to k - 1
    found: list[int] = []
    for at in np.argsort(-rise)[: 4 * RAMP]:
        if rise[at] > 0.1 and all(abs(at - other) > RAMP for other in found):
            found.append(int(at))
    return sorted(found[:4])


def _judge(
    lines: Stack, lit: Shares, level: float, near: int, least: tuple[float, float]
) -> Border | None:
    """Judge the border near a line: brightness (N, L, S), lit shares (N, L)."""
    min_step, min_reach = least
    start = max(0, near - RAMP - 1)
    around = lines[:, start : near + 3 * RAMP].astype(np.float32) - level
    inside = around[:, -RAMP - 1 :].mean(axis=1)  # (N, S)
    bright = inside > min_step
    shown = bright.mean(axis=1) > 0.2
    if shown.sum() < 2 or bright.any(axis=0).mean() < min_reach:
        return None
    profile = around.transpose(0, 2, 1)[bright].mean(axis=0) / inside[bright].mean()
    at = int(np.argmax(profile > _RISEN))
    bar, before = start + at, max(0, at - RAMP - 1)
    if bar == 0 or profile[before] > _STAIN or lines.shape[1] < near + 3 * RAMP:
        return None
    joined = around[:, at : at + 2].mean(axis=1) > 0.4 * inside
    straight = joined & (around[:, before] < 0.4 * inside + DARK)
    overall, worst = float(straight[bright].mean()), _least_share(straight, bright, shown)
    if overall < _LIKELY[0] or worst < _LIKELY[1]:
        return None
    written = float(lit[:, : max(bar - _RINGING, 0)].max(initial=0))
    if written > WRITTEN:
        return None
    return Border(
        bar=bar,
        level=level,
        sure=overall >= _SURE[0] and worst >= _SURE[1],
        clean=written < SPECKS,
        moves=_moves(inside, bright, shown),
    )


def _least_share(straight: Flags, bright: Flags, shown: Flags) -> float:
    """Share of bright samples that have the border in its place, in the worst frame."""
    return float(((straight & bright).sum(axis=1) / np.maximum(bright.sum(axis=1), 1))[shown].min())


def _moves(inside: Floats, bright: Flags, shown: Flags) -> bool:
    """Whether most of what lies behind the border, (N, S), changes more than in brightness."""
    seen = inside[shown]
    even = seen / seen.mean(axis=1, keepdims=True) * seen.mean()
    changes = even.max(axis=0) - even.min(axis=0)
    return bool((changes[bright.any(axis=0)] > _CHANGE).mean() > 0.5)
