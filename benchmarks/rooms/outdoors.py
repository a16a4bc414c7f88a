"""Places without walls: what stands still in them is soft, far away, or beside water."""

import cv2
import numpy as np

from benchmarks.rooms.paint import TALL, WIDE, Painting, Room, draw_frame, grain, plain


def bokeh(rng: np.random.Generator) -> Room:
    """Lights, far out of focus."""
    picture = plain(rng, 30, 90) + 10 * grain(rng, 260)[..., None]
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


def sky(rng: np.random.Generator) -> Room:
    """Clouds, a line of trees far away, poles and wires."""
    picture = _heaven(rng)
    ridge = rng.uniform(0.6, 0.78) * TALL + 26 * grain(rng, 110)[0] + 7 * grain(rng, 18)[0]
    land = np.clip((np.arange(TALL)[:, None] - ridge) / 4, 0, 1)[..., None].astype(np.float32)
    ground = rng.uniform(45, 95, 3).astype(np.float32) + 7 * grain(rng, 26)[..., None]
    picture = picture * (1 - land) + ground * land
    for _ in range(rng.integers(1, 4)):  # poles
        x, top = rng.uniform(0.2, 0.8) * WIDE, rng.uniform(0.2, 0.5) * TALL
        draw_frame(picture, (x, top), (x + 4, TALL), 4, -rng.uniform(25, 70))
    for _ in range(rng.integers(2, 5)):  # wires
        left, right = rng.uniform(0.15, 0.6, 2) * TALL
        wire = np.zeros((TALL, WIDE), np.uint8)
        cv2.line(wire, (0, round(left)), (WIDE, round(right)), 255, 4, cv2.LINE_AA)
        picture -= rng.uniform(25, 70) / 255 * wire[..., None].astype(np.float32)
    return Room(picture)


def _heaven(rng: np.random.Generator) -> Painting:
    top, low = rng.uniform((90, 130, 180), (130, 170, 225)), rng.uniform(190, 225, 3)
    share = np.linspace(0, 1, TALL)[:, None, None]
    clouds = 9 * grain(rng, 240) + 4 * grain(rng, 90) + 1.5 * grain(rng, 36)
    return np.asarray(top * (1 - share) + low * share, np.float32) + clouds[..., None]


def beach(rng: np.random.Generator) -> Room:
    """Sky above, sand below, and between them water, which moves."""
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


def grass(rng: np.random.Generator) -> Room:
    """A meadow out of focus, with a trail through it."""
    blades = 26 * grain(rng, 6) + 16 * grain(rng, 30)
    soft = cv2.GaussianBlur(blades, (0, 0), sigmaX=rng.uniform(5, 9), sigmaY=rng.uniform(8, 14))
    picture = (84, 116, 62) + 1.6 * soft[..., None] + 8 * grain(rng, 200)[..., None]
    y, x = np.mgrid[:TALL, :WIDE].astype(np.float32)
    middle = rng.uniform(0.3, 0.7) * WIDE + rng.uniform(-0.6, 0.6) * y
    trail = np.clip((rng.uniform(60, 140) - np.abs(x - middle)) / 40, 0, 1)[..., None]
    return Room(np.asarray(picture * (1 - trail) + (150, 138, 112) * trail, np.float32))
