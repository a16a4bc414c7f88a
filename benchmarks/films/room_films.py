"""Films of somebody before a room that shows little, by a camera that is known.

A room (benchmarks/films/rooms.py) and one to three bodies (benchmarks/films/people.py) are filmed
from a tripod or out of one of three hands. The share of the picture that is background is chosen,
and bodies are drawn as large as that needs. Light flutters, the sensor has noise, and H.264 does
what it does to every film. The camera path is both what draws the film and the truth to find again.

A film is drawn anew until its background has `LEAST_HOLDS` places that a person would see stand
still: blocks of 24 px, free in every frame, with an edge in them, and edges of two directions.

Cost: 3 s of one core per film of 32 frames of 640 x 360, a strong hand 6.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, product
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.films.acts import KINDS as ACTS
from benchmarks.films.acts import draw_act
from benchmarks.films.people import Body, draw_body
from benchmarks.films.rooms import HEIGHT, KINDS, SCALE, TALL, WIDE, WIDTH, Room, grain, paint_room
from benchmarks.films.truth_films import shaking_camera
from tests.drawn.films import pan, write_video
from tests.drawn.layers import lay
from tinyvideo.pipeline.types import Frame, Homographies, Homography

FRAMES = 32
CAMERAS: dict[str, tuple[float, float]] = {
    "tripod": (0, 0),
    "weak": (0.5, 2),
    "middle": (3, 8),
    "strong": (10, 25),
}
"""Largest way of the picture's middle, least and most, in pixels of a frame of 240."""

SHARES: dict[str, tuple[float, float]] = {
    "70+": (0.70, 0.80),
    "50": (0.50, 0.70),
    "25": (0.26, 0.50),
    "below": (0.12, 0.24),
}
"""Which share of the picture, over all frames, is background: neither body nor water."""

LEAST_HOLDS = 6
CELL = 8
"""Side of a cell of the masks, in pixels of the film."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a film is to show; `seed` says the rest."""

    room: str
    camera: str
    share: str
    seed: tuple[int, ...]

    @property
    def name(self) -> str:
        """A name for its file."""
        return "-".join([self.room, self.camera, self.share, *map(str, self.seed)])


@dataclass(frozen=True)
class RoomFilm:
    plan: Plan
    path: Path
    """The encoded film."""

    to_first: Homographies
    """The truth, (T, 3, 3)."""

    followers: list[Homographies]
    """The path of somebody who follows a body, for each body."""

    free: Mask
    """Which cells show nothing but background, (T, HEIGHT / CELL, WIDTH / CELL)."""

    bodies: Mask
    """Which cells show nothing but a body."""

    @cached_property
    def background(self) -> float:
        """Share of all frames that is background, 0 to 1."""
        return float(self.free.mean())


def plans(seed: int, films: int) -> list[Plan]:
    """Plan `films` films; of 144, each room has each camera with each share."""
    order = list(product(KINDS, CAMERAS, SHARES))
    shuffled = np.random.default_rng(seed).permutation(len(order))
    chosen = [int(shuffled[number % len(order)]) for number in range(films)]
    return [Plan(*order[at], (seed, number)) for number, at in enumerate(chosen)]


def drawn(plan: Plan, folder: Path) -> RoomFilm:
    """Draw and encode a film into `folder`, or find it there."""
    film, truth = folder / f"{plan.name}.mp4", folder / f"{plan.name}.npz"
    if not (film.exists() and truth.exists()):
        _draw(plan, film, truth)
    known = np.load(truth)
    followers = list(known["followers"])
    return RoomFilm(plan, film, known["to_first"], followers, known["free"], known["bodies"])


def _draw(plan: Plan, film: Path, truth: Path) -> None:
    scene = next(scene for attempt in count() if (scene := _Scene.of(plan, attempt)).fits(plan))
    free, bodies = scene.masks
    np.savez_compressed(
        truth,
        to_first=scene.camera,
        followers=[body.to_first(scene.camera) for body in scene.bodies],
        free=free,
        bodies=bodies,
    )
    write_video(film, scene.frames(), crf=int(scene.rng.integers(20, 28)))


