"""`tv.stabilize`: what comes out for films whose camera is known."""

import numpy as np
import pytest

import tinyvideo as tv
from tests.drawn.films import film, flat, shaky_path, write_sound, write_video
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip, encode_strip


def test_every_window_comes_in_order_kept_or_with_its_reason(tmp_path):
    path = shaky_path(32)
    frames = np.concatenate([film(path), flat(32, 9)])
    kept, dropped = tv.stabilize(write_video(tmp_path / "film.mkv", frames, codec="ffv1"), size=64)

    assert kept.frames.shape == (32, 64, 64, 3)
    assert kept.frames.dtype == np.uint8
    # The camera shook by pixels, and the scene stands still now.
    assert np.abs(kept.frames[16].astype(int) - kept.frames[0])[8:-8, 8:-8].mean() < 4
    assert (kept.reason, kept.detail) == (None, "")
    assert kept.certificate is kept.strip.figures
    assert kept.certificate.residual_motion_px < 0.5
    assert (kept.start_frame, kept.frame_step, kept.start_s) == (0, 1, 0.0)
    assert np.allclose(kept.to_first, path, atol=0.2)
    # Not what JPEG has left of them, and what the strip stores is made of them.
    assert encode_strip(kept.frames) == kept.strip.jpeg
    assert not np.array_equal(decode_strip(kept.strip.jpeg), kept.frames)

    assert (dropped.frames, dropped.certificate, dropped.to_first) == (None, None, None)
    assert dropped.reason in set(tv.RejectReason)
    assert dropped.detail
    assert (dropped.start_frame, dropped.start_s) == (32, 32 / 25)


def test_by_the_method_of_2016(tmp_path):
    path = write_video(tmp_path / "film.mp4", film(shaky_path(32)))
    (clip,) = tv.stabilize(str(path), method="paper")
    assert clip.frames.shape == (32, 128, 128, 3)


@pytest.mark.parametrize("arguments", [{"size": 100}, {"method": "2016"}])
def test_wrong_arguments_are_told_at_once(arguments):
    with pytest.raises(ValueError, match="must be"):
        tv.stabilize("film.mp4", **arguments)


def test_what_is_no_film_is_one_sentence(tmp_path):
    (tmp_path / "text.mp4").write_text("no film")
    sound, missing = write_sound(tmp_path / "sound.mp4"), tmp_path / "missing.mp4"
    short = write_video(tmp_path / "short.mp4", film(shaky_path(3)))
    for path, error, text in (
        (tmp_path / "text.mp4", tv.RejectedError, "not_a_video"),
        (sound, tv.RejectedError, "no_video_stream"),
        (short, tv.RejectedError, "too_short: 3 frames, a window needs 32"),
        (missing, tv.UnreadableError, "No such file"),
        (tmp_path, tv.UnreadableError, "not a regular file"),
    ):
        with pytest.raises(error, match=text) as caught:
            list(tv.stabilize(path))
        assert "\n" not in str(caught.value)


def test_it_can_be_stopped_early(tmp_path):
    clips = tv.stabilize(write_video(tmp_path / "film.mp4", film(shaky_path(64))))
    assert next(clips).index == 0
    clips.close()
    assert list(clips) == []
