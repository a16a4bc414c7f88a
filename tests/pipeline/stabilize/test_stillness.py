"""What stands still is measured by area: known paths, known shares."""

import numpy as np
import pytest

from tests.drawn.films import HEIGHT, WIDTH, camera_path, film, pan, shaky_path
from tinyvideo.pipeline.stabilize.blocks import ranked, sort_frames
from tinyvideo.pipeline.stabilize.direct import drift_of, fit_direct, settle_direct
from tinyvideo.pipeline.stabilize.stillness import Pictures

COUNT = 16


@pytest.fixture(scope="module")
def half_moves():
    """The left half stands still, the right half goes 2 px a frame to the right."""
    frames = film([np.eye(3)] * COUNT)
    moving = film(camera_path([pan(2, 0)] * (COUNT - 1)), 5)
    frames[:, :, WIDTH // 2 :] = moving[:, :, WIDTH // 2 :]
    return frames


@pytest.mark.parametrize("count", [1, 2, 3, 8, 13, 16, 32])
def test_frames_are_sorted_as_numpy_sorts_them(count):
    frames = np.random.default_rng(count).integers(0, 256, (count, 5, 7)).astype(np.uint8)

    np.testing.assert_array_equal(np.stack(sort_frames(list(frames))), np.sort(frames, axis=0))


@pytest.mark.parametrize("count", [4, 16, 31])
def test_places_of_the_order_that_are_asked_are_those_of_all(count):
    frames = np.random.default_rng(count).integers(0, 256, (count, 5, 7)).astype(np.uint8)
    ranks = (count // 2, 0, count - 2)

    found = ranked(list(frames), ranks)

    np.testing.assert_array_equal(np.stack(found), np.sort(frames, axis=0)[list(ranks)])


def test_half_of_a_picture_stands_still(half_moves):
    found = Pictures(half_moves).judge(None)

    assert found.strict == pytest.approx(0.5, abs=0.05)
    assert found.loose == pytest.approx(0.5, abs=0.07)
    assert found.sides == 3  # all but the right
    assert found.worst_frame > 0.95
    assert found.exact_parts >= 6  # of 12 on the left, 4 of them lower than is asked


def test_the_other_half_stands_still_along_its_own_path(half_moves):
    found = Pictures(half_moves).judge(camera_path([pan(2, 0)] * (COUNT - 1)))

    assert found.strict == pytest.approx(0.4, abs=0.06)  # 30 of its 160 px leave the view


def test_what_has_left_the_view_for_most_of_the_time_is_not_judged():
    # The camera jumps by a quarter of the width, to and fro: the left quarter is seen half as
    # often as the rest, and with one more such frame, less than that.
    path = np.tile(np.eye(3), (COUNT, 1, 1))
    path[1::2, 0, 2], path[2, 0, 2] = WIDTH / 4, WIDTH / 4
    in_view = Pictures(film(path)).look(path).in_view

    quarter = round(in_view.shape[1] / 4)
    assert not in_view[:, : quarter - 1].any()
    assert in_view[:, quarter + 1 :].all()


def test_a_path_that_is_off_by_more_than_a_pixel_holds_nothing():
    truth = shaky_path(COUNT, seed=1, strength=8)
    pictures, off = Pictures(film(truth)), truth.copy()
    off[::2, 0, 2] += 6.0

    assert pictures.judge(truth).strict > 0.6
    assert pictures.judge(off).loose < 0.05


def test_a_frame_that_shows_something_else_is_told():
    frames = film([np.eye(3)] * COUNT)
    frames[5] = film([np.eye(3)], 9)[0]

    found = Pictures(frames[:COUNT]).judge(None)

    assert found.strict > 0.9  # one frame of 16 does not count over time
    assert found.worst_frame < 0.1


def test_a_lamp_is_no_motion():
    frames = film([np.eye(3)] * COUNT).astype(float)
    frames *= np.linspace(0.9, 1.0, COUNT)[:, None, None, None]
    frames += np.linspace(-20, 20, COUNT)[:, None, None, None]

    found = Pictures(np.clip(frames, 0, 255).astype(np.uint8)).judge(None)

    assert found.loose > 0.9


def test_a_creeping_camera_is_told_though_no_block_shows_it():
    # A fifteenth of a pixel per frame: one pixel over the window.
    frames = film(camera_path([pan(1 / 15, 0)] * (COUNT - 1)))
    still = Pictures(film([np.eye(3)] * COUNT)).look(None)

    assert drift_of(still).max() < 0.05
    # From the middle of the way it is half a pixel at either end; frames 0, 2, ... 14 and 15 are
    # asked, which makes 0.293 in the mean.
    assert drift_of(Pictures(frames).look(None)).max() == pytest.approx(0.5, abs=0.1)
    assert drift_of(Pictures(frames).look(None)).mean() == pytest.approx(0.293, abs=0.06)


def test_faint_edges_at_the_rim_are_fitted_and_the_body_before_them_is_not():
    truth = shaky_path(COUNT, seed=4, strength=5)
    room = 128 + (film(truth, 1).astype(float) - 128) / 12  # edges of a few levels
    frames = np.clip(room, 0, 255).astype(np.uint8)
    body = film(camera_path([pan(1.5, 0)] * (COUNT - 1)), 2, HEIGHT - 40, 160)
    frames[:, 40:, 80:240] = body

    pictures = Pictures(frames)
    found = fit_direct(pictures, pictures.room)

    corners = np.array([[0, WIDTH, 0, WIDTH], [0, 0, HEIGHT, HEIGHT], [1, 1, 1, 1]])
    ours, theirs = (path @ corners for path in (found, truth))
    away = np.linalg.norm(ours[:, :2] / ours[:, 2:] - theirs[:, :2] / theirs[:, 2:], axis=1)
    assert np.median(away) < 1.0


def test_frames_that_are_not_looked_at_come_nearer_with_the_others():
    truth = camera_path([pan(2, 1)] * (COUNT + 5))
    pictures, off = Pictures(film(truth)), truth.copy()
    off[1:, :2, 2] += 0.6
    assert len(set(range(len(truth))) - set(pictures.looked_at)) == 6

    path, look = settle_direct(pictures, off)

    away = np.linalg.norm((path - truth)[:, :2, 2], axis=1)
    assert away.max() < 0.15
    assert look.reach > 1.01 * pictures.look(off).reach
