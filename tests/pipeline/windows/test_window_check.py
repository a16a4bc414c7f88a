"""What a window must be before anybody looks for the camera: 32 moments of one living picture."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tests.drawn.films import film, flat, shaky_path, turn
from tinyvideo.pipeline.decode.frames import TimedFrame
from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.types import Pace, VideoFacts
from tinyvideo.pipeline.windows.window_check import WindowConfig, check_window, count_repeats

FACTS = VideoFacts(width=64, height=64, fps=Fraction(25), step=1)


def window(times, images):
    return [
        TimedFrame(index, time, image)
        for index, (time, image) in enumerate(zip(times, images, strict=True))
    ]


@pytest.mark.parametrize(
    ("times", "copies", "reason", "words"),
    [
        ([0, 0.04, 0.08], (), None, ""),
        ([0, 0.04, 0.12], (), RejectReason.UNEVEN_TIMING, "frame 2 comes 2.00 intervals after"),
        ([0, 0.04, 0.05], (), RejectReason.UNEVEN_TIMING, "frame 2 comes 0.25 intervals after"),
        ([0, 0.04, 0.04], (), RejectReason.UNEVEN_TIMING, "frame 2 comes 0.00 intervals after"),
        ([0, 0.04, 0.08], (1,), RejectReason.REPEATED_FRAME, "frame 1 is equal"),
    ],
    ids=["even", "gap", "too-early", "same-time", "repeated"],
)
def test_a_window_is_different_moments_at_an_even_pace(times, copies, reason, words):
    images = list(film([turn(t) for t in range(3)], height=64, width=64))
    for t in copies:
        images[t] = images[t - 1]
    if reason is None:
        check_window(window(times, images), FACTS)
        return
    with pytest.raises(RejectedError, match=words) as caught:
        check_window(window(times, images), FACTS)
    assert caught.value.reason is reason


FIFTHS = [number * 5 // 4 for number in range(32)]
"""Where the pictures of 24 per second lie in 30 frames: 0, 1, 2, 3, 5, 6, ..."""


@pytest.mark.parametrize(
    ("indices", "words"),
    [
        (FIFTHS, ""),
        ([index + (index > 20) for index in FIFTHS], "lie up to 1"),
        ([*FIFTHS[:9], *FIFTHS[10:], 40], "lie up to 1"),
        (range(32), "lie up to"),
    ],
    ids=["cadence", "slip", "a picture is missing", "every frame"],
)
def test_pictures_of_a_film_that_repeats_some_come_at_their_own_pace(indices, words):
    images = film(shaky_path(32, seed=3), height=64, width=64)
    pace, facts = Pace(Fraction(24), Fraction(5, 4)), replace(FACTS, fps=Fraction(30))
    frames = [
        TimedFrame(index, index / 30, image, pace)
        for index, image in zip(indices, images, strict=True)
    ]
    if not words:
        check_window(frames, facts)
        return
    with pytest.raises(RejectedError, match=words) as caught:
        check_window(frames, facts)
    assert caught.value.reason is RejectReason.UNEVEN_TIMING


def test_a_pace_that_is_refused_says_why():
    frames = [
        replace(frame, pace=Pace(Fraction(6), Fraction(5), "too slow"))
        for frame in moments(living())
    ]
    with pytest.raises(RejectedError, match="frame_rate: too slow"):
        check_window(frames, FACTS)


def test_one_color_is_flat_however_bright():
    red = np.tile(np.array([200, 10, 10], np.uint8), (64, 64, 1))

    with pytest.raises(RejectedError, match=r"frame 0 has contrast 0\.0") as caught:
        check_window(window([0], [red]), FACTS)
    assert caught.value.reason is RejectReason.FLAT


def test_texture_between_the_rows_that_are_looked_at_first_is_no_flat_picture():
    images = living()
    images[:, ::4] = 100
    check_window(window([0.04 * t for t in range(len(images))], list(images)), FACTS)


def moments(images):
    return window([0.04 * t for t in range(len(images))], list(images))


def refused(images, config=None):
    with pytest.raises(RejectedError) as caught:
        check_window(moments(images), FACTS, config or WindowConfig())
    return caught.value


def living(frames=16):
    return film(shaky_path(frames, seed=3), height=64, width=64)


def test_a_living_picture_passes():
    check_window(moments(living()), FACTS)


@pytest.mark.parametrize("color", [0, 255])
def test_a_fade_is_told_from_a_flat_picture(color):
    share = np.linspace(1, 0, 16)[:, None, None, None]
    fading = (living() * share + color * (1 - share)).astype(np.uint8)

    assert refused(fading).reason is RejectReason.FADE
    assert refused(fading[::-1]).reason is RejectReason.FADE
    assert "the contrast goes from" in refused(fading).detail
    assert refused(flat(16, color, 64, 64)).reason is RejectReason.FLAT


def test_a_flash_is_no_fade():
    frames = living()
    frames[7] = 255

    assert refused(frames).reason is RejectReason.FLAT


def test_a_picture_that_was_encoded_as_a_film_is_frozen():
    rng = np.random.default_rng(1)
    still = np.repeat(living(1), 16, axis=0)
    still[:, 0, 0] = rng.integers(0, 255, (16, 3))  # no two frames are equal

    error = refused(still)

    assert error.reason is RejectReason.FROZEN
    assert "0.02 needed" in error.detail


@pytest.mark.parametrize(("field", "value"), [("max_gap", 1), ("min_contrast", -1)])
def test_config_refuses_impossible_values(field, value):
    with pytest.raises(ValueError, match=field):
        WindowConfig(**{field: value})


def test_repeats_that_a_codec_has_altered_are_counted_by_the_noise_of_their_film():
    shaking = [4.0, 5.0, 3.0, 4.5, 6.0, 5.0, 4.0, 3.5]
    repeated = [change for each in shaking for change in (each, 0.3)]
    assert count_repeats(shaking) == 0
    assert count_repeats(repeated) == 7  # behind the last one nothing is known
    # Two repeats in a row count, too; what slows down does not.
    assert count_repeats([4.0, 4.0, 0.3, 0.4, 4.0, 4.0]) == 2
    assert count_repeats([4.0, 2.0, 1.0, 0.5, 0.25, 0.5, 1.0, 2.0, 4.0]) == 0


def test_a_still_film_with_noise_repeats_nothing():
    rng = np.random.default_rng(5)
    assert count_repeats(list(rng.uniform(0.02, 0.05, 31))) == 0
    assert count_repeats([0.01 if t % 3 else 0.1 for t in range(31)]) == 0


def test_many_near_equal_frames_drop_the_window():
    pictures = living(32)
    for number in range(3, 30, 4):
        pictures[number] = pictures[number - 1]
        pictures[number, ::4, ::4] ^= 1  # noise
    error = refused(pictures)
    assert error.reason is RejectReason.REPEATED_FRAME
    assert error.detail.startswith("7 of 32 frames hardly differ from the one before, 4 may")
    check_window(moments(pictures), FACTS, WindowConfig(max_repeats=7))
