"""A painting that is larger than any frame of the film that is made of it, and a look at it.

A room is painted once, at `SCALE` pixels per pixel of the film. It is soft to half a pixel of the
film, so that a bilinear look at it is exact to some 0.01 px.

Cost: 0.3 to 0.6 s per painting, 2 ms per look.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from tests.drawn.films import pan
from tinyvideo.pipeline.types import Homography

HEIGHT, WIDTH = 360, 640
SCALE, MARGIN = 2, 1.5
TALL, WIDE = round(HEIGHT * SCALE * MARGIN), round(WIDTH * SCALE * MARGIN)
"""Size of a painting: what a film shows without moving lies in the middle two thirds."""

Painting = npt.NDArray[np.float32]
_SOFT = 1.2
"""Blur, in pixels of a painting."""


@dataclass(frozen=True, slots=True)
class Room:
    picture: Painting
    """(TALL, WIDE, 3), 0 to 255."""

    water: Painting | None = None
    """Where it moves of itself, (TALL, WIDE), 0 to 1."""


def finished(room: Room, rng: np.random.Generator) -> Room:
    """Soften a painting, and let light fall on it from one side."""
    soft = cv2.GaussianBlur(room.picture, (0, 0), _SOFT)
    return Room(np.clip(soft * _light(rng), 4, 250), room.water)


def _light(rng: np.random.Generator) -> Painting:
    """Light that comes from one side, (TALL, WIDE, 1), around 1."""
    y, x = np.mgrid[-1 : 1 : TALL * 1j, -1 : 1 : WIDE * 1j]
    side = rng.uniform(-0.12, 0.12) * x + rng.uniform(-0.08, 0.08) * y
    return np.asarray(1 + side, np.float32)[..., None]


def grain(rng: np.random.Generator, cell: float, height: int = TALL, width: int = WIDE) -> Painting:
    """Draw smooth noise, (height, width), mean 0 and deviation 1, its grain `cell` pixels wide."""
    few = rng.normal(0, 1, (round(height / cell) + 3, round(width / cell) + 3)).astype(np.float32)
    large = cv2.resize(few, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray((large - large.mean()) / large.std(), np.float32)


def plain(rng: np.random.Generator, low: float = 110, high: float = 215) -> Painting:
    """Paint one color, between `low` and `high`, with a little grain, (TALL, WIDE, 3)."""
    color = rng.uniform(low, high) + rng.uniform(-18, 18, 3)
    picture = np.ones((TALL, WIDE, 1), np.float32) * color.astype(np.float32)
    return picture + (0.8 * grain(rng, 8) + 1.2 * grain(rng, 60))[..., None]


def draw_frame(
    picture: Painting, low: tuple[float, float], high: tuple[float, float], px: int, depth: float
) -> None:
    """Draw the outline of a rectangle, `px` wide, brighter by `depth`, in place."""
    shade = np.zeros((TALL, WIDE), np.uint8)
    corners = [(round(x), round(y)) for x, y in (low, high)]
    cv2.rectangle(shade, corners[0], corners[1], 255, px)
    picture += depth / 255 * shade[..., None].astype(np.float32)


def to_painting() -> Homography:
    """Map pixels of frame 0 to those of a painting, whose middle lies in the picture's."""
    grow = np.diag([SCALE, SCALE, 1.0])
    return pan((WIDE - 1) / 2, (TALL - 1) / 2) @ grow @ pan(-(WIDTH - 1) / 2, -(HEIGHT - 1) / 2)


def seen(
    painting: Painting,
    look: Homography,
    shape: tuple[int, int] = (HEIGHT, WIDTH),
) -> Painting:
    """See a painting through a frame of `shape`, whose pixels `look` maps to the painting's."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = shape[::-1]
    border = cv2.BORDER_REFLECT
    return np.asarray(cv2.warpPerspective(painting, look, size, flags=flags, borderMode=border))