@dataclass(frozen=True)
class _Scene:
    room: Room
    bodies: list[Body]
    camera: Homographies
    rng: np.random.Generator
    blurred: bool

    @classmethod
    def of(cls, plan: Plan, attempt: int) -> "_Scene":
        rng = np.random.default_rng((*plan.seed, attempt))
        room = paint_room(plan.room, rng)
        camera = hand(rng, rng.uniform(*CAMERAS[plan.camera]))
        wanted = rng.uniform(*SHARES[plan.share])
        bodies = _bodies(rng, max(1 - wanted / (1 - _water_share(room)), 0.06))
        return cls(room, bodies, camera, rng, plan.camera == "strong")

    def fits(self, plan: Plan) -> bool:
        """Whether a person sees as much background as planned, and sees it stand still."""
        low, high = SHARES[plan.share]
        return low <= self.masks[0].mean() <= high and self.holds() >= LEAST_HOLDS

    @cached_property
    def masks(self) -> tuple[Mask, Mask]:
        """Say which cells are all background, and which all body, in every frame."""
        small = np.diag([1 / CELL, 1 / CELL, 1]) @ pan(0.5, 0.5)
        small = pan(-0.5, -0.5) @ small
        shape = HEIGHT // CELL, WIDTH // CELL
        covered = np.stack(
            [_cover(self.bodies, t, small @ _inverse(self.camera[t]), shape) for t in self.times]
        )
        water = np.zeros(covered.shape, np.float32)
        if self.room.water is not None:
            for t in self.times:
                look = to_painting() @ self.camera[t] @ np.linalg.inv(small)
                water[t] = _seen(self.room.water, look, shape)
        return (covered < 0.02) & (water < 0.02), covered > 0.98

    def holds(self) -> int:
        """Count the blocks, free in every frame, in which an edge can be seen to stand still."""
        free = self.masks[0].all(axis=0)
        view = cv2.cvtColor(_seen(self.room.picture, to_painting()), cv2.COLOR_RGB2GRAY)
        slope = [cv2.Sobel(cv2.GaussianBlur(view, (0, 0), 1), -1, *xy, scale=1 / 8) for xy in _XY]
        cells = free.shape[0] // 3, free.shape[1] // 3
        clear = free[: 3 * cells[0], : 3 * cells[1]].reshape(cells[0], 3, cells[1], 3)
        upright, level = (
            np.abs(way)[: 24 * cells[0], : 24 * cells[1]]
            .reshape(cells[0], 24, cells[1], 24)
            .max(axis=(1, 3))
            >= _EDGE
            for way in slope
        )
        clear = clear.all(axis=(1, 3))
        return min(int((clear & upright).sum()), int((clear & level).sum()))

    @property
    def times(self) -> range:
        return range(len(self.camera))

    def frames(self) -> list[Frame]:
        """Film it: (HEIGHT, WIDTH, 3) uint8 each."""
        noise = self.rng.standard_normal((HEIGHT + _SPARE, WIDTH + _SPARE, 3), np.float32)
        noise *= np.float32(self.rng.uniform(1, 3))
        flutter = 1 + 0.004 * np.sin(np.arange(FRAMES) / self.rng.uniform(1, 6))
        flutter += self.rng.normal(0, 0.0015, FRAMES)
        waves = [grain(self.rng, cell) for cell in (18, 44)] if self.room.water is not None else []
        frames = []
        for t in self.times:
            looks = [self._view(t, pose, waves) for pose in self._open(t)]
            y, x = self.rng.integers(1, _SPARE, 2)  # another piece of the noise in every frame
            spots = noise[y : y + HEIGHT, x : x + WIDTH]
            light = np.sum(looks, axis=0) if len(looks) > 1 else looks[0]
            frame = cv2.addWeighted(light, flutter[t] / len(looks), spots, 1, 0, dtype=cv2.CV_8U)
            frames.append(np.asarray(frame, np.uint8))
        return frames

    def _open(self, t: int) -> list[Homography]:
        """Say where the camera is while the shutter is open, for a third of a frame."""
        if not self.blurred:
            return [self.camera[t]]
        step = (self.camera[min(t + 1, FRAMES - 1)] - self.camera[max(t - 1, 0)]) / 2
        return [self.camera[t] + share * step for share in (-1 / 6, 0, 1 / 6)]

    def _view(
        self, t: int, pose: Homography, waves: list[npt.NDArray[np.float32]]
    ) -> npt.NDArray[np.float32]:
        look = to_painting() @ pose
        view = _seen(self.room.picture, look)
        if self.room.water is not None:
            ripples = [
                _seen(wave, pan(way * t, 0.8 * t) @ look)
                for wave, way in zip(waves, (3.1, -1.7), strict=True)
            ]
            wet = _seen(self.room.water, look)
            view += (wet * (9 * ripples[0] + 12 * ripples[1] + 8))[..., None]
        to_frame = _inverse(pose)
        view *= 1 - 0.16 * _shadow(self.bodies, t, to_frame)[..., None]
        for body in self.bodies:
            for part, place in body.places(t):
                lay(view, part.picture, to_frame @ place)
        return view


