"""Pictures that were damaged tell it; what cameras and encoders make never does."""

from collections.abc import Callable

import av
import numpy as np
import pytest

from tests.drawn.films import film, shaky_path
from tinyvideo.pipeline.decode.picture_damage import DamageWatch, grid_ratio, impossible_share
from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.types import Frames


def look(pictures: Frames, codec: str = "h264") -> str:
    watch = DamageWatch(codec)
    try:
        for picture in pictures:
            rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            watch.look(rgb.reformat(format="yuv420p"))
    except RejectedError as error:
        assert error.reason is RejectReason.CORRUPT
        return error.detail
    return ""


def planes(y: int, u: int, v: int) -> list[np.ndarray]:
    sizes = ((64, 96), (32, 48), (32, 48))
    return [np.full(size, value, np.uint8) for size, value in zip(sizes, (y, u, v), strict=True)]


@pytest.mark.parametrize(
    ("yuv", "share"),
    [
        pytest.param((128, 128, 128), 0, id="gray"),
        pytest.param((76, 85, 255), 0, id="red"),  # of full range, by BT.601
        pytest.param((54, 99, 255), 0, id="red of BT.709"),
        pytest.param((16, 240, 240), 1, id="black and purple at once"),
        pytest.param((235, 16, 16), 1, id="white and green at once"),
    ],
)
def test_most_combinations_of_brightness_and_color_are_no_color(yuv, share):
    assert impossible_share(planes(*yuv)) == share


def test_steps_at_blocks_stand_out_and_others_do_not():
    blocks = np.kron(np.arange(96).reshape(8, 12) % 7 * 30, np.ones((8, 8))).astype(np.uint8)

    assert grid_ratio(blocks) > 20
    assert grid_ratio(np.roll(blocks, 3, axis=(0, 1))) < 0.3


def damaged_below(frames: Frames) -> Frames:
    lighter = np.random.default_rng(0).choice([-60, 60], (17, 40, 1))  # of each block, as in JPEG
    offset = np.kron(lighter, np.ones((8, 8, 1)))[:132]
    frames[20, 48:] = np.clip(frames[20, 48:] + offset, 0, 255)
    return frames


def lit_by_a_flash(frames: Frames) -> Frames:
    frames[20] = np.clip(frames[20] * 1.6 + 40, 0, 255)
    return frames


def lit_from_a_row_on(frames: Frames) -> Frames:
    frames[20, 77:] = np.clip(frames[20, 77:] * 1.6 + 40, 0, 255)  # a shutter that rolls
    return frames


def cut_to_another(frames: Frames) -> Frames:
    frames[20:] = film(shaky_path(12, seed=5), seed=5)
    return frames


@pytest.mark.parametrize("codec", ["h264", "mjpeg"])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frames: frames, ""),
        (lit_by_a_flash, ""),
        (lit_from_a_row_on, ""),
        (cut_to_another, ""),
        (damaged_below, "at frame 20: it changes by "),
    ],
    ids=["as it is", "flash", "rolling flash", "cut", "damaged"],
)
def test_damage_is_told_from_what_cameras_see(
    change: Callable[[Frames], Frames], told: str, codec: str
):
    found = look(change(film(shaky_path(32))), codec)

    assert found.startswith(told) if told else not found
