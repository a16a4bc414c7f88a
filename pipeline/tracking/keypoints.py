"""SIFT keypoints, spread over the picture.

Every part of the picture gives its strongest points in turn, and those in the middle and below it,
where people are, a quarter less: a person full of texture must not outvote the room behind. Only
places are taken: to follow a point its pixels are compared (`pipeline.tracking.patches`), and to
find it from nothing its descriptor (`pipeline.tracking.matching`).

Source: Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004.

Points are (x, y) in pixels. Cost on one core, 427 x 240 px: 5 ms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.pixels import scaling
from tinyvideo.pipeline.tracking.matching import Points
from tinyvideo.pipeline.tracking.motion import project
from tinyvideo.pipeline.types import GrayFrame

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_BESIDE_STRIP = 0.1
"""How much a point beside the strip counts, against one in it. Ours: not nothing, so that the
camera path is as exact; films flicker 1 to 2 % less than where all count alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeypointConfig:
    detection_px: int = 120
    """Short side, in pixels, at which SIFT looks for them. Ours: SIFT doubles the picture, so that
    240 px cost four times as much and the camera path is no more exact."""

    max_points: int = 160
    """Most points of a picture. Ours: with more, the camera path is no more exact."""

    parts: int = 6
    """Parts of the short side of the picture; every square part gives points in turn."""

    points_per_part: int = 4
    """Most points of a part, once half of `max_points` are found; in the middle one less."""

    contrast_threshold: float = 0.005
    """Least contrast. Ours, an eighth of OpenCV's: to compare pixels takes less than to match."""

    edge_threshold: float = 15.0
    """Largest ratio of curvatures. OpenCV's: 10; ours lets some edges in, where corners are few."""

    min_sharpness: float = 0.027
    """Where too few are found: standard deviation of the Laplacian over that of the picture, below
    which blur is to blame. Ours; sharp pictures have 0.1 to 0.6."""

    def __post_init__(self) -> None:
        for name in ("max_points", "parts", "points_per_part"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


def find_points(gray: GrayFrame, border: int, config: KeypointConfig) -> Points:
    """Find SIFT keypoints in `gray`, (H, W), `border` pixels from its edges: (N, 2), whole."""
    height, width = gray.shape
    shrink = min(1.0, config.detection_px / min(height, width))
    size = (round(width * shrink), round(height * shrink))
    small = gray if shrink == 1 else cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    sift = cv2.SIFT.create(
        contrastThreshold=config.contrast_threshold, edgeThreshold=config.edge_threshold
    )
    keypoints = sift.detect(small, None)
    places = np.asarray(cv2.KeyPoint.convert(keypoints), np.float64).reshape(-1, 2)
    points = np.rint(project(np.linalg.inv(scaling((width, height), size)), places))
    strength = np.array([keypoint.response for keypoint in keypoints])
    in_view = inside(points, gray.shape, border)
    return _spread(points[in_view], strength[in_view], gray.shape, config)


def texture_around(gray: GrayFrame, points: Points, config: KeypointConfig) -> Array:
    """Measure how steep `gray`, (H, W), is around `points`, (N, 2), on the mean of a part: (N,)."""
    soft = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), 1.0)
    slopes = cv2.magnitude(
        cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=1 / 8),
        cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=1 / 8),
    )
    side = min(gray.shape) // config.parts
    x, y = np.rint(points).astype(int).T
    return np.asarray(cv2.blur(slopes, (side, side))[y, x], np.float64)


def salience_of(texture: Array, points: Points, shape: Sequence[int]) -> Array:
    """Say how much it would be seen if points (N, 2) of a frame of `shape` trembled: mean 1, (N,).

    That is the more, the more `texture` there is around them, (N,), and little beside the strip,
    which is the square in the middle.
    """
    beside = np.abs(points - np.array([shape[1] - 1, shape[0] - 1]) / 2).max(axis=1)
    shown = np.where(beside < min(shape) / 2, 1.0, _BESIDE_STRIP)
    salience = np.sqrt(texture) * shown
    return np.asarray(salience / max(float(salience.mean()), 1e-12))


def inside(points: npt.NDArray[Any], shape: Sequence[int], border: float) -> Mask:
    """Say which points (N, 2) lie more than `border` pixels inside a picture of `shape`."""
    low = (points > border).all(axis=1)
    return np.asarray(
        low & (points[:, 0] < shape[1] - 1 - border) & (points[:, 1] < shape[0] - 1 - border)
    )


def too_few_points(
    gray: GrayFrame, found: int, needed: int, config: KeypointConfig
) -> RejectedError:
    """Say why so few points were found: the picture is blurred, or there is little in it."""
    detail = f"{found} keypoints in frame 0 of the window, {needed} needed"
    smooth = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), 1.5)  # noise is sharp, too
    sharpness = float(np.std(cv2.Laplacian(smooth, cv2.CV_32F)) / max(float(np.std(gray)), 1.0))
    if sharpness < config.min_sharpness:
        detail = f"{detail}; sharpness {sharpness:.3f}, {config.min_sharpness} at least"
        return RejectedError(RejectReason.BLURRED, detail)
    return RejectedError(RejectReason.TOO_FEW_INLIERS, detail)


def _spread(
    points: npt.NDArray[Any],
    strength: npt.NDArray[Any],
    shape: Sequence[int],
    config: KeypointConfig,
) -> Points:
    """Take the strongest point of every part, then every second strongest, until it is enough."""
    # One place may carry several keypoints, of different orientations: followed once.
    points, at = np.unique(points, axis=0, return_index=True)
    parts = (points // (min(shape) / config.parts)).astype(int)
    order = np.lexsort((-strength[at], parts[:, 1], parts[:, 0]))
    new_part = np.ones(len(order), bool)
    new_part[1:] = (np.diff(parts[order], axis=0) != 0).any(axis=1)
    begins = np.maximum.accumulate(np.where(new_part, np.arange(len(order)), 0))
    x, y = (points[order] / (shape[1], shape[0])).T
    in_the_middle = (np.abs(x - 0.5) < 0.25) & (y > 0.25)
    rank = (np.arange(len(order)) - begins) * np.where(in_the_middle, 4 / 3, 1)
    enough = max(int((rank < config.points_per_part).sum()), config.max_points // 2)
    taken = order[np.argsort(rank, kind="stable")[: min(enough, config.max_points)]]
    return np.asarray(points[np.sort(taken)], np.float32)
