"""Follow the keypoints of frame 0 through a window.

SIFT finds the points, once, in frame 0. Every later frame is then met in two steps. A coarse one at
half size: points of the frame before are followed by pyramidal Lucas-Kanade (LK), RANSAC takes the
similarity on which most agree, and that says about where frame 0 lies. A fine one: the frame
is warped by that guess, so that it looks like frame 0, and LK finds what is left, straight against
frame 0 itself. So no error adds up over time, and a rolled or zoomed patch is still found.
Where LK loses the way, SIFT descriptors find it again (`pipeline.matching`).

Source: Lucas and Kanade 1981; Bouguet, "Pyramidal implementation of the Lucas Kanade feature
tracker", 2001; Baker and Matthews, IJCV 2004, for warping by the guess.

Points are (x, y) in pixels; T counts frames, N points. Cost on one core, 427 x 240 px, 200 points:
5 ms for the points of frame 0, then 0.8 ms per frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.errors import RejectedError, RejectReason
from pipeline.frames import scaling
from pipeline.matching import MatchConfig, Points, find_homography, to_gray
from pipeline.types import Frame, Frames, GrayFrame, Homographies, Homography

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_BORDER = 4
"""Pixels at the edge of a frame in which no point is looked for: half of a patch hangs outside."""

_LOST = 0.15
"""Where less than this share of the points in view agree, the way is looked for anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackConfig:
    max_points: int = 250
    """Keypoints of frame 0. Ours: with more, the camera path is no more exact."""

    detection_px: int = 180
    """Short side, in pixels, at which SIFT looks for them. Ours: it costs half of 240 px."""

    contrast_threshold: float = 0.005
    """Least contrast of a keypoint. Ours, an eighth of OpenCV's: LK needs less than matching."""

    edge_threshold: float = 15.0
    """Largest ratio of curvatures. OpenCV's: 10; ours lets some edges in, where corners are few."""

    patch_px: int = 15
    """Side of the square that LK compares, in pixels."""

    max_error: float = 20.0
    """Largest mean difference, 0 to 255, between a patch and what was found for it. Ours: noise
    and a change of exposure make 2 to 10, another thing 30."""

    max_correction_px: float = 8.0
    """A point that lies farther from the guess than this is lost. Ours."""

    min_sharpness: float = 0.027
    """Where too few keypoints are found: standard deviation of the Laplacian over that of the
    picture, below which blur is to blame. Ours; sharp pictures have 0.1 to 0.6."""

    min_points: int = 12
    """With fewer points found in a frame, tracking has lost the way."""

    def __post_init__(self) -> None:
        if self.min_points < 4:  # four points determine a homography, and agree with anything
            raise ValueError(f"min_points must be at least 4, got {self.min_points}")
        if self.max_points < self.min_points:
            raise ValueError(f"max_points must be {self.min_points} or more: {self.max_points}")


DEFAULT_CONFIG = TrackConfig()


@dataclass(frozen=True, slots=True)
class Tracks:
    points: Array
    """In frame 0, (N, 2)."""

    positions: Array
    """In every frame, (T, N, 2); NaN where a point was not found."""

    guess: Homographies
    """About where every frame lies in frame 0, (T, 3, 3)."""

    @property
    def seen(self) -> Mask:
        """Whether a point was found in a frame, (T, N)."""
        found: Mask = ~np.isnan(self.positions[..., 0])
        return found


