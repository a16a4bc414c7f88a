"""One video from file to strips: which windows there are, and what becomes of each."""

import cv2
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from tests.drawn.barred import barred
from tests.drawn.films import film, flat, pan, repeated, shaky_path, write_video
from tinyvideo.pipeline.curation import CurationConfig, curate, use_one_thread
from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.strips.strip_jpeg import StripConfig, decode_strip
from tinyvideo.pipeline.types import Crop
from tinyvideo.pipeline.windows.bars import BarsConfig

SMALL = CurationConfig(strips=StripConfig(size=64))


class Sighted:
    """A classifier that knows one scene, and counts how often it is asked."""

    model = "test"
    scenes = ("textured",)

    def __init__(self):
        self.asked = 0
        self.shapes = set()

    def __call__(self, frames):
        self.asked += 1
        self.shapes.add(frames.shape)
        return np.full((len(frames), 1), 0.75, np.float32)


def shot(frames, seed=0, **size):
    return film(shaky_path(frames, seed=seed, **size), seed=seed, **size)


def shaky(frames, seed=0):
    return film(shaky_path(frames, seed=seed, strength=6), seed=seed)


def test_windows_follow_each_other_and_the_rest_is_left(tmp_path):
    path = write_video(tmp_path / "film.mp4", shot(70))
    classifier = Sighted()

    clips = list(curate(path, classifier, SMALL))

    assert [(clip.index, clip.start_frame) for clip in clips] == [(0, 0), (1, 32)]
    first, second = (clip.strip for clip in clips)
    assert decode_strip(first.jpeg).shape == (32, 64, 64, 3)
    assert second.start_s == pytest.approx(32 / 25)
    assert (first.fps, first.source_width, first.source_height) == (25, 320, 180)
    assert first.scenes.tags[0].scene == "textured"
    assert classifier.asked == 1  # one shot, two strips


def test_a_cut_ends_its_window_and_the_next_begins_behind_it(tmp_path):
    frames = np.concatenate([shot(40, seed=1), shot(33, seed=2)])
    classifier = Sighted()

    clips = list(curate(write_video(tmp_path / "film.mp4", frames), classifier, SMALL))

    assert [(c.start_frame, c.reason) for c in clips] == [
        (0, None),
        (32, RejectReason.SHOT_CUT),
        (40, None),
    ]
    assert clips[1].detail == "a new shot begins at frame 40"
    assert classifier.asked == 2  # two shots


def test_matrices_are_in_pixels_of_the_upright_source(tmp_path):
    height, width = 270, 480  # is worked on at 240 x 427
    truth = shaky_path(32, seed=4, strength=10, height=height, width=width)
    path = write_video(tmp_path / "film.mp4", film(truth, 4, height, width))

    (clip,) = curate(path, None, SMALL)

    point = np.array([400, 200, 1.0])
    ours, theirs = clip.to_first @ point, truth @ point
    ours, theirs = ours / ours[:, 2:], theirs / theirs[:, 2:]
    assert np.abs(ours - theirs).max() < 0.8
    assert clip.strip.scenes is None


def test_every_second_frame_of_a_fast_film(tmp_path):
    path = write_video(tmp_path / "film.mp4", shot(130), fps=60)

    clips = list(curate(path, None, SMALL))

    assert [(c.start_frame, c.frame_step, c.strip.fps) for c in clips] == [(0, 2, 30), (64, 2, 30)]


def test_a_film_that_repeats_its_pictures_gives_strips_at_its_true_rate(tmp_path):
    frames, first = repeated(shaky(66), 24, 30)
    path = write_video(tmp_path / "film.mp4", frames, fps=30)

    one, other = curate(path, None, SMALL)

    assert (one.strip.fps, one.strip.source_step, one.frame_step) == (24, 1, 1)
    assert one.source_frames == one.strip.source_frames == tuple(first[:32])
    assert (other.start_frame, other.source_frames) == (first[32], tuple(first[32:64]))
    assert other.start_s == pytest.approx(first[32] / 30, abs=1e-3)


def test_every_second_frame_of_a_film_that_shows_each_picture_twice_needs_no_list(tmp_path):
    frames, _ = repeated(shaky(33), 15, 30)

    (clip,) = curate(write_video(tmp_path / "film.mp4", frames, fps=30), None, SMALL)

    assert (clip.strip.fps, clip.frame_step, clip.source_frames) == (15, 2, None)


@pytest.mark.parametrize("pictures", [20, 40])
def test_a_film_of_too_few_true_pictures_per_second_is_refused(tmp_path, pictures):
    frames, _ = repeated(shaky(pictures), 6, 30)
    path = write_video(tmp_path / "film.mp4", frames, fps=30)
    with pytest.raises(
        RejectedError, match="frame_rate: 30 frames per second, most of them"
    ) as told:
        list(curate(path, None, SMALL))
    assert "6 fps; no step of 1 to 8 frames gives 10 to 35 fps" in told.value.detail


