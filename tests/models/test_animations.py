"""Pictures hold what they were made of: order of clips, frames, colors."""

import io

import numpy as np
from PIL import Image

from tinyvideo.models.animations import encode_webp, tile


def solid(value, frames=3):
    return np.full((frames, 8, 8, 3), value, np.uint8)


def test_clips_lie_in_rows_and_what_is_left_over_is_black():
    sheet = tile([solid(10), solid(20), solid(30)], columns=2)
    assert sheet.shape == (3, 16, 16, 3)
    corners = [sheet[0, y, x, 0] for y in (0, 8) for x in (0, 8)]
    assert corners == [10, 20, 30, 0]


def test_a_webp_moves_as_the_clip_does():
    shades = [0, 100, 200]
    clip = np.concatenate([solid(shade, frames=1) for shade in shades])
    with Image.open(io.BytesIO(encode_webp(clip))) as picture:
        assert (picture.n_frames, picture.info["loop"]) == (3, 0)
        for number, shade in enumerate(shades):
            picture.seek(number)
            mean = np.asarray(picture.convert("RGB")).mean()
            assert abs(mean - shade) < 5
