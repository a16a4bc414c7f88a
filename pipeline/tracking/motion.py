"""Small camera motions: how they move points, and how to fit them to many frames at once.

A motion near the identity has up to 8 parameters, the simplest first: 2 shift, 2 zoom and roll,
2 shear, 2 tilt the picture. So the first 2, 4, 6 or 8 of them are a shift, a similarity, an affine
map or a homography.

How a point moves with each parameter depends on where it lies in frame 0 only, not on the frame it
is carried from: so the normal equations of all frames are one product of two matrices.

T counts frames, N points; points are (x, y), spread over about -1 to 1.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.types import Homographies

Array = npt.NDArray[np.float64]

MODELS = {"shift": 2, "similarity": 4, "affine": 6, "homography": 8}
"""Parameters per frame of every kind of motion, the simplest first."""

_BASIS = np.zeros((8, 9))
"""What every parameter adds to the numbers of a map, row by row."""
_BASIS[[0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7], [2, 5, 0, 4, 1, 3, 0, 4, 1, 3, 6, 7]] = 1
_BASIS[[3, 4], [1, 4]] = -1

_RIDGE = 1e-9
"""Keeps equations solvable where nothing was seen."""


class MotionFit:
    """The normal equations of small motions of points that lie at `points`, (N, 2)."""

    def __init__(self, points: Array) -> None:
        slopes = slopes_at(points)
        self._slopes = slopes.reshape(-1, 8)
        self._products = (slopes.transpose(0, 2, 1) @ slopes).reshape(-1, 64)

    def squares(self, weights: Array, parameters: int) -> Array:
        """The matrices of the normal equations, (T, p, p), for weights (T, N)."""
        full = (weights @ self._products).reshape(-1, 8, 8)
        return full[:, :parameters, :parameters]

    def pull(self, offsets: Array, parameters: int) -> Array:
        """Their right-hand sides, (T, p), for weighted offsets (T, N, 2)."""
        rows: Array = offsets.reshape(len(offsets), -1) @ self._slopes[:, :parameters]
        return rows

    def step(self, offsets: Array, weights: Array, parameters: int) -> Homographies:
        """Fit every frame alone: motions (T, 3, 3) that move points by `offsets`, (T, N, 2)."""
        squares = self.squares(weights, parameters) + _RIDGE * np.eye(parameters)
        pull = self.pull(weights[..., None] * offsets, parameters)
        return motions(np.linalg.solve(squares, pull[..., None])[..., 0])

    def smooth_step(
        self, offsets: Array, weights: Array, apart: Array, neighbors: Array, parameters: int
    ) -> Homographies:
        """Fit all frames together: points move by `offsets`, and by `apart` more than before.

        `apart`, (T, N, 2), are offsets from the frame before, with weights `neighbors`, (T, N);
        frame 0 has no frame before it, so that its own are 0.
        """
        own, pulled = weights + neighbors, weights[..., None] * offsets
        own[:-1] += neighbors[1:]
        pulled += neighbors[..., None] * apart
        pulled[:-1] -= neighbors[1:, :, None] * apart[1:]
        squares = self.squares(own, parameters) + _RIDGE * np.eye(parameters)
        coupling = -self.squares(neighbors[1:], parameters)
        return motions(solve_chain(squares, coupling, self.pull(pulled, parameters)))


def slopes_at(points: Array) -> Array:
    """How points (..., 2) move with each parameter, (..., 2, 8)."""
    x, y = points[..., 0], points[..., 1]
    slopes = np.zeros((*x.shape, 2, 8))
    slopes[..., 0, 0] = slopes[..., 1, 1] = 1
    slopes[..., 0, 2] = slopes[..., 1, 3] = slopes[..., 0, 4] = slopes[..., 1, 5] = x
    slopes[..., 1, 2] = slopes[..., 0, 5] = y
    slopes[..., 0, 3] = slopes[..., 1, 4] = -y
    slopes[..., 0, 6], slopes[..., 1, 7] = -x * x, -y * y
    slopes[..., 0, 7] = slopes[..., 1, 6] = -x * y
    return slopes


def motions(steps: npt.NDArray[np.floating[Any]]) -> Homographies:
    """Turn parameters, (T, up to 8), to homographies, (T, 3, 3)."""
    moved = steps @ _BASIS[: steps.shape[1]] + np.eye(3).ravel()
    return np.asarray(moved.reshape(-1, 3, 3), np.float64)


def carry(path: Homographies, points: Array) -> Array:
    """Map the points of every frame, (T, N, 2), by its homography."""
    x, y = points[..., 0], points[..., 1]
    # Number by number: a product of many small matrices takes four times as long.
    across, down, depth = (
        x * row[:, 0, None] + y * row[:, 1, None] + row[:, 2, None]
        for row in (path[:, 0], path[:, 1], path[:, 2])
    )
    carried: Array = np.stack([across / depth, down / depth], axis=-1)
    return carried


def project(homography: npt.NDArray[np.floating[Any]], points: npt.NDArray[Any]) -> Array:
    """Map points (N, 2) by one homography."""
    mapped = points @ homography[:2, :2].T + homography[:2, 2]
    depth = (points @ homography[2, :2] + homography[2, 2])[:, None]
    return np.asarray(mapped / depth, np.float64)


def solve_chain(blocks: Array, coupling: Array, pull: Array) -> Array:
    """Solve equations in which each of T unknowns, (p,), meets only the one before and after it.

    `blocks` are (T, p, p), `coupling` (T - 1, p, p) couples t + 1 with t, `pull` is (T, p). Every
    second unknown is expressed by its two neighbors, which leaves a chain of half the length, and
    so on (cyclic reduction): all frames of a round are solved in one call.
    """
    frames, size = pull.shape
    if frames == 1:
        return np.asarray(np.linalg.solve(blocks, pull[..., None])[..., 0], np.float64)
    below = coupling[0::2]  # of the odd ones with the even one before
    above = np.zeros_like(below)  # with the even one behind; the last has none
    above[: len(coupling[1::2])] = coupling[1::2].transpose(0, 2, 1)
    known = np.concatenate([below, above, pull[1::2, :, None]], axis=2)
    solved = np.linalg.solve(blocks[1::2], known)
    by_before, by_behind, own = solved[..., :size], solved[..., size : 2 * size], solved[..., -1:]

    left, right, inner = blocks[0::2].copy(), pull[0::2, :, None].copy(), len(pull[2::2])
    turned_below, turned_above = below.transpose(0, 2, 1), above[:inner].transpose(0, 2, 1)
    count = len(below)
    left[:count] -= turned_below @ by_before
    right[:count] -= turned_below @ own
    left[1:] -= turned_above @ by_behind[:inner]
    right[1:] -= turned_above @ own[:inner]
    between = -turned_above @ by_before[:inner]

    steps = np.empty_like(pull)
    even = solve_chain(left, between, right[..., 0])
    steps[0::2] = even
    odd = own[..., 0] - (by_before @ even[:count, :, None])[..., 0]
    odd[:inner] -= (by_behind[:inner] @ even[1:, :, None])[..., 0]
    steps[1::2] = odd
    return steps
