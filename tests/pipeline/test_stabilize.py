"""Stabilization is held against camera paths that the tests themselves drew."""

import numpy as np
import pytest

from pipeline.errors import RejectedError, RejectReason
from pipeline.stabilize import (
    StabilizeConfig,
    check_view,
    detect_features,
    figures_of,
    find_camera_path,
    fit_homography,
    render,
    to_gray,
)
from pipeline.strips import crop_to_strip
from tests.films import HEIGHT, WIDTH, add_ball, camera_path, film, flat, pan, shaky_path, turn

SIZE = 64
CROP = crop_to_strip(WIDTH, HEIGHT, SIZE)
EDGE = SIZE - 0.5
CORNERS = np.array([[-0.5, EDGE, -0.5, EDGE], [-0.5, -0.5, EDGE, EDGE], [1, 1, 1, 1]])


def corner_error(found, truth):
    """Mean distance of the strip's corners from the truth, per frame, in strip pixels."""
    ways = [CROP @ path @ np.linalg.inv(CROP) @ CORNERS for path in (found, truth)]
    ours, theirs = (way[:, :2] / way[:, 2:] for way in ways)
    return np.linalg.norm(ours - theirs, axis=1).mean(axis=1)


@pytest.mark.parametrize(
    "truth",
    [
        pytest.param(camera_path([pan(6, 3)] * 5), id="pan"),
        pytest.param(camera_path([turn(zoom=1.03)] * 5), id="zoom-out"),
        pytest.param(camera_path([turn(degrees=2)] * 3 + [pan(5, 0)] * 3), id="roll-then-pan"),
        pytest.param(shaky_path(8, seed=1, strength=12), id="shaking-hand"),
    ],
)
def test_finds_the_camera_path(truth):
    path = find_camera_path(film(truth))

    assert corner_error(path.to_first, truth).max() < 0.25
    assert not path.camera_still
    np.testing.assert_allclose(path.to_first[0], np.eye(3))
    np.testing.assert_allclose(path.to_first[:, 2, 2], 1)


def test_a_moving_object_is_not_mistaken_for_the_camera():
    truth = shaky_path(8, seed=2, strength=6)
    frames = add_ball(film(truth), truth, radius=35, velocity=(9, 2))

    assert corner_error(find_camera_path(frames).to_first, truth).max() < 0.25


def test_goes_on_from_a_later_frame_when_the_first_is_out_of_sight():
    truth = camera_path([pan(40, 0)] * 9)  # frame 9 lies 360 px away, the picture is 320 wide

    error = corner_error(find_camera_path(film(truth)).to_first, truth)

    assert error.max() < 1.5
    assert error.max() > error[1]  # chained estimates are allowed to be worse, and are


def test_a_fixed_camera_is_left_exactly_as_it_is():
    still = np.tile(np.eye(3), (6, 1, 1))
    frames = add_ball(film(still), still, radius=30, velocity=(6, 0))

    path = find_camera_path(frames)

    assert path.camera_still
    np.testing.assert_array_equal(path.to_first, still)


def test_background_stands_still_afterwards():
    truth = shaky_path(6, seed=3, strength=8)
    frames = film(truth)

    def unrest(to_first):
        return np.abs(np.diff(render(frames, to_first, CROP, SIZE).frames.astype(float), axis=0))

    before = unrest(np.tile(np.eye(3), (6, 1, 1))).mean()
    assert unrest(find_camera_path(frames).to_first).mean() < 0.1 * before


def test_pixels_out_of_view_keep_their_last_value_without_a_rim():
    frames = film(camera_path([pan(30, 0)] * 2))
    gray = np.stack([np.full_like(frames[0], value) for value in (200, 120, 60)])

    rendering = render(gray, camera_path([pan(30, 0)] * 2), np.eye(3), 128)

    assert set(np.unique(rendering.frames)) <= {60, 120, 200}  # no blend with black, no border
    assert rendering.frames[1][:, :30].min() == 200  # what only frame 0 saw
    assert rendering.frames[2][:, 30:60].max() == 120
    np.testing.assert_allclose(
        rendering.visible, [1, (128 - 30) / 128, (128 - 60) / 128], atol=0.01
    )


def test_identity_renders_the_plain_area_average():
    frames = film(np.eye(3)[None], height=128, width=128)

    rendering = render(frames, np.eye(3)[None], crop_to_strip(128, 128, 64), 64)

    average = frames[0].reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.abs(rendering.frames[0] - average).max() <= 1


def test_figures_say_how_far_the_camera_went():
    truth = camera_path([pan(9, 0)] * 2)
    frames = film(truth)
    path = find_camera_path(frames)
    rendering = render(frames, path.to_first, CROP, SIZE)

    figures = figures_of(path, rendering, CROP)

    assert figures.camera_motion_px == pytest.approx(18 * SIZE / HEIGHT, abs=0.3)
    assert 0.9 < figures.visible_share <= 1  # 18 of 320 px, and the strip is the middle 180
    assert 0.8 < figures.inlier_ratio <= 1
    assert figures.reprojection_rmse_px < 0.5


def test_same_input_gives_same_bytes():
    frames = film(shaky_path(4, seed=5))

    first, second = (find_camera_path(frames).to_first.tobytes() for _ in range(2))

    assert first == second


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(flat(3, 128), id="gray"),
        pytest.param(
            np.concatenate([film(np.eye(3)[None], seed) for seed in (1, 2)]), id="two-scenes"
        ),
        pytest.param(
            np.random.default_rng(0).integers(0, 255, (3, 99, 99, 3)).astype(np.uint8), id="noise"
        ),
    ],
)
def test_rejects_what_cannot_be_aligned(frames):
    with pytest.raises(
        RejectedError, match=r"frame 1 of the window: \d+ inliers of \d+ matches"
    ) as caught:
        find_camera_path(frames)
    assert caught.value.reason is RejectReason.TOO_FEW_INLIERS


def test_rejects_matches_that_agree_too_loosely():
    strict = StabilizeConfig(max_reprojection_rmse_px=0.001)

    with pytest.raises(RejectedError, match=r"0\.\d\d px, 0\.00 allowed") as caught:
        find_camera_path(film(shaky_path(3, strength=8)), strict)
    assert caught.value.reason is RejectReason.REPROJECTION_ERROR


def test_rejects_a_view_that_is_lost():
    check_view(np.array([1.0, 0.5]))
    with pytest.raises(
        RejectedError, match="only 49% of frame 2 of the window is in view"
    ) as caught:
        check_view(np.array([1.0, 0.9, 0.49, 0.3]))
    assert caught.value.reason is RejectReason.OUT_OF_VIEW


def test_a_fit_maps_the_first_argument_to_the_second():
    frames = film(camera_path([pan(12, -4)]))
    first, second = (detect_features(to_gray(frame)) for frame in frames)

    moved = fit_homography(second, first).homography @ [100, 90, 1]

    np.testing.assert_allclose(moved / moved[2], [112, 86, 1], atol=0.2)


def test_a_blank_frame_has_no_features():
    features = detect_features(to_gray(flat(1)[0]))

    assert features.points.shape == (0, 2)
    assert features.descriptors.shape == (0, 128)


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (2, 8, 8), (2, 3, 8, 8)])
def test_a_wrong_shape_is_a_bug_not_a_rejection(shape):
    with pytest.raises(ValueError, match=r"want RGB frames \(T, H, W, 3\) uint8"):
        find_camera_path(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(("field", "value"), [("match_ratio", 1.5), ("min_inliers", 3)])
def test_config_refuses_impossible_values(field, value):
    with pytest.raises(ValueError, match=field):
        StabilizeConfig(**{field: value})
