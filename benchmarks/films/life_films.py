"""Films that are harder than a photo: depth, a person who fills the picture, a talking head.

Each is a photo filmed by a shaking camera (benchmarks/films/truth_films.py) with a second photo
before it; the true path is that of the photo behind, in a scene with depth of either:

    depth       the lower half is nearer, and moves 1.6 times as far
    foreground  a body that fills 40 % of the picture sways before the camera
    head        a head nods and talks, the camera is nearly still

Cost: about 20 ms per frame of 480 x 270 to draw.
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.films.truth_films import (
    HEIGHT,
    NOISE,
    PHOTOS,
    WIDTH,
    TruthFilm,
    first_view,
    look,
    photo,
    shaking_camera,
)
from tests.drawn.films import pan, turn, write_video
from tinyvideo.pipeline.types import Frames, Homographies

FRAMES = 64
Drawn = tuple[Homographies, Homographies, Frames]
"""The paths of what is behind and of what is before it, and the film."""

Masks = npt.NDArray[np.float32]
_GRID_Y, _GRID_X = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)


def draw_life(folder: Path, seed: int, count: int = 3) -> list[TruthFilm]:
    """Draw `count` films of every kind into `folder`."""
    films = []
    for kind, draw in KINDS.items():
        for number in range(count):
            rng = np.random.default_rng((seed, number, len(films)))
            path = folder / f"{kind}-{number}.mp4"
            camera, other, frames = draw(rng)
            nearer = other if kind == "depth" else None
            films.append(TruthFilm(path.stem, write_video(path, frames, crf=24), camera, nearer))
    return films


def _depth(rng: np.random.Generator) -> Drawn:
    camera = shaking_camera(rng, 8, HEIGHT, WIDTH, FRAMES)
    near = camera.copy()
    near[:, :2, 2] *= 1.6
    ridge = 0.5 * HEIGHT + 12 * np.sin(_GRID_X / rng.uniform(20, 50) + rng.uniform(0, 6))
    return _film(rng, camera, near, lambda _: np.clip(_GRID_Y - ridge, 0, 1))


def _foreground(rng: np.random.Generator) -> Drawn:
    camera = shaking_camera(rng, 6, HEIGHT, WIDTH, FRAMES)
    body = camera @ _sway(rng, 14, 4)
    center = rng.uniform(0.35, 0.65) * WIDTH, 0.6 * HEIGHT
    return _film(rng, camera, body, lambda _: _ellipse(center, 0.24 * WIDTH, 0.55 * HEIGHT))


def _head(rng: np.random.Generator) -> Drawn:
    camera = shaking_camera(rng, 2, HEIGHT, WIDTH, FRAMES)
    head = camera @ _sway(rng, 5, 3)
    center = WIDTH / 2, 0.5 * HEIGHT
    mouth = center[0], center[1] + 0.12 * HEIGHT
    return _film(
        rng,
        camera,
        head,
        lambda t: (
            _ellipse(center, 0.14 * WIDTH, 0.38 * HEIGHT)
            * (1 - _ellipse(mouth, 18, 2 + 6 * abs(np.sin(t / 2))))
        ),
    )


KINDS = {"depth": _depth, "foreground": _foreground, "head": _head}


def _film(
    rng: np.random.Generator,
    camera: Homographies,
    other: Homographies,
    mask: Callable[[int], Masks],
) -> Drawn:
    """Film one photo by `camera`, and before it another by `other` where `mask` of frame 0 is 1."""
    behind, before = (photo(PHOTOS[number]) for number in rng.permutation(len(PHOTOS))[:2])
    views = first_view(behind, camera, HEIGHT, WIDTH), first_view(before, other, HEIGHT, WIDTH)
    frames = []
    for t in range(len(camera)):
        far = look(behind, views[0] @ camera[t], HEIGHT, WIDTH).astype(np.float32)
        near = look(before, views[1] @ other[t], HEIGHT, WIDTH).astype(np.float32)
        to_frame = np.linalg.inv(other[t])
        alpha = cv2.warpPerspective(
            np.asarray(mask(t), np.float32),
            to_frame,
            (WIDTH, HEIGHT),
            borderMode=cv2.BORDER_REPLICATE,
        )[..., None]
        frame = far * (1 - alpha) + near * alpha + rng.normal(0, NOISE, far.shape)
        frames.append(np.clip(np.rint(frame), 0, 255).astype(np.uint8))
    return camera, other, np.stack(frames)


def _sway(rng: np.random.Generator, way: float, degrees: float) -> Homographies:
    time = np.arange(FRAMES)
    x, y, roll = (
        np.sin(2 * np.pi * time / rng.uniform(25, 60) + rng.uniform(0, 6)) for _ in range(3)
    )
    poses = [
        pan(way * x[t], way / 3 * y[t]) @ turn(degrees * roll[t], 1, HEIGHT, WIDTH) for t in time
    ]
    return np.linalg.inv(poses[0]) @ np.stack(poses)


def _ellipse(center: tuple[float, float], half_width: float, half_height: float) -> Masks:
    radius = np.hypot((_GRID_X - center[0]) / half_width, (_GRID_Y - center[1]) / half_height)
    return np.clip((1 - radius) * min(half_width, half_height), 0, 1).astype(np.float32)