def follow_points(
    frames: Frames, config: TrackConfig = DEFAULT_CONFIG, match: MatchConfig | None = None
) -> Tracks:
    """Follow the keypoints of frame 0 through `frames`, (T, H, W, 3).

    Raises:
        RejectedError: BLURRED or TOO_FEW_INLIERS, where there is too little to follow;
            OUT_OF_VIEW, where the camera has left frame 0.
    """
    first = _Picture.of(frames[0])
    points = find_points(first.gray, config)
    if len(points) < config.min_points:
        raise _too_few_points(first.gray, len(points), config)
    follower = _Follower(first, points, config, match or MatchConfig())
    positions, guesses = [points.astype(np.float64)], [np.eye(3)]
    previous = first
    for t in range(1, len(frames)):
        picture = _Picture.of(frames[t])
        try:
            guess, found = follower.find(picture, previous, guesses[-1])
        except RejectedError as error:
            left = follower.has_left(guesses[-1])
            reason = RejectReason.OUT_OF_VIEW if left else error.reason
            raise RejectedError(reason, f"frame {t} of the window: {error.detail}") from error
        guesses.append(guess)
        positions.append(found)
        previous = picture
    return Tracks(positions[0], np.stack(positions), np.stack(guesses))


def find_points(gray: GrayFrame, config: TrackConfig = DEFAULT_CONFIG) -> Points:
    """Find SIFT keypoints in `gray`, (H, W), away from its edges: (N, 2)."""
    height, width = gray.shape
    shrink = min(1.0, config.detection_px / min(height, width))
    size = (round(width * shrink), round(height * shrink))
    small = gray if shrink == 1 else cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    sift = cv2.SIFT.create(
        config.max_points,
        contrastThreshold=config.contrast_threshold,
        edgeThreshold=config.edge_threshold,
    )
    keypoints = np.asarray(cv2.KeyPoint.convert(sift.detect(small, None)), np.float32)
    points = project(np.linalg.inv(scaling((width, height), size)), keypoints.reshape(-1, 2))
    # One place may carry several keypoints, of different orientations: followed once.
    points = np.unique(np.round(points, 2), axis=0)
    return np.asarray(points[_inside(points, (height, width), _BORDER)], np.float32)


def project(homography: npt.NDArray[np.floating[Any]], points: npt.NDArray[Any]) -> Array:
    """Map points (N, 2) by one homography."""
    mapped = points @ homography[:2, :2].T + homography[:2, 2]
    depth = (points @ homography[2, :2] + homography[2, 2])[:, None]
    return np.asarray(mapped / depth, np.float64)


@dataclass(frozen=True, slots=True)
class _Picture:
    """One frame as tracking needs it."""

    gray: GrayFrame
    half: GrayFrame

    @classmethod
    def of(cls, frame: Frame) -> "_Picture":
        gray = to_gray(frame)
        size = (gray.shape[1] // 2, gray.shape[0] // 2)
        return cls(gray, np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8))


