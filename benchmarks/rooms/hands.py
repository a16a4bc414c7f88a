"""A tripod, and three strengths of a hand that holds a camera."""

import numpy as np

from benchmarks.films.truth_films import shaking_camera
from benchmarks.rooms.paint import HEIGHT, WIDTH
from tinyvideo.pipeline.types import Homographies, Homography

FRAMES = 32
CAMERAS: dict[str, tuple[float, float]] = {
    "tripod": (0, 0),
    "weak": (0.5, 2),
    "middle": (3, 8),
    "strong": (10, 25),
}
"""Largest way of the picture's middle, least and most, in pixels of a frame of 240."""


def hand(rng: np.random.Generator, way: float) -> Homographies:
    """Draw the path of a hand that moves the middle by `way` pixels of a frame of 240, at most."""
    if way == 0:
        return np.tile(np.eye(3), (FRAMES, 1, 1))
    seed = int(rng.integers(2**31))
    middle = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2, 1])
    scale = way * HEIGHT / 240
    for _ in range(2):  # twice, since roll and zoom have a part in it
        path = shaking_camera(np.random.default_rng(seed), scale, HEIGHT, WIDTH, FRAMES)
        ways = path @ middle
        found = np.linalg.norm(ways[:, :2] / ways[:, 2:] - middle[:2], axis=1).max()
        scale *= way * HEIGHT / 240 / found
    return path


def while_open(camera: Homographies, t: int) -> list[Homography]:
    """Say where a camera is while its shutter is open at frame `t`, for a third of a frame."""
    step = (camera[min(t + 1, FRAMES - 1)] - camera[max(t - 1, 0)]) / 2
    return [camera[t] + share * step for share in (-1 / 6, 0, 1 / 6)]
