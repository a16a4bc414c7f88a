"""Films of somebody before a room that shows little, by a camera that is known.

A room (benchmarks/rooms/rooms.py) and one to three bodies (benchmarks/rooms/people.py) are filmed
from a tripod or out of one of three hands. The share of the picture that is background is chosen,
and bodies are drawn as large as that needs. Light flutters, the sensor has noise, and H.264 does
what it does to every film. The camera path is both what draws the film and the truth to find again.

A film is drawn anew until a background that is large enough to be wanted has places that a person
would see stand still.

Cost: 3 s of one core per film of 32 frames of 640 x 360, a strong hand 6.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.rooms.hands import CAMERAS
from benchmarks.rooms.rooms import KINDS
from benchmarks.rooms.scenes import Mask, Scene
from tests.drawn.films import write_video
from tinyvideo.pipeline.types import Homographies

SHARES: dict[str, tuple[float, float]] = {
    "70+": (0.70, 0.80),
    "50": (0.50, 0.70),
    "25": (0.26, 0.50),
    "below": (0.12, 0.24),
}
"""Which share of the picture, over all frames, is background: neither body nor water."""

LEAST_HOLDS = 6
"""Blocks of 24 px, free in every frame, with an edge in them, of either direction."""

_ATTEMPTS = 200


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
    """Which cells of 8 px show nothing but background, (T, 45, 80)."""

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
    scene = next(
        scene for attempt in range(_ATTEMPTS) if _fits(scene := _scene(plan, attempt), plan)
    )
    free, bodies = scene.masks
    np.savez_compressed(
        truth,
        to_first=scene.camera,
        followers=[body.to_first(scene.camera) for body in scene.bodies],
        free=free,
        bodies=bodies,
    )
    write_video(film, scene.frames(), crf=int(scene.rng.integers(20, 28)))


def _scene(plan: Plan, attempt: int) -> Scene:
    rng = np.random.default_rng((*plan.seed, attempt))
    return Scene.draw(rng, plan.room, plan.camera, SHARES[plan.share])


def _fits(scene: Scene, plan: Plan) -> bool:
    """Whether there is as much background as planned; enough of it shows that it stands still."""
    low, high = SHARES[plan.share]
    holds = 0 if plan.share == "below" else LEAST_HOLDS
    return low <= scene.masks[0].mean() <= high and scene.holds() >= holds
