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

T counts frames, N tracks. Cost on one core, 32 frames and 200 tracks: 10 ms, 0.3 ms per frame.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.tracks import Tracks
from pipeline.types import Homographies

Array = npt.NDArray[np.float64]

MODELS = {"shift": 2, "similarity": 4, "affine": 6, "homography": 8}
"""Parameters per frame of every kind of motion, the simplest first."""

_EXACT_PX = 0.05
"""LK is no more exact than this, even on films that were drawn without noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleConfig:
    rounds: int = 5
    """Times that weights and path are found in turn. Ours: then they change no more."""

    tremble_weight: float = 2.0
    """Weight of the distance between neighbors against that from frame 0. Ours: with 10, the path
    drifts on drawn films; with 0, real films flicker 2 % more."""

    tremble_px: float = 0.5
    """Distance between neighbors, in pixels, at which it has lost three quarters of its weight."""

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
        fitting.stand_still()
        return fitting.bundle("still")
    model = _simplest(fitting)
    if model != "homography":
        fitting.start_anew()
        for number in range(config.rounds):
            fitting.improve(MODELS[model], smooth=number > 0)
    return fitting.bundle(model)


class _Fitting:
    """The unknowns, in units in which the points spread over about -1 to 1."""

    def __init__(self, tracks: Tracks, config: BundleConfig) -> None:
        self.config = config
        self.seen = tracks.seen
        self.both = self.seen.copy()
        self.both[0] = False
        self.both[1:] &= self.seen[:-1]
        center = tracks.points.mean(axis=0)
        self.scale = float(1.4 * np.abs(tracks.points - center).mean())
        self._normal = np.array(
            [[1, 0, -center[0]], [0, 1, -center[1]], [0, 0, self.scale]], np.float64
        )
        self._normal /= self.scale
        self.found = (np.nan_to_num(tracks.positions, nan=center) - center) / self.scale
        self.points = (tracks.points - center) / self.scale
        self.path = self._normal @ tracks.guess @ np.linalg.inv(self._normal)
        self.measure()

    def start_anew(self) -> None:
        """Go back to no motion at all, but keep the weights."""
        self.path = np.tile(np.eye(3), (len(self.path), 1, 1))
        self.carried = self.found

    def stand_still(self) -> None:
        self.start_anew()
        self.measure()

    def improve(self, parameters: int, *, smooth: bool) -> None:
        """Take one Gauss-Newton step with the present weights, then measure anew."""
        neighbors = self._neighbor_weights() if smooth else np.zeros_like(self.weights)
        step = _gauss_newton(self.carried, self.points, self.weights, neighbors, parameters)
        self.path = step @ self.path
        weight = np.maximum(self.weights, 1e-9)[..., None] * self.seen[..., None]
        carried = _carry(self.path, self.found)
        often = self.seen.sum(axis=0) > 3
        middle = (carried * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-12)
        self.points = np.where(often[:, None], middle, self.points)
        # Frame 0 stays where it is: everything is measured in its pixels.
        back = np.linalg.inv(self.path[0])
        self.path = back @ self.path
        self.path /= self.path[:, 2:, 2:]
        self.points = _carry(back[None], self.points[None])[0]
        self.measure()

    def measure(self) -> None:
        """Carry the points by the path, and weigh them by how far they lie from their place."""
        self.carried = _carry(self.path, self.found)
        distances = np.linalg.norm(self.carried - self.points, axis=2) * self.scale
        self.distances = np.where(self.seen, distances, np.nan)
        capped = np.where(self.seen, np.minimum(distances, self.config.max_distance_px), 0)
        seen = np.maximum(self.seen.sum(axis=0), 1)
        of_track = np.sqrt((capped**2).sum(axis=0) / seen)
        likely = of_track[of_track < self.config.max_distance_px / 2]
        usual = float(np.median(likely)) if len(likely) else 1.0
        self.limit_px = max(2.5 * usual, self.config.min_scale_px)
        here = _fading(distances, 2 * self.limit_px)
        self.weights = np.where(self.seen, _fading(of_track, self.limit_px) * here, 0)

    def _neighbor_weights(self) -> Array:
        apart = np.zeros(self.seen.shape)
        apart[1:] = np.linalg.norm(np.diff(self.carried, axis=0), axis=2) * self.scale
        weights = self.config.tremble_weight * _fading(apart, self.config.tremble_px)
        return np.where(self.both, weights, 0)

    def bundle(self, model: str) -> Bundle:
        back = np.linalg.inv(self._normal)
        to_first = back @ self.path @ self._normal
        to_first /= to_first[:, 2:, 2:]
        to_first[0 if model != "still" else slice(None)] = np.eye(3)
        carried = self.carried * self.scale + back[:2, 2]
        return Bundle(to_first, model, self.weights, self.distances, carried)


def _fading(distance: Array, limit: float) -> Array:
    weight: Array = 1 / (1 + (distance / limit) ** 2) ** 2
    return weight


def _carry(path: Homographies, points: Array) -> Array:
    """Map the points of every frame, (T, N, 2), by its homography."""
    mapped = points @ path[:, :2, :2].transpose(0, 2, 1) + path[:, None, :2, 2]
    carried: Array = mapped / (points @ path[:, 2, :2, None] + path[:, 2:, 2:])
    return carried


def _gauss_newton(
    carried: Array, points: Array, weights: Array, neighbors: Array, parameters: int
) -> Homographies:
    """Find small motions, (T, 3, 3), after which carried points lie nearer to their places."""
    frames, count = weights.shape
    slopes = _slopes(carried, parameters)  # (T, 2N, p)
    off = np.concatenate([points - carried[..., :]], axis=-1).reshape(frames, 2 * count)
    apart = np.zeros_like(off)
    apart[1:] = (carried[:-1] - carried[1:]).reshape(frames - 1, 2 * count)
    direct, beside = np.repeat(weights, 2, axis=1), np.repeat(neighbors, 2, axis=1)
    own = direct + beside
    own[:-1] += beside[1:]
    pull = direct * off + beside * apart
    pull[:-1] -= beside[1:] * apart[1:]
    turned = slopes.transpose(0, 2, 1)
    blocks = (turned * own[:, None]) @ slopes
    blocks[:, range(parameters), range(parameters)] += 1e-9
    coupling = -(turned[1:] * beside[1:, None]) @ slopes[:-1]  # of frame t with frame t - 1
    steps = _solve_chain(blocks, coupling, (turned @ pull[..., None])[..., 0])
    return _motions(steps)


def _slopes(carried: Array, parameters: int) -> Array:
    """How a carried point moves with each parameter of its frame, (T, 2N, parameters).

    The first 2 shift, the next 2 zoom and roll, the next 2 shear, the last 2 tilt.
    """
    x, y = carried[..., 0], carried[..., 1]
    one, zero = np.ones_like(x), np.zeros_like(x)
    of_x = [one, zero, x, -y, x, y, -x * x, -x * y][:parameters]
    of_y = [zero, one, y, x, -y, x, -x * y, -y * y][:parameters]
    slopes = np.stack([np.stack(of_x, axis=-1), np.stack(of_y, axis=-1)], axis=2)
    return slopes.reshape(len(carried), -1, parameters)


def _motions(steps: Array) -> Homographies:
    full = np.zeros((len(steps), 8))
    full[:, : steps.shape[1]] = steps
    shift_x, shift_y, zoom, roll, shear, skew, tilt_x, tilt_y = full.T
    motions = np.tile(np.eye(3), (len(steps), 1, 1))
    motions[:, 0] += np.stack([zoom + shear, skew - roll, shift_x], axis=1)
    motions[:, 1] += np.stack([skew + roll, zoom - shear, shift_y], axis=1)
    motions[:, 2, :2] = np.stack([tilt_x, tilt_y], axis=1)
    return motions


def _solve_chain(blocks: Array, coupling: Array, pull: Array) -> Array:
    """Solve the block-tridiagonal normal equations, (T, p), frame by frame and back."""
    frames = len(blocks)
    factors, right = blocks.copy(), pull.copy()
    for t in range(1, frames):
        link = np.linalg.solve(factors[t - 1], coupling[t - 1].T).T
        factors[t] -= link @ coupling[t - 1].T
        right[t] -= link @ right[t - 1]
    steps = np.empty_like(pull)
    steps[-1] = np.linalg.solve(factors[-1], right[-1])
    for t in range(frames - 2, -1, -1):
        steps[t] = np.linalg.solve(factors[t], right[t] - coupling[t].T @ steps[t + 1])
    return steps


def _is_still(fitting: _Fitting, config: BundleConfig) -> bool:
    """Whether in every frame the median track of the background lies where it lay."""
    weights = fitting.weights
    way = np.linalg.norm(fitting.found - fitting.found[:1], axis=2) * fitting.scale
    order = np.argsort(way, axis=1)
    sums = np.take_along_axis(weights, order, axis=1).cumsum(axis=1)
    middle = (sums < sums[:, -1:] / 2).sum(axis=1)
    medians = np.take_along_axis(np.sort(way, axis=1), middle[:, None], axis=1)
    return bool(medians.max() < config.still_px)


def _simplest(fitting: _Fitting) -> str:
    """Name the simplest kind of motion that explains the background as well as a homography."""
    weights = fitting.weights
    share = weights / max(float(weights.max()), 1e-12)
    seen = 2 * float(share[1:].sum())
    best = float((share * np.nan_to_num(fitting.distances) ** 2).sum())
    variance = max(best / max(seen, 1.0), _EXACT_PX**2)
    for model, parameters in MODELS.items():
        if model == "homography":
            break
        # From the identity, one step is the least-squares solution: these models are linear.
        step = _gauss_newton(
            fitting.found, fitting.points, weights, np.zeros_like(weights), parameters
        )
        away = np.linalg.norm(_carry(step, fitting.found) - fitting.points, axis=2) * fitting.scale
        excess = (float((share * away**2).sum()) - best) / variance
        spared = (MODELS["homography"] - parameters) * (len(weights) - 1)
        if excess < spared * np.log(max(seen, 2.0)):
            return model
    return "homography"
