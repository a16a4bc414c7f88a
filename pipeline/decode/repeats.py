"""Leave out the frames of a film that only repeat the one before, where it does so in a cadence.

    a frame moves, as the one before it        it goes on at once; most films know little else
    one hardly moves, or is the first          it waits, and so do those behind it, HELD at most, as
                                               long as some cadence may fit
    a cadence has fit HELD frames              repeats are dropped, and it is followed, through
                                               slips, until what should be repeats moves

A pause is no cadence: nothing moves, so nothing can be said, and the frames go on as they are. What
waits is bounded, and the film is read once.

Cost per frame: 1 us; where one in ten hardly moves, 10 us. Source: ours, as in
`pipeline.decode.cadences`.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Generic, TypeVar

import numpy as np

from tinyvideo.pipeline.decode.cadences import HELD, MOVING, Cadence, Fit, fit_cadence

T = TypeVar("T")

CHECKED_AT = (8, 12, 18, 24, 30, HELD)
"""At how many waiting frames it is asked again whether any cadence fits."""

SUSPECT = 0.4
"""Change of a frame that makes frames wait, at most, as a share of the change before it. Ours: of
the repeats of a cadence, some are that small at crf 28 too."""

SMALL = 0.6
"""Change of a repeat, at most, as a share of that of pictures; more is allowed to repeats of which
the codec has made more. Ours."""

EARLY = 0.45
"""Change of a picture that comes where the cadence has a repeat, at least, as a share of the
greatest of late: where little moves, what the codec does is no picture. Ours."""

STILL = 1 / 3
"""The same of a picture, at least, of which it can be said that it moves. Ours."""

SLIPPED = 0.2
"""Change of a repeat where the cadence has none, at most, as a share of that of pictures. Ours: of
a pan that stops, the change halves with each frame."""

_TINY = 1e-6


@dataclass(slots=True)
class Kept(Generic[T]):
    """A frame that goes on."""

    frame: T
    cadence: Cadence | None
    """None: frames here are as they are."""

    number: int
    """Number of its picture within the cadence, from 0; -1 without one."""


class RepeatFilter(Generic[T]):
    """Passes frames on, in order, without those that only repeat the one before."""

    def __init__(self, fps: Fraction) -> None:
        self._fps = fps
        self._before = 0.0
        self._waiting: deque[tuple[float, T]] = deque()
        self._follower: CadenceFollower | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether frames wait, because there may be a cadence."""
        return bool(self._waiting)

    def push(self, frame: T, change: float) -> Iterator[Kept[T]]:
        """Take the next frame and by how much it differs; yield what need not wait any longer.

        What is yielded must be taken before the next push.
        """
        before, self._before = self._before, change
        if self._follower is not None:
            yield from self._follow(self._follower, frame, change)
        elif self._waiting or may_repeat(before, change):
            self._waiting.append((change, frame))
            yield from self._ask()
        else:
            yield Kept(frame, None, -1)

    def flush(self) -> Iterator[Kept[T]]:
        """Yield what still waits when the film has ended."""
        while self._waiting:
            yield Kept(self._waiting.popleft()[1], None, -1)

    def _ask(self) -> Iterator[Kept[T]]:
        count = len(self._waiting)
        if count not in CHECKED_AT:
            return
        fit = fit_cadence(np.array([change for change, _ in self._waiting]), self._fps)
        if fit is not None and fit.is_certain and count == HELD:
            yield from self._begin(fit)
        elif fit is None or not fit.is_possible or count == HELD:
            yield from self.flush()

    def _begin(self, fit: Fit) -> Iterator[Kept[T]]:
        waiting, self._waiting = self._waiting, deque()
        self._follower = CadenceFollower(fit, [change for change, _ in waiting])
        for change, frame in waiting:
            yield from self.push(frame, change)

    def _follow(self, follower: "CadenceFollower", frame: T, change: float) -> Iterator[Kept[T]]:
        if follower.is_new(change):
            yield Kept(frame, follower.cadence, follower.pictures - 1)
        if follower.is_over():
            self._follower = None


def may_repeat(before: float, change: float) -> bool:
    """Tell whether a change is small beside the one before it, or the first of a film."""
    return change == math.inf or (before >= MOVING and change < SUSPECT * before)


class CadenceFollower:
    """Tells new pictures from repeats, frame by frame, once the cadence is known."""

    def __init__(self, fit: Fit, changes: list[float]) -> None:
        self.cadence = fit.cadence
        self.pictures = 0
        self._step = float(fit.cadence.frames_per_picture)
        self._phase = fit.phase
        self._loud = SMALL + 2 * fit.contrast
        self._frame = 0
        self._last = deque(changes[:12], maxlen=12)
        self._kept = deque(self._first_pictures(changes), maxlen=2)
        self._as_expected: deque[bool] = deque(maxlen=8)

    def is_new(self, change: float) -> bool:
        """Take the change of the next frame; False if the frame is a repeat."""
        self._last.append(change)
        usual = sorted(self._last)[-2]
        late = self._frame - floor(self._phase + self.pictures * self._step + _TINY)
        new = late >= 0
        if usual >= MOVING:
            new = self._look(change, usual, late)
        if new and math.isfinite(change):  # a film that begins with a repeat has lost its picture
            self._keep(change, moving=usual >= MOVING)
        elif new:
            self.pictures += late >= 0
        self._frame += 1
        return new

    def is_over(self) -> bool:
        """Tell whether half of what should have been repeats moved."""
        return self._as_expected.count(False) > 3

    def _first_pictures(self, changes: list[float]) -> list[float]:
        comes = (floor(self._phase + number * self._step + _TINY) for number in range(4))
        return [changes[at] for at in comes if 0 < at < len(changes)][:2]

    def _look(self, change: float, usual: float, late: int) -> bool:
        beside = max(min(self._kept), STILL * usual)
        if late < 0:
            self._as_expected.append(change <= self._loud * usual)
            return change > max(self._loud * beside, EARLY * usual, MOVING / 2)
        # The film may have slipped by a frame; a picture that is later than that stands still.
        return late > 0 or change > SLIPPED * beside

    def _keep(self, change: float, *, moving: bool) -> None:
        self._kept.append(change)
        off = self._frame - self.pictures * self._step
        if moving:
            self._phase = min(max(self._phase, off), off + 0.999)
        self.pictures += 1
