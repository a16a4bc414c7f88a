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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.errors import RejectedError, RejectReason
from pipeline.frames import scaling
from pipeline.matching import MatchConfig, Points, find_homography, to_gray
from pipeline.patches import Patches
from pipeline.types import Frame, Frames, GrayFrame, Homographies, Homography

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_TO_HALF = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])
_FROM_HALF = np.linalg.inv(_TO_HALF)
_SURE = 0.5
"""Where more than this share of the points in view agree, no other guess is tried."""

_AGREE_PX = 1.5
"""Largest distance, in pixels, of a point that agrees with the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackConfig:
    max_points: int = 160
    """Keypoints of frame 0. Ours: with more, the camera path is no more exact."""

    coarse_points: int = 50
    """About so many of them are followed from frame to frame."""

    parts: int = 6
    """Parts of the short side of the picture; every square part gives points in turn."""

    points_per_part: int = 4
    """Most points of a part, where others have enough. Ours: a person full of texture must not
    outvote the room."""

    detection_px: int = 120
    """Short side, in pixels, at which SIFT looks for them. Ours: SIFT doubles the picture."""

    contrast_threshold: float = 0.005
    """Least contrast of a keypoint. Ours, an eighth of OpenCV's: LK needs less than matching."""

    edge_threshold: float = 15.0
    """Largest ratio of curvatures. OpenCV's: 10; ours lets some edges in, where corners are few."""

    patch_px: int = 13
    """Side of the square that is compared, in pixels."""

    min_slope: float = 1.0
    """Least slope of a square in its flattest direction, in brightness (0 to 255) per pixel."""

    max_error: float = 20.0
    """Largest mean difference, 0 to 255, between a patch and what was found for it. Ours: noise
    and a change of exposure make 2 to 10, another thing 30."""

    max_misfit: float = 0.6
    """Largest such difference as a share of the patch's own contrast, above noise of 2. Ours: two
    places that have nothing in common differ by 1.4 times their contrast, or 0.9 once LK is done."""

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
    patches = Patches(
        first.gray, find_points(first.gray, config), config.patch_px, config.min_slope
    )
    if len(patches.points) < config.min_points:
        raise _too_few_points(first.gray, len(patches.points), config)
    follower = _Follower(first, patches, config, match or MatchConfig())
    for t in range(1, len(frames)):
        try:
            follower.take(_Picture.of(frames[t]))
        except RejectedError as error:
            reason = RejectReason.OUT_OF_VIEW if follower.has_left() else error.reason
            raise RejectedError(reason, f"frame {t} of the window: {error.detail}") from error
    sightings = follower.sightings
    positions = np.stack([sighting.positions for sighting in sightings])
    return Tracks(positions[0], positions, np.stack([each.to_first for each in sightings]))


