"""Remove camera motion: 32 frames -> 32 frames of a camera that stands still, and a certificate.

Stage:  frames -> [stabilize] -> tag -> strips -> shard

A background that is to be learned as one still picture must stand still in the data. Six steps,
a module each:

    Hypotheses       guesses of what the camera did: it stood still, keypoints, edges  hypotheses
    Pictures         how much of the room stands still along each, by area            stillness
    check_held       whether the one that holds most is that of a room                 verdict
    fit_depth        a steadier path, where the scene has more than one plane          depth
    render           the frames in the place of frame 0                                rendering
    figures_of       how well that went                                                certificate

`method="paper"` is the stabilization of 2016 instead (`pipeline.stabilize.paper`).

Source: Vondrick, Pirsiavash, Torralba, "Generating Videos with Scene Dynamics", NIPS 2016,
section 3, for SIFT, RANSAC and the homography to the first frame; the rest is ours.

T counts frames; points are (x, y), in pixels of the frames that are passed in.
Cost on one core, 427 x 240 px: 0.3 ms per frame of a tripod, 2 to 3 of a hand before a room that
has keypoints, 10 where all guesses are made (benchmarks/RESULTS.md). The random draws are seeded by
OpenCV: a film gives the same pixels each time, and the same matrices but for their last digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.pixels import to_gray
from tinyvideo.pipeline.stabilize.certificate import (
    corner_distance,
    figures_of,
    flicker,
    measure_blocks,
    measure_tracks,
    median_change,
)
from tinyvideo.pipeline.stabilize.depth import MODEL, DepthConfig, fit_depth
from tinyvideo.pipeline.stabilize.fitting import BundleConfig, Fitting
from tinyvideo.pipeline.stabilize.hypotheses import Hypotheses, Hypothesis, HypothesisConfig
from tinyvideo.pipeline.stabilize.overlay import overlay_share
from tinyvideo.pipeline.stabilize.paper import find_paper_path
from tinyvideo.pipeline.stabilize.rendering import Rendering, check_view, render
from tinyvideo.pipeline.stabilize.stillness import Stillness
from tinyvideo.pipeline.stabilize.verdict import VerdictConfig, check_held, margin_of
from tinyvideo.pipeline.tracking import MatchConfig, TrackConfig
from tinyvideo.pipeline.types import (
    Crop,
    Frames,
    GrayFrame,
    Homographies,
    Homography,
    StabilizationFigures,
    check_frames,
)

METHODS = ("tracks", "paper")

_PAIR_EVERY = 4
"""Every so many frames a pair of neighbors is looked at first, where flicker is compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StabilizeConfig:
    method: str = "tracks"
    """`tracks`, or `paper` for the stabilization of 2016."""

    tracks: TrackConfig = field(default_factory=TrackConfig)
    match: MatchConfig = field(default_factory=MatchConfig)
    bundle: BundleConfig = field(default_factory=BundleConfig)
    depth: DepthConfig = field(default_factory=DepthConfig)
    hypotheses: HypothesisConfig = field(default_factory=HypothesisConfig)
    verdict: VerdictConfig = field(default_factory=VerdictConfig)

    inlier_px: float = 1.0
    """A track whose points lie nearer to their place than this, over the whole window, is an
    inlier; in pixels of a 240-px frame."""

    max_condition_number: float = 4.0
    """Largest condition number of a frame's map. Ours: a hand does not squeeze a picture more."""

    max_parallax_px: float = 10.0
    """Largest distance, in strip pixels, between the corners by the path that trembles least and by
    that of the background. Ours: two planes that a hand moves apart make 2 to 9; where it is more,
    the picture slides."""

    min_parallax_reach: float = 0.5
    """Least share of what the path of the background holds, part by part, that the path that
    trembles least holds. Ours: of two planes 0.6, of a room and somebody before it 0.3."""

    max_steadier: float = 0.97
    """Along the path that trembles least a clip must flicker no more than this, as a share of the
    flicker along the path of the background. Ours: less is not seen."""

    near_best: float = 0.7
    """Where the best path flickers, another one that holds at least this share of what it holds is
    taken, 0 to 1."""

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
        for name in (
            "min_visible",
            "max_overlay",
            "max_steadier",
            "near_best",
            "min_parallax_reach",
        ):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a share above 0, got {getattr(self, name)}")


DEFAULT_CONFIG = StabilizeConfig()


