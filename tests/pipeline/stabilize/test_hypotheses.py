"""Which guess of the camera wins, and when two are as good."""

from dataclasses import replace

import numpy as np
import pytest

from tests.drawn.films import HEIGHT, WIDTH, camera_path, film, pan, shaky_path
from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.stabilize.bundle import fit_bundle
from tinyvideo.pipeline.stabilize.fitting import BundleConfig
from tinyvideo.pipeline.stabilize.hypotheses import Hypotheses, Hypothesis, HypothesisConfig
from tinyvideo.pipeline.stabilize.stabilizer import find_camera_path
from tinyvideo.pipeline.stabilize.verdict import VerdictConfig, check_held, margin_of
from tinyvideo.pipeline.tracking import MatchConfig, TrackConfig, follow_along

COUNT = 16


def hypotheses(frames, **config):
    return Hypotheses(
        frames,
        HypothesisConfig(**config),
        tracks=TrackConfig(),
        match=MatchConfig(),
        bundle=BundleConfig(),
    )


def somebody(room, way, contrast=1.0):
    """Somebody full of texture before a room: he fills the lower middle, and goes his own way."""
    frames = np.clip(128 + (room.astype(float) - 128) * contrast, 0, 255).astype(np.uint8)
    body = film(camera_path([way] * (len(frames) - 1)), 2, HEIGHT - 30, 200)
    frames[:, 30:, 60:260] = body
    return frames


def test_a_tripod_is_final_whoever_stands_before_it():
    frames = somebody(film([np.eye(3)] * COUNT), pan(2, 0))

    found = hypotheses(frames)

    assert found.best().name == "still"
    assert found.settled
    assert len(found.judged) == 1  # nothing else was tried


def test_a_faint_wall_that_stands_still_is_enough_for_a_tripod():
    frames = somebody(film([np.eye(3)] * COUNT, 1), pan(2, 0), contrast=0.1)

    assert find_camera_path(frames).camera_still


def test_a_room_full_of_keypoints_needs_no_other_guess():
    found = hypotheses(film(shaky_path(COUNT, seed=2, strength=8)))

    assert found.best().name == "keypoints"
    assert [guess.name for guess in found.judged] == ["still", "keypoints"]


def test_a_faint_room_wins_over_somebody_full_of_keypoints():
    truth = shaky_path(COUNT, seed=4, strength=6)
    frames = somebody(film(truth, 1), pan(2, 0.5), contrast=0.15)

    path = find_camera_path(frames)

    corners = np.array([[0, WIDTH, 0, WIDTH], [0, 0, HEIGHT, HEIGHT], [1, 1, 1, 1]])
    ours, theirs = (way @ corners for way in (path.to_first, truth))
    away = np.linalg.norm(ours[:, :2] / ours[:, 2:] - theirs[:, :2] / theirs[:, 2:], axis=1)
    assert away.mean(axis=1).max() < 1.5
    assert path.stillness.loose_rim > 0.4


@pytest.mark.parametrize("max_unsure", [2, COUNT])
def test_keypoints_that_disagree_wait_for_the_faint_edges(max_unsure):
    # He has most of the keypoints, but those at the rim go with the room.
    frames = somebody(film(shaky_path(COUNT, seed=4, strength=6), 1), pan(4, 1), contrast=0.3)
    found = hypotheses(frames, max_unsure=max_unsure, settled_both=2.0)

    found.best()

    names = [guess.name for guess in found.judged]
    assert names[:2] == ["still", "direct" if max_unsure == 2 else "keypoints"]
    assert ("keypoints" in names) == (max_unsure == COUNT)


def test_keypoints_that_disagree_are_followed_where_faint_edges_hold_nothing():
    frames = somebody(film(shaky_path(COUNT, seed=4, strength=6), 1), pan(4, 1), contrast=0.3)
    found = hypotheses(frames, max_unsure=2, unsure_reach=1.0, settled_both=2.0)

    found.best()

    assert [guess.name for guess in found.judged][:3] == ["still", "direct", "keypoints"]


@pytest.fixture(scope="module")
def two_halves():
    """Above and below, the picture goes two ways: nobody can say which is the room."""
    up, down = (camera_path([pan(step, 0)] * (COUNT - 1)) for step in (1.5, -1.5))
    frames = film(up, 1)
    frames[:, HEIGHT // 2 :] = film(down, 2)[:, HEIGHT // 2 :]
    return frames, up, down


def of_keypoints(found, path):
    tracks = follow_along(found._frames, path)
    bundle = replace(fit_bundle(tracks), to_first=path)
    return Hypothesis("keypoints", path, found.pictures.look(path), bundle, tracks)


def test_two_paths_that_hold_as_much_are_told(two_halves):
    frames, up, down = two_halves
    found = hypotheses(frames)
    keypoints = of_keypoints(found, down)
    found.judged = [keypoints, Hypothesis("direct", up, found.pictures.look(up))]

    with pytest.raises(RejectedError, match=r"two paths hold as much, 2\d px apart") as caught:
        check_held(keypoints, found, VerdictConfig(uncontested=2))

    assert caught.value.reason is RejectReason.FOREGROUND
    check_held(keypoints, found, VerdictConfig(uncontested=0.1))


def test_the_margin_is_over_the_next_path_that_lies_elsewhere(two_halves):
    frames, up, down = two_halves
    found = hypotheses(frames)
    one, same, other = (
        Hypothesis(name, path, found.pictures.look(path))
        for name, path in (("direct", up), ("rest", up), ("chain", down))
    )

    assert margin_of(one, [one, same, other]) == pytest.approx(one.score - other.score)
    assert margin_of(one, [one, same]) == pytest.approx(one.score)


def test_shares_are_checked():
    with pytest.raises(ValueError, match="settled_share must be a share above 0, got 2"):
        HypothesisConfig(settled_share=2)
    with pytest.raises(ValueError, match="min_held must be above 0 and at most 2, got 3"):
        VerdictConfig(min_held=3)
