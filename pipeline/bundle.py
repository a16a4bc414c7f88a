"""Fit the camera path of a window to the tracks of its background, all frames at once.

Which tracks are background shows over time: a track belongs to it as far as the path explains the
track in every frame where it was seen, so that one set of points carries all frames. A path whose
frames are each fitted alone takes other points in every frame, and where the scene has depth the
picture trembles. Two kinds of distance are made small together, with weights that fade as a
distance grows:

    a point, carried into frame 0 from any frame, lies where it lies in frame 0      no drift
    a point, carried from neighboring frames, lies in the same place                 no tremble

Where the points lie in frame 0 is fitted as well: frame 0 has noise like all others.

The simplest kind of camera motion that explains the tracks is taken: still, shift, similarity,
affine, homography, by the Bayesian information criterion.

Source: iteratively reweighted least squares with the Geman-McClure weight; Triggs et al., "Bundle
adjustment, a modern synthesis", 1999; Schwarz, "Estimating the dimension of a model", 1978.

T counts frames, N tracks. Cost on one core, 32 frames and 160 tracks: 7 ms, 0.2 ms per frame.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.motion import MODELS, MotionFit, carry, motions, slopes_at
from pipeline.tracks import Tracks
from pipeline.types import Homographies

Array = npt.NDArray[np.float64]

_EXACT_PX = 0.05
"""LK is no more exact than this, even on films that were drawn without noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleConfig:
    rounds: int = 5
    """Times that weights and path are found in turn. Ours: then they change no more."""

    tremble_weight: float = 4.0
    """Weight of the distance between neighbors against that from frame 0. Ours: with twice as much,
    real films flicker no less, and the worst drawn film drifts a twentieth more."""

    tremble_px: float = 0.25
    """Distance between neighbors, in pixels, at which it has lost three quarters of its weight.
    Ours: with 0.5, real films flicker up to 1.3 % more."""

    chain_rounds: int = 3
    """Times that weights and the path from neighbor to neighbor are found in turn."""

    min_scale_px: float = 0.15
    """Least distance from frame 0, in pixels, at which a track loses three quarters of its
    weight: LK is not more exact."""

    max_distance_px: float = 6.0
    """A larger distance counts as this one."""

    still_px: float = 0.4
    """Where the median track moved less than this in every frame, in pixels, the camera was
    still. Ours: then the frames are left as they are, without a warp."""

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ValueError(f"rounds must be at least 1, got {self.rounds}")


DEFAULT_CONFIG = BundleConfig()


@dataclass(frozen=True, slots=True)
class Bundle:
    """A camera path, and how well it explains the tracks."""

    to_first: Homographies
    """(T, 3, 3), the first one the identity."""

    chained: Homographies
    """The same path found the other way, from neighbor to neighbor, (T, 3, 3)."""

    model: str
    """`still`, or one of `MODELS`."""

    weights: Array
    """How far a track counts as background in a frame, 0 to 1, (T, N)."""

    distances: Array
    """Of every point, carried into frame 0, from where it lies there, in pixels; NaN where it was
    not seen, (T, N)."""

    carried: Array
    """Every point carried into frame 0, (T, N, 2)."""


def fit_bundle(tracks: Tracks, config: BundleConfig = DEFAULT_CONFIG) -> Bundle:
    """Fit one camera path to all tracks."""
    fitting = _Fitting(tracks, config)
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


