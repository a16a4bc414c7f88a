"""Somebody in a room before a camera: all that is known of it, and the frames that it gives.

Light flutters by half a percent and the sensor has noise, on a tripod too; under a strong hand the
picture is blurred while the shutter is open.

Cost: 2 s per scene, and 40 ms per frame of 640 x 360, under a strong hand 100.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.rooms.groups import CELL, CELLS, SMALL, cover, draw_people, shadow
from benchmarks.rooms.hands import CAMERAS, FRAMES, hand, while_open
from benchmarks.rooms.paint import HEIGHT, WIDTH, Painting, Room, grain, seen, to_painting
from benchmarks.rooms.people import Body
from benchmarks.rooms.rooms import paint_room
from tests.drawn.films import pan
from tests.drawn.layers import lay
from tinyvideo.pipeline.types import Frame, Homographies, Homography

EDGE = 2.0
"""Slope that can be seen, in values of brightness per pixel of the film."""

Mask = npt.NDArray[np.bool_]
_SPARE = 160
"""Pixels by which a picture of noise is larger than the film, so that it never comes twice."""


@dataclass(frozen=True)
class Scene:
    room: Room
    bodies: list[Body]
    camera: Homographies
    rng: np.random.Generator
    blurred: bool

    @classmethod
    def draw(
        cls, rng: np.random.Generator, kind: str, camera: str, background: tuple[float, float]
    ) -> "Scene":
        """Draw a scene of which a share between these two is background, more or less."""
        room = paint_room(kind, rng)
        path = hand(rng, rng.uniform(*CAMERAS[camera]))
        dry = 1.0 if room.water is None else 1 - float(seen(room.water, to_painting()).mean())
        people = draw_people(rng, max(1 - rng.uniform(*background) / dry, 0.06))
        return cls(room, people, path, rng, camera == "strong")

    @cached_property
    def masks(self) -> tuple[Mask, Mask]:
        """Say which cells are all background, and which all body, in every frame."""
        small = pan(-0.5, -0.5) @ SMALL @ pan(0.5, 0.5)
        from_film = [small @ np.linalg.inv(pose) for pose in self.camera]
        covered = np.stack([cover(self.bodies, t, way) for t, way in enumerate(from_film)])
        water = np.zeros(covered.shape, np.float32)
        if self.room.water is not None:
            for t, pose in enumerate(self.camera):
                look = to_painting() @ pose @ np.linalg.inv(small)
                water[t] = seen(self.room.water, look, CELLS)
        return (covered < 0.02) & (water < 0.02), covered > 0.98

    def holds(self) -> int:
        """Count blocks, free in every frame, with an edge; of two directions, the fewer."""
        free = np.asarray(self.masks[0].all(axis=0))
        view = cv2.cvtColor(seen(self.room.picture, to_painting()), cv2.COLOR_RGB2GRAY)
        soft = cv2.GaussianBlur(view, (0, 0), 1)
        clear = _blocks(free, 3).all(axis=(1, 3))
        counts = []
        for way in ((1, 0), (0, 1)):
            slope = np.abs(cv2.Sobel(soft, -1, *way, scale=1 / 8))
            edge = _blocks(slope, 3 * CELL).max(axis=(1, 3)) >= EDGE
            counts.append(int((clear & edge).sum()))
        return min(counts)

    def frames(self) -> list[Frame]:
        """Film it: (HEIGHT, WIDTH, 3) uint8 each."""
        noise = self.rng.standard_normal((HEIGHT + _SPARE, WIDTH + _SPARE, 3), np.float32)
        noise *= np.float32(self.rng.uniform(1, 3))
        flutter = 1 + 0.004 * np.sin(np.arange(FRAMES) / self.rng.uniform(1, 6))
        flutter += self.rng.normal(0, 0.0015, FRAMES)
        waves = [grain(self.rng, cell) for cell in (18, 44)] if self.room.water is not None else []
        frames = []
        for t, pose in enumerate(self.camera):
            poses = while_open(self.camera, t) if self.blurred else [pose]
            looks = [self._view(t, one, waves) for one in poses]
            y, x = self.rng.integers(1, _SPARE, 2)  # another piece of the noise in every frame
            spots = noise[y : y + HEIGHT, x : x + WIDTH]
            light = np.sum(looks, axis=0) if len(looks) > 1 else looks[0]
            frame = cv2.addWeighted(light, flutter[t] / len(looks), spots, 1, 0, dtype=cv2.CV_8U)
            frames.append(np.asarray(frame, np.uint8))
        return frames

    def _view(self, t: int, pose: Homography, waves: list[Painting]) -> Painting:
        look = to_painting() @ pose
        view = seen(self.room.picture, look)
        if self.room.water is not None:
            ripples = [
                seen(wave, pan(way * t, 0.8 * t) @ look)
                for wave, way in zip(waves, (3.1, -1.7), strict=True)
            ]
            wet = seen(self.room.water, look)
            view += (wet * (9 * ripples[0] + 12 * ripples[1] + 8))[..., None]
        to_frame = np.asarray(np.linalg.inv(pose))
        view *= 1 - 0.16 * shadow(self.bodies, t, to_frame)[..., None]
        for body in self.bodies:
            for part, place in body.places(t):
                lay(view, part.picture, to_frame @ place)
        return view


def _blocks(grid: npt.NDArray[Any], side: int) -> npt.NDArray[Any]:
    """Cut a grid (h, w) into squares, (h / side, side, w / side, side); what is left is dropped."""
    tall, wide = grid.shape[0] // side, grid.shape[1] // side
    return grid[: tall * side, : wide * side].reshape(tall, side, wide, side)
