"""A cut is where the scene changes; a flash, a pan and a person passing by are not."""

import numpy as np
import pytest

from tests.drawn.films import add_ball, camera_path, film, pan, shaky_path
from tinyvideo.pipeline.windows.cuts import CutDetector


def cuts(frames):
    detector = CutDetector()
    return [t for t, frame in enumerate(frames) if detector.is_cut(frame)]


def scene(seed, frames=6):
    return film(shaky_path(frames, seed=seed), seed=seed)


def test_finds_every_cut():
    assert cuts(np.concatenate([scene(1), scene(2), scene(3, frames=1), scene(4)])) == [6, 12, 13]


def with_flash():
    frames = scene(1, frames=8)
    frames[4] = np.clip(frames[4].astype(int) + 60, 0, 255)
    return frames


STILL = np.tile(np.eye(3), (8, 1, 1))


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(with_flash(), id="flash"),
        pytest.param(film(camera_path([pan(40, 0)] * 7)), id="fast-pan"),
        pytest.param(
            add_ball(film(STILL), STILL, radius=60, velocity=(50, 0), start=(-60, 90)),
            id="passer-by",
        ),
    ],
)
def test_sees_no_cut_where_there_is_none(frames):
    assert cuts(frames) == []


def test_the_first_frame_begins_no_new_shot():
    assert cuts(scene(1, frames=1)) == []
