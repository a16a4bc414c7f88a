"""A film that repeats its pictures gives each once; one that does not gives all its frames."""

import math
from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from tests.drawn.films import add_ball, film, repeated, shaky_path, write_video
from tinyvideo.pipeline.decode.cadences import HELD, cadences, possible_cadences
from tinyvideo.pipeline.decode.frames import FramesConfig, open_video
from tinyvideo.pipeline.decode.repeats import RepeatFilter

SMALL = {"height": 96, "width": 128}
NTSC = Fraction(1000, 1001)


def shaky(frames, seed=5):
    """Film with a hand that shakes so much that H.264 cannot make one motion of it at crf 28."""
    return film(shaky_path(frames, seed=seed, strength=16), seed)


def tripod(moving):
    """Film a ball before a wall, with a fixed camera; it rests where `moving` is false."""
    still = np.tile(np.eye(3), (len(moving), 1, 1))
    steps = np.cumsum(moving)
    one = add_ball(
        film(still[:1], **SMALL).repeat(steps[-1] + 1, axis=0),
        still.repeat(9, 0)[: steps[-1] + 1],
        start=(20, 48),
        velocity=(2, 0),
    )
    return one[steps]


def read(path, config=None):
    with open_video(path, config or FramesConfig()) as video:
        return list(video)


def indices(frames):
    return [frame.index for frame in frames]


# -- films that repeat their pictures --------------------------------------------------------

CADENCES = [
    (24, 30),
    (15, 30),
    (20, 30),
    (25, 30),
    (12, 25),
    (10, 30),
    (12, 24),
    (25, 60),
    (24, 60),
    (24, 28),
]


@pytest.mark.parametrize(("true", "stored"), CADENCES, ids=[f"{t}-in-{s}" for t, s in CADENCES])
def test_each_picture_is_taken_once_after_lossy_coding(tmp_path, true, stored):
    frames, first = repeated(shaky(int(90 * true / stored)), true, stored)
    path = write_video(tmp_path / "a.mp4", frames, fps=stored, crf=28)

    taken = read(path)

    # A frame shows the picture that came last.
    pictures = [bisect_right(first, index) for index in indices(taken)]
    assert pictures == list(range(1, len(first) + 1))
    assert {frame.pace.fps for frame in taken} == {true}
    assert {frame.pace.step for frame in taken} == {Fraction(stored, true)}
    times = np.array([frame.time_s for frame in taken])
    np.testing.assert_allclose(times, np.array(indices(taken)) / stored, atol=1e-3)  # as stored


def test_rates_of_ntsc_have_true_rates_of_ntsc(tmp_path):
    frames, first = repeated(shaky(64), 24, 30)
    taken = read(write_video(tmp_path / "a.mp4", frames, fps=30 * NTSC))
    assert indices(taken) == first
    assert {frame.pace.fps for frame in taken} == {24 * NTSC}


@pytest.mark.parametrize("cut_off", [1, 2, 3, 4])
def test_a_cadence_may_begin_anywhere(tmp_path, cut_off):
    frames, first = repeated(shaky(64), 24, 30)
    path = write_video(tmp_path / "a.mkv", frames[cut_off:], fps=30, codec="ffv1")
    wanted = sorted({max(number - cut_off, 0) for number in first if number >= cut_off} | {0})
    assert indices(read(path)) == wanted


def test_a_fast_film_of_true_pictures_takes_every_second_of_them(tmp_path):
    frames, first = repeated(shaky(100), 40, 60)
    taken = read(write_video(tmp_path / "a.mp4", frames, fps=60))
    assert indices(taken) == first[::2]
    assert {(frame.pace.fps, frame.pace.step) for frame in taken} == {(20, 3)}


def test_a_cadence_that_slips_is_followed(tmp_path):
    frames, first = repeated(shaky(100), 24, 30)
    lost = 66  # a repeat that the converter has left out
    assert lost not in first
    slipped = np.delete(frames, lost, axis=0)
    taken = read(write_video(tmp_path / "a.mp4", slipped, fps=30))
    assert indices(taken) == [number - (number > lost) for number in first]


def test_a_picture_that_is_repeated_once_more_is_taken_once(tmp_path):
    frames, first = repeated(shaky(100), 24, 30)
    again = np.insert(frames, 66, frames[65], axis=0)
    taken = read(write_video(tmp_path / "a.mkv", again, fps=30, codec="ffv1"))
    assert indices(taken) == [number + (number >= 66) for number in first]


def test_a_fixed_camera_shows_a_cadence_too(tmp_path):
    frames, first = repeated(tripod([True] * 48), 15, 30)
    assert indices(read(write_video(tmp_path / "a.mp4", frames, fps=30))) == first


def test_repeats_may_be_kept(tmp_path):
    frames, _ = repeated(shaky(32), 24, 30)
    taken = read(write_video(tmp_path / "a.mp4", frames, fps=30), FramesConfig(drop_repeats=False))
    assert indices(taken) == list(range(40))


