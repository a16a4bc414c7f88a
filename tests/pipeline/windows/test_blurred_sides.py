"""Blurred copies at the sides of an upright film are cut off; what only looks so is picture."""

import cv2
import numpy as np
import pytest

from tests.drawn.films import film, shaky_path, texture, write_video
from tinyvideo.pipeline.curation import CurationConfig, curate
from tinyvideo.pipeline.strips.strip_jpeg import StripConfig
from tinyvideo.pipeline.types import Crop
from tinyvideo.pipeline.windows.blurred_sides import find_blurred_sides, may_have_blurred_sides

HIGH, WIDE, INNER = 240, 426, 136


def upright(seed, frames=8):
    """Film a scene from the hand, (T, 240, 136, 3), that is lighter above than below."""
    shown = film(shaky_path(frames, seed=seed, height=HIGH, width=INNER), seed, HIGH, INNER)
    light = np.linspace(1.15, 0.7, HIGH)[:, None, None]
    return np.clip(shown * light, 0, 255).astype(np.uint8)


def over_copy(frames, dim=1.0, sigma=12.0):
    """Lay upright frames over an enlarged, blurred and dimmed copy of each."""
    height, inner = frames.shape[1:3]
    wide = height * 16 // 9 // 2 * 2
    out = []
    for frame in frames:
        big = cv2.resize(frame, (wide, height * wide // inner))
        top = (len(big) - height) // 2
        copy = cv2.GaussianBlur(big[top : top + height], (0, 0), sigma) * dim
        left = (wide - inner) // 2
        copy[:, left : left + inner] = frame
        out.append(copy.astype(np.uint8))
    return np.stack(out)


def grays(frames):
    return [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]


@pytest.mark.parametrize("seed", [51, 52, 53])
@pytest.mark.parametrize(("dim", "sigma"), [(1.0, 12), (0.6, 8), (0.8, 20)])
def test_the_copies_are_cut_off_to_the_column(seed, dim, sigma):
    shown = grays(over_copy(upright(seed), dim, sigma))
    assert may_have_blurred_sides(shown[0])
    assert find_blurred_sides(shown) == Crop(left=145, top=0, width=INNER, height=HIGH)


def test_copies_above_and_below_a_wide_film_are_cut_off_too():
    turned = [gray.T.copy() for gray in grays(over_copy(upright(54)))]
    assert find_blurred_sides(turned) == Crop(left=0, top=145, width=HIGH, height=INNER)


def behind_walls(frames):
    """Film through a door, between two walls whose light falls off."""
    walls = np.linspace(190, 120, HIGH)[None, :, None, None]
    walls = np.broadcast_to(walls, (len(frames), HIGH, WIDE, 3)).copy()
    walls[:, :, 145:281] = frames
    return walls.astype(np.uint8)


def beside_other(frames):
    """Lay upright frames over the blurred copy of another film."""
    other = cv2.GaussianBlur(texture(99, HIGH, WIDE, cell=20), (0, 0), 10)
    out = np.repeat(other[None], len(frames), axis=0)
    out[:, :, 145:281] = frames
    return out


HONEST = {
    "a scene": film(shaky_path(8, seed=61), 61),
    "out of focus": np.stack([cv2.GaussianBlur(f, (0, 0), 6) for f in film(shaky_path(8), 62)]),
    "walls beside a door": behind_walls(upright(63)),
    "another film's copy": beside_other(upright(64)),
    "black bars": np.pad(upright(65), ((0, 0), (0, 0), (145, 145), (0, 0))),
}


@pytest.mark.parametrize("name", HONEST)
def test_what_only_looks_so_is_picture(name):
    assert find_blurred_sides(grays(HONEST[name])) is None


def test_a_film_between_its_copies_gives_strips_of_itself(tmp_path):
    path = write_video(tmp_path / "a.mp4", over_copy(upright(55, frames=32)), crf=20)
    (clip,) = curate(path, None, CurationConfig(strips=StripConfig(size=64)))
    assert clip.reason is None
    assert abs(clip.crop.left - 145) <= 1
    assert abs(clip.crop.width - INNER) <= 2