_SPARE = 160
"""Pixels by which a picture of noise is larger than the film, so that it never comes twice."""

_XY = ((1, 0), (0, 1))
_EDGE = 2.0
"""Slope that can be seen, in values of brightness per pixel of the film."""


def to_painting() -> Homography:
    """Map pixels of frame 0 to those of a painting, whose middle lies in the picture's."""
    grow = np.diag([SCALE, SCALE, 1.0])
    return pan((WIDE - 1) / 2, (TALL - 1) / 2) @ grow @ pan(-(WIDTH - 1) / 2, -(HEIGHT - 1) / 2)


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


def _bodies(rng: np.random.Generator, covered: float) -> list[Body]:
    """Draw one to three people who cover a share of the picture, over all frames."""
    alone = 0.6 if covered < 0.45 else 0.4 if covered < 0.65 else 0  # or faces grow too large
    people = int(rng.choice([1, 2, 3], p=(alone, (1 - alone) / 2, (1 - alone) / 2)))
    size = 1.1 / people**0.5
    kinds = rng.choice(list(ACTS), people)
    places = (rng.permutation(people) + rng.uniform(0.25, 0.75, people)) / people
    high = rng.uniform(0.25, 0.5, people)
    bodies = []
    for n in range(people):
        act = draw_act(str(kinds[n]), rng, FRAMES)
        bodies.append(draw_body(rng, act, (WIDTH * places[n], HEIGHT * high[n]), size))
    shape = HEIGHT // CELL, WIDTH // CELL
    small = np.diag([1 / CELL, 1 / CELL, 1])
    for _ in range(5):
        found = np.mean([_cover(bodies, t, small, shape) > 0.02 for t in range(0, FRAMES, 4)])
        grow = float(np.clip((covered / max(found, 0.02)) ** 0.7, 0.5, 2))
        bodies = [replace(body, size=body.size * grow) for body in bodies]
    return bodies


def _cover(
    bodies: list[Body], t: int, to_cells: Homography, shape: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Say how much of every cell the bodies cover at frame `t`, (h, w), 0 to 1."""
    four = np.zeros((4 * shape[0], 4 * shape[1], 4), np.float32)
    fine = pan(1.5, 1.5) @ np.diag([4, 4, 1]) @ to_cells
    for body in bodies:
        for part, place in body.places(t):
            lay(four, part.picture, fine @ place)
    return np.asarray(cv2.resize(four[..., 3], shape[::-1], interpolation=cv2.INTER_AREA))


def _shadow(bodies: list[Body], t: int, to_frame: Homography) -> npt.NDArray[np.float32]:
    """A soft shadow of every body, beside it on the wall, (HEIGHT, WIDTH), 0 to 1."""
    shape = HEIGHT // CELL, WIDTH // CELL
    small = np.diag([1 / CELL, 1 / CELL, 1]) @ pan(34, 12) @ to_frame
    dark = cv2.GaussianBlur(_cover(bodies, t, small, shape), (0, 0), 1.5)
    return np.asarray(cv2.resize(dark, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR))


def _seen(
    painting: npt.NDArray[np.float32],
    look: Homography,
    shape: tuple[int, int] = (HEIGHT, WIDTH),
) -> npt.NDArray[np.float32]:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = shape[::-1]
    return cv2.warpPerspective(painting, look, size, flags=flags, borderMode=cv2.BORDER_REFLECT)


def _water_share(room: Room) -> float:
    return 0.0 if room.water is None else float(_seen(room.water, to_painting()).mean())


def _inverse(pose: Homography) -> Homography:
    return np.asarray(np.linalg.inv(pose))
