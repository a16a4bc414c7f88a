"""One to three people, as large as they must be to leave the wanted share of a picture free.

Cost: 50 ms per group.
"""

from dataclasses import replace

import cv2
import numpy as np

from benchmarks.rooms.acts import KINDS, draw_act
from benchmarks.rooms.hands import FRAMES
from benchmarks.rooms.paint import HEIGHT, WIDTH, Painting
from benchmarks.rooms.people import Body, draw_body
from tests.drawn.films import pan
from tests.drawn.layers import lay
from tinyvideo.pipeline.types import Homography

CELL = 8
"""Side of a cell, in pixels of the film: what is covered is counted in cells."""

CELLS = HEIGHT // CELL, WIDTH // CELL
SMALL = np.diag([1 / CELL, 1 / CELL, 1])


def draw_people(rng: np.random.Generator, covered: float) -> list[Body]:
    """Draw one to three people who cover a share of the picture, over all frames."""
    alone = 0.6 if covered < 0.45 else 0.4 if covered < 0.65 else 0  # or faces grow too large
    people = int(rng.choice([1, 2, 3], p=(alone, (1 - alone) / 2, (1 - alone) / 2)))
    size = 1.1 / people**0.5
    kinds = rng.choice(list(KINDS), people)
    places = (rng.permutation(people) + rng.uniform(0.25, 0.75, people)) / people
    high = rng.uniform(0.25, 0.5, people)
    bodies = []
    for n in range(people):
        act = draw_act(str(kinds[n]), rng, FRAMES)
        bodies.append(draw_body(rng, act, (WIDTH * places[n], HEIGHT * high[n]), size))
    for _ in range(5):
        found = float(np.mean([cover(bodies, t, SMALL) > 0.02 for t in range(0, FRAMES, 4)]))
        grow = float(np.clip((covered / max(found, 0.02)) ** 0.7, 0.5, 2))
        bodies = [replace(body, size=body.size * grow) for body in bodies]
    return bodies


def cover(bodies: list[Body], t: int, to_cells: Homography) -> Painting:
    """Say how much of every cell the bodies cover at frame `t`, `CELLS`, 0 to 1."""
    four = np.zeros((4 * CELLS[0], 4 * CELLS[1], 4), np.float32)
    fine = pan(1.5, 1.5) @ np.diag([4, 4, 1]) @ to_cells
    for body in bodies:
        for part, place in body.places(t):
            lay(four, part.picture, fine @ place)
    return np.asarray(cv2.resize(four[..., 3], CELLS[::-1], interpolation=cv2.INTER_AREA))


def shadow(bodies: list[Body], t: int, to_frame: Homography) -> Painting:
    """Give the soft shadow of the bodies, beside them on the wall, (HEIGHT, WIDTH), 0 to 1."""
    dark = cv2.GaussianBlur(cover(bodies, t, SMALL @ pan(34, 12) @ to_frame), (0, 0), 1.5)
    return np.asarray(cv2.resize(dark, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR))