@dataclass(frozen=True, slots=True)
class CameraPath:
    """Where every frame lies in frame 0, and what is known of it."""

    to_first: Homographies
    """(T, 3, 3), the first one the identity."""

    model: str
    """`still`, `shift`, `similarity`, `affine`, `homography` or `parallax`."""

    of_tracks: dict[str, float]
    """As `pipeline.stabilize.certificate.measure_tracks` gives them."""

    chained: Homographies
    """The same path found the other way, as `pipeline.stabilize.fitting.Bundle` has it."""

    stillness: Stillness | None = None
    """What stands still along it; None for the paper's method, which does not look."""

    margin: float | None = None
    """By how much it holds more than the next best path that differs from it, 0 to 2."""

    others: tuple["CameraPath", ...] = ()
    """Paths that are taken instead where this one flickers: of a scene with depth, the one along
    which it trembles least, then those that hold nearly as much."""

    @property
    def camera_still(self) -> bool:
        """Whether the frames are left exactly as they are."""
        return self.model == "still"

    def seen_from(self, part: Crop | None, *, back: bool = False) -> "CameraPath":
        """Give the same path in pixels of a part of the picture, or `back` in the whole one's."""
        if part is None:
            return self
        to_corner = np.array([[1, 0, -part.left], [0, 1, -part.top], [0, 0, 1.0]])
        here = np.linalg.inv(to_corner) if back else to_corner
        there = np.linalg.inv(here)
        return replace(
            self,
            to_first=here @ self.to_first @ there,
            chained=here @ self.chained @ there,
            others=tuple(other.seen_from(part, back=back) for other in self.others),
        )


def find_camera_path(
    frames: Frames,
    config: StabilizeConfig = DEFAULT_CONFIG,
    grays: Sequence[GrayFrame] | None = None,
) -> CameraPath:
    """Find where every frame of `frames`, (T, H, W, 3), lies in frame 0.

    Whoever has their brightness already hands it over as `grays`, T of (H, W).

    Raises:
        RejectedError: BLURRED, TOO_FEW_INLIERS, OUT_OF_VIEW, FOREGROUND or OVERLAY, with the
            figures.
        ValueError: these are no RGB frames of bytes.
    """
    check_frames(frames)
    grays = [to_gray(frame) for frame in frames] if grays is None else grays
    if config.method == "paper":
        chained = find_paper_path(grays)
        nothing = dict.fromkeys(
            ("inlier_ratio", "reprojection_rmse_px", "residual_motion_px", "jitter_px"), 0.0
        )
        return CameraPath(chained, "homography", nothing, chained)
    hypotheses = Hypotheses(
        grays,
        config.hypotheses,
        tracks=config.tracks,
        match=config.match,
        bundle=config.bundle,
    )
    best = hypotheses.best()
    check_held(best, hypotheses, config.verdict)
    path = _path_of(best, hypotheses, config)
    near = [
        CameraPath(
            guess.to_first,
            _model_of(guess),
            measure_blocks(guess.look),
            guess.to_first,
            guess.stillness,
        )
        for guess in sorted(hypotheses.judged, key=lambda guess: -guess.score)
        if guess is not best and _holds_nearly(guess, best, config)
    ]
    path = replace(path, margin=margin_of(best, hypotheses.judged), others=(*path.others, *near))
    _check_overlay(grays, path, config)
    return path


def _holds_nearly(guess: Hypothesis, best: Hypothesis, config: StabilizeConfig) -> bool:
    """Whether a path may be taken where that of `best` flickers."""
    if guess.name == "still" and guess.stillness.held >= config.near_best * best.stillness.held:
        return True
    return guess.score >= config.near_best * best.score


def _model_of(guess: Hypothesis) -> str:
    if guess.bundle is not None:
        return guess.bundle.model
    return {"still": "still", "direct": "similarity", "rest": "similarity"}.get(
        guess.name, "homography"
    )


def _path_of(guess: Hypothesis, hypotheses: Hypotheses, config: StabilizeConfig) -> CameraPath:
    if _model_of(guess) == "still":
        figures = measure_blocks(guess.look)
        return CameraPath(guess.to_first, "still", figures, guess.to_first, guess.stillness)
    tracks, bundle = guess.tracks, guess.bundle
    if tracks is None:
        tracks = hypotheses.along(guess)
        if tracks is None:
            figures = measure_blocks(guess.look)
            model = _model_of(guess)
            return CameraPath(guess.to_first, model, figures, guess.to_first, guess.stillness)
    if bundle is None:
        trust = guess.look.standing_still(tracks.points)
        fitting = Fitting(tracks, config.bundle, trust)
        fitting.along(guess.to_first)
        bundle = replace(fitting.bundle(_model_of(guess)), to_first=guess.to_first)
    others = []
    steadier = fit_depth(tracks, bundle, hypotheses.shape, config.depth)
    if steadier and _holds_as_much(steadier.to_first, guess, config):
        figures = measure_tracks(tracks, steadier, config.inlier_px)
        others.append(
            CameraPath(
                steadier.to_first, steadier.model, figures, steadier.chained, guess.stillness
            )
        )
    figures = measure_tracks(tracks, bundle, config.inlier_px)
    return CameraPath(
        bundle.to_first,
        bundle.model,
        figures,
        bundle.chained,
        guess.stillness,
        others=tuple(others),
    )


