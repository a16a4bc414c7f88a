"""The path along which a scene with depth trembles least.

A homography carries one plane. Where the scene has two, as a meadow before mountains has, the path
that is fitted to the background keeps one of them still, and the other half of the picture sways.
From one frame to the next, though, the planes move apart by a fraction of a pixel only, and one
homography serves both. So every frame is fitted to the one before it, by all keypoints, each as
much as a tremble there would be seen. Distances count as they are, not squared, so that a plane
keeps its say. Over the window such a path shears slowly, by what the planes have moved apart.

A person before the camera moves apart from the room as well, and must not be met halfway: then the
room would move. So this path is taken only where the keypoints, all alike, tremble clearly less
along it, and those at the rim, where the room is, count twice. Along a path that gives way to a
person, the room trembles.

Source: least absolute distances by iteratively reweighted least squares, with a limit; the rest is
ours.

Cost on one core, 32 frames and 160 tracks: 8 ms, and nothing where fewer than a fifth of the tracks
lie beside the path of the background.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.stabilize.fitting import Bundle, BundleConfig, Fitting, length
from tinyvideo.pipeline.tracking import FEWEST, MODELS, Tracks, at_rim

Array = npt.NDArray[np.float64]

MODEL = "parallax"
"""What such a path is called, beside `pipeline.tracking.motion.MODELS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthConfig:
    beside_px: float = 0.5
    """A track lies beside the path of the background from this distance on, over the whole window,
    in pixels."""

    min_beside: float = 0.2
    """Least share of such tracks, 0 to 1, in a scene with depth. Ours: two planes have 0.25 or
    more."""

    rounds: int = 8
    """Times that weights and path are found in turn."""

    exact_px: float = 0.1
    """Distances between neighbors below this count as their squares do: LK is not more exact."""

    far_px: float = 1.0
    """Distance between neighbors, in pixels, at which it has lost half of its weight: beyond, it is
    something that passes."""

    max_tremble: float = 0.95
    """How much the keypoints may tremble along this path, as a share of how much they do along
    that of the background. Ours: in drawn scenes with two planes, where it is needed, 0.5 to 0.93;
    in drawn rooms with a person, where it would follow him, 0.97 or more."""

    def __post_init__(self) -> None:
        for name in ("min_beside", "max_tremble"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a share above 0, got {getattr(self, name)}")
        if self.rounds < 1:
            raise ValueError(f"rounds must be at least 1, got {self.rounds}")


DEFAULT_CONFIG = DepthConfig()

_FARTHEST_PX = 2.0
"""A larger way between neighbors counts as this one, where tremble is measured."""


def fit_depth(
    tracks: Tracks,
    bundle: Bundle,
    shape: Sequence[int],
    config: DepthConfig = DEFAULT_CONFIG,
) -> Bundle | None:
    """Fit a path to all tracks that keeps them as still as it can from one frame to the next.

    Returns None where `bundle`, the path of the background, explains the tracks or is no worse, or
    where nothing is seen at the rim of the frames, of `shape` (H, W).
    """
    rim = at_rim(tracks.points, shape)
    if bundle.model == "still" or rim.sum() < FEWEST:
        return None
    if _share_beside(tracks, bundle, config) < config.min_beside:
        return None
    fitting = Fitting(tracks, BundleConfig())

    def weigh(distances_px: Array) -> Array:
        near = 1 / (1 + (distances_px / config.far_px) ** 2)
        return np.asarray(tracks.salience * near / np.hypot(distances_px, config.exact_px))

    path = fitting.chain(weigh, MODELS["homography"], config.rounds)
    for _ in range(3):  # the points find their mean places, and the weights theirs
        fitting.settle(path)
    steady = fitting.bundle(MODEL, bundle.to_first)
    counts = np.where(rim, 2.0, 1.0)
    if _tremble(tracks, steady, counts) > config.max_tremble * _tremble(tracks, bundle, counts):
        return None
    return steady


def _share_beside(tracks: Tracks, bundle: Bundle, config: DepthConfig) -> float:
    often = tracks.seen.sum(axis=0) >= 2
    return float((bundle.of_track[often] > config.beside_px).mean()) if often.any() else 0.0


def _tremble(tracks: Tracks, bundle: Bundle, counts: Array) -> float:
    """Mean way of a point, carried into frame 0, from one frame to the next, in pixels."""
    ways = np.minimum(length(np.diff(bundle.carried, axis=0)), _FARTHEST_PX)
    both = (tracks.seen[1:] & tracks.seen[:-1]) * counts
    return float((ways * both).sum() / max(float(both.sum()), 1e-12))
