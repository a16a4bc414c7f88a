"""Find one frame in another: SIFT features, the ratio test, and a homography by RANSAC.

This finds a frame again from nothing, however far the camera went, and costs as much as following
the points of frame 0 through all of a window. So it is used where there is nothing to go on from:
to tell a cut from a fast pan (`pipeline.windows.cuts`), and when tracking has lost the way
(`pipeline.tracking.tracks`).

Source: Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004; Barath et
al., "MAGSAC++", CVPR 2020, for the scoring of inliers. Points are (x, y) in pixels.

Cost on one core, frames with a short side of 240 px: 20 ms for the features of a frame, 2 ms for a
match. The random draws are seeded by OpenCV: equal input, equal result.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.types import GrayFrame, Homography

Points = npt.NDArray[np.float32]
"""Positions (x, y) in pixels, (N, 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchConfig:
    max_keypoints: int = 600
    """The strongest so many are used. Ours, for speed; theirs are all of a full-size frame."""

    contrast_threshold: float = 0.01
    """Least contrast of a keypoint. Ours; OpenCV's default of 0.04 leaves 8 keypoints in a frame of
    a gray street."""

    ratio: float = 0.75
    """Lowe's ratio test: nearest over second-nearest distance. Theirs: 0.7; IJCV 2004: 0.8."""

    ransac_threshold_px: float = 3.0
    """Largest distance of an inlier from where the homography puts it, in pixels of a 240-px
    frame. Theirs: 5 px at full size."""

    min_inliers: int = 15
    """With fewer, a homography is not trusted. Theirs: 10 matches, counted before RANSAC."""

    min_inlier_ratio: float = 0.3
    """Least share of matches, 0 to 1, that must be inliers. Ours."""

    def __post_init__(self) -> None:
        for name in ("ratio", "min_inlier_ratio"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a share above 0, got {getattr(self, name)}")
        if self.min_inliers < 4:  # four points determine a homography, and agree with anything
            raise ValueError(f"min_inliers must be at least 4, got {self.min_inliers}")


DEFAULT_CONFIG = MatchConfig()


@dataclass(frozen=True, slots=True)
class Features:
    points: Points
    descriptors: npt.NDArray[np.float32]
    """SIFT descriptors, (N, 128)."""


def find_homography(
    source: GrayFrame, target: GrayFrame, config: MatchConfig = DEFAULT_CONFIG
) -> Homography:
    """Find the homography that maps pixels of `source` to those of `target`, (H, W) both.

    Raises:
        RejectedError: TOO_FEW_INLIERS if too few matches agree on one.
    """
    features = (detect_features(source, config), detect_features(target, config))
    from_points, to_points = match_features(*features, config.ratio)
    homography, mask = None, None
    if len(from_points) >= config.min_inliers:
        homography, mask = cv2.findHomography(
            from_points, to_points, cv2.USAC_MAGSAC, config.ransac_threshold_px
        )
    inliers = 0 if mask is None else int(np.count_nonzero(mask))
    needed = max(config.min_inliers, config.min_inlier_ratio * len(from_points))
    if homography is None or inliers < needed:
        detail = f"{inliers} inliers of {len(from_points)} matches, {needed:.0f} needed"
        raise RejectedError(RejectReason.TOO_FEW_INLIERS, detail)
    return np.asarray(homography / homography[2, 2], np.float64)


def detect_features(gray: GrayFrame, config: MatchConfig = DEFAULT_CONFIG) -> Features:
    """Find SIFT features in `gray`, (H, W)."""
    sift = cv2.SIFT.create(config.max_keypoints, contrastThreshold=config.contrast_threshold)
    keypoints, descriptors = sift.detectAndCompute(gray, None)
    # A blank picture has no keypoints, and then OpenCV returns no arrays at all.
    points = np.asarray(cv2.KeyPoint.convert(keypoints), np.float32).reshape(-1, 2)
    found = np.empty((0, 128)) if descriptors is None else descriptors
    return Features(points, np.asarray(found, np.float32))


def match_features(source: Features, target: Features, ratio: float) -> tuple[Points, Points]:
    """Pair keypoints whose descriptors are nearest and pass the ratio test, as two (N, 2)."""
    if min(len(source.points), len(target.points)) < 2:
        return np.empty((0, 2), np.float32), np.empty((0, 2), np.float32)
    # All pairs at once, by |a - b|^2 = |a|^2 - 2ab + |b|^2: exact, where the paper's FLANN index
    # draws lots, and one matrix product is faster than OpenCV's loop over the pairs.
    squares = (source.descriptors**2).sum(1)[:, None] + (target.descriptors**2).sum(1)
    distances = np.maximum(squares - 2 * source.descriptors @ target.descriptors.T, 0)
    nearest = np.argpartition(distances, 1, axis=1)[:, :2]
    two = np.take_along_axis(distances, nearest, axis=1)
    best = np.take_along_axis(nearest, two.argmin(axis=1)[:, None], axis=1)[:, 0]
    good = two.min(axis=1) < ratio**2 * two.max(axis=1)
    return source.points[good], target.points[best[good]]
