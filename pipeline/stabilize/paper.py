"""The stabilization of 2016, as it was: the yardstick for ours.

SIFT on full-size frames, a FLANN index, the ratio test at 0.7, RANSAC at 5 px between neighboring
frames, and the homographies multiplied. Their errors add up, and so does their cost.

Source: Vondrick, Pirsiavash, Torralba, NIPS 2016, section 3, and the code released with it:
at least 10 matches, kd-trees with 5 trees and 50 checks, and no limit on the error.

Cost on one core: 35 to 75 ms per frame of 480 x 270, about a second at 1080p. FLANN draws lots, so
it is seeded here.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.pixels import to_gray
from tinyvideo.pipeline.types import Frames, GrayFrame, Homographies

RATIO, MIN_MATCHES, RANSAC_PX = 0.7, 10, 5.0
_KD_TREE = 1
"""What FLANN calls an index of kd-trees."""


def find_paper_path(frames: Frames | Sequence[GrayFrame]) -> Homographies:
    """Find where every frame of `frames`, T of RGB or brightness, lies in frame 0: (T, 3, 3).

    Raises:
        RejectedError: TOO_FEW_INLIERS, with the frame.
    """
    cv2.setRNGSeed(0)
    sift = cv2.SIFT.create()
    matcher = cv2.FlannBasedMatcher({"algorithm": _KD_TREE, "trees": 5}, {"checks": 50})
    path = [np.eye(3)]
    points, descriptors = sift.detectAndCompute(to_gray(frames[0]), None)
    for t in range(1, len(frames)):
        found, described = sift.detectAndCompute(to_gray(frames[t]), None)
        good = []
        if min(len(found), len(points)) >= 2:
            pairs = matcher.knnMatch(described, descriptors, k=2)
            good = [one for one, other in pairs if one.distance < RATIO * other.distance]
        step = None
        if len(good) >= MIN_MATCHES:
            source = np.array([found[match.queryIdx].pt for match in good], np.float32)
            target = np.array([points[match.trainIdx].pt for match in good], np.float32)
            step, _ = cv2.findHomography(source, target, cv2.RANSAC, RANSAC_PX)
        if step is None:
            detail = f"frame {t} of the window: {len(good)} matches, {MIN_MATCHES} needed"
            raise RejectedError(RejectReason.TOO_FEW_INLIERS, detail)
        path.append(path[-1] @ step)
        points, descriptors = found, described
    chained = np.stack(path)
    return np.asarray(chained / chained[:, 2:, 2:])
