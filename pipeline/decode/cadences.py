"""The cadences in which a film may repeat its pictures, and which of them some frames follow.

A film of 24 pictures per second that was stored as 30 frames shows every fourth one twice. Between
a picture and its repeat almost nothing changes; between two pictures, everything does that moves.
So the changes from frame to frame are held against every cadence that a usual rate gives: picture n
comes at frame floor(phase + n * frames per picture). A repeat must be small beside the pictures to
both sides of it, and the pictures must move.

Cost: 0.1 ms per question, of 36 frames; 10 ms once per frame rate for the tables.

Source: ours. The figures behind the constants are of films from the net, which had been 24 in 30
and 12 in 25; of drawn ones in nine cadences, encoded with x264 at crf 18 to 28; and of ten real
ones without repeats, encoded in twelve ways down to crf 45: none is taken for one with repeats.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
import numpy.typing as npt

HELD = 36
"""Frames that a cadence must fit before it is believed. Ours: drop 1 of 6 then shows 6 repeats."""

CONTRAST, UNEVENNESS = 0.33, 0.18
"""How far frames may be from a cadence, at most, as `Fit` has it. Ours: two films from the net have
0.06 and 0.15 in the mean, shaky ones at crf 28 0.15 and 0.1. None of 14,000 windows without repeats
has less than 0.39 of the first; where a third of the frames is repeated at random, one of a
thousand windows fits both."""

CONTRAST_PER_CHANGE = 0.15
"""Where little moves, contrast is CONTRAST_PER_CHANGE for each step of 255 that pictures change, at
most: the codec that refreshes a still picture now and then makes a cadence too, of 0.27 at 1.4."""

FIRST_CONTRAST, FIRST_UNEVENNESS = 0.5, 0.4
"""The same where it is only asked whether it is worth waiting for more frames. Ours."""

TOO_FINE = 0.0005
"""What a frame of a cadence's period counts for, against simpler ones that fit as well. Ours."""

LEAST_REPEATS = 5
"""Repeats within HELD frames, at least. Ours: fewer are not yet a pattern."""

MOVING = 0.5
"""Least change of a picture that moves, 0 to 255, as `FrameChanges` measures it. Ours."""

TRUE_RATES = (5, 6, 7.5, 8, 10, 12, 12.5, 15, 16, 18, 20, 24, 25, 30)
"""Rates, per second, that a film may have had before somebody repeated its frames."""

TRUE_SHARES = tuple(Fraction(n - 1, n) for n in range(2, 7))
"""Shares of different frames, whatever the rate: one of n is a repeat."""

SHARES = (Fraction(1, 6), Fraction(6, 7))
"""Least and greatest share of different frames that can be told."""

PHASES = np.arange(25) / 25
"""When the first new picture may come, in steps of the cadence. Ours: 12 in 25 has so many."""

_TINY = 1e-6

