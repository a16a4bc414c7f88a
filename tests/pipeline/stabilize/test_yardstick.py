"""The yardstick of benchmarks/kept.py measures what it says: its truth is true, and it counts."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("skimage", reason="the yardstick needs the extra bench")

from benchmarks.films.labeled_films import judge_windows, read_labels
from benchmarks.films.truth_films import in_other_pixels
from benchmarks.rooms.groups import CELLS
from benchmarks.rooms.paint import HEIGHT, WIDTH
from benchmarks.rooms.room_films import SHARES, drawn, plans
from benchmarks.rooms.room_judge import Judged, distances
from benchmarks.rooms.scenes import Scene
from tests.drawn.films import add_ball, camera_path, film, pan, write_video
from tinyvideo.pipeline.curation import DEFAULT_CONFIG
from tinyvideo.pipeline.stabilize import find_camera_path

FRAMES = 32
STILL = np.tile(np.eye(3), (FRAMES, 1, 1))
EVERYWHERE = np.ones((FRAMES, *CELLS), bool)


@pytest.fixture(scope="module")
def scene():
    return Scene.draw(np.random.default_rng(3), "whiteboard", "middle", (0.5, 0.6))


def test_the_camera_of_a_drawn_room_is_the_one_that_its_picture_shows(scene):
    alone = replace(scene, bodies=[])
    frames = [
        cv2.resize(frame, (427, 240), interpolation=cv2.INTER_AREA) for frame in alone.frames()
    ]

    found = in_other_pixels(
        find_camera_path(np.stack(frames)).to_first, (240, 427), (HEIGHT, WIDTH)
    )

    assert distances(found, STILL, EVERYWHERE).max() > 1  # it moves
    assert distances(found, scene.camera, EVERYWHERE).mean() < 0.1


def test_a_cell_is_background_or_body_and_never_both(scene):
    free, bodies = scene.masks
    nobody = replace(scene, bodies=[])

    assert 0.4 < free.mean() < 0.7
    assert not (free & bodies).any()
    assert bodies.any(axis=(1, 2)).all()
    assert nobody.masks[0].all()
    assert not nobody.masks[1].any()


def test_water_is_no_background():
    beach = replace(Scene.draw(np.random.default_rng(3), "beach", "tripod", (0.5, 0.6)), bodies=[])

    free = beach.masks[0]

    assert 0.5 < free.mean() < 0.95
    assert free[:, 0].all()  # the sky
    assert free[:, -1].all()  # the sand


def test_distances_are_in_pixels_of_the_strip():
    # 36 px of a frame of 360 are 12.8 of a strip of 128.
    shifted = STILL.copy()
    shifted[:, 0, 2] = 36

    np.testing.assert_allclose(distances(shifted, STILL, EVERYWHERE), 12.8)


def test_who_follows_a_body_errs_nowhere_on_it(scene):
    body = scene.bodies[0]

    follower = body.to_first(scene.camera)

    torso = body.pose(9) @ [0, 60, 1]  # a point of the shirt, in pixels of frame 0
    seen = np.linalg.inv(scene.camera[9]) @ torso
    put = follower[9] @ (seen / seen[2])
    at_first = body.pose(0) @ [0, 60, 1]
    np.testing.assert_allclose(put / put[2], at_first / at_first[2], atol=1e-9)


def judged(**found):
    known = {"film": "f", "room": "wall", "camera": "weak", "share": "50", "background": 0.5}
    return Judged(**known, kept=True, **found)


@pytest.mark.parametrize(
    ("error", "body", "follows"),
    [(0.1, 6.0, False), (5.0, 0.4, True), (5.0, 9.0, False), (1.5, 0.4, False)],
    ids=["camera", "body", "neither", "nearly-the-camera"],
)
def test_a_path_follows_a_body_if_it_is_wrong_and_near_it(error, body, follows):
    assert judged(error_px=error, body_px=body).follows is follows


def test_of_144_films_each_room_has_each_camera_with_each_share():
    first, again = plans(1, 144), plans(1, 144)

    assert first == again
    assert len({(plan.room, plan.camera, plan.share) for plan in first}) == 144
    assert plans(1, 5) == first[:5]
    assert plans(2, 144) != first


def test_a_film_has_the_share_that_was_planned_and_is_found_again(tmp_path):
    plan = next(plan for plan in plans(1, 144) if plan.share == "50" and plan.camera == "tripod")

    made = drawn(plan, tmp_path)
    found = drawn(plan, tmp_path)

    low, high = SHARES["50"]
    assert low <= made.background <= high
    np.testing.assert_array_equal(made.to_first, STILL)
    assert len(made.followers) >= 1
    np.testing.assert_array_equal(made.free, found.free)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    still = camera_path([np.eye(3)] * 63)
    write_video(folder / "desk.mp4", add_ball(film(still), still))
    write_video(folder / "pan.mp4", film(camera_path([pan(1, 0)] * 63)))
    write_video(folder / "short.mp4", film(still[:20]))
    return folder


def labeled(folder, text):
    (folder / "labels.json").write_text(text)
    labels = read_labels(folder, folder / "labels.json")
    return [window for label in labels for window in judge_windows(label, DEFAULT_CONFIG)]


def test_windows_are_counted_by_what_a_person_says_of_their_frames(folder):
    first, second = labeled(folder, '{"desk.mp4": {"keep": [[0, 40]], "drop": [[48, 64]]}}')

    assert (first.start, first.wanted, first.unwanted, first.kept) == (0, True, False, True)
    assert (second.start, second.wanted, second.unwanted, second.kept) == (32, False, True, True)


def test_a_tripod_that_comes_back_moved_is_counted(folder):
    windows = labeled(folder, '{"desk.mp4": {"fixed": true}, "pan.mp4": {"fixed": true}}')

    assert [window.moved for window in windows] == [False, False, True, True]


def test_a_film_that_is_dropped_as_a_whole_loses_every_window_of_it(folder):
    windows = labeled(folder, '{"short.mp4": {"keep": [[0, 70]]}}')

    assert [window.start for window in windows] == [0, 32]
    assert not any(window.kept for window in windows)
    assert windows[0].why.startswith("the whole film: too_short: 20 frames")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"gone.mp4": {"keep": []}}', r"labels\.json names gone\.mp4, and .* has no such film"),
        ('{"desk.mp4": {"keeps": []}}', r"desk\.mp4 has keeps; known are keep, drop, fixed"),
    ],
)
def test_a_label_that_says_nothing_is_told_so(folder, text, words):
    with pytest.raises(SystemExit, match=words):
        labeled(folder, text)
