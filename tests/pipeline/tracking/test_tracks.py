"""Points are followed through what the tests let pass in front of them."""

import numpy as np
import pytest

from tests.drawn.films import HEIGHT, WIDTH, camera_path, film, pan, shaky_path, texture
from tinyvideo.pipeline.pixels import to_gray
from tinyvideo.pipeline.tracking.keypoints import (
    KeypointConfig,
    find_points,
    salience_of,
    texture_around,
)
from tinyvideo.pipeline.tracking.tracks import Following, TrackConfig, follow_points


def with_slab(pictures, left, width, seed=50):
    """Let a textured slab of `width` pixels pass, whose left edge is at `left(t)` in frame t."""
    pictures, slab = pictures.copy(), texture(seed, HEIGHT, width)
    for t in range(len(pictures)):
        begin, end = max(0, left(t)), min(WIDTH, left(t) + width)
        if begin < end:
            pictures[t][:, begin:end] = slab[:, begin - left(t) : end - left(t)]
    return pictures


def center_error(found, truth):
    center = np.array([WIDTH / 2, HEIGHT / 2, 1])
    away = (found @ center)[:, :2] / (found @ center)[:, 2:]
    true = (truth @ center)[:, :2] / (truth @ center)[:, 2:]
    return np.linalg.norm(away - true, axis=1)


def test_where_most_of_the_picture_is_passed_by_the_rest_is_followed():
    truth = shaky_path(20, seed=3)
    # For some frames the slab hides three quarters of the picture.
    frames = with_slab(film(truth, 3), lambda t: -240 + 30 * t, 240)

    tracks = follow_points(frames)

    assert center_error(tracks.guess, truth).max() < 2


def test_what_comes_out_behind_something_gives_new_points():
    truth = shaky_path(20, seed=3)
    # One slab leaves the right, where frame 0 showed it; then another hides all that frame 0 showed
    # of the background.
    frames = with_slab(film(truth, 3), lambda t: 190 + 20 * t, WIDTH)
    frames = with_slab(frames, lambda t: min(20 * t - 420, -160), WIDTH, seed=51)

    tracks = follow_points(frames)

    late = ~tracks.seen[0]
    assert (tracks.points[late, 0] > 200).sum() > 10
    assert center_error(tracks.guess, truth).max() < 2


def test_who_pauses_where_points_disagree_goes_on_as_if_nothing_was():
    # The slab comes into the picture of 320 px in frame 7, and hides half of it in frame 14.
    frames = with_slab(film(shaky_path(20, seed=3), 3), lambda t: 480 - 24 * t, WIDTH)
    following = Following(frames)

    assert not following.advance(max_unsure=2)
    halfway = len(following.tracks().positions)
    assert following.advance()

    assert 10 < halfway < 20
    whole = follow_points(frames)
    np.testing.assert_array_equal(following.tracks().positions, whole.positions)
    np.testing.assert_array_equal(following.tracks().guess, whole.guess)


def test_points_lie_all_over_the_picture():
    # The right half has a fifth of the contrast.
    picture = texture(1, HEIGHT, WIDTH, cell=8)
    picture[:, WIDTH // 2 :] = 128 + (picture[:, WIDTH // 2 :].astype(int) - 128) // 5

    points = find_points(to_gray(picture), 8, KeypointConfig(points_per_part=2, max_points=60))

    side = HEIGHT / 6
    parts = [tuple(part) for part in (points // side).astype(int)]
    assert max(parts.count(part) for part in parts) <= 2
    assert (points[:, 0] > WIDTH // 2).mean() > 0.3  # by strength alone: none
    assert points.min() > 8
    assert (points < (WIDTH - 9, HEIGHT - 9)).all()


@pytest.mark.parametrize("step", [pan(0, 0), pan(25, 8)], ids=["still", "jerk"])
def test_a_point_is_where_the_camera_says(step):
    frames = film(camera_path([step]))

    tracks = follow_points(frames)

    way = (tracks.positions[1] - tracks.points)[tracks.seen[1]]
    np.testing.assert_allclose(np.median(way, axis=0), -step[:2, 2], atol=0.02)


def test_a_plane_that_moves_away_from_the_other_is_followed():
    far = camera_path([pan(1, 0)] * 19)
    near = camera_path([pan(2, 0)] * 19)
    frames = film(far, 1)
    frames[:, 120:] = film(near, 2)[:, 120:]

    tracks = follow_points(frames)

    lower = (tracks.points[:, 1] > 128) & (tracks.points[:, 0] > 60)
    way = tracks.points[lower, 0] - tracks.positions[10, lower, 0]
    assert tracks.seen[10, lower].mean() > 0.8
    np.testing.assert_allclose(np.nanmedian(way), 20, atol=0.1)  # 10 px beside the others


def test_points_are_not_renewed_again_and_again_where_that_does_not_help():
    bands = [film(camera_path([pan(way, 0)] * 23), way + 9) for way in (1, -3, 3, -1)]
    frames = bands[0].copy()
    for band in range(1, 4):  # each goes its own way, and no shear is that of all
        rows = slice(band * HEIGHT // 4, (band + 1) * HEIGHT // 4)
        frames[:, rows] = bands[band][:, rows]

    few, many = (len(follow_points(frames, TrackConfig(max_in_vain=n)).points) for n in (2, 4))

    assert few <= 3 * KeypointConfig().max_points  # those of frame 0, and two times more
    assert many > 1.4 * few


def test_tremble_shows_amid_texture_and_in_the_strip():
    picture = np.full((90, 160), 100, np.uint8)
    picture[:, 80:] += (10 * (np.arange(80) // 4 % 2)).astype(np.uint8)  # stripes of 4 px
    places = np.array([[20, 45], [70, 45], [100, 45], [140, 45]], np.float32)

    steep = texture_around(picture, places, KeypointConfig())
    salience = salience_of(np.array([4.0, 4, 16, 16]), places, picture.shape)

    assert steep[0] == 0
    assert 0.5 < steep[2] < 2.5  # 10 every 4 px
    np.testing.assert_allclose(salience / salience[1], [0.1, 1, 2, 0.2])
    assert salience.mean() == pytest.approx(1)
