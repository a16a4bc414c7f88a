"""Rooms that show little: what a camera stands before when somebody fills the picture.

    wall        paint, and at places a door, a picture, a socket, a corner, the skirting board
    curtain     soft folds under a rail
    wallpaper   a faint pattern that repeats, skirting and a picture
    corridor    lines that run to one point, doors, lamps
    whiteboard  a pale board with a few strokes of a pen
    bokeh       lights, far out of focus
    sky         clouds, a line of trees far away, a pole
    beach       sky above, sand below, and between them water, which moves
    grass       a meadow out of focus, with a path through it

A room is painted once, at `SCALE` pixels per pixel of the film, larger than any frame. It is soft
to half a pixel of the film, so that a bilinear look at it is exact to some 0.01 px.

Cost: 0.3 to 0.6 s per room.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

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


def paint_room(kind: str, rng: np.random.Generator) -> Room:
    """Paint a room of one of `KINDS`, (TALL, WIDE, 3)."""
    room = KINDS[kind](rng)
    soft = cv2.GaussianBlur(room.picture, (0, 0), _SOFT)
    return Room(np.clip(soft * _light(rng), 4, 250), room.water)


def grain(rng: np.random.Generator, cell: float, height: int = TALL, width: int = WIDE) -> Painting:
    """Draw smooth noise, (height, width), mean 0 and deviation 1, its grain `cell` pixels wide."""
    few = rng.normal(0, 1, (round(height / cell) + 3, round(width / cell) + 3)).astype(np.float32)
    large = cv2.resize(few, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray((large - large.mean()) / large.std(), np.float32)


def _light(rng: np.random.Generator) -> Painting:
    """Light that comes from one side, (TALL, WIDE, 1), around 1."""
    y, x = np.mgrid[-1 : 1 : TALL * 1j, -1 : 1 : WIDE * 1j]
    side = rng.uniform(-0.12, 0.12) * x + rng.uniform(-0.08, 0.08) * y
    return np.asarray(1 + side, np.float32)[..., None]


def _plain(rng: np.random.Generator, low: float = 110, high: float = 215) -> Painting:
    color = rng.uniform(low, high) + rng.uniform(-18, 18, 3)
    picture = np.ones((TALL, WIDE, 1), np.float32) * color.astype(np.float32)
    return picture + (0.8 * grain(rng, 8) + 1.2 * grain(rng, 60))[..., None]


def _wall(rng: np.random.Generator) -> Room:
    picture = _plain(rng)
    if rng.random() < 0.5:  # another wall begins
        picture[:, round(rng.uniform(0.2, 0.8) * WIDE) :] *= rng.uniform(0.86, 0.95)
    if rng.random() < 0.5:
        _skirting(rng, picture)
    if rng.random() < 0.5:  # the ceiling
        picture[: round(rng.uniform(0.18, 0.3) * TALL)] *= rng.uniform(1.04, 1.12)
    _hang(rng, picture, round(rng.integers(6, 11)))
    return Room(picture)


def _hang(rng: np.random.Generator, picture: Painting, count: int) -> None:
    """Put door frames, pictures and sockets on a wall, some faint and some plain to see."""
    for number in range(count):
        x = (number + rng.uniform(0.1, 0.9)) / count * WIDE
        y = rng.uniform(0.15, 0.8) * TALL
        kind, depth = rng.integers(3), rng.choice([-1, 1]) * rng.uniform(12, 45)
        if kind == 0:
            _frame(picture, (x, 0.22 * TALL), (x + rng.uniform(150, 260), 1.2 * TALL), 10, depth)
        elif kind == 1:
            size = rng.uniform(50, 170, 2)
            _frame(picture, (x, y), (x + size[0], y + size[1]), 5, depth)
            inside = picture[round(y) : round(y + size[1]), round(x) : round(x + size[0])]
            inside += 5 * grain(rng, 24)[: inside.shape[0], : inside.shape[1], None]
        else:
            _frame(picture, (x, y), (x + 24, y + 24), 2, depth)
            _frame(picture, (x + 9, y + 9), (x + 15, y + 15), 3, depth)


def _frame(
    picture: Painting, low: tuple[float, float], high: tuple[float, float], px: int, depth: float
) -> None:
    shade = np.zeros((TALL, WIDE), np.uint8)
    corners = [(round(x), round(y)) for x, y in (low, high)]
    cv2.rectangle(shade, corners[0], corners[1], 255, px)
    picture += depth / 255 * shade[..., None].astype(np.float32)


def _skirting(rng: np.random.Generator, picture: Painting) -> None:
    top = round(rng.uniform(0.68, 0.8) * TALL)
    picture[top : top + 26] += rng.uniform(10, 30)
    picture[top + 26 : top + 30] -= rng.uniform(20, 50)
    picture[top + 30 :] *= rng.uniform(0.6, 0.85)
    picture[top + 30 :] += 3 * grain(rng, 20)[top + 30 :, :, None]


def _curtain(rng: np.random.Generator) -> Room:
    picture = _plain(rng)
    x = np.arange(WIDE) + 14 * grain(rng, 160)
    folds = sum(
        rng.uniform(4, 11) * np.sin(2 * np.pi * x / rng.uniform(60, 150) + rng.uniform(0, 6))
        for _ in range(3)
    )
    picture += np.asarray(folds, np.float32)[..., None] + 1.5 * grain(rng, 5)[..., None]
    top = round(rng.uniform(0.2, 0.3) * TALL)
    picture[:top] = picture[:top].mean() + 12
    picture[top - 12 : top] -= rng.uniform(30, 70)
    for ring in range(0, WIDE, round(rng.uniform(60, 90))):
        picture[top - 20 : top + 14, ring : ring + 8] -= 30
    _hang(rng, picture, 3)
    return Room(picture)


def _wallpaper(rng: np.random.Generator) -> Room:
    picture = _plain(rng)
    period = round(rng.uniform(50, 130))
    motif = grain(rng, period / 4, period, period) * rng.uniform(4, 9)
    tiled = np.tile(motif, (TALL // period + 1, WIDE // period + 1))[:TALL, :WIDE]
    picture += tiled[..., None]
    _skirting(rng, picture)
    _hang(rng, picture, 3)
    return Room(picture)


def _corridor(rng: np.random.Generator) -> Room:
    picture = _plain(rng)
    end = np.array([rng.uniform(0.35, 0.65) * WIDE, rng.uniform(0.35, 0.5) * TALL])
    shade = np.zeros((TALL, WIDE), np.uint8)
    for angle in rng.uniform(0, 2 * np.pi) + np.arange(8) * np.pi / 4 + rng.uniform(-0.2, 0.2, 8):
        far = end + 2500 * np.array([np.cos(angle), np.sin(angle)])
        cv2.line(shade, end.round().astype(int), far.round().astype(int), 255, 6, cv2.LINE_AA)
    picture += rng.choice([-1, 1]) * rng.uniform(18, 40) / 255 * shade[..., None]
    for _ in range(7):  # doors at both sides: upright lines between two lines to the end
        near, depth = rng.choice([-1, 1]) * rng.uniform(180, 900), rng.uniform(10, 30)
        x, tall = end[0] + near, 0.5 * abs(near)
        _frame(picture, (x, end[1] - tall), (x + 0.16 * near, end[1] + 0.9 * tall), 6, -depth)
    for far in (70.0, 140.0, 280.0, 420.0):
        _frame(
            picture,
            (end[0] - far / 3, end[1] - 0.7 * far),
            (end[0] + far / 3, end[1] - 0.6 * far),
            8,
            30,
        )
    return Room(picture)


def _whiteboard(rng: np.random.Generator) -> Room:
    picture = _plain(rng, 130, 170)
    low = rng.uniform(0.12, 0.25) * WIDE, rng.uniform(0.18, 0.28) * TALL
    high = rng.uniform(0.75, 0.9) * WIDE, rng.uniform(0.7, 0.85) * TALL
    inside = np.s_[round(low[1]) : round(high[1]), round(low[0]) : round(high[0])]
    picture[inside] = 222 + 1.5 * grain(rng, 90)[inside][..., None]
    _frame(picture, low, high, 14, -rng.uniform(20, 60))
    for _ in range(16):
        start = rng.uniform(low, high)
        steps = rng.normal(0, 16, (10, 2)) + np.array([9, 0])
        stroke = np.cumsum([start, *steps], axis=0).round().astype(np.int32)
        shade = cv2.polylines(np.zeros((TALL, WIDE), np.uint8), [stroke], False, 255, 4)
        picture -= rng.uniform(25, 110) / 255 * shade[..., None].astype(np.float32)
    return Room(picture)


def _bokeh(rng: np.random.Generator) -> Room:
    picture = _plain(rng, 30, 90) + 10 * grain(rng, 260)[..., None]
    for _ in range(rng.integers(40, 80)):
        x, y = rng.uniform((0, 0), (WIDE, TALL))
        radius, soft = rng.uniform(26, 90), rng.uniform(14, 34)
        reach = round(radius + soft)
        here = np.s_[max(round(y) - reach, 0) :, max(round(x) - reach, 0) :]
        part = picture[here][: 2 * reach, : 2 * reach]
        rows, columns = np.indices(part.shape[:2], np.float32)
        away = np.hypot(rows + here[0].start - y, columns + here[1].start - x)
        disc = np.clip((radius - away) / soft + 0.5, 0, 1)
        part += disc[..., None] * rng.uniform(8, 60, 3).astype(np.float32)
    return Room(np.clip(picture, 0, 235))


def _sky(rng: np.random.Generator) -> Room:
    picture = _heaven(rng)
    ridge = rng.uniform(0.6, 0.78) * TALL + 26 * grain(rng, 110)[0] + 7 * grain(rng, 18)[0]
    land = np.clip((np.arange(TALL)[:, None] - ridge) / 4, 0, 1)[..., None].astype(np.float32)
    ground = rng.uniform(45, 95, 3).astype(np.float32) + 7 * grain(rng, 26)[..., None]
    picture = picture * (1 - land) + ground * land
    for _ in range(rng.integers(1, 4)):  # poles
        x = rng.uniform(0.2, 0.8) * WIDE
        _frame(picture, (x, rng.uniform(0.2, 0.5) * TALL), (x + 4, TALL), 4, -rng.uniform(25, 70))
    return Room(picture)


def _heaven(rng: np.random.Generator) -> Painting:
    top, low = rng.uniform((90, 130, 180), (130, 170, 225)), rng.uniform(190, 225, 3)
    share = np.linspace(0, 1, TALL)[:, None, None]
    clouds = 9 * grain(rng, 240) + 4 * grain(rng, 90) + 1.5 * grain(rng, 36)
    return np.asarray(top * (1 - share) + low * share, np.float32) + clouds[..., None]


def _beach(rng: np.random.Generator) -> Room:
    picture = _heaven(rng)
    y = np.arange(TALL)[:, None]
    horizon = rng.uniform(0.34, 0.4) * TALL
    shore = (
        rng.uniform(0.47, 0.52) * TALL + 16 * grain(rng, 300)[:1] + 20 * np.linspace(-1, 1, WIDE)
    )
    sand = np.clip((y - shore) / 6, 0, 1)[..., None].astype(np.float32)
    water = np.clip((y - horizon) / 3, 0, 1)[..., None].astype(np.float32) * (1 - sand)
    island = horizon - 34 * np.clip(grain(rng, 140)[0] - 0.3, 0, 1.2)
    far = np.clip((y - island) / 3, 0, 1)[..., None].astype(np.float32)
    ground = (172, 152, 118) + (3 * grain(rng, 9) + 5 * grain(rng, 40))[..., None]
    picture = picture * (1 - far) + np.float32(96) * far
    picture = picture * (1 - water) + np.array([70, 105, 120], np.float32) * water
    picture = picture * (1 - sand) + ground.astype(np.float32) * sand
    return Room(picture, water[..., 0])


def _grass(rng: np.random.Generator) -> Room:
    blades = 26 * grain(rng, 6) + 16 * grain(rng, 30)
    soft = cv2.GaussianBlur(blades, (0, 0), sigmaX=rng.uniform(5, 9), sigmaY=rng.uniform(8, 14))
    picture = (84, 116, 62) + 1.6 * soft[..., None] + 8 * grain(rng, 200)[..., None]
    y, x = np.mgrid[:TALL, :WIDE].astype(np.float32)
    middle = rng.uniform(0.3, 0.7) * WIDE + rng.uniform(-0.6, 0.6) * y
    trail = np.clip((rng.uniform(60, 140) - np.abs(x - middle)) / 40, 0, 1)[..., None]
    return Room(np.asarray(picture * (1 - trail) + (150, 138, 112) * trail, np.float32))


KINDS: dict[str, Callable[[np.random.Generator], Room]] = {
    "wall": _wall,
    "curtain": _curtain,
    "wallpaper": _wallpaper,
    "corridor": _corridor,
    "whiteboard": _whiteboard,
    "bokeh": _bokeh,
    "sky": _sky,
    "beach": _beach,
    "grass": _grass,
}