def test_too_few_true_pictures_are_named(tmp_path):
    frames, first = repeated(shaky(20), 6, 30)
    taken = read(write_video(tmp_path / "a.mp4", frames, fps=30))
    assert indices(taken) == first
    assert taken[0].pace.refusal.startswith("30 frames per second, most of them repeats: 6 fps; no")


# -- films that do not -----------------------------------------------------------------------

RATES = [10, 12, 15, 18, 24, 25, 30 * NTSC, 36, 48, 60 * NTSC, 60, 100]


@pytest.mark.parametrize("fps", RATES, ids=[f"{float(fps):.4g}" for fps in RATES])
def test_a_film_without_repeats_is_as_it_is(tmp_path, fps):
    step = {36: 2, 48: 2, 60 * NTSC: 2, 60: 2, 100: 3}.get(fps, 1)
    taken = read(write_video(tmp_path / "a.mp4", shaky(64), fps=fps))
    assert indices(taken) == list(range(0, 64, step))
    assert {(f.pace.fps, f.pace.step) for f in taken} == {(Fraction(fps) / step, step)}


PAUSES = {
    "now and then": [t % 17 < 9 for t in range(120)],
    "short": [t % 10 not in {3, 4, 5} and t % 7 != 1 for t in range(120)],
    "long": [t < 20 or t > 90 for t in range(120)],
    "once": [t != 40 for t in range(120)],
    "growing": [bin(t).count("1") % 2 == 0 for t in range(120)],
}


@pytest.mark.parametrize("moving", PAUSES.values(), ids=PAUSES)
@pytest.mark.parametrize("crf", [18, 34])
def test_a_fixed_camera_with_pauses_repeats_nothing(tmp_path, moving, crf):
    path = write_video(tmp_path / "a.mp4", tripod(moving), fps=30, crf=crf)
    assert indices(read(path)) == list(range(120))


@pytest.mark.parametrize("crf", [28, 38, 48])
def test_what_the_codec_does_to_a_still_picture_is_no_cadence(tmp_path, crf):
    rng = np.random.default_rng(1)
    noisy = film(np.tile(np.eye(3), (96, 1, 1)), **SMALL) + rng.integers(0, 12, (96, 96, 128, 3))
    path = write_video(tmp_path / "a.mp4", noisy.astype(np.uint8), fps=30, crf=crf)
    assert indices(read(path)) == list(range(96))


def test_repeats_now_and_then_are_left(tmp_path):
    frames = shaky(96)
    for number in (9, 23, 24, 41, 60, 77):
        frames[number] = frames[number - 1]
    assert indices(read(write_video(tmp_path / "a.mp4", frames, fps=30))) == list(range(96))


# -- the rule itself, without films ----------------------------------------------------------


def passed(changes, fps=30):
    repeats = RepeatFilter(Fraction(fps))
    out = [kept for number, change in enumerate(changes) for kept in repeats.push(number, change)]
    return [(kept.frame, kept.cadence) for kept in [*out, *repeats.flush()]]


def test_a_film_that_changes_between_a_cadence_and_none():
    """Drop 1 of 5 for 100 frames, then as it is, then drop 1 of 2."""
    fifth = [0.1 if number % 5 == 4 else 9.0 for number in range(100)]
    as_is = [9.0 + number % 3 for number in range(100)]
    half = [0.1 if number % 2 else 9.0 for number in range(100)]
    found = passed([math.inf, *fifth[1:], *as_is, *half])
    rates = {number: cadence and int(cadence.fps) for number, cadence in found}
    assert [n for n in range(100) if n not in rates] == list(range(4, 100, 5))
    assert {rates[n] for n in rates if n < 100} == {24}
    assert {rates[n] for n in range(125, 193)} == {None}
    assert {rates[n] for n in rates if n > 200} == {15}
    assert [n for n in range(204, 300) if n not in rates] == list(range(205, 300, 2))


def test_no_more_than_held_frames_wait():
    repeats, came = RepeatFilter(Fraction(30)), 0
    for number in range(200):
        # A cadence that stops when it is nearly believed, again and again.
        change = 0.0 if number % 5 == 4 and number % 36 < 16 else 9.0
        came += len(list(repeats.push(number, change)))
        assert number + 1 - came <= HELD


@pytest.mark.parametrize("fps", [24, 25, 30, 30 * NTSC, 50, 60])
def test_every_phase_of_every_cadence_is_in_the_table(fps):
    table = cadences(Fraction(fps), HELD)
    known = {
        (cadence.fps, row.tobytes())
        for cadence, row in zip(table.cadences, table.repeats, strict=True)
    }
    for cadence in possible_cadences(Fraction(fps)):
        step = cadence.frames_per_picture
        for begin in range(int(step)):
            comes = {int(begin + n * step) for n in range(-1, 40)}
            row = np.array([number not in comes for number in range(HELD)])
            assert any(bytes_ == row.tobytes() for _, bytes_ in known), (cadence, begin)


@pytest.mark.parametrize("fps", [24, 25, 30, 30 * NTSC, 60])
def test_rates_that_are_one_are_listed_once(fps):
    rates = [float(cadence.fps) for cadence in possible_cadences(Fraction(fps))]
    assert min(b / a for a, b in pairwise(sorted(rates))) > 1.01
