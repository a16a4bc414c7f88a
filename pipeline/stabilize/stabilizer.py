"""Remove camera motion: 32 frames -> 32 frames of a camera that stands still, and a certificate.

Stage:  frames -> [stabilize] -> tag -> strips -> shard

A background that is to be learned as one still picture must stand still in the data. Five steps,
a module each:

    follow_points    SIFT keypoints of frame 0, followed through the window     pipeline.tracking
    fit_bundle       RANSAC homographies, made consistent over all 32 frames    bundle
    fit_depth        a steadier path, where the scene has more than one plane   depth
    render           the frames in the place of frame 0                         render
    figures_of       how well that went                                         certificate

`method="paper"` is the stabilization of 2016 instead (`pipeline.stabilize.paper`).

Source: Vondrick, Pirsiavash, Torralba, "Generating Videos with Scene Dynamics", NIPS 2016,
section 3, for SIFT, RANSAC and the homography to the first frame; the rest is ours.

T counts frames; points are (x, y), in pixels of the frames that are passed in.
Cost on one core, 427 x 240 px: about 2 ms per frame (benchmarks/RESULTS.md). The random draws
are seeded by OpenCV, so a film always gives the same bytes.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.stabilize.bundle import fit_bundle
from tinyvideo.pipeline.stabilize.certificate import (
    corner_distance,
    figures_of,
    flicker,
    measure_tracks,
)
from tinyvideo.pipeline.stabilize.depth import MODEL, DepthConfig, fit_depth
from tinyvideo.pipeline.stabilize.fitting import Bundle, BundleConfig
from tinyvideo.pipeline.stabilize.overlay import overlay_share
from tinyvideo.pipeline.stabilize.paper import find_paper_path
from tinyvideo.pipeline.stabilize.rendering import Rendering, check_view, render
from tinyvideo.pipeline.tracking import MatchConfig, TrackConfig, Tracks, follow_points
from tinyvideo.pipeline.types import (
    Frames,
    Homographies,
    Homography,
    StabilizationFigures,
    check_frames,
)

METHODS = ("tracks", "paper")


@dataclass(frozen=True, slots=True, kw_only=True)
class StabilizeConfig:
    method: str = "tracks"
    """`tracks`, or `paper` for the stabilization of 2016."""

    tracks: TrackConfig = field(default_factory=TrackConfig)
    match: MatchConfig = field(default_factory=MatchConfig)
    bundle: BundleConfig = field(default_factory=BundleConfig)
    depth: DepthConfig = field(default_factory=DepthConfig)

    inlier_px: float = 1.0
    """A track whose points lie nearer to their place than this, over the whole window, is an
    inlier; in pixels of a 240-px frame."""

    min_inliers: int = 12
    """Fewest inliers that are trusted. Theirs: 10 matches, counted before RANSAC."""

    min_inlier_ratio: float = 0.3
    """Least share of tracks, 0 to 1, that are inliers, however well they agree. Ours: below, what
    fills the picture is not the background."""

    min_rim_ratio: float = 0.5
    """Least such share of the tracks at the left, right and upper rim. Ours: a room reaches around
    who stands in it, so that a path on which the rim moves follows somebody."""

    max_reprojection_rmse_px: float = 1.8
    """Largest root mean square distance of a frame's points from their place, in pixels, if all are
    inliers. Ours: where only half are, they must agree twice as well."""

    max_condition_number: float = 4.0
    """Largest condition number of a frame's map. Ours: a hand does not squeeze a picture more."""

    max_drift_px: float = 2.5
    """Largest distance, in strip pixels, between the corners by this path and by the one found from
    neighbor to neighbor. Ours: where there is a background, they agree within 2.4; on drawn films
    whose path is wrong, they are 2.8 to 5.8 apart."""

    max_parallax_px: float = 10.0
    """Largest distance, in strip pixels, between the corners by the path that trembles least and by
    that of the background. Ours: two planes that a hand moves apart make 2 to 9; where it is more,
    the picture slides."""

    max_steadier: float = 0.97
    """Along the path that trembles least a clip must flicker no more than this, as a share of the
    flicker along the path of the background. Ours: less is not seen."""

    max_left_px: float = 1.0
    """Where stabilizing makes a clip flicker more, and no corner moved farther than this, in strip
    pixels, it is left as it is. Ours: so much is not seen."""

    min_visible: float = 0.5
    """Share of the strip, 0 to 1, that every frame must fill. Theirs: one pixel."""

    max_overlay: float = 0.1
    """Share of the sharp edges, 0 to 1, that may stay where they are on the screen while the camera
    moves. Ours: above, it is a recorded screen, a caption or a border."""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")
        shares = ("min_inlier_ratio", "min_rim_ratio", "min_visible", "max_overlay", "max_steadier")
        for name in shares:
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a share above 0, got {getattr(self, name)}")


