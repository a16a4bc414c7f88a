"""Small motions are held against what they do to points, chains of equations against one solve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyvideo.pipeline.tracking.motion import (
    MODELS,
    MotionFit,
    carry,
    motions,
    project,
    slopes_at,
    solve_chain,
)

POINTS = np.random.default_rng(1).uniform(-1, 1, (40, 2))


@pytest.mark.parametrize(
    ("parameters", "moved"),
    [
        ([0.5, -0.2], [1.5, 1.8]),
        ([0, 0, 0.1, 0], [1.1, 2.2]),  # zoom
        ([0, 0, 0, 0.1], [0.8, 2.1]),  # roll: x - 0.1 y, y + 0.1 x
        ([0, 0, 0, 0, 0.1, 0], [1.1, 1.8]),  # wider and lower
        ([0, 0, 0, 0, 0, 0.1], [1.2, 2.1]),  # skew
        ([0, 0, 0, 0, 0, 0, 0.25, 0], [0.8, 1.6]),  # everything over 1.25
    ],
    ids=["shift", "zoom", "roll", "shear", "skew", "tilt"],
)
def test_every_parameter_moves_a_point_as_it_is_called(parameters, moved):
    np.testing.assert_allclose(project(motions(np.array([parameters]))[0], [[1.0, 2.0]]), [moved])


def test_slopes_are_what_a_little_of_each_parameter_does():
    little = 1e-6 * np.eye(8)

    moved = np.stack([(project(m, POINTS) - POINTS) / 1e-6 for m in motions(little)], axis=-1)

    np.testing.assert_allclose(slopes_at(POINTS), moved, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), model=st.sampled_from(sorted(MODELS)))
def test_motions_compose_and_invert(seed, model):
    rng = np.random.default_rng(seed)
    one, other = motions(rng.uniform(-0.1, 0.1, (2, MODELS[model])))

    there = project(one, project(other, POINTS))

    np.testing.assert_allclose(there, project(one @ other, POINTS), atol=1e-9)
    np.testing.assert_allclose(project(np.linalg.inv(one @ other), there), POINTS, atol=1e-9)


@pytest.mark.parametrize("model", ["shift", "similarity", "affine"])
def test_one_step_fits_a_linear_model_whatever_outliers_without_weight_say(model):
    truth = motions(np.random.default_rng(2).uniform(-0.1, 0.1, (3, MODELS[model])))
    offsets = carry(truth, np.tile(POINTS, (3, 1, 1))) - POINTS
    offsets[:, :5] = 9
    weights = np.ones((3, len(POINTS)))
    weights[:, :5] = 0

    found = MotionFit(POINTS).step(offsets, weights, MODELS[model])

    np.testing.assert_allclose(found, truth, atol=1e-7)


def test_a_frame_that_nothing_is_known_of_follows_its_neighbors():
    # Frame 1 has no weights of its own; it moves as frame 0 does, and frame 2 by 0.2 more.
    offsets = np.zeros((3, len(POINTS), 2))
    offsets[0], offsets[2] = (0.1, 0), (0.3, 0)
    weights = np.ones((3, len(POINTS)))
    weights[1] = 0
    apart = np.zeros_like(offsets)
    apart[2] = (0.2, 0)
    neighbors = np.ones_like(weights)
    neighbors[0] = 0

    steps = MotionFit(POINTS).smooth_step(offsets, weights, apart, neighbors, MODELS["shift"])

    np.testing.assert_allclose(steps[:, 0, 2], [0.1, 0.1, 0.3], atol=1e-7)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 7, 8, 32])
def test_a_chain_is_solved_as_all_of_it_at_once_would_be(frames):
    rng, size = np.random.default_rng(frames), 3
    full = np.zeros((frames * size, frames * size))
    blocks = rng.normal(size=(frames, size, size))
    blocks = blocks @ blocks.transpose(0, 2, 1) + 9 * np.eye(size)
    coupling = rng.normal(size=(frames - 1, size, size))
    for t in range(frames):
        here = slice(t * size, (t + 1) * size)
        full[here, here] = blocks[t]
        if t > 0:
            before = slice((t - 1) * size, t * size)
            full[here, before], full[before, here] = coupling[t - 1], coupling[t - 1].T
    pull = rng.normal(size=(frames, size))

    found = solve_chain(blocks, coupling, pull)

    np.testing.assert_allclose(found.ravel(), np.linalg.solve(full, pull.ravel()), atol=1e-12)
