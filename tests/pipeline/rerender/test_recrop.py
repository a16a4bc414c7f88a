"""Strips that are cut again from stored homographies are the strips that were cut first."""

from dataclasses import asdict
from fractions import Fraction

import cv2
import numpy as np
import pytest

from tests.drawn.barred import barred
from tests.drawn.films import add_ball, film, repeated, shaky_path, write_video
from tinyvideo.pipeline.curation import CurationConfig, curate
from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.rerender.recrop import ClipPlace, cut_strips
from tinyvideo.pipeline.strips.strip_jpeg import StripConfig, decode_strip


@pytest.fixture(scope="module")
def shaken(tmp_path_factory):
    path = tmp_path_factory.mktemp("recrop") / "film.mp4"
    write_video(path, film(shaky_path(64, seed=8, strength=5)))
    clips = list(curate(path, None, CurationConfig(strips=StripConfig(size=64))))
    assert all(clip.strip for clip in clips)
    return path, clips


def output_at(clip):
    return ClipPlace.of(
        {
            "index": clip.index,
            "start_frame": clip.start_frame,
            "frame_step": clip.frame_step,
            "source_frames": clip.source_frames,
            "to_first": clip.to_first.tolist(),
            "crop": None if clip.crop is None else asdict(clip.crop),
        }
    )


def test_the_same_size_gives_the_same_strips(shaken):
    path, clips = shaken

    again = list(cut_strips(path, [output_at(clip) for clip in clips], 64))

    for clip, jpeg in zip(clips, again, strict=True):
        one, other = decode_strip(clip.strip.jpeg), decode_strip(jpeg)
        assert np.abs(one.astype(int) - other).mean() < 0.5


def test_bars_are_cut_off_again(tmp_path):
    path = tmp_path / "film.mp4"
    shots = [barred(film(shaky_path(32, seed=8)), (23, 23, 0, 0)), film(shaky_path(32, seed=9), 1)]
    write_video(path, np.concatenate(shots))
    clips = list(curate(path, None, CurationConfig(strips=StripConfig(size=64))))

    again = list(cut_strips(path, [output_at(clip) for clip in clips], 64))
    (whole,) = cut_strips(path, [output_at(clips[0])], 64, (70, 0, 180))

    assert [clip.crop and clip.crop.top for clip in clips] == [23, None]
    for clip, jpeg in zip(clips, again, strict=True):
        one, other = decode_strip(clip.strip.jpeg), decode_strip(jpeg)
        assert np.abs(one.astype(int) - other).mean() < 0.5
    assert decode_strip(whole)[:, :6].max() < 30  # who asks for the whole height gets the bars


@pytest.mark.parametrize("aspect", [Fraction(32, 27), Fraction(8, 9)])
def test_pixels_that_are_not_square_are_made_so(tmp_path, aspect):
    drawn = film(shaky_path(32, seed=8, strength=5), height=240, width=352)
    path = write_video(tmp_path / "film.mp4", drawn, pixel_aspect=aspect)
    (clip,) = curate(path, None, CurationConfig(strips=StripConfig(size=64)))
    place = output_at(clip)

    (again,) = cut_strips(path, [place], 64)
    difference = decode_strip(clip.strip.jpeg).astype(int) - decode_strip(again)
    assert np.abs(difference).mean() < 1.5

    # The middle square of the picture by hand: so many columns are as wide as 240 rows are high.
    side = min(352, 240 / float(aspect))
    top = (240 - side * float(aspect)) / 2
    (by_hand,) = cut_strips(path, [place], 64, ((352 - side) / 2, top, side))
    assert np.abs(decode_strip(by_hand).astype(int) - decode_strip(again)).mean() < 2.5


def test_a_clip_of_a_version_without_crops_is_the_whole_picture():
    entry = {"index": 0, "start_frame": 0, "frame_step": 1, "to_first": np.zeros((32, 3, 3))}
    assert ClipPlace.of(entry).crop is None
    with pytest.raises(TypeError, match="up"):
        ClipPlace.of(entry | {"crop": {"left": 1, "up": 2}})


def test_another_crop_shows_that_part_of_the_film(shaken):
    path, clips = shaken
    place = output_at(clips[0])

    (middle,) = cut_strips(path, [place], 96, (112, 42, 96))  # pixel for pixel
    (whole,) = cut_strips(path, [place], 176)

    part, all_of_it = decode_strip(middle), decode_strip(whole)
    # The strip of 176 px shows 180 px of the film from x = 70, y = 0.
    near = all_of_it[:, 41:135, 41:135]
    assert np.abs(near.mean(axis=(1, 2)) - part.mean(axis=(1, 2))).max() < 3
    assert np.abs(np.diff(part.astype(int), axis=0)).mean() < 3  # it stands still, too


@pytest.mark.parametrize(
    ("true", "listed", "bars"),
    [
        pytest.param(24, True, 0, id="24-in-30"),
        pytest.param(15, False, 0, id="15-in-30"),
        pytest.param(24, True, 24, id="24-in-30-with-bars"),
    ],
)
def test_strips_of_a_film_that_repeats_its_pictures_are_cut_again_byte_for_byte(
    tmp_path, true, listed, bars
):
    still = np.tile(np.eye(3), (66, 1, 1))
    ball = add_ball(film(still[:1]).repeat(66, axis=0), still, start=(60, 90), velocity=(3, 0))
    frames, _ = repeated(barred(ball, (bars, bars, 0, 0)) if bars else ball, true, 30)
    path = write_video(tmp_path / "film.mp4", frames, fps=30)
    clips = list(curate(path, None, CurationConfig(strips=StripConfig(size=64))))
    assert [clip.certificate.camera_still for clip in clips] == [True, True]
    assert [clip.source_frames is not None for clip in clips] == [listed] * 2
    assert [clip.crop.top if clip.crop else 0 for clip in clips] == [bars, bars]

    again = list(cut_strips(path, [output_at(clip) for clip in clips], 64))

    assert again == [clip.strip.jpeg for clip in clips]


@pytest.mark.parametrize("frames", [[1, 2, 3], [*range(31), 30], [*range(31, -1, -1)]])
def test_a_clip_whose_frames_are_none_is_refused(frames):
    entry = {"index": 3, "start_frame": 0, "frame_step": 1, "to_first": np.zeros((32, 3, 3))}
    with pytest.raises(ValueError, match="clip 3 has no 32 ascending source_frames"):
        ClipPlace.of({**entry, "source_frames": frames})


def test_another_film_is_noticed(shaken, tmp_path):
    _, clips = shaken
    short = write_video(tmp_path / "short.mp4", film(shaky_path(40)))

    with pytest.raises(UnreadableError, match="ends before its clip 1, which begins at frame 32"):
        list(cut_strips(short, [output_at(clip) for clip in clips], 64))


def test_a_clip_without_its_matrices_is_refused():
    with pytest.raises(ValueError, match="clip 3 has no 32 matrices"):
        ClipPlace.of({"index": 3, "start_frame": 0, "frame_step": 1, "to_first": [[1]]})


def test_no_camera_is_looked_for_again(shaken, monkeypatch):
    path, clips = shaken

    def forbidden(*args, **kwargs):
        raise AssertionError("a camera is looked for")

    for name in ("SIFT_create", "findHomography", "calcOpticalFlowPyrLK"):
        monkeypatch.setattr(cv2, name, forbidden)
    monkeypatch.setattr(cv2.SIFT, "create", forbidden)

    assert len(list(cut_strips(path, [output_at(clip) for clip in clips], 96))) == len(clips)
