"""A logo or a time stamp stays on the screen: it is cut off, or the window is refused."""

import cv2
import numpy as np
import pytest

from tests.drawn.films import add_ball, film, pan, shaky_path, write_video
from tinyvideo.pipeline.curation import CurationConfig, curate
from tinyvideo.pipeline.errors import RejectReason
from tinyvideo.pipeline.rerender import ClipPlace, cut_strips
from tinyvideo.pipeline.strips import StripConfig, decode_strip
from tinyvideo.pipeline.types import Crop
from tinyvideo.pipeline.windows.on_screen import ScreenConfig, crop_beside, find_on_screen

HEIGHT, WIDTH = 180, 320
SMALL = CurationConfig(strips=StripConfig(size=64))
PANNING = [pan(1.2 * t, 0.5 * t) for t in range(32)]


def stamped(frames, left, top, text="CH 5", scale=0.9):
    """Write white words with a dark rim at the same place of every frame."""
    frames = np.ascontiguousarray(frames.copy())
    for frame in frames:
        for color, thick in (((0, 0, 0), 6), ((255, 255, 255), 2)):
            cv2.putText(frame, text, (left, top), cv2.FONT_HERSHEY_SIMPLEX, scale, color, thick)
    return frames


@pytest.mark.parametrize(("left", "top"), [(10, 40), (240, 40), (240, 165), (110, 170)])
def test_words_are_found_where_they_are(left, top):
    frames = stamped(film(PANNING, seed=2), left, top)
    (patch,) = find_on_screen(frames, np.stack(PANNING))
    assert abs(patch.left - left) <= 20
    assert abs(patch.top + patch.height - top) <= 20
    assert 40 <= patch.width <= 100


@pytest.mark.parametrize("seed", range(4))
def test_a_scene_and_somebody_who_walks_along_have_nothing_on_the_screen(seed):
    path = shaky_path(32, seed=seed, strength=12)
    frames = film(path, seed=seed)
    assert find_on_screen(frames, path) in ([], None)
    along = add_ball(film(PANNING, seed=seed), PANNING, start=(80, 90), velocity=(1.0, 0.8))
    assert find_on_screen(along, np.stack(PANNING)) == []


def test_of_a_camera_that_stands_still_nothing_can_be_said():
    still = np.tile(np.eye(3), (32, 1, 1))
    assert find_on_screen(stamped(film(still), 10, 40), still) is None


def test_who_does_not_look_finds_nothing():
    frames = stamped(film(PANNING, seed=2), 10, 40)
    assert find_on_screen(frames, np.stack(PANNING), ScreenConfig(look=False)) is None


def rect(left, top, width, height):
    return Crop(left=left, top=top, width=width, height=height)


@pytest.mark.parametrize(
    ("patches", "size", "crop"),
    [
        ([rect(250, 0, 60, 40)], (320, 180), rect(0, 0, 250, 180)),
        ([rect(10, 0, 60, 40)], (320, 180), rect(70, 0, 250, 180)),
        ([rect(10, 0, 40, 40), rect(280, 9, 30, 40)], (320, 180), rect(50, 0, 230, 180)),
        ([rect(0, 10, 60, 50)], (180, 320), rect(0, 60, 180, 260)),
        ([rect(130, 150, 60, 20)], (320, 180), None),
        ([rect(10, 0, 40, 40)], (180, 180), None),
    ],
)
def test_the_crop_leaves_out_every_patch_and_as_large_a_square_fits(patches, size, crop):
    assert crop_beside(patches, *size) == crop


@pytest.fixture(scope="module")
def with_logo(tmp_path_factory):
    path = tmp_path_factory.mktemp("logo") / "film.mp4"
    return write_video(path, stamped(film(PANNING, seed=2), 240, 40))


def test_a_logo_in_a_corner_is_left_out_of_the_strip_and_render_knows(with_logo):
    (clip,) = curate(with_logo, None, SMALL)

    assert clip.strip.overlay.share == pytest.approx(0.06, abs=0.05)
    assert clip.strip.overlay.place.left == pytest.approx(232, abs=12)
    assert (clip.crop.left, clip.crop.top, clip.crop.height) == (0, 0, HEIGHT)
    assert HEIGHT <= clip.crop.width <= 245
    # The picture, and nothing of the words: a film without them gives the same strip.
    entry = {
        "index": 0,
        "start_frame": 0,
        "frame_step": 1,
        "to_first": clip.to_first.tolist(),
        "crop": {name: getattr(clip.crop, name) for name in ("left", "top", "width", "height")},
    }
    clean = write_video(with_logo.with_name("clean.mp4"), film(PANNING, seed=2))
    (jpeg,) = cut_strips(clean, [ClipPlace.of(entry)], 64)
    there, here = decode_strip(jpeg).astype(int), clip.frames.astype(int)
    assert np.abs(there - here).mean() < 6  # cut at another size: softer or sharper, no words
    assert np.abs(there.mean(axis=(2, 3)) - here.mean(axis=(2, 3))).max() < 6


def test_words_in_the_middle_refuse_the_window_and_say_where(tmp_path):
    frames = stamped(film(PANNING, seed=2), 110, 170)
    (clip,) = curate(write_video(tmp_path / "film.mp4", frames), None, SMALL)
    assert clip.reason is RejectReason.OVERLAY
    assert "no square of this size leaves it out" in clip.detail
    assert "from the left" in clip.detail