class _Fitting:
    """The unknowns, in units in which the points spread over about -1 to 1."""

    def __init__(self, tracks: Tracks, config: BundleConfig) -> None:
        self.config = config
        self.seen = tracks.seen
        self.both = self.seen.copy()
        self.both[0] = False
        self.both[1:] &= self.seen[:-1]
        self._often = (self.seen.sum(axis=0) > 3)[:, None]
        center = tracks.points.mean(axis=0)
        self.scale = float(1.4 * np.abs(tracks.points - center).mean())
        self._normal = np.array(
            [[1, 0, -center[0]], [0, 1, -center[1]], [0, 0, self.scale]], np.float64
        )
        self._normal /= self.scale
        self.found = (np.nan_to_num(tracks.positions, nan=center) - center) / self.scale
        self.points = (tracks.points - center) / self.scale
        self.fit = MotionFit(self.points)
        self.follow(self._normal @ tracks.guess @ np.linalg.inv(self._normal))

    def follow(self, path: Homographies) -> None:
        """Take another path."""
        self.path, self.carried = path, carry(path, self.found)
        self._measure()

    def improve(self, parameters: int, *, smooth: bool) -> None:
        """Take one Gauss-Newton step with the present weights, then measure anew."""
        off = self.points - self.carried
        if smooth:
            apart = np.zeros_like(off)
            apart[1:] = self.carried[:-1] - self.carried[1:]
            beside = self._neighbor_weights(apart)
            step = self.fit.smooth_step(off, self.weights, apart, beside, parameters)
        else:
            step = self.fit.step(off, self.weights, parameters)
        path = step @ self.path
        weight = (np.maximum(self.weights, 1e-9) * self.seen)[..., None]
        middle = (carry(path, self.found) * weight).sum(axis=0) / np.maximum(
            weight.sum(axis=0), 1e-12
        )
        points = np.where(self._often, middle, self.points)
        # Frame 0 stays where it is: everything is measured in its pixels.
        back = np.linalg.inv(path[0])
        path = back @ path
        self.points = carry(back[None], points[None])[0]
        self.follow(path / path[:, 2:, 2:])

    def _measure(self) -> None:
        """Weigh the points by how far they lie from their place."""
        distances = _length(self.carried - self.points) * self.scale
        self.distances = np.where(self.seen, distances, np.nan)
        capped = np.where(self.seen, np.minimum(distances, self.config.max_distance_px), 0)
        seen = np.maximum(self.seen.sum(axis=0), 1)
        of_track = np.sqrt((capped**2).sum(axis=0) / seen)
        likely = of_track[of_track < self.config.max_distance_px / 2]
        usual = float(np.median(likely)) if len(likely) else 1.0
        self.limit_px = max(2.5 * usual, self.config.min_scale_px)
        here = _fading(distances, 2 * self.limit_px)
        self.weights = np.where(self.seen, _fading(of_track, self.limit_px) * here, 0)

    def _neighbor_weights(self, apart: Array) -> Array:
        distances = _length(apart) * self.scale
        weights = self.config.tremble_weight * _fading(distances, self.config.tremble_px)
        return np.where(self.both, weights, 0)

    def bundle(self, model: str) -> Bundle:
        back = np.linalg.inv(self._normal)
        to_first = back @ self.path @ self._normal
        to_first /= to_first[:, 2:, 2:]
        to_first[0 if model != "still" else slice(None)] = np.eye(3)
        chained = back @ self._chained() @ self._normal
        carried = self.carried * self.scale + back[:2, 2]
        return Bundle(
            to_first, chained / chained[:, 2:, 2:], model, self.weights, self.distances, carried
        )

    def _chained(self) -> Homographies:
        """The same path from neighbor to neighbor: every frame fitted to the one before it.

        Which points agree is asked anew for every two frames.
        """
        chained = self.path
        for _ in range(self.config.chain_rounds):
            carried = carry(chained, self.found)
            apart = np.zeros_like(carried)
            apart[1:] = carried[:-1] - carried[1:]
            weights = self._neighbor_weights(apart) / self.config.tremble_weight
            steps = self.fit.step(apart, weights, MODELS["affine"])
            for t in range(1, len(steps)):
                steps[t] = steps[t - 1] @ steps[t]
            chained = steps @ chained
        return chained


def _length(vectors: Array) -> Array:
    length: Array = np.sqrt(vectors[..., 0] ** 2 + vectors[..., 1] ** 2)
    return length


def _fading(distance: Array, limit: float) -> Array:
    weight: Array = 1 / (1 + (distance / limit) ** 2) ** 2
    return weight


def _is_still(fitting: _Fitting, config: BundleConfig) -> bool:
    """Whether in every frame the median track of the background lies where it lay."""
    weights = fitting.weights
    way = _length(fitting.found - fitting.found[:1]) * fitting.scale
    order = np.argsort(way, axis=1)
    sums = np.take_along_axis(weights, order, axis=1).cumsum(axis=1)
    middle = (sums < sums[:, -1:] / 2).sum(axis=1)
    medians = np.take_along_axis(np.sort(way, axis=1), middle[:, None], axis=1)
    return bool(medians.max() < config.still_px)


def _simplest(fitting: _Fitting) -> tuple[str, Homographies]:
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
        away = _length(carry(path, fitting.found) - fitting.points) * fitting.scale
        excess = (float((share * away**2).sum()) - best) / variance
        spared = (MODELS["homography"] - parameters) * (frames - 1)
        if excess < spared * np.log(max(seen, 2.0)):
            return model, path
    return "homography", fitting.path
