"""Which of a file's streams is the film, and what else in it may not get in its way."""

from fractions import Fraction

import av
import numpy as np
import pytest

from tests.drawn.films import film, pan, texture
from tinyvideo.pipeline.decode.container import choose_film, open_container, open_file
from tinyvideo.pipeline.decode.frames import open_video

FRAMES = film([pan(t, 0) for t in range(40)], seed=3, height=96, width=128)

ASS = """[Script Info]
[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,16
[Events]
Format: Layer, Start, End, Style, Text
"""


def add_film(output, frames, *, codec="libx264", rate=25):
    stream = output.add_stream(codec, rate=rate)
    stream.height, stream.width = frames[0].shape[:2]
    stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    return stream, [av.VideoFrame.from_ndarray(np.ascontiguousarray(f), "rgb24") for f in frames]


def write(path, *films, subtitle_s=0.0):
    with av.open(path, "w") as output:
        streams = [add_film(output, frames, codec=codec) for codec, frames in films]
        words = output.add_stream("mov_text") if subtitle_s else None
        if words is not None:
            words.codec_context.subtitle_header = ASS.encode()
        for stream, frames in streams:
            for frame in frames:
                output.mux(stream.encode(frame))
            output.mux(stream.encode())
        if words is not None:
            packet = av.Packet(b"\x00\x02hi")
            packet.stream, packet.time_base = words, Fraction(1, 1000)
            packet.pts = packet.dts = 0
            packet.duration = round(1000 * subtitle_s)
            output.mux(packet)
    return path


def chosen(path):
    with open_file(path) as file, open_container(file) as container:
        return choose_film(container).index


def test_a_cover_that_comes_first_and_says_nothing_is_no_film(tmp_path):
    cover = [texture(1, 192, 256)]
    path = write(tmp_path / "a.mp4", ("mjpeg", cover), ("libx264", FRAMES))
    with open_video(path) as video:
        assert len(list(video)) == 40
        assert (video.facts.width, video.facts.height) == (128, 96)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_preview_beside_the_film_is_left(tmp_path, suffix):
    small = FRAMES[:, ::2, ::2]
    path = write(tmp_path / f"a{suffix}", ("libx264", small), ("libx264", FRAMES))
    assert chosen(path) == 1


def test_a_large_thumbnail_track_of_a_few_frames_is_no_film(tmp_path):
    large = np.stack([texture(seed, 192, 256) for seed in range(3)])
    path = write(tmp_path / "a.mov", ("mjpeg", large), ("libx264", FRAMES))
    assert chosen(path) == 1


def test_a_file_of_one_picture_is_still_opened(tmp_path):
    path = write(tmp_path / "a.mp4", ("libx264", FRAMES[:1]))
    with open_video(path) as video:
        assert len(list(video)) == 1


def test_a_subtitle_that_outlasts_the_film_makes_it_no_broken_one(tmp_path):
    path = write(tmp_path / "a.mp4", ("libx264", FRAMES), subtitle_s=30)
    with open_video(path) as video:
        assert len(list(video)) == 40
