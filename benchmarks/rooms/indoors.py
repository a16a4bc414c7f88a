"""Rooms within four walls: they show little beside whoever stands in them."""

import cv2
import numpy as np

from benchmarks.rooms.paint import TALL, WIDE, Painting, Room, draw_frame, grain, plain


def wall(rng: np.random.Generator) -> Room:
    """Paint on a wall, and at places a door, a picture, a socket, a corner."""
    picture = plain(rng)
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
            draw_frame(
                picture, (x, 0.22 * TALL), (x + rng.uniform(150, 260), 1.2 * TALL), 10, depth
            )
        elif kind == 1:
            size = rng.uniform(50, 170, 2)
            draw_frame(picture, (x, y), (x + size[0], y + size[1]), 5, depth)
            inside = picture[round(y) : round(y + size[1]), round(x) : round(x + size[0])]
            inside += 5 * grain(rng, 24)[: inside.shape[0], : inside.shape[1], None]
        else:
            draw_frame(picture, (x, y), (x + 24, y + 24), 2, depth)
            draw_frame(picture, (x + 9, y + 9), (x + 15, y + 15), 3, depth)


def _skirting(rng: np.random.Generator, picture: Painting) -> None:
    top = round(rng.uniform(0.68, 0.8) * TALL)
    picture[top : top + 26] += rng.uniform(10, 30)
    picture[top + 26 : top + 30] -= rng.uniform(20, 50)
    picture[top + 30 :] *= rng.uniform(0.6, 0.85)
    picture[top + 30 :] += 3 * grain(rng, 20)[top + 30 :, :, None]


def curtain(rng: np.random.Generator) -> Room:
    """Soft folds under a rail with rings."""
    picture = plain(rng)
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


def wallpaper(rng: np.random.Generator) -> Room:
    """A faint pattern that repeats, a skirting board, and little else."""
    picture = plain(rng)
    period = round(rng.uniform(50, 130))
    motif = grain(rng, period / 4, period, period) * rng.uniform(4, 9)
    tiled = np.tile(motif, (TALL // period + 1, WIDE // period + 1))[:TALL, :WIDE]
    picture += tiled[..., None]
    _skirting(rng, picture)
    _hang(rng, picture, 3)
    return Room(picture)


def corridor(rng: np.random.Generator) -> Room:
    """Lines that run to one point, doors and lamps."""
    picture = plain(rng)
    end = np.array([rng.uniform(0.35, 0.65) * WIDE, rng.uniform(0.35, 0.5) * TALL])
    shade = np.zeros((TALL, WIDE), np.uint8)
    for angle in rng.uniform(0, 2 * np.pi) + np.arange(8) * np.pi / 4 + rng.uniform(-0.2, 0.2, 8):
        far = end + 2500 * np.array([np.cos(angle), np.sin(angle)])
        ends = [(round(x), round(y)) for x, y in (end, far)]
        cv2.line(shade, ends[0], ends[1], 255, 6, cv2.LINE_AA)
    picture += rng.choice([-1, 1]) * rng.uniform(18, 40) / 255 * shade[..., None]
    for _ in range(7):  # doors at both sides: upright lines between two lines to the end
        near, depth = rng.choice([-1, 1]) * rng.uniform(180, 900), rng.uniform(10, 30)
        x, tall = end[0] + near, 0.5 * abs(near)
        draw_frame(picture, (x, end[1] - tall), (x + 0.16 * near, end[1] + 0.9 * tall), 6, -depth)
    for far in (70.0, 140.0, 280.0, 420.0):
        draw_frame(
            picture,
            (end[0] - far / 3, end[1] - 0.7 * far),
            (end[0] + far / 3, end[1] - 0.6 * far),
            8,
            30,
        )
    return Room(picture)


def whiteboard(rng: np.random.Generator) -> Room:
    """A pale board with a few strokes of a pen."""
    picture = plain(rng, 130, 170)
    low = rng.uniform(0.12, 0.25) * WIDE, rng.uniform(0.18, 0.28) * TALL
    high = rng.uniform(0.75, 0.9) * WIDE, rng.uniform(0.7, 0.85) * TALL
    inside = np.s_[round(low[1]) : round(high[1]), round(low[0]) : round(high[0])]
    picture[inside] = 222 + 1.5 * grain(rng, 90)[inside][..., None]
    draw_frame(picture, low, high, 14, -rng.uniform(20, 60))
    for _ in range(16):
        start = rng.uniform(low, high)
        steps = rng.normal(0, 16, (10, 2)) + np.array([9, 0])
        stroke = np.cumsum([start, *steps], axis=0).round().astype(np.int32)
        shade = cv2.polylines(np.zeros((TALL, WIDE), np.uint8), [stroke], False, 255, 4)
        picture -= rng.uniform(25, 110) / 255 * shade[..., None].astype(np.float32)
    return Room(picture)
