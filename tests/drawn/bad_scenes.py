"""Films that are hard on purpose: each says what a person who looks at it would say, and why.

All are (FRAMES, 180, 320, 3), with the noise of a sensor; equal arguments, equal bytes. Where a
camera is in a hand, `camera` is its path; where it stands on a tripod, it is all identities.

Cost: 0.1 to 0.6 s per film, the rain of confetti, which several tests look at, up to 3: once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from tests.drawn.films import HEIGHT, WIDTH, camera_path, film, pan, shaky_path, texture
from tests.drawn.layers import lay
from tinyvideo.pipeline.types import Frames, Homographies

FRAMES = 32
NOISE = 1.5
_Y, _X = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)


@dataclass(frozen=True, slots=True)
class BadScene:
    frames: Frames
    camera: Homographies
    """The truth, (T, 3, 3)."""


def crowd_to_the_rim() -> BadScene:
    """Only the tripod stands still: heads from rim to rim, and each sways its own way."""
    rng = np.random.default_rng(11)
    frames = film(tripod(), 3).astype(np.float32)
    for y in range(-10, HEIGHT + 30, 28):
        for x in range(y % 3 * 10 - 20, WIDTH + 40, 40):
            way = rng.uniform(3, 8) * np.sin(_times() / rng.uniform(2.5, 6) + rng.uniform(0, 6))
            angle = rng.uniform(0, 2 * np.pi)
            places = np.array([x, y]) + way[:, None] * (np.cos(angle), np.sin(angle))
            _lay_head(frames, places, rng)
    return _scene(frames, tripod())


def water_to_the_rim() -> BadScene:
    """Waves from rim to rim, and no shore: all of it moves, and no two waves go together."""
    rng = np.random.default_rng(12)
    frames = np.full((FRAMES, HEIGHT, WIDTH, 3), (70, 100, 115), np.float32)
    for _ in range(30):
        length, angle = rng.uniform(10, 70), rng.normal(0.4, 0.6)
        wave = 2 * np.pi / length * (np.cos(angle) * _X + np.sin(angle) * _Y) + rng.uniform(0, 6)
        # In deep water a wave of four times the length is twice as fast.
        speed = 0.3 * length**0.5 * 2 * np.pi / length
        frames += (7 * np.sin(wave - speed * _times()[:, None, None]))[..., None]
    return _scene(frames, tripod())


@cache
def confetti(pieces: int) -> BadScene:
    """Paper rains before a room, filmed out of a hand.

    Few pieces, and everybody sees the room behind them; so many that a tenth of it is left, never
    the same, and it is a film of confetti.
    """
    camera = shaky_path(FRAMES, seed=21, strength=4)
    room = _tinted(film(camera, 4), (150, 140, 120)).astype(np.uint8)
    return _scene(_rain(room, pieces, side=(7, 13), speed=(2, 7), seed=22), camera)


def snow_before_a_tripod() -> BadScene:
    """It snows, and the camera stands on a tripod: the yard stands still, and nobody touches it."""
    yard = _tinted(film(tripod(), 5), (120, 130, 120)).astype(np.uint8)
    return _scene(_rain(yard, 160, side=(3, 6), speed=(3, 6), seed=23), tripod())


def screen_in_the_screen() -> BadScene:
    """A recorded screen: a film plays in a window, out of a hand, and fills five sixths of it all.

    Nobody can use it: what fills the picture moves, and what stands still is the program's window.
    """
    played = film(shaky_path(FRAMES, seed=31, strength=12), 6)
    frames = np.repeat(_program()[None], FRAMES, axis=0)
    frames[:, 18:172, 8:312] = played[:, 18:172, 8:312]
    return _scene(frames, tripod())


def mirror_on_the_wall() -> BadScene:
    """A mirror takes 60 % of the picture and moves the other way: the wall around is the room."""
    camera = shaky_path(FRAMES, seed=41, strength=6)
    mirrored = camera.copy()
    mirrored[:, 0, 2] *= -0.6
    return _framed(camera, mirrored, (34, 22), (286, 158), 7)


def television_in_the_room() -> BadScene:
    """A television plays: a quarter of the picture goes where it likes, the room around holds."""
    camera = shaky_path(FRAMES, seed=51, strength=4)
    playing = camera @ camera_path([pan(2.5, 0.8)] * (FRAMES - 1))
    return _framed(camera, playing, (100, 40), (240, 140), 8)


def television_before_a_tripod() -> BadScene:
    """The same from a tripod: it stands as it is, and nothing is touched."""
    playing = camera_path([pan(2.5, 0.8)] * (FRAMES - 1))
    return _framed(tripod(), playing, (100, 40), (240, 140), 9)


def train_that_leaves() -> BadScene:
    """A train fills frame 0 and drives off: there is no background that frame 0 has ever shown."""
    return _train(lambda t: t < 8, lambda t: (t - 8) * 14)


def train_that_arrives() -> BadScene:
    """The platform, and then a train before it, to the rim: the end shows no background."""
    return _train(lambda t: t >= 24, lambda t: WIDTH - (24 - t) * 14, leaves=False)


def tripod() -> Homographies:
    """The path of a camera that does not move, (FRAMES, 3, 3)."""
    return np.tile(np.eye(3), (FRAMES, 1, 1))


def _times() -> np.ndarray:
    return np.arange(FRAMES, dtype=np.float32)


def _scene(frames: np.ndarray, camera: Homographies) -> BadScene:
    noise = NOISE * np.random.default_rng(1).standard_normal(frames.shape, np.float32)
    return BadScene(np.clip(np.rint(frames + noise), 0, 255).astype(np.uint8), camera)


def _lay_head(frames: np.ndarray, places: np.ndarray, rng: np.random.Generator) -> None:
    """Lay somebody's head over float frames, its middle at `places` (T, 2), in place."""
    radius = 32
    side = 2 * radius + 1
    away = np.hypot(*np.mgrid[-radius : radius + 1, -radius : radius + 1])
    disc = np.clip(radius - away, 0, 1)[..., None]
    hair = _tinted(texture(int(rng.integers(10**6)), side, side, 4), rng.uniform(30, 220, 3))
    layer = np.dstack([hair * disc, disc]).astype(np.float32)
    for frame, (x, y) in zip(frames, places, strict=True):
        lay(frame, layer, pan(x - radius, y - radius))


