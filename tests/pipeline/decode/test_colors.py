"""One scene, stored in many ways, looks alike: HDR, wide gamuts, untagged high definition."""

import numpy as np
import pytest

from tests.drawn.films import texture
from tests.drawn.stored import (
    BT2020,
    DISPLAY_P3,
    HLG,
    PQ,
    SDR,
    hdr_codes,
    write_colors,
)
from tinyvideo.pipeline.decode.colors import KNEE
from tinyvideo.pipeline.decode.frames import FramesConfig, open_video

BT2020_SHARES, BT601_SHARES = (0.2627, 0.0593), (0.299, 0.114)


def first_frame(path, **config):
    with open_video(path, FramesConfig(working_px=None, **config)) as video:
        return next(iter(video)).image.astype(float), video.stored_as


def scene(height=96, width=128):
    # Below the knee, HDR is to show the very pixels of SDR.
    return np.minimum(texture(1, height, width), int(KNEE * 255) - 2)[None]


@pytest.mark.parametrize(("transfer", "name"), [(PQ, "pq"), (HLG, "hlg")])
def test_hdr_shows_the_pixels_of_sdr_below_its_highlights(tmp_path, transfer, name):
    drawn, tags = scene(), (BT2020, transfer, BT2020)
    path = write_colors(
        tmp_path / "a.mkv", hdr_codes(drawn, transfer), matrix=BT2020_SHARES, tags=tags, bits=10
    )
    image, stored_as = first_frame(path)

    assert (stored_as.transfer, stored_as.primaries) == (name, "bt2020")
    assert np.abs(image - drawn[0]).max() < 6
    assert np.abs(first_frame(path, to_sdr=False)[0] - drawn[0]).mean() > 10  # gray as stored


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_highlights_of_hdr_keep_their_order_and_end_at_white(tmp_path, transfer):
    ramp = np.linspace(0, 1, 128)
    codes = np.broadcast_to(ramp[None, None, :, None], (1, 96, 128, 3))
    tags = (BT2020, transfer, BT2020)
    path = write_colors(tmp_path / "a.mkv", codes, matrix=BT2020_SHARES, tags=tags, bits=10)
    row = first_frame(path)[0][48]

    assert np.ptp(row, axis=1).max() <= 1  # gray stays gray
    assert (np.diff(row[:, 1]) >= 0).all()
    assert row[0, 1] == 0
    assert row[-1, 1] == 255
    # 1000 cd/m2 is white: HLG's last code, PQ's 0.7518.
    last = 127 if transfer == HLG else round(0.7518 * 127)
    assert row[last - 3, 1] < 255


def test_a_wide_gamut_of_sdr_is_converted(tmp_path):
    # Red of BT.709 in Display P3: 0.8225 of its red, 0.0332 of green, 0.0171 of blue, as light.
    light = np.array([0.8225, 0.0332, 0.0171]) * 0.5
    codes = np.broadcast_to(light ** (1 / 2.4), (1, 64, 64, 3))
    path = write_colors(tmp_path / "a.mkv", codes, tags=(1, SDR, DISPLAY_P3), bits=10)
    image, stored_as = first_frame(path)

    assert stored_as.primaries == "display-p3"
    np.testing.assert_allclose(image[32, 32], [255 * 0.5 ** (1 / 2.4), 0, 0], atol=5)


@pytest.mark.parametrize(("height", "width"), [(720, 1280), (1280, 720)])
def test_high_definition_that_names_no_matrix_is_bt709(tmp_path, height, width):
    path = write_colors(tmp_path / "a.mkv", np.full((1, height, width, 3), [0.8, 0.1, 0.2]))
    np.testing.assert_allclose(first_frame(path)[0][9, 9], [204, 25.5, 51], atol=2)


def test_standard_definition_that_names_no_matrix_is_bt601(tmp_path):
    codes = np.full((1, 480, 640, 3), [0.8, 0.1, 0.2])
    path = write_colors(tmp_path / "a.mkv", codes, matrix=BT601_SHARES)
    np.testing.assert_allclose(first_frame(path)[0][9, 9], [204, 25.5, 51], atol=2)


def test_a_matrix_that_is_named_is_taken_at_its_word(tmp_path):
    codes = np.full((1, 480, 640, 3), [0.8, 0.1, 0.2])
    path = write_colors(tmp_path / "a.mkv", codes, tags=(1, 1, 1))
    image, stored_as = first_frame(path)
    np.testing.assert_allclose(image[9, 9], [204, 25.5, 51], atol=2)
    assert (stored_as.transfer, stored_as.primaries) == ("bt709", "bt709")
