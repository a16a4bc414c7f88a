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

T counts frames, B blocks. Cost on one core of a busy machine, 32 frames of 427 x 240 px: 39 ms to
find a path, 58 to settle it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.stabilize.blocks import (
    BLOCK,
    FROM_HALF,
    TO_HALF,
    Floats,
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
    coarse = _Target(pictures.halved(0), BLOCK // 2, pictures.grid, say)
    fine = _Target(pictures.texture(0), BLOCK, pictures.grid, say)
    place = np.eye(3)
    path = [np.eye(3)]
    for t in range(1, pictures.count):
        place = coarse.fit([pictures.halved(t)], (TO_HALF @ place @ FROM_HALF)[None], _COARSE)[0]
        place = fine.fit([pictures.texture(t)], (FROM_HALF @ place @ TO_HALF)[None], _FINE)[0]
        path.append(place)
    return _whole(np.stack(path))


def settle_direct(pictures: Pictures, path: Homographies) -> tuple[Homographies, Look]:
    """Bring a path nearer to what stands still along it, as long as more does.

    First by similarities, which little texture determines, then by homographies. Only frames that
    are looked at tell whether more does; the others follow once that is known.
    """
    seen = pictures.looked_at
    look, rounds = pictures.look(path), []
    for level in _SETTLING:
        for _ in range(_SETTLES):
            say = np.asarray(pictures.room * look.graded, np.float32)
            fit = _Fit(_Target(look.median, BLOCK, pictures.grid, say), level)
            places = fit.places(pictures, path, seen)
            back, closer = np.linalg.inv(places[0]), path.copy()  # frame 0 stays where it is
            closer[seen] = _whole(back @ places)
            closer_look = pictures.look(closer)
            if closer_look.reach <= _GAIN * look.reach:
                break
            path, look = closer, closer_look
            rounds.append((fit, back))
    others = [t for t in range(pictures.count) if t not in seen]
    for fit, back in rounds if others else ():
        path[others] = _whole(back @ fit.places(pictures, path, others))
    return path, look


class _Fit(NamedTuple):
    """How frames are fitted to what stands still."""

    target: "_Target"
    level: _Level

    def places(self, pictures: Pictures, path: Homographies, frames: list[int]) -> Homographies:
        """Say where some frames lie in the target, at the half size, that lie about at `path`."""
        textures = [pictures.texture(t) for t in frames]
        return self.target.fit(textures, TO_HALF @ path[frames] @ FROM_HALF, self.level)


def _whole(places: Homographies) -> Homographies:
    """Say in pixels of the frames what is said in those of the half size."""
    found = FROM_HALF @ places @ TO_HALF
    return np.asarray(found / found[:, 2:, 2:])


def drift_of(look: Look) -> Array:
    """Say how far what stands still moves if it is all taken together: pixels, a frame each.

    A camera that creeps or trembles moves every block by less than is seen in it; all blocks
    together show it. Half of the frames that are looked at are asked.
    """
    say = np.asarray(look.pictures.room * look.graded, np.float32)
    target = _Target(look.median, BLOCK, look.pictures.grid, say)
    asked = [*look.carried[::_EVERY], look.carried[-1]]
    return 2 * target.ways_of(target.steps(asked, _DRIFT_PX, _SIMILARITY))


class _Target:
    """The picture that others are fitted to: its slopes, and what every block can tell."""

    def __init__(
        self, picture: GrayFrame | Floats, side: int, grid: tuple[int, int], say: Floats
    ) -> None:
        height, width = picture.shape
        self._grid, self._size = grid, (grid[1] * side, grid[0] * side)
        whole = picture.astype(np.float32)
        self._picture, self._x, self._y = (
            np.ascontiguousarray(one[: self._size[1], : self._size[0]])
            for one in (whole, *slopes_of(whole))
        )
        xx, xy, yy = (
            self._means(cv2.multiply(one, other)).astype(np.float64)
            for one, other in ((self._x, self._x), (self._x, self._y), (self._y, self._y))
        )
        self._energy = np.maximum(xx + yy, 1e-6)
        self._say = say.ravel() / (self._energy + _FLAT**2)
        self._to_unit = np.array([[2 / width, 0, -1], [0, 2 / width, -height / width], [0, 0, 1]])
        self._from_unit = np.linalg.inv(self._to_unit)
        down, along = (side * np.mgrid[: grid[0], : grid[1]] + (side - 1) / 2).reshape(2, -1)
        places = np.stack([2 * along / width - 1, (2 * down - height) / width], axis=-1)
        self._places = np.stack([along, down, np.ones(len(down))])
        self._ways = slopes_at(places) * width / 2  # pixels per parameter, (B, 2, 8)
        tensors = np.stack([xx, xy, xy, yy], axis=-1).reshape(-1, 2, 2)
        self._squares = self._ways.transpose(0, 2, 1) @ tensors @ self._ways
        self._of_count: dict[int, tuple[Array, Array, Array]] = {}

    def fit(
        self, pictures: Sequence[GrayFrame], places: Homographies, level: _Level
    ) -> Homographies:
        """Bring `places`, (T, 3, 3), where `pictures` lie, nearer to where they fit."""
        for limit_px, parameters in zip(level.limits_px, level.parameters, strict=True):
            warped = [
                self._warped(picture, place)
                for picture, place in zip(pictures, places, strict=True)
            ]
            places = self.steps(warped, limit_px, parameters) @ places
        return np.asarray(places / places[:, 2:, 2:])

    def steps(
        self, warped: Sequence[npt.NDArray[np.uint8]], limit_px: float, count: int
    ) -> Homographies:
        """Fit motions of `count` parameters that bring T `warped` pictures nearer, (T, 3, 3)."""
        x, y, apart = np.stack([self._pulls(one) for one in warped], axis=1)
        rest = np.maximum(apart - _NOISE, 0) / self._energy
        weights = self._say / (1 + rest / limit_px**2) ** 2
        products, along, down = self._first(count)
        squares = (weights @ products).reshape(-1, count, count)
        right = -(weights * x) @ along - (weights * y) @ down
        ridge = 1e-3 * np.trace(squares, axis1=1, axis2=2) / count + 1e-9
        squares += ridge[:, None, None] * np.eye(count)
        moved = motions(np.linalg.solve(squares, right[..., None])[..., 0])
        return np.asarray(self._from_unit @ moved @ self._to_unit)

    def _first(self, count: int) -> tuple[Array, Array, Array]:
        """What the first `count` parameters do: products (B, count^2), ways along x and y."""
        if count not in self._of_count:  # in one piece: a product of a slice takes twice as long
            products = self._squares[:, :count, :count].reshape(-1, count * count)
            along, down = (self._ways[:, axis, :count].copy() for axis in (0, 1))
            self._of_count[count] = products, along, down
        return self._of_count[count]

    def ways_of(self, moved: Homographies) -> Array:
        """Say how far motions carry the blocks that count, in the mean, in pixels, (T,)."""
        there = moved @ self._places
        ways = np.linalg.norm(there[:, :2] / there[:, 2:] - self._places[:2], axis=1)
        weights = self._say * self._energy
        return np.asarray(ways @ weights / max(float(weights.sum()), 1e-12))

    def _warped(self, picture: GrayFrame, place: Homography) -> GrayFrame:
        if (place[2, :2] == 0).all():  # no division per pixel
            affine = place[:2] / place[2, 2]
            warped = cv2.warpAffine(picture, affine, self._size, borderMode=cv2.BORDER_REPLICATE)
        else:
            warped = cv2.warpPerspective(
                picture, place, self._size, borderMode=cv2.BORDER_REPLICATE
            )
        return np.asarray(warped, np.uint8)

    def _pulls(self, warped: npt.NDArray[np.uint8]) -> Floats:
        """How far every block is pulled along x and y, and by how much it differs, (3, B)."""
        inside = warped[: self._size[1], : self._size[0]]
        apart = cv2.subtract(self._picture, inside, dtype=cv2.CV_32F)
        products = (cv2.multiply(one, apart) for one in (self._x, self._y, apart))
        return np.stack([self._means(one) for one in products])

    def _means(self, picture: npt.NDArray[np.number]) -> Floats:
        means = cv2.resize(
            np.asarray(picture, np.float32), self._grid[::-1], interpolation=cv2.INTER_AREA
        )
        return np.asarray(means, np.float32).ravel()