class _Follower:
    """Finds the points of frame 0 in one frame after the other."""

    def __init__(
        self, first: _Picture, points: Points, config: TrackConfig, match: MatchConfig
    ) -> None:
        self._first, self._points, self._config, self._match = first, points, config, match
        height, width = first.gray.shape
        self._to_half = scaling((width, height), (width // 2, height // 2))
        self._from_half = np.linalg.inv(self._to_half)
        self._few: Points = points[:: max(1, len(points) // 80)]

    def find(
        self, picture: _Picture, previous: _Picture, before: Homography
    ) -> tuple[Homography, Array]:
        """Find where `picture` lies in frame 0, and the points in it, (N, 2) with NaN."""
        step = self._step(picture, previous, before)
        if step is not None:
            found = self._refine(picture.gray, before @ step)
            if found is not None:
                return found
        found = self._refine(picture.gray, self._find_again(picture.gray))
        if found is None:
            needed = self._config.min_points
            raise RejectedError(
                RejectReason.TOO_FEW_INLIERS, f"fewer than {needed} keypoints of frame 0 found"
            )
        return found

    def has_left(self, guess: Homography) -> bool:
        """Whether a frame that lies at `guess` shows less than half of the points."""
        inside = _inside(project(np.linalg.inv(guess), self._points), self._first.gray.shape, 0)
        return bool(inside.mean() < 0.5)

    def _step(self, picture: _Picture, previous: _Picture, before: Homography) -> Homography | None:
        """Guess how `picture` lies in `previous`, from a few points at half size."""
        ahead = project(self._to_half @ np.linalg.inv(before), self._few)
        points = np.asarray(ahead[_inside(ahead, picture.half.shape, 1)], np.float32)
        if len(points) < self._config.min_points // 2:
            return None
        found, good = _lucas_kanade(
            previous.half,
            picture.half,
            points,
            patch_px=11,
            levels=2,
            max_error=self._config.max_error,
        )
        if good.sum() < self._config.min_points // 2:
            return None
        similarity, _ = cv2.estimateAffinePartial2D(
            found[good], points[good], method=cv2.RANSAC, ransacReprojThreshold=1.5, refineIters=2
        )
        if similarity is None:
            return None
        return np.asarray(self._from_half @ np.vstack([similarity, [0, 0, 1]]) @ self._to_half)

    def _refine(self, gray: GrayFrame, guess: Homography) -> tuple[Homography, Array] | None:
        """Find the points in `gray`, where `guess` says about where it lies in frame 0."""
        height, width = gray.shape
        alike = np.asarray(cv2.warpPerspective(gray, guess, (width, height)), np.uint8)
        patch = self._config.patch_px
        found, good = _lucas_kanade(
            self._first.gray,
            alike,
            self._points,
            patch_px=patch,
            levels=1,
            max_error=self._config.max_error,
            guess=self._points,
        )
        good &= np.abs(found - self._points).max(axis=1) < self._config.max_correction_px
        positions = project(np.linalg.inv(guess), found)
        in_view = _inside(positions, gray.shape, patch / 2)
        good &= in_view
        if good.sum() < self._config.min_points:
            return None
        homography, inliers = cv2.findHomography(
            positions[good], self._points[good], cv2.USAC_MAGSAC, 1.5
        )
        if homography is None or inliers.sum() < _LOST * in_view.sum():
            return None
        positions[~good] = np.nan
        return np.asarray(homography / homography[2, 2], np.float64), positions

    def _find_again(self, gray: GrayFrame) -> Homography:
        return find_homography(gray, self._first.gray, self._match)


def _lucas_kanade(
    source: GrayFrame,
    target: GrayFrame,
    points: Points,
    *,
    patch_px: int,
    levels: int,
    max_error: float,
    guess: Points | None = None,
) -> tuple[Points, Mask]:
    flags = 0 if guess is None else cv2.OPTFLOW_USE_INITIAL_FLOW
    found, status, error = cv2.calcOpticalFlowPyrLK(
        source,
        target,
        points.reshape(-1, 1, 2),
        points.reshape(-1, 1, 2).copy() if guess is None else guess.reshape(-1, 1, 2).copy(),
        winSize=(patch_px, patch_px),
        maxLevel=levels,
        criteria=(cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 15, 0.02),
        flags=flags,
    )
    good = (status.ravel() > 0) & (error.ravel() < max_error)
    return np.asarray(found, np.float32).reshape(-1, 2), good


def _inside(points: npt.NDArray[Any], shape: Sequence[int], border: float) -> Mask:
    low = (points > border).all(axis=1)
    return np.asarray(
        low & (points[:, 0] < shape[1] - 1 - border) & (points[:, 1] < shape[0] - 1 - border)
    )


def _too_few_points(gray: GrayFrame, found: int, config: TrackConfig) -> RejectedError:
    detail = f"{found} keypoints in frame 0 of the window, {config.min_points} needed"
    smooth = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), 1.5)  # noise is sharp, too
    sharpness = float(np.std(cv2.Laplacian(smooth, cv2.CV_32F)) / max(float(np.std(gray)), 1.0))
    if sharpness < config.min_sharpness:
        detail = f"{detail}; sharpness {sharpness:.3f}, {config.min_sharpness} at least"
        return RejectedError(RejectReason.BLURRED, detail)
    return RejectedError(RejectReason.TOO_FEW_INLIERS, detail)