def _tinted(frames: Frames, color: Sequence[float] | np.ndarray) -> np.ndarray:
    """Give a scene a color of its own, so that people can tell which is which."""
    return np.asarray(0.5 * frames + 0.5 * np.asarray(color), np.float32)


def _rain(
    frames: Frames,
    pieces: int,
    *,
    side: tuple[float, float],
    speed: tuple[float, float],
    seed: int,
) -> np.ndarray:
    """Let pieces of paper fall through the picture, each with its own color, speed and turn."""
    rng = np.random.default_rng(seed)
    color = rng.uniform(40, 250, (pieces, 3)) if side[1] > 8 else rng.uniform(225, 250, (pieces, 3))
    sizes = rng.uniform(*side, (pieces, 2))
    place, turning = (
        rng.uniform((0, 0), (WIDTH, HEIGHT + 40), (pieces, 2)),
        rng.uniform(-20, 20, pieces),
    )
    fall, drift = rng.uniform(*speed, pieces), rng.normal(0, 0.8, pieces)
    drawn = frames.copy()
    for t, frame in enumerate(drawn):
        y = (place[:, 1] + t * fall) % (HEIGHT + 40) - 20
        x = place[:, 0] + t * drift
        for n in range(pieces):
            box = cv2.boxPoints(((x[n], y[n]), tuple(sizes[n]), float(turning[n] * t)))
            corners = np.rint(box * 16).astype(np.int32)
            cv2.fillConvexPoly(frame, corners, color[n].tolist(), cv2.LINE_AA, 4)
    return drawn


def _program() -> np.ndarray:
    """Draw the window of a program that plays films."""
    picture = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    cv2.rectangle(picture, (0, 0), (WIDTH, 16), (210, 212, 218), -1)
    cv2.putText(
        picture, "holiday.mp4 - Player", (6, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (20, 20, 20)
    )
    cv2.rectangle(picture, (0, 173), (WIDTH, HEIGHT), (90, 92, 96), -1)
    for x in range(8, WIDTH, 16):
        cv2.circle(picture, (x, 176), 3, (220, 220, 220), -1)
    return picture


def _framed(
    camera: Homographies,
    inner: Homographies,
    low: tuple[int, int],
    high: tuple[int, int],
    seed: int,
) -> BadScene:
    """Film a wall, and on it a rectangle of frame 0 in which something else moves along `inner`."""
    wall = _tinted(film(camera, seed), (200, 185, 160))
    seen = _tinted(film(inner, seed + 100), (60, 90, 150))
    shape = np.zeros((HEIGHT, WIDTH), np.float32)
    shape[low[1] : high[1], low[0] : high[0]] = 1
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    shares = [cv2.warpPerspective(shape, pose, (WIDTH, HEIGHT), flags=flags) for pose in camera]
    share = np.stack(shares)[..., None]
    return _scene(wall * (1 - share) + seen * share, camera)


def _train(
    full: Callable[[int], bool], edge: Callable[[int], int], *, leaves: bool = True
) -> BadScene:
    """Let a train go by at 14 pixels per frame; `edge` is where it ends, or begins."""
    frames = _tinted(film(tripod(), 10), (190, 190, 185))
    train = _tinted(film(camera_path([pan(-14, 0)] * (FRAMES - 1)), 11), (130, 40, 40))
    for t in range(FRAMES):
        at = int(np.clip(edge(t), 0, WIDTH))
        covered = np.s_[:] if full(t) else np.s_[at:] if leaves else np.s_[:at]
        frames[t][:, covered] = train[t][:, covered]
    return _scene(frames, tripod())