DEFAULT_CONFIG = StabilizeConfig()


@dataclass(frozen=True, slots=True)
class CameraPath:
    """Where every frame lies in frame 0, and what the tracks say of it."""

    to_first: Homographies
    """(T, 3, 3), the first one the identity."""

    model: str
    """`still`, `shift`, `similarity`, `affine`, `homography` or `parallax`."""

    of_tracks: dict[str, float]
    """As `pipeline.stabilize.certificate.measure_tracks` gives them; empty for the paper's
    method."""

    chained: Homographies
    """The same path found the other way, as `pipeline.stabilize.fitting.Bundle` has it."""

    steadier: "CameraPath | None" = None
    """In a scene with depth, the path along which it trembles least."""

    @property
    def camera_still(self) -> bool:
        """Whether the frames are left exactly as they are."""
        return self.model == "still"


def find_camera_path(frames: Frames, config: StabilizeConfig = DEFAULT_CONFIG) -> CameraPath:
    """Find where every frame of `frames`, (T, H, W, 3), lies in frame 0.

    Raises:
        RejectedError: BLURRED, TOO_FEW_INLIERS, FOREGROUND, REPROJECTION_ERROR or OVERLAY, with
            the figures.
        ValueError: these are no RGB frames of bytes.
    """
    check_frames(frames)
    if config.method == "paper":
        chained = find_paper_path(frames)
        nothing = dict.fromkeys(
            ("inlier_ratio", "reprojection_rmse_px", "residual_motion_px", "jitter_px"), 0.0
        )
        return CameraPath(chained, "homography", nothing, chained)
    tracks = follow_points(frames, config.tracks, config.match)
    bundle = fit_bundle(tracks, config.bundle)
    steadier = fit_depth(tracks, bundle, frames.shape[1:3], config.depth)
    path = _path_of(bundle, tracks, frames, config)
    if steadier:
        path = replace(path, steadier=_path_of(steadier, tracks, frames, config))
    path = _first_that_holds(path, len(tracks.points), config)
    _check_overlay(frames, path, config)
    return path


def _path_of(bundle: Bundle, tracks: Tracks, frames: Frames, config: StabilizeConfig) -> CameraPath:
    of_tracks = measure_tracks(tracks, bundle, frames.shape[1:3], config.inlier_px)
    return CameraPath(bundle.to_first, bundle.model, of_tracks, bundle.chained)


def render_clip(
    frames: Frames,
    path: CameraPath,
    crop: Homography,
    size: int,
    config: StabilizeConfig = DEFAULT_CONFIG,
) -> tuple[CameraPath, Rendering]:
    """Render `frames`, (T, H, W, 3), along `path`, but never so that they flicker more than before.

    In a scene with depth, the path along which they flicker less is taken. Where they would flicker
    more than before and the camera hardly moved, they are left as they are. The path says so.

    Raises:
        RejectedError: REPROJECTION_ERROR, where they would although the camera moved.
    """
    rendering = render(frames, path.to_first, crop, size)
    if path.camera_still or config.method == "paper":
        return path, rendering
    path, rendering = _steadiest(frames, path, rendering, crop, config)
    still = np.tile(np.eye(3), (len(frames), 1, 1))
    plain = render(frames, still, crop, size)
    if not _flickers_more(rendering, plain):
        return path, rendering
    moved = corner_distance(path.to_first, still, crop, size)
    if moved > config.max_left_px:
        detail = f"it flickers more than before, though the camera moved by {moved:.1f} px"
        raise RejectedError(RejectReason.REPROJECTION_ERROR, detail)
    return replace(path, to_first=still, model="still"), plain


