"""What somebody before a camera does, frame by frame.

    breathe   stands, and breathes
    sway      shifts from one foot to the other
    walk      walks by
    lean      comes nearer
    gesture   speaks with both hands, fast
    dance     moves all over
    late      stands and breathes for most of the time, and then goes

Lengths are in a third of the body's thousand, so 1 is about as far as from head to waist; angles
are in degrees, clockwise.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Curve = npt.NDArray[np.float64]
"""A number per frame, (T,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A curve for each way in which a body moves."""

    x: Curve
    y: Curve
    size: Curve
    """Times as large as at rest."""

    roll: Curve
    nod: Curve
    shake: Curve
    """How far the head goes to a side, in pixels of the paper."""

    talk: Curve
    """How far the mouth is open, 0 to 1."""

    left: Curve
    left_fore: Curve
    right: Curve
    right_fore: Curve


def draw_act(kind: str, rng: np.random.Generator, frames: int) -> Act:
    """Draw an act of one of `KINDS`."""
    curves = {field.name: np.zeros(frames) for field in fields(Act)}
    curves["size"] += 1
    for arm in ("left", "right"):
        curves[arm] += rng.uniform(6, 40)
        curves[f"{arm}_fore"] += rng.uniform(-100, -10)
    KINDS[kind](rng, np.arange(frames, dtype=np.float64), curves)
    return Act(**curves)


Curves = dict[str, Curve]


def _breathe(rng: np.random.Generator, time: Curve, curves: Curves) -> None:
    curves["size"] += 0.008 * _wave(rng, time, 60, 100)
    curves["y"] += 0.006 * _wave(rng, time, 60, 100)
    curves["nod"] += rng.uniform(0.5, 3) * _wave(rng, time, 20, 50)
    curves["shake"] += rng.uniform(0, 4) * _wave(rng, time, 20, 50)
    curves["talk"] += 0.5 + 0.5 * _wave(rng, time, 5, 9)


def _sway(rng: np.random.Generator, time: Curve, curves: Curves) -> None:
    _breathe(rng, time, curves)
    curves["x"] += rng.uniform(0.04, 0.16) * _wave(rng, time, 28, 70)
    curves["roll"] += rng.uniform(1, 5) * _wave(rng, time, 28, 70)


def _walk(rng: np.random.Generator, time: Curve, curves: Curves) -> None:
    way = rng.choice([-1, 1]) * rng.uniform(0.4, 1.2)
    curves["x"] += way * np.linspace(-0.5, 0.5, len(time))
    curves["y"] += 0.03 * np.abs(_wave(rng, time, 18, 26))
    for arm, side in (("left", 1), ("right", -1)):
        curves[arm] += side * 22 * np.sin(2 * np.pi * time / 22)


def _lean(rng: np.random.Generator, time: Curve, curves: Curves) -> None:
    _breathe(rng, time, curves)
    way = _step(rng, time)
    curves["size"] += rng.uniform(0.1, 0.3) * way
    curves["y"] += rng.uniform(0.05, 0.2) * way
    curves["roll"] += rng.uniform(-10, 10) * way


def _gesture(rng: np.random.Generator, time: Curve, curves: Curves) -> None:
    _sway(rng, time, curves)
    for arm in ("left", "right"):
        curves[arm] += rng.uniform(15, 45) * _wave(rng, time, 7, 18)
        curves[f"{arm}_fore"] += rng.uniform(20, 55) * _wave(rng, time, 5, 14)


def _dance(rng: np.random.Generator, time: Curve, curves: Curves) -> None:
    _gesture(rng, time, curves)
    curves["x"] += rng.uniform(0.08, 0.25) * _wave(rng, time, 12, 24)
    curves["y"] += rng.uniform(0.03, 0.1) * _wave(rng, time, 8, 14)
    curves["roll"] += rng.uniform(4, 12) * _wave(rng, time, 12, 24)


def _late(rng: np.random.Generator, time: Curve, curves: Curves) -> None:
    _breathe(rng, time, curves)
    moving = {name: np.zeros(len(time)) for name in curves}
    (_dance if rng.random() < 0.5 else _walk)(rng, time, moving)
    begin = int(rng.uniform(0.5, 0.75) * len(time))
    for name, curve in moving.items():
        curves[name][begin:] += (curve - curve[begin])[begin:]


def _wave(rng: np.random.Generator, time: Curve, shortest: float, longest: float) -> Curve:
    period, phase = rng.uniform(shortest, longest), rng.uniform(0, 2 * np.pi)
    return np.asarray(np.sin(2 * np.pi * time / period + phase))


def _step(rng: np.random.Generator, time: Curve) -> Curve:
    middle, width = rng.uniform(0.3, 0.7) * len(time), rng.uniform(3, 8)
    return np.asarray(1 / (1 + np.exp(-(time - middle) / width)))


KINDS: dict[str, Callable[[np.random.Generator, Curve, Curves], None]] = {
    "breathe": _breathe,
    "sway": _sway,
    "walk": _walk,
    "lean": _lean,
    "gesture": _gesture,
    "dance": _dance,
    "late": _late,
}