def test_a_slow_film_is_refused_by_its_figure_whatever_happens_in_it(tmp_path):
    frames = np.concatenate([shaky(40, seed=1), shaky(30, seed=2)])  # a cut
    with pytest.raises(RejectedError, match="frame_rate: 6 fps; no step of 1 to 8"):
        list(curate(write_video(tmp_path / "film.mp4", frames, fps=6), None, SMALL))


# Time stamps.


def windows_of(tmp_path, times, frames=None):
    frames = shaky(len(times), seed=3) if frames is None else frames
    clips = list(curate(write_video(tmp_path / "film.mp4", frames, times=times), None, SMALL))
    return [
        (clip.start_frame, clip.strip and (round(clip.strip.fps, 2), clip.frame_step), clip.reason)
        for clip in clips
    ]


UNEVEN = RejectReason.UNEVEN_TIMING


def test_a_pause_ends_a_window_and_says_nothing_of_the_rest(tmp_path):
    times = [t / 30 + (20 if t >= 70 else 0) for t in range(102)]
    assert windows_of(tmp_path, times) == [
        (0, (30, 1), None),
        (32, (30, 1), None),
        (64, None, UNEVEN),
        (70, (30, 1), None),
    ]


def test_a_first_frame_that_lasts_costs_no_window(tmp_path):
    times = [0, *(0.185 + t / 30 for t in range(32))]
    assert windows_of(tmp_path, times) == [(0, None, UNEVEN), (1, (30, 1), None)]


def test_a_dropped_frame_costs_no_window(tmp_path):
    kept = [t for t in range(82) if t % 40 != 7]
    found = windows_of(tmp_path, [t / 30 for t in kept])
    assert [start for start, _, reason in found if reason is None] == [7, 46]
    assert [start for start, _, reason in found if reason is UNEVEN] == [0, 39]


def test_a_slow_motion_part_is_taken_by_its_own_step(tmp_path):
    slow = [32 / 30 + t / 240 for t in range(7 * 32)]
    rest = [slow[-1] + (t + 1) / 30 for t in range(32)]
    times = [*(t / 30 for t in range(32)), *slow, *rest]
    found = windows_of(tmp_path, times)
    assert [fps for _, fps, reason in found if reason is None] == [(30, 1), (34.29, 7), (30, 1)]


def test_a_film_that_changes_its_rate_says_each_rate(tmp_path):
    times = [*(t / 30 for t in range(32)), *(32 / 30 + t / 15 for t in range(33))]
    found = windows_of(tmp_path, times)
    assert [fps for _, fps, reason in found if reason is None] == [(30, 1), (15, 1)]


def test_a_film_whose_stamps_are_rounded_has_the_rate_that_is_meant(tmp_path):
    times = [round(t / 29.97, 3) for t in range(32)]
    ((_, (fps, _), _),) = windows_of(tmp_path, times)
    assert fps == pytest.approx(29.97, abs=0.05)


