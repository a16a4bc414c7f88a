"""Bars are found to the row, and what only looks like bars is left alone."""

import numpy as np
import pytest

from tests.drawn.barred import (
    LETTERBOX,
    WITH_BARS,
    WITHOUT_BARS,
    barred,
    by_hand,
    dimmed,
    on_tripod,
)
from tests.drawn.films import HEIGHT, WIDTH, write_video
from tinyvideo.pipeline.decode.frames import open_video
from tinyvideo.pipeline.types import Crop
from tinyvideo.pipeline.windows import bar_watch
from tinyvideo.pipeline.windows.bar_watch import BarWatch
from tinyvideo.pipeline.windows.bars import BarsConfig, find_bars

LETTERBOXED = Crop(left=0, top=24, width=WIDTH, height=HEIGHT - 48)


def crops_in(path, frames, config=BarsConfig(), shots=(), **encoded):  # noqa: B008
    """Let windows of 32 frames go by, and return how each is cut; at `shots` a new shot begins."""
    crops = []
    with open_video(write_video(path, frames, **encoded)) as video:
        watch = BarWatch(video, config)
        for frame in video:
            if frame.index in shots:
                watch.begin_shot()
            watch.look(frame)
            if frame.index % 32 == 31:
                crops.append(video.crop)
                watch.begin_window()
    return crops


def found_in(path, frames, **encoded):
    """Return how one window is cut."""
    (crop,) = crops_in(path, frames, **encoded)
    return crop


@pytest.mark.parametrize(("bars", "draw"), WITH_BARS.values(), ids=WITH_BARS)
def test_bars_are_found_to_the_row(tmp_path, bars, draw):
    top, bottom, left, right = bars
    inside = Crop(left=left, top=top, width=WIDTH - left - right, height=HEIGHT - top - bottom)
    assert found_in(tmp_path / "a.mp4", draw(), crf=26) == inside


@pytest.mark.parametrize("draw", WITHOUT_BARS.values(), ids=WITHOUT_BARS)
def test_a_scene_without_bars_stays_whole(tmp_path, draw):
    assert found_in(tmp_path / "a.mp4", draw(), crf=26) is None


@pytest.mark.parametrize(
    ("codec", "suffix"), [("mjpeg", "avi"), ("ffv1", "mkv"), ("mpeg4", "mp4"), ("libvpx", "webm")]
)
def test_full_range_rgb_and_older_codecs_have_bars_too(tmp_path, codec, suffix):
    path = tmp_path / f"a.{suffix}"
    options = {} if codec == "ffv1" else {"b": "2M"}
    frames = barred(by_hand(), (23, 23, 0, 0))
    inside = Crop(left=0, top=23, width=WIDTH, height=HEIGHT - 46)
    assert found_in(path, frames, codec=codec, options=options) == inside


@pytest.mark.parametrize(
    ("rotation", "mirrored", "upright"),
    [
        (90, False, Crop(left=10, top=31, width=144, height=289)),
        (180, False, Crop(left=31, top=26, width=289, height=144)),
        (270, True, Crop(left=10, top=0, width=144, height=289)),
        (0, True, Crop(left=31, top=10, width=289, height=144)),
    ],
)
def test_a_crop_is_of_the_upright_picture(tmp_path, rotation, mirrored, upright):
    # As it is stored: 10 rows at the top, 26 at the bottom, 31 columns at the right.
    frames = barred(by_hand(), (10, 26, 0, 31))
    found = found_in(tmp_path / "a.mp4", frames, rotation=rotation, mirrored=mirrored)
    assert found == upright


def test_a_dark_window_is_cut_as_the_one_before(tmp_path):
    dark = barred(dimmed(by_hand(), 0.05), LETTERBOX)
    frames = np.concatenate([barred(by_hand(), LETTERBOX), dark, by_hand(5), dark])

    crops = crops_in(tmp_path / "a.mp4", frames, shots=[32, 64, 96])

    assert crops == [LETTERBOXED, LETTERBOXED, None, None]


def test_bars_are_looked_for_until_it_is_bright_enough(tmp_path):
    dark = barred(dimmed(by_hand(), 0.05), LETTERBOX)
    bright = barred(by_hand(), LETTERBOX)
    frames = np.concatenate([dark, bright, dark])

    assert crops_in(tmp_path / "a.mp4", frames) == [None, LETTERBOXED, LETTERBOXED]


def test_bars_that_are_gone_are_not_cut_off(tmp_path):
    frames = np.concatenate([barred(on_tripod(), LETTERBOX), on_tripod(), by_hand()])
    assert crops_in(tmp_path / "a.mp4", frames) == [LETTERBOXED, None, None]


def test_frames_of_a_window_are_cut_alike(tmp_path):
    path = write_video(tmp_path / "a.mp4", barred(by_hand(), LETTERBOX))
    with open_video(path) as video:
        watch = BarWatch(video)
        looks = [watch.look(frame) for frame in video]
    assert looks[:31] == [None] * 31
    assert [frame.index for frame in looks[31]] == list(range(32))
    assert {frame.image.shape for frame in looks[31]} == {(132, 320, 3)}
    assert min(frame.image[[0, -1]].max(axis=2).mean() for frame in looks[31]) > 100  # no dark row


def test_a_large_film_is_decided_early_and_holds_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(bar_watch, "HELD_BYTES", 12 * WIDTH * HEIGHT)
    path = write_video(tmp_path / "a.mp4", barred(by_hand(), LETTERBOX))
    with open_video(path) as video:
        watch = BarWatch(video)
        at = [frame.index for frame in video if watch.look(frame) is not None]
        assert video.crop == LETTERBOXED
    (decided,) = at
    assert 5 <= decided <= 7  # a frame has 1.5 bytes per pixel, and some at the end of its rows


def test_bars_are_picture_for_who_wants_them(tmp_path):
    frames = barred(by_hand(), LETTERBOX)
    assert crops_in(tmp_path / "a.mp4", frames, BarsConfig(look=False)) == [None]


def test_a_picture_too_small_for_a_strip_is_not_cut_out():
    frames = [frame[..., 1] for frame in barred(by_hand(), (0, 0, 120, 120))]
    assert find_bars(frames, BarsConfig(min_picture_px=80)) is not None
    assert find_bars(frames, BarsConfig(min_picture_px=81)) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_share", 0.5),
        ("max_share", 0.0),
        ("min_reach", 0.0),
        ("min_step", 0),
        ("max_level", -1),
    ],
)
def test_senseless_limits_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        BarsConfig(**{name: value})
