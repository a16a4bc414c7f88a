"""A strip shows one scene: dissolves and jump cuts are told from light, flashes and people."""

import numpy as np
import pytest

from tests.drawn.films import add_ball, film, texture, write_video
from tinyvideo.pipeline.curation import CurationConfig, curate
from tinyvideo.pipeline.errors import RejectReason
from tinyvideo.pipeline.windows.one_scene import (
    SceneChangeError,
    SceneConfig,
    _Blocks,
    _contrasts_kept,
    check_one_scene,
    contrast_kept,
)

SIZE = 128


def still(seed, frames=32):
    """A room before a fixed camera, with a little noise, (32, 128, 128, 3)."""
    rng = np.random.default_rng(seed)
    scene = texture(seed, SIZE, SIZE, cell=8).astype(float)
    return np.stack([scene + rng.normal(0, 2, scene.shape) for _ in range(frames)])


def frames_of(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def dissolved(one, other, start, length):
    share = np.clip((np.arange(len(one)) - start + 1) / (length + 1), 0, 1)[:, None, None, None]
    return frames_of((1 - share) * one + share * other)


def change_of(frames):
    with pytest.raises(SceneChangeError) as caught:
        check_one_scene(frames)
    return caught.value


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("length", [5, 12, 25, 100])
def test_a_dissolve_is_two_scenes(seed, length):
    # Of the longest only a third is seen: never a picture of one scene alone.
    start = 8 if length < 30 else 0
    change = change_of(dissolved(still(seed), still(seed + 100), start, length))
    assert change.reason is RejectReason.DISSOLVE
    if length == 5:
        assert abs(change.frame - 13) <= 2  # where the second scene stands alone
    if length == 100:
        assert change.frame >= 18  # its end is not in this window


def test_the_middle_of_a_long_dissolve_is_told_by_the_window_before_it():
    frames = dissolved(still(0), still(100), -35, 100)  # both scenes in all frames
    with pytest.raises(SceneChangeError):
        check_one_scene(frames, fading=True)
    check_one_scene(frames_of(still(0)), fading=True)


def test_pairs_of_frames_are_compared_in_one_go_as_one_by_one():
    shown = dissolved(still(3, 8), still(4, 8), 1, 6).mean(axis=3)[:, ::2, ::2]
    seen = _Blocks.of(shown.astype(np.float32))
    pairs = [(0, 1), (1, 0), (2, 7), (0, 7)]

    together = _contrasts_kept(seen, pairs, SceneConfig())

    alone = [contrast_kept(seen, *pair, SceneConfig()) for pair in pairs]
    assert together[:2] == pytest.approx(alone[:2], abs=1e-4)
    assert alone[3] is None
    assert together[3] is None


def test_a_dissolve_that_has_just_begun_is_no_matter():
    check_one_scene(dissolved(still(1), still(2), 30, 50))


@pytest.mark.parametrize("to_black", [False, True])
def test_a_fade_of_light_keeps_the_scene(to_black):
    light = np.linspace(1, 0.4 if to_black else 1.25, 32)[:, None, None, None]
    check_one_scene(frames_of(still(3) * 0.8 * light))


def test_a_lamp_that_is_switched_on_keeps_the_scene():
    frames = still(4) * 0.5
    lit = 1 + np.linspace(0.2, 1.2, SIZE)[None, None, :, None]
    frames[14:] *= lit
    check_one_scene(frames_of(frames))


def test_a_flash_is_no_jump():
    frames = still(5)
    frames[12] = 250
    frames[20:22] = frames[20:22] * 0.3 + 180
    check_one_scene(frames_of(frames))


def test_somebody_who_walks_by_is_no_jump_and_no_dissolve():
    path = [np.eye(3)] * 32
    frames = film(path, seed=6, height=SIZE, width=SIZE)
    walker = add_ball(frames, path, start=(10, 64), velocity=(4, 0), radius=36)
    check_one_scene(walker)


@pytest.mark.parametrize("at", [1, 11, 29])
def test_a_jump_cut_before_a_fixed_camera_is_told_with_its_frame(at):
    path = [np.eye(3)] * 32
    frames = film(path, seed=7, height=SIZE, width=SIZE)
    here = add_ball(frames, path, start=(34, 64), velocity=(0.4, 0), radius=30)
    there = add_ball(frames, path, start=(94, 64), velocity=(0.4, 0), radius=30)
    change = change_of(np.concatenate([here[:at], there[at:]]))
    assert (change.reason, change.frame) == (RejectReason.JUMP_CUT, at)


def test_who_does_not_ask_gets_no_answer():
    check_one_scene(dissolved(still(0), still(100), 8, 5), SceneConfig(look=False))


def test_the_next_window_begins_behind_a_dissolve(tmp_path):
    path = [np.eye(3)] * 80
    one, other = (add_ball(film(path, seed=n), path, velocity=(2, 0)).astype(float) for n in (1, 2))
    film_path = write_video(tmp_path / "a.mp4", dissolved(one, other, 36, 8))
    clips = list(curate(film_path, None, CurationConfig()))

    assert [clip.reason for clip in clips] == [None, RejectReason.DISSOLVE, None]
    assert clips[0].start_frame == 0
    assert clips[1].start_frame == 32
    assert 42 <= clips[2].start_frame <= 48
    assert f"begins at frame {clips[2].start_frame}" in clips[1].detail
