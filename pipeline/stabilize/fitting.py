"""The unknowns of a camera path, and steps that bring them nearer to the tracks.

Which tracks are background shows over time: a track belongs to it as far as the path explains the
track in every frame where it was seen, so that one set of points carries all frames. A path whose
frames are each fitted alone takes other points in every frame, and where the scene has depth the
picture trembles. Two kinds of distance are made small together, with weights that fade as a
distance grows:

    a point, carried into frame 0 from any frame, lies where it lies in frame 0      no drift
    a point, carried from neighboring frames, lies in the same place                 no tremble

The second counts the more, the more a tremble there would be seen in the strip.

Where the points lie in frame 0 is fitted as well: frame 0 has noise like all others.

Source: iteratively reweighted least squares with the Geman-McClure weight; Triggs et al., "Bundle
adjustment, a modern synthesis", 1999.

T counts frames, N tracks. Cost on one core, 32 frames and 160 tracks: a step with neighbors 1 ms.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.tracking import MODELS, MotionFit, Tracks, carry
from tinyvideo.pipeline.types import Homographies

Array = npt.NDArray[np.float64]


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


@dataclass(frozen=True, slots=True)
class Bundle:
    """A camera path, and how well it explains the tracks."""

    to_first: Homographies
    """(T, 3, 3), the first one the identity."""

    chained: Homographies
    """The same path found another way, (T, 3, 3): from neighbor to neighbor, or the direct one
    where `to_first` is itself a chain."""

    model: str
    """`still`, one of `MODELS`, or `parallax`."""

    weights: Array
    """How far a track counts as background in a frame, 0 to 1, (T, N)."""

    distances: Array
    """Of every point, carried into frame 0, from where it lies there, in pixels; NaN where it was
    not seen, (T, N)."""

    carried: Array
    """Every point carried into frame 0, (T, N, 2)."""

    @property
    def of_track(self) -> Array:
        """Root mean square of every track's distances over the window, in pixels, (N,)."""
        seen = np.maximum((~np.isnan(self.distances)).sum(axis=0), 1)
        mean: Array = (np.nan_to_num(self.distances) ** 2).sum(axis=0) / seen
        return np.sqrt(mean)


class Fitting:
    """The unknowns, in units in which the points spread over about -1 to 1."""

    def __init__(self, tracks: Tracks, config: BundleConfig, trust: Array | None = None) -> None:
        self.config = config
        self._trust = np.ones(len(tracks.points)) if trust is None else trust
        self.seen = tracks.seen
        self.both = self.seen.copy()
        self.both[0] = False
        self.both[1:] &= self.seen[:-1]
        self._salience = tracks.salience
        self._often = (self.seen.sum(axis=0) > 3)[:, None]
        center = tracks.points.mean(axis=0)
        self.scale = float(1.4 * np.abs(tracks.points - center).mean())
        self._normal = np.array(
            [[1, 0, -center[0]], [0, 1, -center[1]], [0, 0, self.scale]], np.float64
        )
        self._normal /= self.scale
        self.found = (np.nan_to_num(tracks.positions, nan=center) - center) / self.scale
        self.points = (tracks.points - center) / self.scale
        self._fit = MotionFit(self.points)
        self.follow(self._normal @ tracks.guess @ np.linalg.inv(self._normal))

    def follow(self, path: Homographies) -> None:
        """Take another path."""
        self.path, self._carried = path, carry(path, self.found)
        self._measure()

    def settle(self, path: Homographies) -> None:
        """Take another path, and put every point where it is carried to on the mean."""
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

    def along(self, to_first: Homographies) -> None:
        """Take a path in pixels, (T, 3, 3), and put every point where it lies on the mean."""
        for _ in range(3):  # the points find their mean places, and the weights theirs
            self.settle(self._normal @ to_first @ np.linalg.inv(self._normal))

    def improve(self, parameters: int, *, smooth: bool) -> None:
        """Take one Gauss-Newton step with the present weights, then measure anew."""
        off = self.points - self._carried
        if smooth:
            apart = _apart(self._carried)
            beside = self._salience * self._neighbor_weights(self._between(apart))
            beside = np.where(self.both, self.config.tremble_weight * beside, 0)
            step = self._fit.smooth_step(off, self.weights, apart, beside, parameters)
        else:
            step = self._fit.step(off, self.weights, parameters)
        self.settle(step @ self.path)

    def chain(self, weigh: Callable[[Array], Array], parameters: int, rounds: int) -> Homographies:
        """Find the path from neighbor to neighbor: every frame is fitted to the one before it.

        `weigh` says how much a distance between them counts, in pixels, (T, N); it is asked anew
        in each of `rounds`.
        """
        chained = self.path
        for _ in range(rounds):
            apart = _apart(carry(chained, self.found))
            weights = np.where(self.both, weigh(self._between(apart)), 0)
            steps = self._fit.step(apart, weights, parameters)
            for t in range(1, len(steps)):
                steps[t] = steps[t - 1] @ steps[t]
            chained = steps @ chained
        return chained / chained[:, 2:, 2:]

    def bundle(self, model: str, direct: Homographies | None = None) -> Bundle:
        """Return the path, in pixels, beside `direct` or else beside a chain of its own."""
        back = np.linalg.inv(self._normal)
        to_first = back @ self.path @ self._normal
        to_first /= to_first[:, 2:, 2:]
        to_first[0 if model != "still" else slice(None)] = np.eye(3)
        if direct is None:
            rounds = self.config.chain_rounds
            chained = self.chain(self._neighbor_weights, MODELS["affine"], rounds)
            direct = back @ chained @ self._normal
            direct /= direct[:, 2:, 2:]
        carried = self._carried * self.scale + back[:2, 2]
        return Bundle(to_first, direct, model, self.weights, self.distances, carried)

    def _measure(self) -> None:
        """Weigh the points by how far they lie from their place."""
        distances = length(self._carried - self.points) * self.scale
        self.distances = np.where(self.seen, distances, np.nan)
        capped = np.where(self.seen, np.minimum(distances, self.config.max_distance_px), 0)
        seen = np.maximum(self.seen.sum(axis=0), 1)
        of_track = np.sqrt((capped**2).sum(axis=0) / seen)
        likely = of_track < self.config.max_distance_px / 2
        usual = _middle(of_track[likely], self._trust[likely]) if likely.any() else 1.0
        limit_px = max(2.5 * usual, self.config.min_scale_px)
        here = _fading(distances, 2 * limit_px)
        self.weights = np.where(self.seen, self._trust * _fading(of_track, limit_px) * here, 0)

    def _between(self, apart: Array) -> Array:
        return length(apart) * self.scale

    def _neighbor_weights(self, distances_px: Array) -> Array:
        return _fading(distances_px, self.config.tremble_px)


def length(vectors: Array) -> Array:
    """Lengths of vectors (..., 2)."""
    squares: Array = np.sqrt(vectors[..., 0] ** 2 + vectors[..., 1] ** 2)
    return squares


def _middle(values: Array, weights: Array) -> float:
    """Weighted median of `values`, (N,)."""
    order = np.argsort(values)
    sums = weights[order].cumsum()
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])


def _apart(carried: Array) -> Array:
    """How far every point lies from where the frame before puts it, (T, N, 2)."""
    apart = np.zeros_like(carried)
    apart[1:] = carried[:-1] - carried[1:]
    return apart


def _fading(distance: Array, limit: float) -> Array:
    weight: Array = 1 / (1 + (distance / limit) ** 2) ** 2
    return weight
