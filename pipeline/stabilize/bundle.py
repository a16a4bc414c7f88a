"""Fit the camera path of a window to the tracks of its background, all frames at once.

The simplest kind of camera motion that explains the tracks is taken: still, shift, similarity,
affine, homography, by the Bayesian information criterion. How a path is fitted:
`pipeline.stabilize.fitting`.

Source: Schwarz, "Estimating the dimension of a model", 1978.

Cost on one core, 32 frames and 160 tracks: 7 ms, 0.2 ms per frame.
"""

import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.stabilize.fitting import Bundle, BundleConfig, Fitting, length
from tinyvideo.pipeline.tracking import MODELS, Tracks, carry, motions, slopes_at
from tinyvideo.pipeline.types import Homographies

Array = npt.NDArray[np.float64]

DEFAULT_CONFIG = BundleConfig()

_EXACT_PX = 0.05
"""LK is no more exact than this, even on films that were drawn without noise."""


def fit_bundle(
    tracks: Tracks, config: BundleConfig = DEFAULT_CONFIG, trust: Array | None = None
) -> Bundle:
    """Fit one camera path to all tracks, each by how far it is trusted, 0 to 1, (N,)."""
    fitting = Fitting(tracks, config, trust)
    for number in range(config.rounds):
        # The weights of neighbors are right only when the path is nearly.
        fitting.improve(MODELS["homography"], smooth=number >= config.rounds // 2)
    if _is_still(fitting, config):
        fitting.follow(np.tile(np.eye(3), (len(fitting.path), 1, 1)))
        return fitting.bundle("still")
    model, start = _simplest(fitting)
    if model != "homography":
        fitting.follow(start)
        for _ in range(config.rounds - 2):
            fitting.improve(MODELS[model], smooth=True)
    return fitting.bundle(model)


def _is_still(fitting: Fitting, config: BundleConfig) -> bool:
    """Whether in every frame the median track of the background lies where it lay."""
    weights = fitting.weights
    way = length(fitting.found - fitting.found[:1]) * fitting.scale
    order = np.argsort(way, axis=1)
    sums = np.take_along_axis(weights, order, axis=1).cumsum(axis=1)
    middle = (sums < sums[:, -1:] / 2).sum(axis=1)
    medians = np.take_along_axis(np.sort(way, axis=1), middle[:, None], axis=1)
    return bool(medians.max() < config.still_px)


def _simplest(fitting: Fitting) -> tuple[str, Homographies]:
    """Find the simplest kind of motion that explains the background as well as a homography.

    Returns its name and the path by it.
    """
    frames = len(fitting.path)
    share = fitting.weights / max(float(fitting.weights.max()), 1e-12)
    seen = 2 * float(share[1:].sum())
    best = float((share * np.nan_to_num(fitting.distances) ** 2).sum())
    variance = max(best / max(seen, 1.0), _EXACT_PX**2)
    # From where they were found, one step is the least-squares solution: these models are linear.
    slopes = slopes_at(fitting.found)[..., :6].reshape(frames, -1, 6)
    weighted = (slopes * np.repeat(share, 2, axis=1)[..., None]).transpose(0, 2, 1)
    squares = weighted @ slopes + 1e-9 * np.eye(6)
    pull = weighted @ (fitting.points - fitting.found).reshape(frames, -1, 1)
    for model, parameters in MODELS.items():
        if model == "homography":
            break
        own = squares[:, :parameters, :parameters]
        path = motions(np.linalg.solve(own, pull[:, :parameters])[..., 0])
        away = length(carry(path, fitting.found) - fitting.points) * fitting.scale
        excess = (float((share * away**2).sum()) - best) / variance
        spared = (MODELS["homography"] - parameters) * (frames - 1)
        if excess < spared * np.log(max(seen, 2.0)):
            return model, path
    return "homography", fitting.path
