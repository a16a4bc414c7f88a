"""Clips of known motion: one disc moves in one of 8 directions over a crop of a photo.

The photos travel in packages: scikit-image and scikit-learn, both in the extra `bench`. Nothing
stands still but the ground, and nothing but the direction of the disc is worth knowing: its color,
size, place and ground are drawn anew for every clip, and all directions share the same places, so
that no single frame tells which way it goes.

Cost: 2.5 ms per clip of one core.
"""

import math
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

DIRECTIONS = 8
FRAMES, SIZE = 32, 64
SPEED_PX = 1.0
"""Pixels per frame: half the picture's width in a clip."""

PHOTOS = {
    "skimage": ["astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg"],
    "sklearn": ["china.jpg", "flower.jpg"],
}
_FOLDERS = {"skimage": "data", "sklearn": "datasets/images"}


@cache
def photos() -> list[Image.Image]:
    """Read the photos out of the installed packages."""
    found = []
    for package, names in PHOTOS.items():
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise SystemExit("the photos are in two packages: pip install -e '.[bench]'")
        folder = Path(spec.submodule_search_locations[0]) / _FOLDERS[package]
        found += [Image.open(folder / name).convert("RGB") for name in names]
    return found


def draw_clips(count: int, seed: int) -> tuple[Tensor, npt.NDArray[np.int64]]:
    """Draw clips, (count, 3, 32, 64, 64) uint8, and the direction of each, 0 to 7."""
    rng = np.random.default_rng(seed)
    directions = rng.integers(0, DIRECTIONS, count)
    clips = np.stack([_draw_clip(rng, int(direction)) for direction in directions])
    return torch.from_numpy(clips).permute(0, 4, 1, 2, 3), directions


def _draw_clip(rng: np.random.Generator, direction: int) -> npt.NDArray[np.uint8]:
    ground = _crop(rng)
    color = rng.uniform(0, 255, 3)
    radius = rng.uniform(7, 11)
    angle = direction * 2 * math.pi / DIRECTIONS
    middle = SIZE / 2 + rng.uniform(-6, 6, 2)
    times = (np.arange(FRAMES) - (FRAMES - 1) / 2) * SPEED_PX
    y = (middle[0] + np.sin(angle) * times)[:, None, None]
    x = (middle[1] + np.cos(angle) * times)[:, None, None]
    rows, columns = np.arange(SIZE)[None, :, None], np.arange(SIZE)[None, None, :]
    distance = np.hypot(rows - y, columns - x)
    disc = np.clip(radius - distance + 0.5, 0, 1)[..., None]  # its rim is one pixel soft
    return (disc * color + (1 - disc) * ground).round().astype(np.uint8)


def _crop(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    photo = photos()[rng.integers(len(photos()))]
    side = int(rng.uniform(SIZE, min(photo.size)))
    left = int(rng.integers(0, photo.width - side + 1))
    top = int(rng.integers(0, photo.height - side + 1))
    box = (left, top, left + side, top + side)
    return np.asarray(photo.resize((SIZE, SIZE), Image.Resampling.BOX, box), np.float64)
