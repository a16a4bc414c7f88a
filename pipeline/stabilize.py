"""Remove camera motion: find where every frame of a window lies in its first frame.

Stage:  frames -> [stabilize] -> tag -> strips -> shard

A background that is to be learned as one still picture must stand still in the data. SIFT
keypoints of every frame are matched to those of frame 0 (Lowe's ratio test), and RANSAC finds the
homography on which most matches agree. Each frame is fitted to frame 0 itself: the paper multiplies
the homographies of neighbors instead, and their errors add up. Only where frame 0 is out of
sight, or too blurred to match, is a frame fitted to the one before it, as in the paper. Then the
frames are warped to a strip; where a frame shows nothing, the strip shows what was there before.

Source: Vondrick, Pirsiavash, Torralba, "Generating Videos with Scene Dynamics", NIPS 2016,
section 3; Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004; Barath et
al., "MAGSAC++", CVPR 2020, for the scoring of inliers.

T counts frames, N keypoints; points are (x, y), in pixels of the frames that are passed in.
Cost: on frames with a short side of 240 px about 45 ms per frame on one core, nearly all of it
SIFT. The random draws are seeded by OpenCV, so a film always gives the same bytes.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.errors import RejectedError, RejectReason
from pipeline.types import (
    Frame,
    Frames,
    GrayFrame,
    Homographies,
    Homography,
    StabilizationFigures,
    check_frames,
)

Points = npt.NDArray[np.float32]
"""Positions (x, y) in pixels, (N, 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StabilizeConfig:
    max_keypoints: int = 600
    """The strongest so many are used. Ours, for speed; theirs are all of a full-size frame."""

    contrast_threshold: float = 0.01
    """Least contrast of a keypoint. Ours; OpenCV's default of 0.04 leaves 8 keypoints in a frame of
    a gray street."""

    match_ratio: float = 0.75
    """Lowe's ratio test: nearest over second-nearest distance. Theirs: 0.7; IJCV 2004: 0.8."""

    ransac_threshold_px: float = 3.0
    """Largest distance of an inlier from where the homography puts it, in pixels of a 240-px
    frame. Theirs: 5 px at full size."""

    min_inliers: int = 15
    """With fewer, a homography is not trusted. Theirs: 10 matches, counted before RANSAC."""

    min_inlier_ratio: float = 0.3
    """Least share of matches, 0 to 1, that must be inliers. Ours: below, the background is not
    what most of the picture shows."""

    max_reprojection_rmse_px: float = 1.5
    """Largest root mean square distance of the inliers, in pixels. Ours: half the threshold."""

    min_visible: float = 0.5
    """Share of the strip, 0 to 1, that every frame must fill. Theirs: one pixel."""

    still_px: float = 0.5
    """A match that moved less than this, in pixels, counts for a camera that stands still."""

    still_share: float = 0.5
    """Share of matches, 0 to 1, which must not have moved, in every frame, for the camera to
    count as still. Ours: then the frames are left as they are, without a warp."""

    def __post_init__(self) -> None:
        for name in ("match_ratio", "min_inlier_ratio", "min_visible", "still_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a share above 0, got {getattr(self, name)}")
        if self.min_inliers < 4:  # four points determine a homography, and agree with anything
            raise ValueError(f"min_inliers must be at least 4, got {self.min_inliers}")


DEFAULT_CONFIG = StabilizeConfig()


@dataclass(frozen=True, slots=True)
class Features:
    points: Points
    descriptors: npt.NDArray[np.float32]
    """SIFT descriptors, (N, 128)."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How one frame lies in another."""

    homography: Homography
    """Maps points of the one to the other."""

    inlier_ratio: float
    rmse_px: float
    still_share: float
    """Share of matches that lie where they lay, within `still_px`."""


@dataclass(frozen=True, slots=True)
class CameraPath:
    """Where every frame lies in frame 0."""

    to_first: Homographies
    """(T, 3, 3), the first one the identity."""

    inlier_ratio: float
    """Least of all frames, 0 to 1."""

    reprojection_rmse_px: float
    """Largest of all frames, in pixels."""

    camera_still: bool


@dataclass(frozen=True, slots=True)
class Rendering:
    frames: Frames
    """Stabilized, cropped and scaled, (T, S, S, 3)."""

    visible: npt.NDArray[np.float64]
    """How much of each rendered frame is its own, from 0 to 1, (T,)."""


def find_camera_path(frames: Frames, config: StabilizeConfig = DEFAULT_CONFIG) -> CameraPath:
    """Fit every frame of `frames`, (T, H, W, 3), to frame 0.

    Raises:
        RejectedError: TOO_FEW_INLIERS or REPROJECTION_ERROR, with the frame and its figures.
        ValueError: these are no RGB frames of bytes.
    """
    check_frames(frames)
    features = [detect_features(to_gray(frames[0]), config)]
    fits = [_Placed(np.eye(3), Fit(np.eye(3), 1.0, 0.0, 1.0))]
    for t in range(1, len(frames)):
        # One by one: a window that is dropped at its second frame costs no SIFT on the others.
        features.append(detect_features(to_gray(frames[t]), config))
        try:
            fit = fit_homography(features[t], features[0], config)
            fits.append(_Placed(fit.homography, fit))
        except RejectedError:
            fit = _fit_or_reject(features[t], features[t - 1], config, t)
            # A camera that has lost sight of frame 0 did move, however small its last step was.
            moved = replace(fit, still_share=0.0)
            fits.append(_Placed(_unit(fits[t - 1].to_first @ fit.homography), moved))
    return _summarize(fits, config)


def render(frames: Frames, to_first: Homographies, crop: Homography, size: int) -> Rendering:
    """Warp `frames`, (T, H, W, 3), by `to_first` and `crop` to (T, size, size, 3).

    `crop` maps pixels of frame 0 to those of the rendered picture. The warp is done at twice the
    size and shrunk by area, since a bilinear warp alone would make fine texture flicker.
    """
    double = np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1.0]]) @ crop
    canvas: Frame | None = None
    rendered = np.empty((len(frames), size, size, 3), np.uint8)
    visible = np.empty(len(frames))
    for t, frame in enumerate(frames):
        canvas, visible[t] = lay_over(canvas, frame, double @ to_first[t], 2 * size)
        rendered[t] = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    return Rendering(rendered, visible)


