"""Bodies full of texture: a head that nods, a patterned shirt, arms that gesture, and a shadow.

A body is cut out of paper, as in a puppet theater: parts with a picture and an outline, hung on
each other at joints. What it does is an act (benchmarks/rooms/acts.py): where the body stands in
every frame, and the angles of its joints. One camera films body and room, so that its path is
known whatever the body does.

Lengths are in pixels of the paper; a body of size 1 has as many in the film.

Cost: 3 ms per body and frame of 640 x 360.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.rooms.acts import Act
from benchmarks.rooms.paint import Painting, grain
from tests.drawn.films import pan
from tinyvideo.pipeline.types import Homographies, Homography

TORSO, HEAD, ARM = (180, 620), (104, 132), (52, 150)
"""Width and height of the parts; the torso reaches below every picture."""

_SHOULDER_Y, _SHOULDER_X = 34, 74


@dataclass(frozen=True, slots=True)
class Part:
    picture: Painting
    """(h, w, 4): color before its share, and the share of the pixel that it covers, 0 to 1."""

    pivot: tuple[float, float]
    """Where it hangs, (x, y) of the picture."""


@dataclass(frozen=True, slots=True)
class Body:
    parts: dict[str, Part]
    act: Act
    place: tuple[float, float]
    """Where its neck is at rest, (x, y) of frame 0."""

    size: float
    lean: float
    """How far it hangs to one side, in degrees."""

    def pose(self, t: int) -> Homography:
        """Map the paper to frame 0, as the body stands at frame `t`; its neck is at (0, 0)."""
        act, size = self.act, self.size * self.act.size[t]
        x = self.place[0] + 300 * self.size * act.x[t]
        y = self.place[1] + 300 * self.size * act.y[t]
        return np.asarray(pan(x, y) @ turned(self.lean + act.roll[t]) @ np.diag([size, size, 1]))

    def to_first(self, camera: Homographies) -> Homographies:
        """Give the path (T, 3, 3) of somebody who follows the torso and not the camera."""
        poses = np.stack([self.pose(t) for t in range(len(camera))])
        path = poses[0] @ np.linalg.inv(poses) @ camera
        return np.asarray(path / path[:, 2:, 2:])

    def places(self, t: int) -> Iterator[tuple[Part, Homography]]:
        """Yield the parts from the back to the front, and map their pictures to frame 0."""
        act, pose = self.act, self.pose(t)
        neck = pose @ pan(0, 8) @ turned(act.nod[t])
        head = neck @ pan(act.shake[t], 0)
        yield self._hung("torso", pose)
        yield self._hung("head", head)
        talking = np.diag([1, 0.35 + act.talk[t], 1])
        yield self.parts["mouth"], head @ pan(0, -34) @ talking @ pan(-17, -9)
        for side, upper, fore in ((-1, act.left, act.left_fore), (1, act.right, act.right_fore)):
            arm = pose @ pan(side * _SHOULDER_X, _SHOULDER_Y) @ turned(-side * upper[t])
            yield self._hung("upper", arm)
            yield self._hung("fore", arm @ pan(0, ARM[1] - 30) @ turned(-side * fore[t]))

    def _hung(self, name: str, joint: Homography) -> tuple[Part, Homography]:
        part = self.parts[name]
        return part, np.asarray(joint @ pan(-part.pivot[0], -part.pivot[1]))


def draw_body(rng: np.random.Generator, act: Act, place: tuple[float, float], size: float) -> Body:
    """Draw somebody in new clothes."""
    tone = rng.uniform(0.35, 1) * rng.uniform(0.92, 1.08, 3)
    skin = np.asarray(tone * (225, 178, 148), np.float32)
    cloth = _cloth(rng, TORSO[1], TORSO[0])
    sleeve = _cloth(rng, ARM[1], ARM[0]) if rng.random() < 0.4 else cloth[: ARM[1], : ARM[0]]
    fore = sleeve.copy() if rng.random() < 0.5 else _skin(rng, skin, ARM[1], ARM[0])
    fore[ARM[1] - 44 :] = _skin(rng, skin, 44, ARM[0])
    parts = {
        "torso": Part(_cut(cloth, 60), (TORSO[0] / 2, 0)),
        "head": Part(_cut(_face(rng, skin), 52), (HEAD[0] / 2, HEAD[1])),
        "mouth": Part(_cut(np.full((18, 34, 3), (110, 30, 40), np.float32), 9), (17, 9)),
        "upper": Part(_cut(sleeve, 24), (ARM[0] / 2, 24)),
        "fore": Part(_cut(fore, 24), (ARM[0] / 2, 24)),
    }
    return Body(parts, act, place, size, float(rng.normal(0, 4)))


def _cloth(rng: np.random.Generator, height: int, width: int) -> Painting:
    base, ink = rng.uniform(20, 235, (2, 3)).astype(np.float32)
    if np.abs(base - ink).max() < 90:
        ink = 255 - base
    y, x = np.mgrid[:height, :width].astype(np.float32)
    period = rng.uniform(10, 34)
    slant = rng.uniform(0, np.pi)
    stripes = np.sin(2 * np.pi * (x * np.cos(slant) + y * np.sin(slant)) / period)
    other = np.sin(2 * np.pi * (y * np.cos(slant) - x * np.sin(slant)) / period)
    pattern = (
        stripes,
        np.maximum(stripes, other),
        stripes * other,
        grain(rng, period, height, width),
    )[rng.integers(4)]
    share = np.clip(0.5 + 2 * pattern, 0, 1)[..., None]
    worn = 10 * grain(rng, 5, height, width) + 16 * grain(rng, 40, height, width)
    return np.asarray(base * (1 - share) + ink * share + worn[..., None], np.float32)


def _skin(rng: np.random.Generator, skin: Painting, height: int, width: int) -> Painting:
    spots = 4 * grain(rng, 6, height, width) + 8 * grain(rng, 30, height, width)
    return np.asarray(skin + spots[..., None], np.float32)


def _face(rng: np.random.Generator, skin: Painting) -> Painting:
    width, height = HEAD
    face = _skin(rng, skin, height, width)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    hair = (y < 40 + 8 * grain(rng, 12, height, width)) | (
        np.abs(x - width / 2) > rng.uniform(38, 50)
    )
    strands = grain(rng, 4, height, width) + 0.6 * grain(rng, 14, height, width)
    face[hair] = (rng.uniform(20, 130) * np.array([1, 0.85, 0.7]) + 24 * strands[..., None])[hair]
    for side in (-1, 1):
        eye = round(width / 2 + side * 22), 64
        cv2.ellipse(face, (eye[0], 52), (12, 3), 0, 0, 360, (45.0, 35.0, 30.0), -1)
        cv2.ellipse(face, eye, (10, 6), 0, 0, 360, (235.0, 235.0, 235.0), -1)
        cv2.circle(face, eye, 5, (40.0, 30.0, 30.0), -1)
    cv2.ellipse(face, (width // 2, 86), (7, 4), 0, 0, 360, (skin * 0.6).tolist(), -1)
    return face


def _cut(picture: Painting, corner: int) -> Painting:
    """Cut paper out with round corners, (h, w, 4), with a soft edge of two pixels."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    past_x = np.maximum(corner - np.minimum(x, width - 1 - x), 0)
    past_y = np.maximum(corner - np.minimum(y, height - 1 - y), 0)
    share = np.clip((corner - 1 - np.hypot(past_x, past_y)) / 2, 0, 1)[..., None]
    soft = cv2.GaussianBlur(picture, (0, 0), 0.7)
    return np.dstack([soft * share, share]).astype(np.float32)


def turned(degrees: float) -> Homography:
    """Turn clockwise about (0, 0)."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
