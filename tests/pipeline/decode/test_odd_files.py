"""Time stamps that run backwards, wrap, are equal or missing; headers that lie; files that grow."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from tests.drawn.films import film, pan, write_video
from tinyvideo.pipeline.curation import CurationConfig, curate
from tinyvideo.pipeline.decode.frames import open_video
from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.strips.strip_jpeg import StripConfig

SMALL = CurationConfig(strips=StripConfig(size=64))
FRAMES = film([pan(0.6 * t, t / 3) for t in range(80)], 4, 96, 128)


def reasons(path):
    try:
        return [clip.reason and clip.reason.value for clip in curate(path, None, SMALL)]
    except RejectedError as error:
        return error.reason.value


def with_stamps(path, stamp):
    """Write 80 frames of MJPEG in Matroska whose packets have the stamps `stamp` says, in ms."""
    whole = write_video(path.with_suffix(".whole.mkv"), FRAMES, codec="mjpeg")
    with av.open(whole) as source, av.open(path, "w") as target:
        copy = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if packet.size:
                packet.stream = copy
                packet.time_base = Fraction(1, 1000)
                packet.pts = packet.dts = stamp(number)
                target.mux(packet)
    return path


def test_stamps_that_are_all_equal_make_no_window_even(tmp_path):
    # Matroska's header then tells no rate but the finest of its clock, 1000.
    assert reasons(with_stamps(tmp_path / "a.mkv", lambda number: 0)) == "frame_rate"


def test_stamps_that_run_backwards_begin_a_window_anew(tmp_path):
    parts = [write_video(tmp_path / f"{n}.ts", FRAMES[40 * n : 40 * n + 40]) for n in (0, 1)]
    path = tmp_path / "a.ts"
    path.write_bytes(parts[0].read_bytes() + parts[1].read_bytes())
    found = reasons(path)
    assert found.count(None) == 2
    assert len(found) == 3


def test_stamps_that_wrap_go_on(tmp_path):
    wraps_s = 2**33 / 90_000
    times = [wraps_s - 1.6 + t / 25 for t in range(80)]
    path = write_video(tmp_path / "a.ts", FRAMES, times=times)
    assert reasons(path) == [None, None]
    with open_video(path) as video:
        assert [round(25 * frame.time_s) for frame in video] == list(range(80))


def test_without_stamps_the_rate_of_the_header_is_the_pace(tmp_path):
    options = {"g": "12", "b": "900000"}
    path = write_video(tmp_path / "a.m2v", FRAMES, codec="mpeg2video", options=options)
    assert reasons(path)[:2] == [None, None]


def test_many_frames_of_a_pixel_are_refused_by_the_header(tmp_path):
    dots = np.zeros((400, 1, 1, 3), np.uint8)
    path = write_video(tmp_path / "a.mkv", dots, codec="ffv1")
    path.write_bytes(path.read_bytes()[:2000])  # so little of it is read
    with pytest.raises(RejectedError, match="1 x 1 px") as caught, open_video(path):
        pass
    assert caught.value.reason is RejectReason.FRAME_SIZE


def lie(path, at, value):
    """Write a number into the main header of an AVI, or that of its stream."""
    data = bytearray(path.read_bytes())
    chunk, offset = at
    struct.pack_into("<I", data, data.index(chunk) + 8 + offset, value)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        pytest.param((b"avih", 0), 1, id="microseconds-per-frame"),
        pytest.param((b"avih", 16), 10**9, id="frames"),
        pytest.param((b"avih", 32), 5000, id="width"),
        pytest.param((b"strh", 20), 0, id="scale"),
        pytest.param((b"strh", 24), 10**9, id="rate"),
        pytest.param((b"strh", 32), 10**9, id="length"),
        pytest.param((b"strf", 4), 5000, id="width-of-the-stream"),
        pytest.param((b"strf", 8), 64, id="height-of-the-stream"),
    ],
)
def test_a_header_that_lies_is_given_a_verdict(tmp_path, at, value):
    path = write_video(tmp_path / "a.avi", FRAMES[:40], codec="mpeg4", options={"b": "900000"})
    lie(path, at, value)
    found = reasons(path)
    assert found in ([None], [None, "broken_stream"], "frame_rate", "frame_size", "not_a_video")


def test_what_comes_in_another_codec_is_missed(tmp_path):
    one = write_video(tmp_path / "1.ts", FRAMES[:40])
    other = write_video(tmp_path / "2.ts", FRAMES[40:], codec="mpeg2video", options={"b": "900000"})
    path = tmp_path / "a.ts"
    path.write_bytes(one.read_bytes() + other.read_bytes())
    found = reasons(path)
    assert found[0] is None
    assert found[1:] != []


def test_a_film_that_grows_while_it_is_read_is_read_to_its_end(tmp_path):
    whole = write_video(tmp_path / "whole.ts", FRAMES, options={"bf": "0"}).read_bytes()
    path = tmp_path / "a.ts"
    half = len(whole) // 188 // 2 * 188
    path.write_bytes(whole[:half])
    seen = []
    with open_video(path) as video:
        for frame in video:
            if frame.index == 1:
                with path.open("ab") as file:
                    file.write(whole[half:])
            seen.append(round(25 * frame.time_s))
    assert seen == list(range(len(seen)))
    assert len(seen) > 30
