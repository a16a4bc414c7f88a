"""A strip is 32 square frames below each other, and comes back from its JPEG."""

import numpy as np
import pytest
import simplejpeg

from tinyvideo.pipeline.strips.strip_jpeg import (
    StripConfig,
    crop_to_strip,
    decode_strip,
    encode_strip,
    strip_shape,
)

SIZE = 32


def gray(levels: np.ndarray, size: int = SIZE) -> np.ndarray:
    """One brightness per frame, (32,) -> (32, size, size, 3)."""
    frames = np.broadcast_to(levels[:, None, None, None], (32, size, size, 3))
    return frames.astype(np.uint8)


def ramps(size: int = SIZE) -> np.ndarray:
    """Frames that get brighter to the right and downwards, each one other than its neighbors."""
    step = 128 // size
    y, x = np.mgrid[:size, :size]
    frames = [step * x * (t % 2) + step * y * (1 - t % 2) + 3 * t for t in range(32)]
    return np.stack([frames] * 3, axis=-1).astype(np.uint8)


# -- JPEG ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_frames_come_back_as_they_were(size):
    frames = ramps(size)
    decoded = decode_strip(encode_strip(frames, 100))
    assert decoded.shape == (32, size, size, 3)
    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - frames).max() <= 2


def test_frame_0_is_on_top_and_frames_follow_downwards():
    levels = np.arange(32) * 8
    jpeg = encode_strip(gray(levels))
    assert strip_shape(jpeg) == (32 * SIZE, SIZE)
    sheet = simplejpeg.decode_jpeg(jpeg)  # as a viewer shows it
    np.testing.assert_allclose(sheet[::SIZE, 0, 0], levels, atol=1)
    np.testing.assert_allclose(decode_strip(jpeg)[:, 5, 7, 2], levels, atol=1)


def test_channels_stay_in_their_order():
    frames = np.zeros((32, SIZE, SIZE, 3), np.uint8)
    frames[:] = (200, 100, 50)
    assert np.abs(decode_strip(encode_strip(frames)).astype(int) - (200, 100, 50)).max() <= 2


def test_neighboring_frames_do_not_run_into_each_other():
    frames = gray(np.arange(32) % 2 * 255)
    np.testing.assert_array_equal(decode_strip(encode_strip(frames)), frames)


def test_frames_that_lie_apart_in_memory_are_encoded():
    video = np.repeat(ramps(), 2, axis=0)
    assert encode_strip(video[::2]) == encode_strip(ramps())


def test_equal_frames_give_equal_bytes():
    assert encode_strip(ramps()) == encode_strip(ramps())


def test_quality_costs_bytes_and_buys_fidelity():
    frames = np.random.default_rng(0).integers(0, 256, (32, SIZE, SIZE, 3)).astype(np.uint8)

    def error(jpeg: bytes) -> float:
        return np.abs(decode_strip(jpeg).astype(float) - frames).mean()

    coarse, fine = encode_strip(frames, 50), encode_strip(frames, 95)
    assert len(coarse) < len(fine)
    assert error(coarse) > error(fine)
    assert encode_strip(frames) == encode_strip(frames, StripConfig().jpeg_quality)


@pytest.mark.parametrize("eighth", range(1, 9))
def test_a_strip_is_decoded_at_eighths_of_its_size(eighth):
    size = 128 * eighth // 8
    decoded = decode_strip(encode_strip(ramps(128)), size)
    assert decoded.shape == (32, size, size, 3)
    # A ramp stays a ramp: its brightness at a place depends on nothing but the place.
    y, x = (np.mgrid[:size, :size] + 0.5) * 128 / size - 0.5
    wanted = np.stack([x * (t % 2) + y * (1 - t % 2) + 3 * t for t in range(32)])
    inner = slice(2, -2)
    np.testing.assert_allclose(decoded[:, inner, inner, 1], wanted[:, inner, inner], atol=4)