def _holds_as_much(to_first: Homographies, guess: Hypothesis, config: StabilizeConfig) -> bool:
    """Whether both planes of a room stand still along a path, and not somebody before it."""
    found = guess.look.pictures.judge(to_first)
    held = found.held >= guess.stillness.held
    return held and found.reach >= config.min_parallax_reach * guess.stillness.reach


def render_clip(
    frames: Frames,
    path: CameraPath,
    crop: Homography,
    size: int,
    config: StabilizeConfig = DEFAULT_CONFIG,
) -> tuple[CameraPath, Rendering]:
    """Render `frames`, (T, H, W, 3), along `path`, but never so that they flicker more than before.

    In a scene with depth, the path along which they flicker less is taken. Where they would flicker
    more than before, another path that holds nearly as much is; and where the camera hardly moved,
    they are left as they are. The path says so.

    Raises:
        RejectedError: REPROJECTION_ERROR, where they would although the camera moved.
    """
    rendering = render(frames, path.to_first, crop, size)
    if path.camera_still or config.method == "paper":
        return path, rendering
    path, rendering = _steadiest(frames, path, rendering, crop, config)
    if _flickers_less(frames, rendering, crop, size):
        return path, rendering
    still = np.tile(np.eye(3), (len(frames), 1, 1))
    plain = render(frames, still, crop, size)
    if not _flickers_more(rendering, plain):
        return path, rendering
    for other in path.others:
        if other.model == MODEL:
            continue
        instead = plain if other.camera_still else render(frames, other.to_first, crop, size)
        if other.camera_still or not _flickers_more(instead, plain):
            return replace(other, margin=path.margin), instead
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
        path.to_first,
        path.chained,
        rendering,
        crop,
        model=path.model,
        of_tracks=path.of_tracks,
        stillness=path.stillness,
        margin=path.margin,
    )
    if config.method == "paper":
        return figures
    if figures.condition_number > config.max_condition_number:
        found, limit = figures.condition_number, config.max_condition_number
        detail = f"condition number {found:.1f}, {limit} allowed"
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
    steadier = next((other for other in path.others if other.model == MODEL), None)
    if steadier is None:
        return path, rendering
    size = rendering.frames.shape[1]
    apart = corner_distance(steadier.to_first, path.to_first, crop, size)
    if apart > config.max_parallax_px:
        return path, rendering
    other = render(frames, steadier.to_first, crop, size)
    if flicker(other.frames) > config.max_steadier * flicker(rendering.frames):
        return path, rendering
    return replace(steadier, margin=path.margin, others=path.others), other


def _flickers_less(frames: Frames, rendering: Rendering, crop: Homography, size: int) -> bool:
    """Whether a few pairs of neighbors, as they were, already flicker clearly more."""
    first = np.arange(0, len(frames) - 1, _PAIR_EVERY)
    pairs = np.stack([first, first + 1], axis=1)
    still = np.tile(np.eye(3), (pairs.size, 1, 1))
    plain = render(frames[pairs.ravel()], still, crop, size).frames
    before, after = (
        [cv2.absdiff(one, other) for one, other in np.reshape(shown, (len(pairs), 2, -1))]
        for shown in (plain, rendering.frames[pairs.ravel()])
    )
    return median_change(after) < 0.9 * median_change(before)


def _flickers_more(rendering: Rendering, plain: Rendering) -> bool:
    # A quarter of the pixels tells most clips apart.
    few = [np.ascontiguousarray(one.frames[:, ::2, ::2]) for one in (rendering, plain)]
    if flicker(few[0]) < 0.95 * flicker(few[1]):
        return False
    return flicker(rendering.frames) > flicker(plain.frames)


def _check_overlay(frames: Sequence[GrayFrame], path: CameraPath, config: StabilizeConfig) -> None:
    share = overlay_share(frames, path.to_first)
    if share > config.max_overlay:
        detail = f"{share:.0%} of the edges move with the frame, {config.max_overlay:.0%} allowed"
        raise RejectedError(RejectReason.OVERLAY, detail)
