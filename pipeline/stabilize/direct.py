"""Fit a camera path to the pictures themselves, where there is little for keypoints to hold.

A wall has edges, a curtain folds, a sky a horizon: too little for a keypoint, and enough for a path
if all of it is taken together. Every block of frame 0 says how far it seems to have moved in a
frame, as far as its slopes can tell: an edge says it across itself only. A similarity is fitted to
all blocks, each by its area and not by its contrast, and a block that does not go with the others
loses its say. The rim counts more than the middle, since the room reaches around who stands in it.

So this path does not follow a person who has all the keypoints, and is a good guess of where
keypoints of the room are to be looked for.

Source: Lucas and Kanade, IJCAI 1981; Irani and Anandan, "About direct methods", 1999; weights of
Geman and McClure.

T counts frames, B blocks. Cost on one core, 32 frames of 427 x 240 px: 30 ms.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.pixels import halve
from tinyvideo.pipeline.stabilize.blocks import (
    BLOCK,
    FROM_HALF,
    TO_HALF,
    Floats,
    block_means,
    slopes_of,
)
from tinyvideo.pipeline.stabilize.stillness import Look, Pictures
from tinyvideo.pipeline.tracking import MODELS, motions, slopes_at
from tinyvideo.pipeline.types import GrayFrame, Homographies, Homography

Array = npt.NDArray[np.float64]

_FLAT = 1.0
"""Slope, in brightness per pixel of the level, from which on a block counts by its area alone."""

_EVERY = 2
"""Every such frame of those that are looked at is asked for a drift."""

_DRIFT_PX = 0.5
"""Distance, in pixels of the half size, at which a block has lost three quarters of its say there.
"""

_NOISE = 1.0
"""Squared brightness that is no motion."""


@dataclass(frozen=True, slots=True)
class _Level:
    """How a frame is fitted at one size of the pictures."""

    limits_px: Sequence[float]
    """Distance, in pixels of the level, at which a block has lost three quarters of its say: one
    for each step."""

    parameters: Sequence[int]


_SIMILARITY = MODELS["similarity"]
_COARSE = _Level((3.0, 3.0, 1.5), (MODELS["shift"], _SIMILARITY, _SIMILARITY))
_FINE = _Level((1.0, 1.0), (_SIMILARITY, _SIMILARITY))
_SETTLING = (
    _Level((0.7, 0.7), (_SIMILARITY, _SIMILARITY)),
    _Level((0.7, 0.7), (MODELS["homography"], MODELS["homography"])),
)

_SETTLES = 3
"""Most times that what stands still and the path are found in turn, by each kind of motion."""

_GAIN = 1.01
"""How much more of the room a path must hold to be worth another round."""


def fit_direct(pictures: Pictures, say: Floats) -> Homographies:
    """Find where every frame lies in frame 0, (T, 3, 3), in pixels of the frames.

    `say` is how much every block counts, (rows, columns).
    """
    first = pictures.texture(0)
    coarse = _Target(halve(first), BLOCK // 2, pictures.grid, say)
    fine = _Target(first, BLOCK, pictures.grid, say)
    place = np.eye(3)
    path = [np.eye(3)]
    for t in range(1, pictures.count):
        texture = pictures.texture(t)
        place = coarse.fit(halve(texture), TO_HALF @ place @ FROM_HALF, _COARSE)
        place = fine.fit(texture, FROM_HALF @ place @ TO_HALF, _FINE)
        path.append(place)
    found = FROM_HALF @ np.stack(path) @ TO_HALF
    return np.asarray(found / found[:, 2:, 2:])


def settle_direct(look: Look) -> Look:
    """Bring a path nearer to what stands still along it, as long as more does.

    First by similarities, which little texture determines, then by homographies.
    """
    for level in _SETTLING:
        for _ in range(_SETTLES):
            closer = _settled(look, level)
            if closer.stillness.reach <= _GAIN * look.stillness.reach:
                break
            look = closer
    return look


def _settled(look: Look, level: _Level) -> Look:
    pictures = look.pictures
    say = np.asarray(pictures.room * look.graded, np.float32)
    target = _Target(look.median, BLOCK, pictures.grid, say)
    places = TO_HALF @ look.to_first @ FROM_HALF
    found = np.stack(
        [target.fit(pictures.texture(t), place, level) for t, place in enumerate(places)]
    )
    found = FROM_HALF @ np.linalg.inv(found[0]) @ found @ TO_HALF
    return pictures.look(found / found[:, 2:, 2:])


def drift_of(look: Look) -> Array:
    """Say how far what stands still moves if it is all taken together: pixels, a frame each.

    A camera that creeps or trembles moves every block by less than is seen in it; all blocks
    together show it. Half of the frames that are looked at are asked.
    """
    say = np.asarray(look.pictures.room * look.graded, np.float32)
    target = _Target(look.median, BLOCK, look.pictures.grid, say)
    asked = [*look.carried[::_EVERY], look.carried[-1]]
    ways = [target.way_of(target.step(frame, _DRIFT_PX, _SIMILARITY)) for frame in asked]
    return 2 * np.array(ways)


class _Target:
    """The picture that others are fitted to: its slopes, and what every block can tell."""

    def __init__(
        self, picture: GrayFrame | Floats, side: int, grid: tuple[int, int], say: Floats
    ) -> None:
        self._picture, self._side, self._grid = picture.astype(np.float32), side, grid
        self._x, self._y = slopes_of(self._picture)
        xx, xy, yy = (
            self._means(one).astype(np.float64)
            for one in (self._x * self._x, self._x * self._y, self._y * self._y)
        )
        self._energy = np.maximum(xx + yy, 1e-6)
        self._say = say / (self._energy + _FLAT**2)
        height, width = picture.shape
        self._to_unit = np.array([[2 / width, 0, -1], [0, 2 / width, -height / width], [0, 0, 1]])
        self._from_unit = np.linalg.inv(self._to_unit)
        down, along = (side * np.mgrid[: grid[0], : grid[1]] + (side - 1) / 2).reshape(2, -1)
        places = np.stack([2 * along / width - 1, (2 * down - height) / width], axis=-1)
        self._places = np.stack([along, down, np.ones(len(down))])
        self._ways = slopes_at(places) * width / 2  # pixels per parameter, (B, 2, 8)
        tensors = np.stack([xx, xy, xy, yy], axis=-1).reshape(-1, 2, 2)
        self._squares = (self._ways.transpose(0, 2, 1) @ tensors @ self._ways).reshape(-1, 64)

    def fit(self, picture: GrayFrame, place: Homography, level: _Level) -> Homography:
        """Bring `place`, where `picture` lies, nearer to where it fits."""
        height, width = picture.shape
        for limit_px, parameters in zip(level.limits_px, level.parameters, strict=True):
            warped = cv2.warpPerspective(
                picture, place, (width, height), borderMode=cv2.BORDER_REPLICATE
            )
            place = self.step(warped, limit_px, parameters) @ place
        return np.asarray(place / place[2, 2])

    def step(self, warped: npt.NDArray[np.number], limit_px: float, count: int) -> Homography:
        """Fit one motion of `count` parameters that brings `warped` nearer."""
        apart = self._picture - warped
        pull = np.stack([self._means(self._x * apart), self._means(self._y * apart)], axis=-1)
        rest = np.maximum(self._means(apart * apart) - _NOISE, 0) / self._energy
        weights = (self._say / (1 + rest / limit_px**2) ** 2).ravel()
        squares = (weights @ self._squares).reshape(8, 8)[:count, :count]
        pulled = weights[:, None] * pull.reshape(-1, 2)
        right = -np.tensordot(pulled, self._ways[..., :count], axes=((0, 1), (0, 1)))
        ridge = (1e-3 * np.trace(squares) / count + 1e-9) * np.eye(count)
        step = motions(np.linalg.solve(squares + ridge, right)[None])[0]
        return np.asarray(self._from_unit @ step @ self._to_unit)

    def way_of(self, motion: Homography) -> float:
        """Say how far a motion carries the blocks that count, in the mean, in pixels."""
        moved = motion @ self._places
        ways = np.linalg.norm(moved[:2] / moved[2] - self._places[:2], axis=0)
        weights = (self._say * self._energy).ravel()
        return float((weights * ways).sum() / max(float(weights.sum()), 1e-12))

    def _means(self, picture: Floats) -> Floats:
        return block_means(picture, self._side, self._grid)