def find_points(gray: GrayFrame, config: TrackConfig = DEFAULT_CONFIG) -> Points:
    """Find SIFT keypoints in `gray`, (H, W), away from its edges: (N, 2), spread over it."""
    height, width = gray.shape
    shrink = min(1.0, config.detection_px / min(height, width))
    size = (round(width * shrink), round(height * shrink))
    small = gray if shrink == 1 else cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    sift = cv2.SIFT.create(
        2 * config.max_points,
        contrastThreshold=config.contrast_threshold,
        edgeThreshold=config.edge_threshold,
    )
    keypoints = sift.detect(small, None)
    places = np.asarray(cv2.KeyPoint.convert(keypoints), np.float32).reshape(-1, 2)
    points = project(np.linalg.inv(scaling((width, height), size)), places)
    inside = _inside(points, (height, width), config.patch_px // 2 + 2)
    strength = np.array([keypoint.response for keypoint in keypoints])
    return _spread(
        np.rint(points[inside]).astype(np.float32),
        strength[inside],
        min(height, width) / config.parts,
        config,
    )


def _spread(points: Points, strength: npt.NDArray[Any], side: float, config: TrackConfig) -> Points:
    """Take the strongest of every part of the picture in turn, until there are enough."""
    # One place may carry several keypoints, of different orientations: followed once.
    points, at = np.unique(points, axis=0, return_index=True)
    parts = (points // side).astype(int)
    order = np.lexsort((-strength[at], parts[:, 1], parts[:, 0]))
    new_part = np.ones(len(order), bool)
    new_part[1:] = (np.diff(parts[order], axis=0) != 0).any(axis=1)
    begins = np.maximum.accumulate(np.where(new_part, np.arange(len(order)), 0))
    rank = np.arange(len(order)) - begins
    enough = max(int((rank < config.points_per_part).sum()), config.max_points // 2)
    taken = order[np.argsort(rank, kind="stable")[: min(enough, config.max_points)]]
    return np.asarray(points[np.sort(taken)], np.float32)


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
        # An even size is halved ten times as fast.
        even = gray[: gray.shape[0] // 2 * 2, : gray.shape[1] // 2 * 2]
        half = cv2.resize(even, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        return cls(gray, np.asarray(half, np.uint8))


@dataclass(frozen=True, slots=True)
class _Sighting:
    """The points of frame 0 in one frame."""

    to_first: Homography
    """About where the frame lies in frame 0."""

    positions: Array
    """(N, 2), NaN where a point was not found."""

    agree: Mask
    """The points that RANSAC found to agree on one homography, (N,)."""

    share: float
    """How many these are of all that are in view, 0 to 1."""


class _Follower:
    """Finds the points of frame 0 in one frame after the other."""

    def __init__(
        self, first: _Picture, patches: Patches, config: TrackConfig, match: MatchConfig
    ) -> None:
        self._first, self._patches, self._config, self._match = first, patches, config, match
        self._points = patches.points
        self._allowed = np.minimum(config.max_error, 2 + config.max_misfit * patches.contrast)
        self._previous = first
        everything = np.ones(len(self._points), bool)
        self.sightings = [_Sighting(np.eye(3), self._points.astype(np.float64), everything, 1.0)]

    def take(self, picture: _Picture) -> None:
        """Find the points in the next frame.

        Raises:
            RejectedError: TOO_FEW_INLIERS, if they are not there.
        """
        best = None
        for guess in self._guesses(picture):
            found = self._refine(picture.gray, guess)
            if found and (best is None or found.share > best.share):
                best = found
            if best and best.share > _SURE:
                break
        best = best or self._refine(picture.gray, self._find_again(picture.gray))
        if best is None:
            detail = f"fewer than {self._config.min_points} keypoints of frame 0 found"
            raise RejectedError(RejectReason.TOO_FEW_INLIERS, detail)
        self.sightings.append(best)
        self._previous = picture

    def has_left(self) -> bool:
        """Whether the last frame that was found shows less than half of the points."""
        seen = project(np.linalg.inv(self.sightings[-1].to_first), self._points)
        return bool(_inside(seen, self._first.gray.shape, 0).mean() < 0.5)

    def _guesses(self, picture: _Picture) -> Iterator[Homography]:
        """Say where `picture` may lie: as most points move, or where the frame before lay."""
        before = self.sightings[-1].to_first
        step = self._step(picture)
        if step is not None:
            yield before @ step
        yield before

    def _step(self, picture: _Picture) -> Homography | None:
        """Guess how `picture` lies in the one before it, from a few points at half size."""
        last, few = self.sightings[-1], self._config.min_points
        # Points that agreed before are background: what passes in front of others is not followed.
        points = self._points[last.agree] if last.agree.sum() >= 2 * few else self._points
        points = points[:: max(1, len(points) // self._config.coarse_points)]
        ahead = project(_TO_HALF @ np.linalg.inv(last.to_first), points)
        points = np.asarray(ahead[_inside(ahead, picture.half.shape, 1)], np.float32)
        if len(points) < few // 2:
            return None
        found, status, error = cv2.calcOpticalFlowPyrLK(
            self._previous.half,
            picture.half,
            points,
            None,  # type: ignore[call-overload]
            winSize=(11, 11),
            maxLevel=2,
            criteria=(cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 0.03),
        )
        good = (status.ravel() > 0) & (error.ravel() < self._config.max_error)
        if good.sum() < few // 2:
            return None
        similarity, _ = cv2.estimateAffinePartial2D(
            found[good], points[good], method=cv2.RANSAC, ransacReprojThreshold=1.0, refineIters=2
        )
        if similarity is None:
            return None
        return np.asarray(_FROM_HALF @ np.vstack([similarity, [0, 0, 1]]) @ _TO_HALF)

    def _refine(self, gray: GrayFrame, guess: Homography) -> _Sighting | None:
        """Find the points in `gray`, where `guess` says about where it lies in frame 0."""
        config = self._config
        shifts, difference = self._patches.find(gray, guess)
        good = np.abs(shifts).max(axis=1) < config.max_correction_px
        good &= difference < self._allowed
        positions = project(np.linalg.inv(guess), self._points + shifts)
        in_view = _inside(positions, gray.shape, config.patch_px / 2)
        good &= in_view
        if good.sum() < config.min_points:
            return None
        to_first, inliers = _agree(positions[good], self._points[good], int(in_view.sum()))
        if inliers.sum() < config.min_points:
            return None
        positions[~good] = np.nan
        agree = np.zeros(len(good), bool)
        agree[good] = inliers
        return _Sighting(to_first, positions, agree, float(inliers.sum() / in_view.sum()))

    def _find_again(self, gray: GrayFrame) -> Homography:
        return find_homography(gray, self._first.gray, self._match)


def _agree(positions: Array, points: Points, in_view: int) -> tuple[Homography, Mask]:
    """Find the map on which most agree: a homography, or a similarity where they are few."""
    homography, inliers = cv2.findHomography(positions, points, cv2.USAC_FAST, _AGREE_PX)
    if homography is not None and inliers.sum() > _SURE * in_view:
        return homography / homography[2, 2], inliers.ravel() > 0
    similarity, inliers = cv2.estimateAffinePartial2D(
        positions, points, method=cv2.RANSAC, ransacReprojThreshold=_AGREE_PX
    )
    if similarity is None:
        return np.eye(3), np.zeros(len(points), bool)
    return np.vstack([similarity, [0, 0, 1]]), inliers.ravel() > 0


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