Changes = npt.NDArray[np.float64]
"""By how much each frame differs from the one before it, 0 to 255; inf where there is none."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """The rate at which a film shows different pictures."""

    fps: Fraction
    frames_per_picture: Fraction


@dataclass(frozen=True, slots=True)
class Fit:
    """A cadence that frames follow, and how well. What moves more counts for more."""

    cadence: Cadence
    phase: float
    """Where its first picture begins, in frames."""

    contrast: float
    """Change of its repeats, as a share of that of the pictures beside them."""

    unevenness: float
    """How much less its pictures change than the pictures beside them, where they do."""

    change: float
    """By how much its pictures change, 0 to 255, as a median."""

    @property
    def is_certain(self) -> bool:
        """Whether the frames show the cadence, given that they are HELD."""
        most = min(CONTRAST, CONTRAST_PER_CHANGE * self.change)
        return self.contrast <= most and self.unevenness <= UNEVENNESS

    @property
    def is_possible(self) -> bool:
        """Whether more frames may show it."""
        return self.contrast <= FIRST_CONTRAST and self.unevenness <= FIRST_UNEVENNESS


def fit_cadence(changes: Changes, fps: Fraction) -> Fit | None:
    """Find the cadence that (N,) changes follow best; None where too little moves."""
    table = cadences(fps, len(changes))
    if not len(table.repeats):
        return None
    # A cut or a flash must not outweigh all else.
    changes = np.minimum(changes, np.partition(changes, -2)[-2]) + _TINY
    beside = (changes[table.before] + changes[table.behind]) / 2
    too_much = np.where(table.repeats, np.minimum(changes, 2 * beside), 0)
    too_little = np.where(table.repeats, 0, np.maximum(beside - changes, 0))
    cost = (too_much + too_little).sum(axis=1) / beside.sum(axis=1)
    best = int(np.argmin(cost + TOO_FINE * table.fineness))
    repeats, beside = table.repeats[best], beside[best]
    change = float(np.median(changes[~repeats]))
    if change < MOVING:
        return None
    return Fit(
        cadence=table.cadences[best],
        phase=table.phases[best],
        contrast=float(too_much[best].sum() / beside[repeats].sum()),
        unevenness=float(too_little[best].sum() / beside[~repeats].sum()),
        change=change,
    )


@dataclass(frozen=True, slots=True)
class CadenceTable:
    """All cadences of N frames that can be told apart: H rows."""

    cadences: list[Cadence]
    phases: list[float]
    repeats: npt.NDArray[np.bool_]
    """Which frames are repeats, (H, N)."""

    fineness: npt.NDArray[np.int64]
    """Numerator of frames per picture, (H,): after so many frames the pattern comes again."""

    before: npt.NDArray[np.intp]
    behind: npt.NDArray[np.intp]
    """The nearest frames with a new picture to either side of each, (H, N)."""


@cache
def cadences(fps: Fraction, frames: int) -> CadenceTable:
    """List what a film of `fps` may look like over so many frames."""
    possible = possible_cadences(fps)
    steps = np.array([float(cadence.frames_per_picture) for cadence in possible])[:, None, None]
    pictures = np.ceil((np.arange(frames + 1) - _TINY) / steps - PHASES[:, None])
    rows = (np.diff(pictures, axis=-1) == 0).reshape(-1, frames)
    least = LEAST_REPEATS if frames >= HELD else 1
    rows, first = np.unique(rows, axis=0, return_index=True)
    told = (least <= rows.sum(axis=1)) & (rows.sum(axis=1) < frames - 1)
    rows, first = rows[told], first[told]
    before, behind = nearest_picture(rows), nearest_picture(rows[:, ::-1])[:, ::-1]
    behind = np.where(behind < 0, behind, frames - 1 - behind)
    told_of = [possible[number // len(PHASES)] for number in first]
    return CadenceTable(
        cadences=told_of,
        fineness=np.array([cadence.frames_per_picture.numerator for cadence in told_of], np.int64),
        phases=[
            float(steps.flat[number // len(PHASES)] * PHASES[number % len(PHASES)])
            for number in first
        ],
        repeats=rows,
        before=np.where(before < 0, behind, before),
        behind=np.where(behind < 0, before, behind),
    )


def nearest_picture(repeats: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Find for each frame, (H, N), the last one before it with a new picture; -1: there is none."""
    own = np.where(repeats, -1, np.arange(repeats.shape[1]))
    latest = np.maximum.accumulate(own, axis=1)
    return np.hstack([np.full((len(repeats), 1), -1), latest[:, :-1]])


def possible_cadences(fps: Fraction) -> list[Cadence]:
    """List the true rates that a film of `fps` may have, each once."""
    ntsc = Fraction(1000, 1001) if fps.denominator % 1001 == 0 else 1
    rates = [Fraction(rate) * ntsc for rate in TRUE_RATES] + [fps * share for share in TRUE_SHARES]
    found: list[Fraction] = []
    for rate in rates:
        known = any(abs(rate / other - 1) < 0.01 for other in found)
        if SHARES[0] <= rate / fps <= SHARES[1] and not known:
            found.append(rate)
    return [Cadence(rate, fps / rate) for rate in found]
