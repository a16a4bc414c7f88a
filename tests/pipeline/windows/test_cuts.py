"""A cut is where the scene changes; a flash, a pan and a person passing by are not."""

import cv2
import numpy as np
import pytest

from tests.drawn.films import add_ball, camera_path, film, pan, shaky_path
from tinyvideo.pipeline.windows.cuts import CutDetector


def cuts(frames):
    """Which frames begin a shot, and that no other frame is lost but between two cuts in a row."""
    detector = CutDetector()
    passed = [each for t, frame in enumerate(frames) for each in detector.push(t, frame)]
    passed += detector.flush()
    kept = [t for t, _ in passed]
    assert kept == sorted(kept)
    return [t for t, new in passed if new]


def scene(seed, frames=8):
    return film(shaky_path(frames, seed=seed), seed=seed)


def test_finds_every_cut_and_takes_a_shot_of_one_frame_for_none():
    assert cuts(np.concatenate([scene(1), scene(2), scene(3, frames=1), scene(4)])) == [8, 17]


def with_flash():
    frames = scene(1, frames=8)
    frames[4] = np.clip(frames[4].astype(int) + 60, 0, 255)
    return frames


def with_light(*levels, at=8, frames=20):
    """Light up frames from `at` on, by so much of 255 each: the picture fades to white."""
    shown = scene(1, frames=frames).astype(int)
    for t, level in enumerate(levels, at):
        shown[t] = shown[t] + (255 - shown[t]) * level // 255
    return shown.astype(np.uint8)


def blurred_jolt(frames=24, at=8, length=5, way=90, *, back=True):
    """Film with a camera that is hit: for `length` frames it flies about, and all is smeared."""
    place = np.zeros(frames)
    place[at : at + length] = [way * (1 if t % 2 else -1) for t in range(length)]
    if not back:
        place[at + length :] = 6 * way
    shown = film([pan(x, 0) for x in place], seed=2)
    for t in range(at, at + length):
        shown[t] = cv2.blur(shown[t], (61, 3))
    return shown


STILL = np.tile(np.eye(3), (8, 1, 1))


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(with_flash(), id="flash"),
        pytest.param(with_light(255), id="white-flash"),
        pytest.param(with_light(255, 255, 255), id="long-white-flash"),
        pytest.param(with_light(250, 230, 120, 60), id="fading-flash"),
        pytest.param(blurred_jolt(), id="jolt"),
        pytest.param(film(camera_path([pan(40, 0)] * 7)), id="fast-pan"),
        pytest.param(
            add_ball(film(STILL), STILL, radius=60, velocity=(50, 0), start=(-60, 90)),
            id="passer-by",
        ),
    ],
)
def test_sees_no_cut_where_there_is_none(frames):
    assert cuts(frames) == []


def test_a_blur_that_ends_elsewhere_is_one_cut():
    assert len(cuts(blurred_jolt(back=False))) == 1


def test_a_cut_beside_a_flash_is_still_one():
    both = np.concatenate([with_light(255, at=17), scene(5, frames=12)])
    assert cuts(both) == [20]


def test_a_cut_at_the_very_end_is_one():
    assert cuts(np.concatenate([scene(1), scene(2, frames=2)])) == [8]


def test_no_frame_is_lost_but_between_two_jumps():
    detector = CutDetector()
    frames = np.concatenate([with_light(255), scene(3, frames=12)])
    passed = [each for t, frame in enumerate(frames) for each in detector.push(t, frame)]
    assert [t for t, _ in passed + detector.flush()] == list(range(32))


def test_the_first_frame_begins_no_new_shot():
    assert cuts(scene(1, frames=1)) == []
