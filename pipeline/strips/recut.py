"""A strip of more than 32 frames -> its first 32, without encoding any of them again.

Frames of the released dataset lie in one JPEG, 34 of them, and a strip is 32. A baseline JPEG
of 4:2:0 is coded in rows of 16 lines, and 32 frames are a whole number of these. So the height in
its header is lowered, and what follows the last row that is left is cut off: the decoder
itself says how many bytes that is. The pixels are then the same numbers as before, but for the very
last line, which shared its color with the frame below. A JPEG of another kind (progressive,
with restart markers), and one in gray or CMYK, is decoded and encoded anew at quality 95. What a
JPEG says besides its picture (EXIF, with places and names; color profiles, comments) is left out.

Cost, 34 frames of 128 pixels, 270 kB: 4.4 ms; 1.5 ms where there are 32 frames already, 7.7 ms
where it has to be encoded.
"""

import re

import numpy as np
import simplejpeg

from tinyvideo.pipeline.strips.strip_jpeg import encode_strip, strip_shape
from tinyvideo.pipeline.types import STRIP_FRAMES, Frame

_BASELINE, _START_OF_SCAN = 0xC0, 0xDA
_COLORS, _CMYK = 3, 4
_WORDS = {*range(0xE1, 0xEE), 0xEF, 0xFE}
"""Segments that are no picture: APP1 to APP13 and APP15 (EXIF, XMP, profiles), and comments. APP14
says how the colors are coded."""

_FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_LEFT_OVER = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_END = b"\xff\xd9"
_TRIES = 4
_ROW = 16
"""Lines of a coded row at 4:2:0; fewer in other JPEGs, and a divisor of it."""


def first_strip(jpeg: bytes) -> tuple[bytes, bool]:
    """Return a JPEG of the first 32 frames, and whether it had to be encoded anew.

    What holds 32 frames already comes back as it is, but for what is no picture. All of it is
    decoded once: what comes back is whole.

    Raises:
        ValueError: not a JPEG, damaged, or not 32 square frames or more.
    """
    height, width = strip_shape(jpeg)
    frames, rest = divmod(height, width)
    if rest or frames < STRIP_FRAMES:
        raise ValueError(f"a strip is 32 square frames, got {width} x {height} pixels")
    jpeg, colors = _without_words(jpeg)
    if colors != _COLORS:
        return _encoded_anew(_in_rgb(jpeg, colors), width), True
    if frames == STRIP_FRAMES:
        _check_whole(jpeg)
        return jpeg, False
    cut = _cut(jpeg, STRIP_FRAMES * width) if width % _ROW == 0 else None
    if cut is not None:
        return cut, False
    return _encoded_anew(simplejpeg.decode_jpeg(jpeg), width), True


def _encoded_anew(sheet: Frame, width: int) -> bytes:
    return encode_strip(sheet[: STRIP_FRAMES * width].reshape(STRIP_FRAMES, width, width, 3))


def _in_rgb(jpeg: bytes, colors: int) -> Frame:
    if colors != _CMYK:
        return np.asarray(simplejpeg.decode_jpeg(jpeg), np.uint8)
    ink = simplejpeg.decode_jpeg(jpeg, colorspace="CMYK").astype(np.uint16)
    light = ink if b"Adobe" in jpeg[: jpeg.find(b"\xff\xda")] else 255 - ink  # Adobe's is inverted
    return np.asarray(light[..., :3] * light[..., 3:] // 255, np.uint8)


def _without_words(jpeg: bytes) -> tuple[bytes, int]:
    """Leave out what is no picture, and count the colors that it is made of, 0: no telling."""
    kept, at, colors = [jpeg[:2]], 2, 0
    while jpeg[at : at + 1] == b"\xff" and jpeg[at + 1] != _START_OF_SCAN:
        kind, end = jpeg[at + 1], at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if kind in _FRAME_HEADERS:
            colors = jpeg[at + 9]
        if kind not in _WORDS:
            kept.append(jpeg[at:end])
        at = end
        if at + 10 > len(jpeg):
            raise ValueError("a JPEG that ends in its header")
    return b"".join([*kept, jpeg[at:]]), colors


def _cut(jpeg: bytes, height: int) -> bytes | None:
    try:
        at = _height_at(jpeg)
    except (ValueError, IndexError):
        return None
    cut = jpeg[:at] + height.to_bytes(2, "big") + jpeg[at + 2 :]
    # Of bytes that it has looked at in advance it counts too few, hence more than once.
    for _ in range(_TRIES):
        left_over = _left_over(cut)
        if not left_over:
            break
        cut = cut[: cut.rfind(_END) - left_over] + _END
    return cut if left_over == 0 else None


def _left_over(jpeg: bytes) -> int | None:
    """Count the coded bytes behind the last row; None if something else is wrong."""
    try:
        _check_whole(jpeg)
    except ValueError as error:
        found = _LEFT_OVER.search(str(error))
        return int(found[1]) if found else None
    return 0


def _check_whole(jpeg: bytes) -> None:
    height, width = strip_shape(jpeg)
    # At an eighth of the size the coded bytes are all read, and little else is done.
    simplejpeg.decode_jpeg(jpeg, min_height=height // 8, min_width=width // 8, min_factor=1)


def _height_at(jpeg: bytes) -> int:
    """Find the two bytes of the height in the header of a baseline JPEG.

    Raises:
        ValueError: it is of another kind.
    """
    at = 2
    while jpeg[at] == 0xFF and jpeg[at + 1] != _START_OF_SCAN:
        if jpeg[at + 1] == _BASELINE:
            return at + 5
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    raise ValueError("not a baseline JPEG")