@pytest.mark.parametrize("size", [0, -1, 1, 8, 24, 127, 129, 144, 256])
def test_other_sizes_are_refused(size):
    with pytest.raises(ValueError, match=f"128 pixels cannot be decoded at {size}"):
        decode_strip(encode_strip(ramps(128)), size)


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(np.zeros((31, 16, 16, 3), np.uint8), id="31 frames"),
        pytest.param(np.zeros((33, 16, 16, 3), np.uint8), id="33 frames"),
        pytest.param(np.zeros((32, 16, 32, 3), np.uint8), id="not square"),
        pytest.param(np.zeros((32, 16, 16, 4), np.uint8), id="RGBA"),
        pytest.param(np.zeros((32, 16, 16), np.uint8), id="gray"),
        pytest.param(np.zeros((32, 0, 0, 3), np.uint8), id="no pixels"),
        pytest.param(np.zeros(32, np.uint8), id="a vector"),
        pytest.param(np.zeros((32, 16, 16, 3), np.float32), id="float"),
    ],
)
def test_what_is_no_strip_is_not_encoded(frames):
    with pytest.raises(ValueError, match=r"a strip is \(32, S, S, 3\) uint8, got \("):
        encode_strip(frames)


def picture(height: int, width: int) -> bytes:
    return simplejpeg.encode_jpeg(np.zeros((height, width, 3), np.uint8))


@pytest.mark.parametrize(
    ("jpeg", "message"),
    [
        pytest.param(b"", "JPEG", id="nothing"),
        pytest.param(b"GIF89a" * 20, "JPEG", id="a GIF"),
        pytest.param(encode_strip(ramps())[:100], "JPEG", id="a torn header"),
        pytest.param(encode_strip(ramps())[:-900], "end of JPEG", id="a torn picture"),
        pytest.param(picture(34 * 16, 16), "32 square frames, got 16 x 544", id="34 frames"),
        pytest.param(picture(64, 64), "32 square frames, got 64 x 64", id="one frame"),
    ],
)
def test_what_is_no_strip_is_not_decoded(jpeg, message):
    with pytest.raises(ValueError, match=message):
        decode_strip(jpeg)


# -- crop ------------------------------------------------------------------------------------


def corners(width: float, height: float) -> np.ndarray:
    """Outer edges of a picture whose top left pixel has its center in (0, 0), (3, 4)."""
    x, y = [-0.5, width - 0.5], [-0.5, height - 0.5]
    return np.array([[x[0], x[1], x[0], x[1]], [y[0], y[0], y[1], y[1]], [1] * 4])


@pytest.mark.parametrize(
    ("width", "height", "left", "top", "side"),
    [
        pytest.param(320, 180, 70, 0, 180, id="landscape"),
        pytest.param(180, 320, 0, 70, 180, id="portrait"),
        pytest.param(128, 128, 0, 0, 128, id="as large as the strip"),
        pytest.param(64, 64, 0, 0, 64, id="smaller"),
        pytest.param(321, 180, 70.5, 0, 180, id="odd"),
    ],
)
def test_the_centered_square_fills_the_strip(width, height, left, top, side):
    square = corners(side, side) + np.array([[left], [top], [0]])
    np.testing.assert_allclose(
        crop_to_strip(width, height, 128) @ square, corners(128, 128), atol=1e-9
    )


def test_the_middle_stays_the_middle():
    middle = crop_to_strip(321, 181, 64) @ [160, 90, 1]
    np.testing.assert_allclose(middle, [31.5, 31.5, 1])


# -- configuration ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("size", size) for size in (0, 8, 100, 1040, -16)],
        *[("jpeg_quality", quality) for quality in (0, 101)],
    ],
)
def test_impossible_values_are_refused(field, value):
    with pytest.raises(ValueError, match=rf"{field} must be .*, got {value}"):
        StripConfig(**{field: value})


@pytest.mark.parametrize("size", [16, 64, 128, 1024])
def test_every_allowed_size_can_be_encoded(size):
    StripConfig(size=size)
    assert strip_shape(encode_strip(np.zeros((32, size, size, 3), np.uint8))) == (32 * size, size)
