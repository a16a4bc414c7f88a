"""What a person would say of films that are hard on purpose, and what the stabilizer says.

Each film says in its own words what it shows (tests/drawn/bad_scenes.py). Where a person would see
a room, the clip is kept and the path is the room's; where nobody could say what stands still, it is
dropped with a reason that is true of it.
"""

import cv2
import numpy as np
import pytest

from tests.drawn import bad_scenes
from tests.drawn.films import HEIGHT, WIDTH
from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.stabilize.stabilizer import certify, find_camera_path, render_clip
from tinyvideo.pipeline.strips.strip_jpeg import crop_to_strip

SIZE = 64
CROP = crop_to_strip(WIDTH, HEIGHT, SIZE)
EDGE = SIZE - 0.5
CORNERS = np.array([[-0.5, EDGE, -0.5, EDGE], [-0.5, -0.5, EDGE, EDGE], [1, 1, 1, 1]])
FEW, MANY = 120, 1300
"""Pieces of confetti that leave most of the picture free, and about a tenth."""


def stabilized(scene):
    path, rendering = render_clip(scene.frames, find_camera_path(scene.frames), CROP, SIZE)
    return path, certify(path, rendering, CROP)


def error_px(path, scene):
    """Mean distance of the strip's corners from the truth, in strip pixels of 128, worst frame."""
    ways = [CROP @ way @ np.linalg.inv(CROP) @ CORNERS for way in (path.to_first, scene.camera)]
    ours, theirs = (way[:, :2] / way[:, 2:] for way in ways)
    return 128 / SIZE * np.linalg.norm(ours - theirs, axis=1).mean(axis=1).max()


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda: bad_scenes.confetti(FEW), id="few-confetti"),
        pytest.param(bad_scenes.television_in_the_room, id="television"),
    ],
)
def test_a_room_that_can_be_seen_is_held_still(draw):
    scene = draw()

    path, _ = stabilized(scene)

    assert error_px(path, scene) < 0.5


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(bad_scenes.snow_before_a_tripod, id="snow"),
        pytest.param(bad_scenes.television_before_a_tripod, id="television"),
        # What stands still is the program's window: to a camera, that is a tripod.
        pytest.param(bad_scenes.screen_in_the_screen, id="screen"),
    ],
)
def test_a_tripod_is_left_exactly_as_it_is(draw):
    scene = draw()

    path, figures = stabilized(scene)

    assert figures.motion_model == "still"
    np.testing.assert_array_equal(path.to_first, scene.camera)


@pytest.mark.parametrize(
    ("draw", "true_reasons"),
    [
        pytest.param(bad_scenes.crowd_to_the_rim, {RejectReason.FOREGROUND}, id="crowd"),
        pytest.param(bad_scenes.water_to_the_rim, {RejectReason.FOREGROUND}, id="water"),
        pytest.param(
            lambda: bad_scenes.confetti(MANY), {RejectReason.FOREGROUND}, id="dense-confetti"
        ),
        # The wall can be held still, but then the mirror, which is most of the picture, trembles
        # twice as much as before.
        pytest.param(bad_scenes.mirror_on_the_wall, {RejectReason.REPROJECTION_ERROR}, id="mirror"),
        # No background in frame 0, or none at the end: frame 0 is found nowhere else.
        pytest.param(
            bad_scenes.train_that_leaves,
            {RejectReason.FOREGROUND, RejectReason.TOO_FEW_INLIERS, RejectReason.OUT_OF_VIEW},
            id="train-leaves",
        ),
        pytest.param(
            bad_scenes.train_that_arrives,
            {RejectReason.FOREGROUND, RejectReason.TOO_FEW_INLIERS},
            id="train-arrives",
        ),
    ],
)
def test_what_has_no_background_is_dropped_and_says_why(draw, true_reasons):
    with pytest.raises(RejectedError) as caught:
        stabilized(draw())
    assert caught.value.reason in true_reasons, caught.value.detail


def test_the_pieces_of_confetti_cover_what_they_are_said_to():
    bare = bad_scenes.confetti(0).frames

    def covered(pieces):
        pairs = zip(bad_scenes.confetti(pieces).frames, bare, strict=True)
        changed = [cv2.absdiff(rain, room).max(axis=2) > 12 for rain, room in pairs]
        return np.mean(changed)

    assert covered(FEW) < 0.25
    assert 0.85 < covered(MANY) < 0.95