def check_view(visible: npt.NDArray[np.float64], config: StabilizeConfig = DEFAULT_CONFIG) -> None:
    """Reject a clip that shows too little of frame 0.

    Raises:
        RejectedError: OUT_OF_VIEW, with the first frame that shows too little.
    """
    for t in np.flatnonzero(visible < config.min_visible):
        in_view = f"only {visible[t]:.0%} of frame {t} of the window is in view"
        detail = f"{in_view}, {config.min_visible:.0%} needed"
        raise RejectedError(RejectReason.OUT_OF_VIEW, detail)


def figures_of(path: CameraPath, rendering: Rendering, crop: Homography) -> StabilizationFigures:
    """Sum a stabilized clip up in the figures that are stored with it."""
    size = rendering.frames.shape[1]
    edge = size - 0.5
    corners = np.array([[-0.5, edge, -0.5, edge], [-0.5, -0.5, edge, edge], [1, 1, 1, 1]])
    moved = crop @ path.to_first @ np.linalg.inv(crop) @ corners
    distance = np.linalg.norm(moved[:, :2] / moved[:, 2:] - corners[:2], axis=1)
    return StabilizationFigures(
        inlier_ratio=path.inlier_ratio,
        reprojection_rmse_px=path.reprojection_rmse_px,
        visible_share=float(rendering.visible.min()),
        camera_motion_px=float(distance.max()),
        camera_still=path.camera_still,
    )


