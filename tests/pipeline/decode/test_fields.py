"""Interlaced films and telecine become whole pictures; what is whole already stays as it is."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from tests.drawn.films import add_ball, film, pan, write_video
from tests.drawn.stored import as_fields, as_telecine
from tinyvideo.pipeline.decode.fields import is_combed
from tinyvideo.pipeline.decode.frames import FramesConfig, open_video
from tinyvideo.pipeline.pixels import to_gray

FLAGGED = {"x264-params": "tff=1:threads=1"}


def walker(moments, speed=3.0):
    """Draw a ball that goes by, over a scene that stands still; `speed` in pixels per picture."""
    still = [np.eye(3)] * moments
    frames = film(still, seed=4, height=192, width=320)
    return gray(add_ball(frames, still, start=(40, 96), velocity=(speed, 0), radius=30))


def gray(frames):
    """Take the color out: H.264 stores it at half the resolution, in fields of its own."""
    return np.repeat(np.stack([to_gray(frame) for frame in frames])[..., None], 3, axis=3)


def read(path, **config):
    with open_video(path, FramesConfig(working_px=None, **config)) as video:
        frames = list(video)
        return np.stack([frame.image for frame in frames]), frames, video.stored_as


def combed(frames):
    grays = [to_gray(frame) for frame in frames]
    return sum(is_combed(now, before) for before, now in pairwise(grays))


@pytest.mark.parametrize("options", [{}, FLAGGED], ids=["lost its flag", "flagged"])
def test_a_walker_in_fields_is_one_walker(tmp_path, options):
    moments = walker(60)
    frames = as_fields(moments)
    assert combed(frames) == 29
    path = write_video(tmp_path / "a.mp4", frames, crf=10, options=options)

    images, taken, stored_as = read(path)
    assert len(images) == 30
    assert combed(images) == 0
    assert stored_as.interlaced_was
    np.testing.assert_allclose([frame.time_s for frame in taken], np.arange(30) / 25, atol=1e-3)
    # Each shows one of its two moments, and not a mixture.
    two = [moments[at::2][2:-2].astype(float) for at in (0, 1)]
    moved = np.abs(two[0] - two[1]) > 30
    ours, stored = (
        min(np.abs(shown[2:-2] - moment)[moved].mean() for moment in two)
        for shown in (images, frames)
    )
    assert ours < 0.4 * stored

    as_stored, _, stored_as = read(path, deinterlace=False)
    assert combed(as_stored) > 20


def test_a_film_that_only_says_that_it_is_interlaced_keeps_every_pixel(tmp_path):
    path = write_video(tmp_path / "a.mp4", walker(40), crf=10, options=FLAGGED)
    images, _, stored_as = read(path)
    assert stored_as.interlaced_was
    assert stored_as.field_order == "top first"
    np.testing.assert_array_equal(images[2:-2], read(path, deinterlace=False)[0][2:-2])


def test_hard_telecine_comes_back_as_24_whole_pictures(tmp_path):
    drawn = film([pan(2.5 * t, t) for t in range(96)], seed=5, height=192, width=320)
    pictures = gray(drawn)
    frames = as_telecine(pictures)
    assert 40 < combed(frames) < 56  # two of five
    path = write_video(tmp_path / "a.mp4", frames, fps=Fraction(30000, 1001), crf=10)

    images, taken, stored_as = read(path)
    assert stored_as.interlaced_was
    assert combed(images) == 0
    assert len(images) == pytest.approx(96, abs=4)
    assert float(taken[40].pace.fps) == pytest.approx(24 / 1.001, rel=1e-3)
    # Every picture of the middle is one of those that were drawn.
    for image in images[10:80:7]:
        assert np.abs(pictures.astype(float) - image).mean(axis=(1, 2, 3)).min() < 3


def test_whole_pictures_are_not_touched(tmp_path):
    path = write_video(tmp_path / "a.mp4", walker(40, speed=9), crf=10)
    images, _, stored_as = read(path)
    assert stored_as.interlaced_was is False
    np.testing.assert_array_equal(images, read(path, deinterlace=False)[0])


@pytest.mark.parametrize("seed", range(3))
def test_noise_and_thin_stripes_do_not_comb(seed):
    rng = np.random.default_rng(seed)
    noise = [np.clip(rng.normal(120, 14, (180, 320)), 0, 255).astype(np.uint8) for _ in range(2)]
    assert not is_combed(noise[1], noise[0])
    stripes = np.full((180, 320), 60, np.uint8)
    stripes[::2] = 160
    assert not is_combed(stripes, stripes)


def test_deep_pictures_comb_as_those_of_bytes_do():
    before, now = (to_gray(frame) for frame in as_fields(walker(4)))
    deep = [frame.astype(np.uint16) << 2 for frame in (now, before)]
    assert is_combed(now, before)
    assert is_combed(*deep, bits=10)
    assert not is_combed(deep[0], deep[0], bits=10)
