"""Copies of a clip have its hash, or nearly; other clips have another, and flat ones have none."""

import cv2
import numpy as np
import pytest
import simplejpeg

from tests.pipeline.alike.copied_clips import SIZE, blurred, brighter, draw_clip, in_mirror_frames
from tinyvideo.pipeline.alike.clip_hash import HASH_BYTES, frequencies, hash_clip
from tinyvideo.pipeline.alike.hash_match import are_copies, in_mirror, to_hashes
from tinyvideo.pipeline.strips.strip_jpeg import encode_strip


def hashed(frames, quality=95):
    found = hash_clip(encode_strip(np.ascontiguousarray(frames), quality))
    assert found is not None
    return to_hashes(found)


def test_a_hash_has_48_bytes_and_equal_strips_have_equal_ones():
    one, other = (hash_clip(encode_strip(draw_clip(3))) for _ in range(2))
    assert len(one) == HASH_BYTES == 48
    assert one == other


def test_the_lowest_frequencies_come_first_and_brightness_is_none_of_them():
    assert frequencies(5).tolist() == [[0, 1], [1, 0], [0, 2], [1, 1], [2, 0]]


def test_the_sign_of_a_ramp_is_that_of_its_direction():
    # Darker to the right than to the left: the first cosine across is positive, in the top bit.
    ramp = np.linspace(120, 0, SIZE).astype(np.uint8)[None, None, :, None]
    frames = ramp + draw_clip(1) // 2
    assert hash_clip(encode_strip(frames))[0] & 0x80
    assert not hash_clip(encode_strip(np.ascontiguousarray(frames[:, :, ::-1])))[0] & 0x80


COPIES = {
    "worse JPEG": lambda frames: (frames, 40),
    "brighter": lambda frames: (brighter(frames), 90),
    "finer detail lost": lambda frames: (blurred(frames), 90),
    "another size": lambda frames: (
        np.stack([cv2.resize(f, (96, 96), interpolation=cv2.INTER_AREA) for f in frames]),
        90,
    ),
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_a_copy_is_known_by_its_hash(copy):
    for seed in range(6):
        frames = draw_clip(seed)
        assert are_copies(hashed(frames), hashed(*copy(frames))).all(), seed


def test_a_mirrored_copy_is_known_by_the_hash_in_a_mirror_and_not_by_its_own():
    for seed in range(6):
        one, other = hashed(draw_clip(seed)), hashed(in_mirror_frames(draw_clip(seed)), 80)
        assert are_copies(in_mirror(one), other).all(), seed
        assert not are_copies(one, other).any(), seed
    np.testing.assert_array_equal(in_mirror(in_mirror(one)), one)


def test_a_window_that_begins_some_frames_later_is_a_copy():
    for seed in range(6):
        frames = draw_clip(seed, frames=36)
        assert are_copies(hashed(frames[:32]), hashed(frames[4:])).all(), seed


def test_different_clips_are_no_copies():
    hashes = np.concatenate([hashed(draw_clip(seed)) for seed in range(12)])
    one, other = np.triu_indices(12, 1)
    assert not are_copies(hashes[one], hashes[other]).any()
    assert not are_copies(in_mirror(hashes[one]), hashes[other]).any()


def test_two_moments_before_a_still_camera_are_no_copies():
    place = draw_clip(5, things=0)
    left, right, nobody = (np.array(place) for _ in range(3))
    for t in range(32):  # somebody walks at the left, somebody else at the right
        left[t, 30:90, 2 + t : 22 + t] = 250
        right[t, 60:120, 80 + t // 2 : 104 + t // 2] = 5
    left, right, nobody = map(hashed, (left, right, nobody))
    assert not are_copies(left, right).any()
    assert not are_copies(left, nobody).any()


@pytest.mark.parametrize("level", [0, 4, 128])
def test_a_flat_clip_has_no_hash(level):
    noise = np.random.default_rng(0).normal(level, 2, (32, SIZE, SIZE, 3))
    frames = np.clip(noise, 0, 255).astype(np.uint8)
    assert hash_clip(encode_strip(frames)) is None


def test_a_dark_clip_that_shows_little_has_no_hash():
    frames = (draw_clip(2) // 100).astype(np.uint8)  # 0, 1 or 2 of 255
    assert hash_clip(encode_strip(frames)) is None


def test_what_is_no_strip_is_refused():
    with pytest.raises(ValueError, match="JPEG"):
        hash_clip(b"no picture")
    with pytest.raises(ValueError, match="32 square frames, got 128 x 128 pixels"):
        hash_clip(simplejpeg.encode_jpeg(np.ascontiguousarray(draw_clip(1)[0])))
