"""A strip and its bytes: one JPEG of 32 frames, cut shorter, or as a small film.

mp4         A strip -> a small film that every player shows: H.264 in MP4
recut       A strip of more than 32 frames -> its first 32, without encoding any of them again
shrink      Frames of a strip, smaller by areas: any size to any other, without OpenCV
strip_jpeg  A strip and its JPEG: 32 square frames, one below the other
"""

from tinyvideo.pipeline.strips.mp4 import DEFAULT_FPS, write_mp4
from tinyvideo.pipeline.strips.recut import first_strip
from tinyvideo.pipeline.strips.shrink import averages, shrink_frames
from tinyvideo.pipeline.strips.strip_jpeg import (
    StripConfig,
    crop_to_strip,
    decode_strip,
    encode_strip,
    strip_shape,
)

__all__ = [
    "DEFAULT_FPS",
    "StripConfig",
    "averages",
    "crop_to_strip",
    "decode_strip",
    "encode_strip",
    "first_strip",
    "shrink_frames",
    "strip_shape",
    "write_mp4",
]
