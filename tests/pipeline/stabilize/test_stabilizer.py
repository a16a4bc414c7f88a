"""Stabilization is held against camera paths that the tests themselves drew."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.drawn.films import (
    HEIGHT,
    WIDTH,
    add_ball,
    camera_path,
    film,
    flat,
    pan,
    shaky_path,
    texture,
    turn,
)
from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.pixels import to_gray
from tinyvideo.pipeline.stabilize.certificate import flicker, object_motion
from tinyvideo.pipeline.stabilize.depth import DepthConfig
from tinyvideo.pipeline.stabilize.paper import find_paper_path
from tinyvideo.pipeline.stabilize.rendering import check_view, render
from tinyvideo.pipeline.stabilize.stabilizer import (
    StabilizeConfig,
    certify,
    find_camera_path,
    render_clip,
)
from tinyvideo.pipeline.strips.strip_jpeg import crop_to_strip
from tinyvideo.pipeline.tracking.keypoints import KeypointConfig
from tinyvideo.pipeline.tracking.matching import MatchConfig, detect_features, find_homography
from tinyvideo.pipeline.tracking.tracks import TrackConfig, follow_points

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


def test_a_frame_that_jumps_far_is_found_again():
    truth = camera_path([pan(2, 0)] * 3 + [pan(110, 30)] + [pan(2, 0)] * 3)

    assert corner_error(find_camera_path(film(truth)).to_first, truth).max() < 0.25


def test_a_camera_that_has_left_frame_0_is_rejected():
    with pytest.raises(RejectedError, match=r"frame [5-8] of the window") as caught:
        stabilized(film(camera_path([pan(40, 0)] * 9)))
    assert caught.value.reason is RejectReason.OUT_OF_VIEW


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


def test_identity_renders_a_soft_average():
    # Two pixels make one: softened by (1, 4, 1) / 6, then the mean of two, so (1, 5, 5, 1) / 12.
    frames = film(np.eye(3)[None], height=128, width=128)

    rendered = render(frames, np.eye(3)[None], crop_to_strip(128, 128, 64), 64).frames[0]

    weights = np.array([1, 5, 5, 1]) / 12
    square = frames[0, 3:7, 5:9]  # of the strip's pixel (x, y) = (3, 2)
    np.testing.assert_allclose(
        rendered[2, 3], np.einsum("y,x,yxc->c", weights, weights, square), atol=1
    )


def test_what_lies_beside_the_strip_is_not_looked_at():
    frames = film(camera_path([pan(3, 1)]), height=HEIGHT, width=3 * WIDTH)
    crop = crop_to_strip(3 * WIDTH, HEIGHT, SIZE)
    lost = frames.copy()
    lost[:, :, : WIDTH - 10] = lost[:, :, 2 * WIDTH + 10 :] = 0

    whole, middle = (render(film, camera_path([pan(3, 1)]), crop, SIZE) for film in (frames, lost))

    np.testing.assert_array_equal(whole.frames, middle.frames)
    np.testing.assert_array_equal(whole.visible, 1.0)


def test_brightness_that_is_there_already_gives_the_same_path():
    frames = film(shaky_path(8, seed=3, strength=8))

    handed_over = find_camera_path(frames, grays=[to_gray(frame) for frame in frames])

    np.testing.assert_array_equal(handed_over.to_first, find_camera_path(frames).to_first)


def stabilized(frames, config=None):
    path = find_camera_path(frames, config or StabilizeConfig())
    rendering = render(frames, path.to_first, CROP, SIZE)
    return certify(path, rendering, CROP, config or StabilizeConfig())


def shaken(path, pixels):
    """The same path, but every second frame lies `pixels` to the right."""
    to_first = path.to_first.copy()
    to_first[1::2, 0, 2] += pixels
    return replace(path, to_first=to_first, model="shift")


def test_a_clip_that_would_flicker_more_is_left_as_it_is():
    frames = add_ball(film([np.eye(3)] * 8), [np.eye(3)] * 8, velocity=(5, 0))
    worse = shaken(find_camera_path(frames), 1.0)

    path, rendering = render_clip(frames, worse, CROP, SIZE)

    assert path.camera_still
    np.testing.assert_array_equal(
        rendering.frames, render(frames, np.tile(np.eye(3), (8, 1, 1)), CROP, SIZE).frames
    )


def test_a_moving_camera_that_flickers_more_is_rejected():
    frames = film([np.eye(3)] * 8)
    worse = shaken(find_camera_path(frames), 20.0)

    with pytest.raises(RejectedError, match=r"though the camera moved by 7\.1 px") as caught:
        render_clip(frames, worse, CROP, SIZE)  # 20 px of 180 are 7.1 of 64
    assert caught.value.reason is RejectReason.REPROJECTION_ERROR


def test_no_clip_flickers_more_than_before():
    truth = shaky_path(8, seed=3, strength=8)
    frames = film(truth)

    _, rendering = render_clip(frames, find_camera_path(frames), CROP, SIZE)

    before = render(frames, np.tile(np.eye(3), (8, 1, 1)), CROP, SIZE)
    assert flicker(rendering.frames) < 0.2 * flicker(before.frames)


def test_figures_say_how_far_the_camera_went():
    figures = stabilized(film(camera_path([pan(9, 0)] * 2)))

    assert figures.camera_motion_px == pytest.approx(18 * SIZE / HEIGHT, abs=0.3)
    assert 0.9 < figures.visible_share <= 1  # 18 of 320 px, and the strip is the middle 180
    assert 0.9 < figures.inlier_ratio <= 1
    assert figures.reprojection_rmse_px < 0.2
    assert figures.drift_px < 0.2
    assert figures.residual_motion_px < 0.1
    assert figures.jitter_px < 0.1
    assert figures.motion_model == "shift"
    assert figures.condition_number == pytest.approx(1.221, abs=0.01)  # of a shear by 0.2


@pytest.mark.parametrize(
    ("step", "model"),
    [
        (np.eye(3), "still"),
        (pan(3, 1), "shift"),
        (turn(degrees=1.5) @ pan(2, 0), "similarity"),
        (np.array([[1, 0.02, 0], [0, 1.02, 0], [0, 0, 1.0]]), "affine"),
        (np.array([[1, 0, 2], [0, 1, 0], [1e-4, 5e-5, 1.0]]), "homography"),
    ],
    ids=["still", "shift", "similarity", "affine", "homography"],
)
def test_the_simplest_motion_that_explains_the_film_is_taken(step, model):
    assert find_camera_path(film(camera_path([step] * 5))).model == model


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), strength=st.floats(0, 14))
def test_random_camera_paths_come_back_as_found(seed, strength):
    truth = shaky_path(6, seed=seed, strength=strength)

    # A camera that creeps by less than half a pixel is taken for a tripod.
    assert corner_error(find_camera_path(film(truth, seed)).to_first, truth).max() < 0.6


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_camera_paths_compose_and_invert(seed):
    # Filmed from frame 3 on, the same film has the same path, seen from frame 3.
    truth = shaky_path(8, seed=seed, strength=6)
    frames = film(truth, 1)

    whole, rest = find_camera_path(frames).to_first, find_camera_path(frames[3:]).to_first

    assert corner_error(np.linalg.inv(whole[3]) @ whole[3:], rest).max() < 0.6


def test_a_scene_with_depth_does_not_tremble():
    # Two planes that move differently: the same points must carry every frame.
    truth = shaky_path(12, seed=4, strength=6)
    near = truth.copy()
    near[:, :2, 2] *= 1.4
    frames = film(truth, 1)
    frames[:, 120:] = film(near, 2)[:, 120:]

    found = find_camera_path(frames).to_first

    away = CROP @ found @ np.linalg.inv(truth) @ np.linalg.inv(CROP) @ CORNERS
    bent = np.diff(away[:, :2] / away[:, 2:], n=2, axis=0)
    smooth = CROP @ near @ np.linalg.inv(truth) @ np.linalg.inv(CROP) @ CORNERS
    assert np.abs(bent).max() < 0.3 + np.abs(np.diff(smooth[:, :2] / smooth[:, 2:], 2, 0)).max()


def test_the_method_of_2016_finds_the_path_and_drifts():
    truth = shaky_path(12, seed=6, strength=6)
    frames = film(truth)

    theirs = corner_error(find_paper_path(frames), truth)
    ours = corner_error(find_camera_path(frames).to_first, truth)

    assert theirs.max() < 3
    assert ours.mean() < theirs.mean()
    paper = find_camera_path(frames, StabilizeConfig(method="paper"))
    np.testing.assert_array_equal(paper.to_first, find_paper_path(frames))


def test_flicker_is_the_mean_of_medians():
    frames = np.zeros((4, 2, 2, 3), np.uint8)
    frames[1:, 0, 0] = 90  # one jump: the median over time forgets it
    frames[:, 1, 1] = np.array([0, 6, 1, 9])[:, None]  # changes of 6, 5 and 8

    assert flicker(frames) == 6 / 4


def test_object_motion_is_the_share_of_pixels_that_change():
    frames = np.full((9, 16, 16, 3), 100, np.uint8)
    assert object_motion(frames) == 0
    frames[4:, :4, :8] = 160  # 32 of 256 pixels, seen by four of the five comparisons

    assert object_motion(frames) == pytest.approx(32 / 256 * 4 / 5)


def test_same_input_gives_same_bytes():
    frames = film(shaky_path(4, seed=5))

    first, second = (find_camera_path(frames).to_first.tobytes() for _ in range(2))

    assert first == second


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        pytest.param(
            np.concatenate([film(np.eye(3)[None], seed) for seed in (1, 2)]),
            "of the texture stands still",
            id="two-scenes",
        ),
        pytest.param(
            np.random.default_rng(0).integers(0, 255, (3, 99, 99, 3)).astype(np.uint8),
            "of the texture stands still",
            id="noise",
        ),
    ],
)
def test_rejects_what_cannot_be_aligned(frames, words):
    with pytest.raises(RejectedError, match=words) as caught:
        find_camera_path(frames)
    assert caught.value.reason in {RejectReason.TOO_FEW_INLIERS, RejectReason.FOREGROUND}


@pytest.mark.parametrize("value", [0, 128, 255])
def test_one_color_is_too_blurred_to_follow(value):
    with pytest.raises(RejectedError, match="0 keypoints in frame 0") as caught:
        find_camera_path(flat(3, value))
    assert caught.value.reason is RejectReason.BLURRED


def test_a_blurred_picture_is_called_so():
    frames = np.stack([cv2.GaussianBlur(frame, (0, 0), 30) for frame in film([np.eye(3)] * 3)])

    with pytest.raises(RejectedError, match=r"sharpness 0\.0\d+, 0\.027 at least") as caught:
        find_camera_path(frames)
    assert caught.value.reason is RejectReason.BLURRED


def crowd(where, count=8):
    """A still scene; tiles of 40 x 30 px that `where(x, y)` picks go their own ways."""
    rng = np.random.default_rng(5)
    frames = film([np.eye(3)] * count)
    for y in range(0, HEIGHT, 30):
        for x in range(0, WIDTH, 40):
            if where(x, y):
                angle = rng.uniform(0, 2 * np.pi)
                step = pan(1.5 * np.cos(angle), 1.5 * np.sin(angle))
                way = camera_path([step] * (count - 1))
                tile = film(way, int(rng.integers(1000)), height=30, width=40)
                frames[:, y : y + 30, x : x + 40] = tile
    return frames


def test_a_crowd_to_the_rim_is_foreground():
    with pytest.raises(RejectedError, match="of the texture stands still") as caught:
        find_camera_path(crowd(lambda *_: True, count=24))
    assert caught.value.reason is RejectReason.FOREGROUND


def test_a_quarter_of_the_picture_behind_a_crowd_is_enough():
    path = find_camera_path(crowd(lambda x, _: x >= 80))

    assert corner_error(path.to_first, np.tile(np.eye(3), (8, 1, 1))).max() < 0.5


def test_a_body_full_of_texture_is_not_followed():
    # It fills the middle and has more points than the room, which is out of focus.
    truth = shaky_path(12, seed=4, strength=4)
    frames = np.stack([cv2.GaussianBlur(frame, (0, 0), 3) for frame in film(truth, 1)])
    frames[:, 30:, 70:250] = film(camera_path([pan(3, 0)] * 11), 2, HEIGHT - 30, 180)
    x, y = follow_points(frames[:1]).points.T

    assert ((x > 70) & (x < 250) & (y > 30)).mean() > 0.5
    assert corner_error(find_camera_path(frames).to_first, truth).max() < 0.3


def test_a_caption_that_moves_with_the_frame_is_an_overlay():
    frames = film(camera_path([pan(5, 1)] * 7))
    assert find_camera_path(frames).model == "shift"
    frames[:, 130:] = texture(7)[130:]

    with pytest.raises(RejectedError, match="of the edges move with the frame") as caught:
        find_camera_path(frames)
    assert caught.value.reason is RejectReason.OVERLAY


def test_rejects_a_camera_that_squeezes_the_picture():
    strict = StabilizeConfig(max_condition_number=1.01)

    with pytest.raises(RejectedError, match="condition number 1") as caught:
        stabilized(film(shaky_path(4, strength=8)), strict)
    assert caught.value.reason is RejectReason.REPROJECTION_ERROR


def test_rejects_a_view_that_is_lost():
    check_view(np.array([1.0, 0.5]), 0.5)
    with pytest.raises(
        RejectedError, match="only 49% of frame 2 of the window is in view"
    ) as caught:
        check_view(np.array([1.0, 0.9, 0.49, 0.3]), 0.5)
    assert caught.value.reason is RejectReason.OUT_OF_VIEW


def test_a_homography_maps_the_first_argument_to_the_second():
    frames = film(camera_path([pan(12, -4)]))

    moved = find_homography(to_gray(frames[1]), to_gray(frames[0])) @ [100, 90, 1]

    np.testing.assert_allclose(moved / moved[2], [112, 86, 1], atol=0.2)


def test_tracks_say_where_a_point_of_frame_0_lies():
    frames = film(camera_path([pan(12, -4)] * 2))

    tracks = follow_points(frames)

    seen = tracks.seen.all(axis=0)
    assert seen.sum() > 50
    way = tracks.positions[2][seen] - tracks.points[seen]
    np.testing.assert_allclose(np.median(way, axis=0), [-24, 8], atol=0.05)


def test_a_blank_frame_has_no_features():
    features = detect_features(to_gray(flat(1)[0]))

    assert features.points.shape == (0, 2)
    assert features.descriptors.shape == (0, 128)


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (2, 8, 8), (2, 3, 8, 8)])
def test_a_wrong_shape_is_a_bug_not_a_rejection(shape):
    with pytest.raises(ValueError, match=r"want RGB frames \(T, H, W, 3\) uint8"):
        find_camera_path(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (MatchConfig, "ratio", 1.5),
        (MatchConfig, "min_inliers", 3),
        (TrackConfig, "min_points", 3),
        (TrackConfig, "sure_share", 0),
        (KeypointConfig, "max_points", 0),
        (StabilizeConfig, "method", "guess"),
        (StabilizeConfig, "min_visible", 0),
        (StabilizeConfig, "max_steadier", 1.5),
        (DepthConfig, "max_tremble", 0),
        (DepthConfig, "rounds", 0),
    ],
)
def test_config_refuses_impossible_values(kind, field, value):
    with pytest.raises(ValueError, match=field):
        kind(**{field: value})
