"""Rooms that show little: what a camera stands before when somebody fills the picture."""

from collections.abc import Callable

import numpy as np

from benchmarks.rooms import indoors, outdoors
from benchmarks.rooms.paint import Room, finished

KINDS: dict[str, Callable[[np.random.Generator], Room]] = {
    "wall": indoors.wall,
    "curtain": indoors.curtain,
    "wallpaper": indoors.wallpaper,
    "corridor": indoors.corridor,
    "whiteboard": indoors.whiteboard,
    "bokeh": outdoors.bokeh,
    "sky": outdoors.sky,
    "beach": outdoors.beach,
    "grass": outdoors.grass,
}


def paint_room(kind: str, rng: np.random.Generator) -> Room:
    """Paint a room of one of `KINDS`."""
    return finished(KINDS[kind](rng), rng)