def certify(
    path: CameraPath,
    rendering: Rendering,
    crop: Homography,
    config: StabilizeConfig = DEFAULT_CONFIG,
) -> StabilizationFigures:
    """Judge a rendered clip, and sum it up in the figures that are stored with it.

    Raises:
        RejectedError: OUT_OF_VIEW or REPROJECTION_ERROR, with the figures.
    """
    check_view(rendering.visible, config.min_visible)
    figures = figures_of(
        path.to_first, path.chained, rendering, crop, model=path.model, of_tracks=path.of_tracks
    )
    if config.method == "paper":
        return figures
    apart = config.max_parallax_px if path.model == MODEL else config.max_drift_px
    for name, found, limit in (
        ("condition number", figures.condition_number, config.max_condition_number),
        ("drift in pixels", figures.drift_px, apart),
    ):
        if found > limit:
            detail = f"{name} {found:.1f}, {limit} allowed"
            raise RejectedError(RejectReason.REPROJECTION_ERROR, detail)
    return figures


def _steadiest(
    frames: Frames,
    path: CameraPath,
    rendering: Rendering,
    crop: Homography,
    config: StabilizeConfig,
) -> tuple[CameraPath, Rendering]:
    """Take the path along which a scene with depth trembles least, if the picture shows it."""
    if path.steadier is None:
        return path, rendering
    size = rendering.frames.shape[1]
    apart = corner_distance(path.steadier.to_first, path.to_first, crop, size)
    if apart > config.max_parallax_px:
        return path, rendering
    other = render(frames, path.steadier.to_first, crop, size)
    if flicker(other.frames) > config.max_steadier * flicker(rendering.frames):
        return path, rendering
    return path.steadier, other


def _flickers_more(rendering: Rendering, plain: Rendering) -> bool:
    # A quarter of the pixels tells most clips apart.
    few = [np.ascontiguousarray(one.frames[:, ::2, ::2]) for one in (rendering, plain)]
    if flicker(few[0]) < 0.95 * flicker(few[1]):
        return False
    return flicker(rendering.frames) > flicker(plain.frames)


def _first_that_holds(path: CameraPath, points: int, config: StabilizeConfig) -> CameraPath:
    """Return `path`, or the steadier one where only that holds."""
    try:
        _check_path(path, points, config)
    except RejectedError as error:
        if path.steadier is None:
            raise
        try:
            _check_path(path.steadier, points, config)
        except RejectedError:
            raise error from None
        return path.steadier
    return path


def _check_path(path: CameraPath, points: int, config: StabilizeConfig) -> None:
    share = path.of_tracks["inlier_ratio"]
    if share * points < config.min_inliers:
        detail = f"{share * points:.0f} inliers of {points} keypoints, {config.min_inliers} needed"
        raise RejectedError(RejectReason.TOO_FEW_INLIERS, detail)
    rmse, rim = path.of_tracks["reprojection_rmse_px"], path.of_tracks["rim_ratio"]
    if rmse > config.max_reprojection_rmse_px:
        detail = f"{rmse:.2f} px, {config.max_reprojection_rmse_px:.2f} allowed"
        raise RejectedError(RejectReason.REPROJECTION_ERROR, detail)
    needed = max(config.min_inlier_ratio, rmse / config.max_reprojection_rmse_px)
    for found, least, which in (
        (share, needed, "keypoints"),
        (rim, config.min_rim_ratio, "keypoints at the rim"),
    ):
        if found < least:
            detail = f"{found:.0%} of the {which} stand still together, {least:.0%} needed"
            raise RejectedError(RejectReason.FOREGROUND, detail)


def _check_overlay(frames: Frames, path: CameraPath, config: StabilizeConfig) -> None:
    share = overlay_share(frames, path.to_first)
    if share > config.max_overlay:
        detail = f"{share:.0%} of the edges move with the frame, {config.max_overlay:.0%} allowed"
        raise RejectedError(RejectReason.OVERLAY, detail)
