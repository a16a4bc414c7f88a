"""Honest films in every format that people upload, small, drawn and encoded here.

Cost: 0.1 s per film of 96 frames; AV1 0.5 s.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from tests.drawn.films import add_ball, film, shaky_path
from tinyvideo.pipeline.types import Frames


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmKind:
    """A container with a codec, as FFmpeg calls them."""

    suffix: str
    codec: str
    options: dict[str, str] = field(default_factory=dict)
    pix_fmt: str = "yuv420p"
    width: int = 160
    height: int = 120
    bit_rate: int = 0


_VPX = {"cpu-used": "8", "deadline": "realtime"}
_AV1 = {"preset": "12", "crf": "32", "svtav1-params": "lp=1"}
_X264 = {"crf": "23", "preset": "veryfast"}
_RATE = 400_000

KINDS: dict[str, FilmKind] = {
    "h264.mp4": FilmKind(suffix=".mp4", codec="libx264", options=_X264),
    "h264.mkv": FilmKind(suffix=".mkv", codec="libx264", options=_X264),
    "h264.ts": FilmKind(suffix=".ts", codec="libx264", options=_X264),
    "h264-baseline.3gp": FilmKind(
        suffix=".3gp", codec="libx264", options={**_X264, "profile": "baseline"}
    ),
    "hevc.mp4": FilmKind(
        suffix=".mp4",
        codec="libx265",
        options={"crf": "25", "preset": "veryfast", "x265-params": "log-level=none:pools=1"},
    ),
    "vp8.webm": FilmKind(
        suffix=".webm",
        codec="libvpx",
        bit_rate=_RATE,
        options=_VPX,
    ),
    "vp9.webm": FilmKind(
        suffix=".webm",
        codec="libvpx-vp9",
        bit_rate=_RATE,
        options=_VPX,
    ),
    "av1.mp4": FilmKind(
        suffix=".mp4",
        codec="libsvtav1",
        options=_AV1,
    ),
    "av1.webm": FilmKind(
        suffix=".webm",
        codec="libsvtav1",
        options=_AV1,
    ),
    "mpeg4.avi": FilmKind(suffix=".avi", codec="mpeg4", bit_rate=_RATE, options={"bf": "1"}),
    "mpeg2.ts": FilmKind(suffix=".ts", codec="mpeg2video", bit_rate=2 * _RATE),
    "mpeg2.mpg": FilmKind(suffix=".mpg", codec="mpeg2video", bit_rate=2 * _RATE),
    "mjpeg.mov": FilmKind(suffix=".mov", codec="mjpeg", pix_fmt="yuvj420p", bit_rate=4 * _RATE),
    "mjpeg.avi": FilmKind(suffix=".avi", codec="mjpeg", pix_fmt="yuvj420p", bit_rate=4 * _RATE),
    "wmv2.wmv": FilmKind(suffix=".wmv", codec="wmv2", bit_rate=_RATE),
    "flv1.flv": FilmKind(suffix=".flv", codec="flv", bit_rate=_RATE),
    "h263.3gp": FilmKind(suffix=".3gp", codec="h263", bit_rate=_RATE, width=176, height=144),
    "prores.mov": FilmKind(suffix=".mov", codec="prores_ks", pix_fmt="yuv422p10le"),
    "mpeg4.mp4": FilmKind(suffix=".mp4", codec="mpeg4", bit_rate=_RATE),
}


def draw_pictures(seed: int, frames: int, width: int, height: int) -> Frames:
    """Draw what a shaky camera sees, or one on a tripod, with something that moves."""
    rng = np.random.default_rng(seed)
    strength = float(rng.choice([0.0, 1.0, 3.0]))
    path = shaky_path(frames, seed, strength, height, width)
    seen = film(path, seed, height, width)
    start = (float(rng.uniform(30, width - 30)), float(rng.uniform(30, height - 30)))
    speed = (float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1)))
    return add_ball(seen, path, start=start, velocity=speed, radius=14, seed=seed + 1)


def encode(path: Path, kind: FilmKind, pictures: Frames, *, fps: int = 25, group: int = 32) -> Path:
    """Write pictures, (T, H, W, 3), as a film with a key frame each `group` frames at least."""
    options = {**kind.options, "g": str(group)}
    with av.open(path, "w") as output:
        stream = output.add_stream(kind.codec, rate=Fraction(fps), options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = kind.width, kind.height, kind.pix_fmt
        stream.codec_context.thread_count = 1
        if kind.bit_rate:
            stream.bit_rate = kind.bit_rate
        for picture in pictures:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        output.mux(stream.encode())
    return path
