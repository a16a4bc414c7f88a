"""The points that are followed: those of frame 0, and those of later frames that gave new ones.

A frame that gives points keeps the squares around them (`pipeline.tracking.patches`). In another
frame every square is looked for where a guess of the camera puts it, and a point that did not go
with the others in the frame before, as on a nearer plane, as far beside that as it lay then. So two
planes that move apart are both followed, though one guess cannot carry them.

Points are (x, y) in pixels of frame 0, in it or beside it; N points. Cost on one core, 427 x 240
px, 160 points: 6.5 ms for a frame that gives them, 0.4 ms for one in which they are looked for.
"""

from copy import copy
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.tracking.keypoints import (
    KeypointConfig,
    find_points,
    inside,
    salience_of,
    texture_around,
)
from tinyvideo.pipeline.tracking.matching import Points
from tinyvideo.pipeline.tracking.motion import project
from tinyvideo.pipeline.tracking.patches import Patches
from tinyvideo.pipeline.types import GrayFrame, Homography

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyframeConfig:
    keypoints: KeypointConfig = field(default_factory=KeypointConfig)

    patch_px: int = 11
    """Side of the square that is compared, in pixels."""

    min_slope: float = 1.0
    """Least slope of a square in its flattest direction, in brightness (0 to 255) per pixel."""

    max_error: float = 20.0
    """Largest mean difference, 0 to 255, between a square and what was found for it. Ours: noise
    and a change of exposure make 2 to 10, another thing 30."""

    max_misfit: float = 0.6
    """Largest such difference as a share of the square's own contrast, above a noise of 2. Ours:
    two places that have nothing in common differ by 0.9 of it when they lie as well as they can."""

    max_correction_px: float = 12.0
    """A point that lies farther from the guess than this is lost. Ours: a plane that moves away is
    worth following so far; what goes farther is something that passes."""


class Look(NamedTuple):
    """What was found of the points in one frame."""

    positions: Array
    """Where they lie in it, (N, 2)."""

    in_view: Mask
    """Whether that is inside the frame, (N,)."""

    good: Mask
    """Whether a point is in view, and looks as it did, (N,)."""


class Keyframes:
    """Every frame that gave points, and what is known of these."""

    def __init__(self, config: KeyframeConfig) -> None:
        self._config = config
        self._patches: list[tuple[Patches, Homography]] = []  # and where their frame lies in 0
        self.points: Points = np.empty((0, 2), np.float32)
        self._beside = np.empty((0, 2))  # by how much they last lay beside the others
        self._allowed, self._texture = np.empty(0), np.empty(0)

    def copy(self) -> "Keyframes":
        """Return the same points, to be followed another way."""
        other = copy(self)
        other._patches = list(self._patches)  # all else is replaced, never changed
        return other

    def __len__(self) -> int:
        return len(self._patches)

    def add(self, gray: GrayFrame, to_first: Homography) -> Points:
        """Take points from `gray`, which `to_first` maps to about frame 0; return them in it."""
        config = self._config
        found = find_points(gray, config.patch_px // 2 + 2, config.keypoints)
        patches = Patches(gray, found, config.patch_px, config.min_slope)
        self._patches.append((patches, to_first))
        in_first = project(to_first, patches.points)
        self.points = np.concatenate([self.points, in_first.astype(np.float32)])
        self._beside = np.concatenate([self._beside, np.zeros_like(in_first)])
        allowed = np.minimum(config.max_error, 2 + config.max_misfit * patches.contrast)
        self._allowed = np.concatenate([self._allowed, allowed])
        texture = texture_around(gray, patches.points, config.keypoints)
        self._texture = np.concatenate([self._texture, texture])
        taken: Points = patches.points
        return taken

    def look(self, gray: GrayFrame, guess: Homography) -> Look:
        """Find the points in `gray`, where `guess` says about where it lies in frame 0."""
        config = self._config
        from_first = np.asarray(np.linalg.inv(guess), np.float64)
        places, near, differences = self._find(gray, from_first)
        positions = project(from_first, places)
        in_view = inside(positions, gray.shape, config.patch_px / 2)
        return Look(positions, in_view, in_view & near & (differences < self._allowed))

    def remember(self, positions: Array, to_first: Homography, agree: Mask) -> None:
        """Keep by how much the points that do not `agree` lay beside where `to_first` puts them."""
        beside = project(to_first, positions) - self.points
        beside[agree] = 0
        self._beside = np.where(np.isnan(beside), self._beside, beside)

    def share_in_view(self, to_first: Homography, shape: tuple[int, ...]) -> float:
        """Say how many of frame 0's points a frame of `shape` shows, 0 to 1."""
        seen = project(np.linalg.inv(to_first), self._patches[0][0].points)
        return float(inside(seen, shape, 0).mean())

    def salience(self, shape: tuple[int, ...]) -> Array:
        """Say how much it would be seen if a point trembled, (N,); see `salience_of`."""
        return salience_of(self._texture, self.points, shape)

    def _find(self, gray: GrayFrame, from_first: Homography) -> tuple[Array, Mask, Array]:
        """Find all squares: where in frame 0, whether near the guess, how different."""
        found, begin = [], 0
        for patches, to_first in self._patches:
            here = slice(begin, begin + len(patches.points))
            begin = here.stop
            start = project(np.linalg.inv(to_first), self.points[here] + self._beside[here])
            shifts, difference = patches.find(gray, from_first @ to_first, start - patches.points)
            near = np.abs(shifts).max(axis=1) < self._config.max_correction_px
            found.append((project(to_first, patches.points + shifts), near, difference))
        places, near, differences = zip(*found, strict=True)
        return np.concatenate(places), np.concatenate(near), np.concatenate(differences)
