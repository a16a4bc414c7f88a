"""Find the map of a frame on which the points of the background agree.

RANSAC finds the map on which most points agree. A person full of texture who fills the middle of
the picture may have more points than the room behind, and then he is what most agree on. But a room
reaches around him: at the left, right and upper rim of frame 0 there is background, whoever
stands before it. So where the points at the rim do not go with the others, they are asked alone,
and what they agree on is taken.

Source: Fischler and Bolles, "Random sample consensus", 1981; the rim is ours.

Points are (x, y) in pixels; N points. Cost on one core, 160 points: 0.2 ms.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.types import Homography

Mask = npt.NDArray[np.bool_]

RIM = 0.18
"""Width of the rim at the left and right, as a share of the picture's; at the top two thirds of it,
at the bottom none: bodies reach down to it. Ours."""

FEWEST = 8
"""With fewer points, the rim is not asked."""

_NEARLY_ALL = 0.8
"""Where more than this share of all points agree, the rim is not asked: who fills so much of the
picture leaves no room to see, but a bird may well fill the rim."""


def at_rim(points: npt.NDArray[np.floating], shape: Sequence[int]) -> Mask:
    """Say which points, (N, 2) in frame 0, lie at its left, right or upper rim, or beside it."""
    x, y = points[:, 0] / shape[1], points[:, 1] / shape[0]
    return np.asarray((x < RIM) | (x > 1 - RIM) | (y < RIM * 2 / 3))


def find_agreement(
    positions: npt.NDArray[np.floating],
    points: npt.NDArray[np.floating],
    rim: Mask,
    *,
    within_px: float,
    least: float,
) -> tuple[Homography, Mask]:
    """Map `positions` in a frame to `points` in frame 0, (N, 2) both, so that the background fits.

    Returns a homography, or a similarity where not more than `least` points agree on one, and who
    agrees, (N,).
    """
    found, inliers = _most(positions, points, within_px, least)
    if rim.sum() < FEWEST or inliers[rim].mean() >= 0.5 or inliers.mean() > _NEARLY_ALL:
        return found, inliers
    similarity, _ = cv2.estimateAffinePartial2D(
        positions[rim], points[rim], ransacReprojThreshold=within_px
    )
    if similarity is None:
        return found, inliers
    moved = positions @ similarity[:, :2].T + similarity[:, 2]
    others = np.asarray(np.linalg.norm(moved - points, axis=1) < within_px)
    if others[rim].mean() < 0.5:
        return found, inliers
    return np.vstack([similarity, [0, 0, 1]]), others


def _most(
    positions: npt.NDArray[np.floating],
    points: npt.NDArray[np.floating],
    within_px: float,
    least: float,
) -> tuple[Homography, Mask]:
    homography, inliers = cv2.findHomography(positions, points, cv2.USAC_FAST, within_px)
    if homography is not None and inliers.sum() > least:
        return homography / homography[2, 2], inliers.ravel() > 0
    similarity, inliers = cv2.estimateAffinePartial2D(
        positions, points, ransacReprojThreshold=within_px
    )
    if similarity is None:
        return np.eye(3), np.zeros(len(points), bool)
    return np.vstack([similarity, [0, 0, 1]]), inliers.ravel() > 0
