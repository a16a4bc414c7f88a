"""Squares of one picture, found in another that the tests drew."""

import numpy as np
import pytest

from tests.drawn.films import HEIGHT, WIDTH, camera_path, film, flat, pan, turn
from tinyvideo.pipeline.pixels import to_gray
from tinyvideo.pipeline.tracking.patches import Patches

GRID = np.stack(np.meshgrid(np.arange(30, WIDTH - 30, 20), np.arange(30, HEIGHT - 30, 20)), -1)
POINTS = GRID.reshape(-1, 2)
NOWHERE = np.zeros(POINTS.shape)
"""The search begins where the guess says."""


@pytest.mark.parametrize("brighter", [0, 25])
def test_a_square_is_found_to_a_hundredth_of_a_pixel(brighter):
    step = pan(0.7, -0.4)  # what lies at (x, y) in frame 0 lies at (x - 0.7, y + 0.4) in frame 1
    first, second = (to_gray(frame) for frame in film(camera_path([step])))
    second = np.clip(second.astype(int) + brighter, 0, 255).astype(np.uint8)

    shifts, difference = Patches(first, POINTS, 11, 0.5).find(second, np.eye(3), NOWHERE)

    np.testing.assert_allclose(np.median(shifts, axis=0), [-0.7, 0.4], atol=0.01)
    assert np.median(difference) < 1.5


def test_shifts_are_in_frame_0_however_the_other_lies():
    step = turn(degrees=30, zoom=1.2)
    first, second = (to_gray(frame) for frame in film(camera_path([step])))
    patches = Patches(first, POINTS, 11, 0.5)

    # The guess is wrong by (0.5, 0.25) in frame 0.
    shifts, _ = patches.find(second, np.linalg.inv(step) @ pan(-0.5, -0.25), NOWHERE)

    inside = np.linalg.norm(patches.points - (WIDTH / 2, HEIGHT / 2), axis=1) < 60
    np.testing.assert_allclose(np.median(shifts[inside], axis=0), [0.5, 0.25], atol=0.02)


def test_what_lies_far_from_the_guess_is_found_from_where_it_lay_before():
    step = pan(7, 0)
    first, second = (to_gray(frame) for frame in film(camera_path([step])))
    patches = Patches(first, POINTS, 11, 0.5)
    before = np.tile([-6.2, 0.4], (len(patches.points), 1))

    shifts, difference = patches.find(second, np.eye(3), before)

    np.testing.assert_allclose(np.median(shifts, axis=0), [-7, 0], atol=0.02)
    assert np.median(difference) < 1.5


def test_squares_without_slopes_are_left_out():
    half = to_gray(film([np.eye(3)])[0]).copy()
    half[:, WIDTH // 2 :] = 128

    assert Patches(half, POINTS, 11, 0.5).points[:, 0].max() < WIDTH // 2 + 6
    assert len(Patches(to_gray(flat(1)[0]), POINTS, 11, 0.5).points) == 0
