"""The first 32 frames of a strip are the same pixels as before; what cannot be cut is encoded."""

import io

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image

from tinyvideo.pipeline.strips.recut import first_strip
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip

WIDTH = 32
ROWS = 32 * WIDTH


def draw(frames: int, seed: int, quality: int = 95, *options: int) -> bytes:
    """Encode a sheet as the released dataset's code did, with OpenCV."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (frames * int(rng.integers(2, 16)), 8, 3), np.uint8)
    sheet = cv2.resize(small, (WIDTH, frames * WIDTH))
    return cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, quality, *options])[1].tobytes()


@pytest.mark.parametrize("seed", range(40))
def test_the_first_frames_keep_their_pixels(seed):
    # The seeds make every number of bytes that the decoder had looked at in advance: 0 to 6.
    jpeg = draw(33 + seed % 3, seed, quality=60 + seed)
    cut, encoded = first_strip(jpeg)
    assert not encoded
    assert len(cut) < len(jpeg)
    before, after = simplejpeg.decode_jpeg(jpeg)[:ROWS], simplejpeg.decode_jpeg(cut)  # strict
    assert np.array_equal(before[:-1], after[:-1])
    assert np.array_equal(decode_strip(cut), after.reshape(32, WIDTH, WIDTH, 3))


def test_a_strip_of_32_frames_is_left_alone():
    jpeg = draw(32, 0)
    assert first_strip(jpeg) == (jpeg, False)


@pytest.mark.parametrize(
    "option", [cv2.IMWRITE_JPEG_PROGRESSIVE, cv2.IMWRITE_JPEG_RST_INTERVAL], ids=str
)
def test_a_jpeg_of_another_kind_is_encoded_anew(option):
    jpeg = draw(34, 1, 95, option, 1)
    cut, encoded = first_strip(jpeg)
    assert encoded
    before = simplejpeg.decode_jpeg(jpeg)[:ROWS].astype(int)
    assert np.abs(before - simplejpeg.decode_jpeg(cut)).mean() < 8  # of noise


def test_what_is_no_strip_is_refused():
    whole = draw(34, 2)
    for jpeg in (draw(31, 2), draw(20, 2), b"", b"no picture"):
        with pytest.raises(ValueError):
            first_strip(jpeg)
    for at in (len(whole) // 3, len(whole) - 300):
        with pytest.raises(ValueError):
            first_strip(whole[:at])
    damaged = bytearray(draw(32, 3))
    damaged[-800:-700] = bytes(100)
    with pytest.raises(ValueError, match=r"Corrupt|Premature|corrupt"):
        first_strip(bytes(damaged))


def test_what_a_jpeg_says_besides_its_picture_is_left_out():
    jpeg = draw(32, 0)
    words = {0xE1: b"Exif\0\0GPS of a home", 0xE2: b"ICC_PROFILE\0", 0xFE: b"by Ada"}
    told = b"".join(
        bytes([0xFF, kind]) + (len(text) + 2).to_bytes(2, "big") + text
        for kind, text in words.items()
    )
    assert first_strip(jpeg[:2] + told + jpeg[2:]) == (jpeg, False)
    cut, _ = first_strip(draw(34, 1)[:2] + told + draw(34, 1)[2:])
    assert (b"Exif" in cut, b"Ada" in cut) == (False, False)
    with pytest.raises(ValueError):
        first_strip(jpeg[:2] + told + jpeg[2:100])


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_jpeg_in_gray_or_cmyk_becomes_one_in_rgb(mode):
    sheet = np.full((34 * WIDTH, WIDTH, 3), (200, 60, 30), np.uint8)
    sink = io.BytesIO()
    Image.fromarray(sheet).convert(mode).save(sink, "JPEG", quality=95)
    cut, encoded = first_strip(sink.getvalue())
    assert encoded
    assert Image.open(io.BytesIO(cut)).mode == "RGB"
    shown = decode_strip(cut).mean((0, 1, 2))
    gray = round(0.299 * 200 + 0.587 * 60 + 0.114 * 30)
    expected = (200, 60, 30) if mode == "CMYK" else (gray, gray, gray)
    assert np.abs(shown - expected).max() < 4
