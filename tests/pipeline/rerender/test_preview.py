"""Previews show what was filmed: checked against frames that the tests drew themselves."""

from dataclasses import replace

import numpy as np
import pytest

from tests.drawn.barred import barred
from tests.drawn.films import camera_path, film, pan, write_video
from tinyvideo.pipeline.errors import RejectedError, RejectReason, UnreadableError
from tinyvideo.pipeline.rerender.preview import shrink_strip, unstabilized_strip
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip, encode_strip, strip_shape
from tinyvideo.pipeline.types import Crop

SIZE = 64  # the film is as large as a strip, so that cropping and scaling change nothing
PATH = camera_path([pan(2, 1)] * 39)


@pytest.fixture(scope="module")
def frames():
    return film(PATH, height=SIZE, width=SIZE)


@pytest.fixture(scope="module")
def path(frames, tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("films") / "film.mkv", frames, codec="ffv1")


def stabilized_from(frames, start):
    """Only frame 0 of a stabilized strip is the film's own; let the others stand still."""
    return encode_strip(np.repeat(frames[start : start + 1], 32, axis=0))


def test_unstabilized_frames_are_those_of_the_film(frames, path):
    jpeg = unstabilized_strip(path, 5, stabilized_from(frames, 5), quality=95)

    shown = decode_strip(jpeg).astype(float)
    assert shown.shape == (32, SIZE, SIZE, 3)
    for t in (0, 1, 31):
        near = np.abs(shown[t] - frames[5 + t]).mean()
        assert near < 4  # JPEG; the frame beside it is three times as far away
        assert near < np.abs(shown[t] - frames[4 + t]).mean() / 2


def test_frames_that_are_uneven_are_those_that_are_listed(frames, path):
    listed = [number * 6 // 5 for number in range(32)]  # 0, 1, 2, 3, 4, 6, ...
    jpeg = unstabilized_strip(path, 0, stabilized_from(frames, 0), 95, source_frames=listed)
    shown = decode_strip(jpeg).astype(float)
    assert np.abs(shown[31] - frames[37]).mean() < np.abs(shown[31] - frames[36]).mean() / 2


def test_another_film_under_the_same_name_is_not_shown(frames, path):
    with pytest.raises(UnreadableError, match="not the file that the strip was cut from"):
        unstabilized_strip(path, 0, stabilized_from(frames, 8), quality=95)


def test_a_film_that_became_shorter_is_not_shown(frames, path):
    with pytest.raises(UnreadableError, match="not the file that the strip was cut from"):
        unstabilized_strip(path, 20, stabilized_from(frames, 20), quality=95)
    with pytest.raises(UnreadableError, match="not the file that the strip was cut from"):
        unstabilized_strip(path, 99, stabilized_from(frames, 20), quality=95)


def test_a_film_that_is_gone_or_broken_says_so(frames, tmp_path):
    strip = stabilized_from(frames, 0)
    with pytest.raises(UnreadableError, match="No such file"):
        unstabilized_strip(tmp_path / "gone.mkv", 0, strip, quality=95)
    (tmp_path / "text.mkv").write_text("no film")
    with pytest.raises(RejectedError) as caught:
        unstabilized_strip(tmp_path / "text.mkv", 0, strip, quality=95)
    assert caught.value.reason is RejectReason.NOT_A_VIDEO


@pytest.mark.parametrize(
    ("stored", "wanted", "shown"),
    [
        pytest.param(64, 64, 64, id="same"),
        pytest.param(64, 128, 64, id="never-enlarged"),
        pytest.param(128, 96, 96, id="six-eighths"),
        pytest.param(128, 100, 96, id="rounded-down"),
        pytest.param(1024, 16, 128, id="no-less-than-an-eighth"),
    ],
)
def test_a_strip_shrinks_in_eighths(stored, wanted, shown):
    strip = encode_strip(np.full((32, stored, stored, 3), 77, np.uint8))

    small = shrink_strip(strip, wanted, quality=80)

    assert strip_shape(small) == (32 * shown, shown)
    assert np.abs(decode_strip(small).astype(int) - 77).max() <= 1


def test_bars_are_cut_off_as_they_were(tmp_path):
    frames = barred(film(PATH[:32], height=2 * SIZE, width=3 * SIZE), (32, 32, 40, 88))
    path = write_video(tmp_path / "film.mkv", frames, codec="ffv1")
    crop = Crop(left=40, top=32, width=SIZE, height=SIZE)
    picture = frames[:, 32 : 32 + SIZE, 40 : 40 + SIZE]

    jpeg = unstabilized_strip(path, 0, stabilized_from(picture, 0), 95, crop=crop)

    assert np.abs(decode_strip(jpeg).astype(float) - picture).mean() < 4
    with pytest.raises(UnreadableError, match="not the file that the strip was cut from"):
        unstabilized_strip(path, 0, stabilized_from(picture, 0), 95)
    with pytest.raises(ValueError, match="192 x 128 pixels has no part"):
        unstabilized_strip(path, 0, stabilized_from(picture, 0), 95, crop=replace(crop, left=129))