@pytest.mark.parametrize("fps", [36, 39.5, 120, 240])
def test_fast_films_are_stepped_through(tmp_path, fps):
    step = -(-fps // 35)
    found = windows_of(tmp_path, [t / fps for t in range(int(32 * step))])
    assert found == [(0, (round(fps / step, 2), step), None)]


@pytest.mark.parametrize("kind", ["random", "backwards in between"])
def test_stamps_without_any_pace_cost_windows_of_32_and_no_more(tmp_path, kind):
    rng = np.random.default_rng(0)
    gaps = rng.choice([0.011, 0.04, 0.13], 96)
    found = windows_of(tmp_path, np.cumsum(gaps).tolist())
    assert {reason for _, _, reason in found} == {UNEVEN}
    assert len(found) <= 12


def test_a_window_ends_where_the_pace_changes(tmp_path):
    frames, _ = repeated(shaky(90, seed=1), 24, 30)
    frames = np.concatenate([shaky(40, seed=2), frames])

    clips = list(curate(write_video(tmp_path / "film.mp4", frames, fps=30), None, SMALL))

    said = [(c.start_frame, c.reason, c.strip and c.strip.fps) for c in clips]
    assert said[0] == (0, None, 30)
    assert {fps for _, reason, fps in said if reason is None} == {30, 24}
    changes = [c.detail for c in clips if c.reason is RejectReason.UNEVEN_TIMING]
    assert changes == [] or "the film shows 24 instead of 30 pictures per second" in changes[0]


def test_a_strip_holds_the_frames_it_says(tmp_path):
    grays = np.concatenate([shot(32), np.clip(shot(32, seed=1) // 2, 0, 255)])
    path = write_video(tmp_path / "film.mp4", grays)

    clips = [clip for clip in curate(path, None, SMALL) if clip.strip]

    means = [decode_strip(clip.strip.jpeg).mean() for clip in clips]
    assert means[1] == pytest.approx(means[0] / 2, abs=8)


def test_black_frames_are_flat_and_the_rest_goes_on(tmp_path):
    frames = np.concatenate([flat(32), shot(32)])

    clips = list(curate(write_video(tmp_path / "film.mp4", frames), None, SMALL))

    assert clips[0].reason is RejectReason.FLAT
    assert clips[-1].strip is not None


def test_three_frames_are_too_short(tmp_path):
    path = write_video(tmp_path / "film.mp4", shot(3))

    with pytest.raises(RejectedError, match="3 frames, a window needs 32") as caught:
        list(curate(path, None, SMALL))
    assert caught.value.reason is RejectReason.TOO_SHORT


def test_strips_before_a_break_are_kept(tmp_path):
    whole = write_video(tmp_path / "whole.mp4", shot(96), container={"movflags": "faststart"})
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.55)])

    clips = list(curate(broken, None, SMALL))

    assert clips[0].strip is not None
    assert clips[-1].reason is RejectReason.BROKEN_STREAM


def test_a_camera_that_turns_away_leaves_the_view(tmp_path):
    path = [np.linalg.matrix_power(pan(6, 0), t) for t in range(32)]

    (clip,) = curate(write_video(tmp_path / "film.mp4", film(path)), None, SMALL)

    assert clip.reason is RejectReason.OUT_OF_VIEW
    assert clip.to_first.shape == (32, 3, 3)  # where it went is known all the same


def test_bars_are_cut_off_and_matrices_stay_in_pixels_of_the_source(tmp_path):
    height, width = 320, 480  # between the bars, 240 rows: the film of 270 rows in the middle
    truth = shaky_path(64, seed=4, strength=10, height=height, width=width)
    bars = barred(film(truth, 4, height, width), (40, 40, 0, 0))
    path = write_video(tmp_path / "film.mp4", bars)
    classifier = Sighted()

    first, second = curate(path, classifier, SMALL)

    assert first.crop == second.crop == Crop(left=0, top=40, width=480, height=240)
    assert first.strip.crop == first.crop
    assert (first.strip.source_width, first.strip.source_height) == (480, 320)
    point = np.array([400, 200, 1.0])
    ours, theirs = first.to_first @ point, truth[:32] @ point
    assert np.abs(ours / ours[:, 2:] - theirs / theirs[:, 2:]).max() < 0.8
    shown = decode_strip(first.strip.jpeg)
    assert min(shown[:, [0, -1]].mean(axis=(0, 2, 3))) > 80  # no row of it is a bar
    assert classifier.shapes == {(1, 240, 480, 3)}  # nor does the classifier see one


def test_bars_are_picture_where_they_are_not_looked_for(tmp_path):
    path = write_video(tmp_path / "film.mp4", barred(shot(32), (24, 24, 0, 0)))
    blind = CurationConfig(strips=StripConfig(size=64), bars=BarsConfig(look=False))

    (clip,) = curate(path, None, blind)

    assert clip.crop is None


def test_a_shot_with_other_bars_is_cut_in_another_way(tmp_path):
    shots = [barred(shot(64, seed=1), (24, 24, 0, 0)), barred(shot(40, seed=2), (0, 0, 40, 40))]
    path = write_video(tmp_path / "film.mp4", np.concatenate([*shots, shot(33, seed=3)]))

    clips = list(curate(path, None, SMALL))

    letterbox = Crop(left=0, top=24, width=320, height=132)
    pillarbox = Crop(left=40, top=0, width=240, height=180)
    kept = [(clip.start_frame, clip.crop) for clip in clips if clip.strip]
    assert kept == [(0, letterbox), (32, letterbox), (64, pillarbox), (104, None)]
    assert [clip.reason for clip in clips if not clip.strip] == [RejectReason.SHOT_CUT]


def test_a_worker_uses_one_thread():
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    with threadpool_limits(limits=2):  # also puts back what it found
        assert {pool["num_threads"] for pool in threadpool_info()} == {2}
        use_one_thread()
        assert cv2.getNumThreads() == 1
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    cv2.setNumThreads(before)


def test_same_film_same_bytes(tmp_path):
    path = write_video(tmp_path / "film.mp4", shot(64))

    one, other = ([clip.strip.jpeg for clip in curate(path, None, SMALL)] for _ in range(2))

    assert one == other