def detect_features(gray: GrayFrame, config: StabilizeConfig = DEFAULT_CONFIG) -> Features:
    """Find SIFT features in `gray`, (H, W)."""
    sift = cv2.SIFT.create(config.max_keypoints, contrastThreshold=config.contrast_threshold)
    keypoints, descriptors = sift.detectAndCompute(gray, None)
    # A blank picture has no keypoints, and then OpenCV returns no arrays at all.
    points = np.asarray(cv2.KeyPoint.convert(keypoints), np.float32).reshape(-1, 2)
    found = np.empty((0, 128)) if descriptors is None else descriptors
    return Features(points, np.asarray(found, np.float32))


def fit_homography(
    source: Features, target: Features, config: StabilizeConfig = DEFAULT_CONFIG
) -> Fit:
    """Fit the homography that maps points of `source` to those of `target`.

    Raises:
        RejectedError: TOO_FEW_INLIERS if too few matches agree on one.
    """
    from_points, to_points = match_features(source, target, config.match_ratio)
    homography, mask = None, None
    if len(from_points) >= config.min_inliers:
        homography, mask = cv2.findHomography(
            from_points, to_points, cv2.USAC_MAGSAC, config.ransac_threshold_px
        )
    inliers = np.zeros(len(from_points), bool) if mask is None else mask.ravel() > 0
    needed = max(config.min_inliers, config.min_inlier_ratio * len(from_points))
    if homography is None or inliers.sum() < needed:
        detail = f"{inliers.sum()} inliers of {len(from_points)} matches, {needed:.0f} needed"
        raise RejectedError(RejectReason.TOO_FEW_INLIERS, detail)
    projected = cv2.perspectiveTransform(from_points[None], homography)[0]
    error = np.linalg.norm(projected - to_points, axis=1)[inliers]
    way = np.linalg.norm(from_points - to_points, axis=1)
    return Fit(
        homography=_unit(np.asarray(homography, np.float64)),
        inlier_ratio=float(inliers.mean()),
        rmse_px=float(np.sqrt(np.mean(error**2))),
        still_share=float(np.mean(way < config.still_px)),
    )


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


def lay_over(
    background: Frame | None, frame: Frame, homography: Homography, size: int
) -> tuple[Frame, float]:
    """Lay a warped `frame`, (H, W, 3), over `background`, (size, size, 3); say how much it covers.

    Without a background the border of the frame is continued outward.
    """
    # Border pixels are repeated outward, so that no pixel is a blend with black; the mask ends
    # where the outer edges of the frame's pixels lie.
    warped = cv2.warpPerspective(frame, homography, (size, size), borderMode=cv2.BORDER_REPLICATE)
    mask = np.full(frame.shape[:2], 255, np.uint8)
    inside = cv2.warpPerspective(mask, homography, (size, size)) > 127
    if background is not None:
        warped = np.where(inside[..., None], warped, background)
    return warped.astype(np.uint8), float(inside.mean())


@dataclass(frozen=True, slots=True)
class _Placed:
    to_first: Homography
    fit: Fit


def _fit_or_reject(source: Features, target: Features, config: StabilizeConfig, t: int) -> Fit:
    try:
        return fit_homography(source, target, config)
    except RejectedError as error:
        raise RejectedError(error.reason, f"frame {t} of the window: {error.detail}") from error


def _summarize(fits: list[_Placed], config: StabilizeConfig) -> CameraPath:
    worst = max(range(len(fits)), key=lambda t: fits[t].fit.rmse_px)
    rmse = fits[worst].fit.rmse_px
    if rmse > config.max_reprojection_rmse_px:
        limit = f"{config.max_reprojection_rmse_px:.2f} allowed"
        detail = f"frame {worst} of the window: {rmse:.2f} px, {limit}"
        raise RejectedError(RejectReason.REPROJECTION_ERROR, detail)
    still = all(entry.fit.still_share >= config.still_share for entry in fits)
    to_first = np.stack([np.eye(3) if still else entry.to_first for entry in fits])
    return CameraPath(to_first, min(e.fit.inlier_ratio for e in fits), rmse, still)


def to_gray(frame: Frame) -> GrayFrame:
    """Turn RGB, (H, W, 3), to brightness, (H, W)."""
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)


def _unit(homography: Homography) -> Homography:
    scaled: Homography = homography / homography[2, 2]
    return scaled
