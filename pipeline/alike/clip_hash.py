"""A strip -> 48 bytes that its copies have, too, whoever has encoded them, at whatever size.

Two pictures of 16 x 16 gray pixels are made of the 32 frames: their mean, which is the place, and
their standard deviation over time, which is where something moves. Of each the signs of its lowest
frequencies are kept, and beside each sign whether it counts: a frequency that hardly shows has a
sign by chance. So a dark or a flat clip has no hash, and where nothing moves the place decides.

    place     128 signs, and 128 bits that say which of them count
    motion     64 signs, and  64 bits that say which of them count

A sign stays when a picture gets brighter, gains contrast, or loses fine detail. A mirror turns
those of the odd horizontal frequencies and nothing else, so the hash of the mirrored clip is known
without it. Neither picture changes much when a window begins some frames later.

Cost: 1 ms for a strip of 64 pixels, 2.5 ms for one of 128: its decoding at an eighth of the size.

Source: signs of a cosine transform, as in pHash and in Coskun, Sankur, Memon, "Spatio-temporal
transform based video hashing", IEEE Trans. Multimedia 8 (2006). Packages that hash (imagehash, the
img_hash of OpenCV) take one picture, and so the place without what moves in it.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
import simplejpeg

from tinyvideo.pipeline.strips import averages, strip_shape
from tinyvideo.pipeline.types import STRIP_FRAMES

HASH_BYTES = 48

PLACE_BITS, MOTION_BITS = 128, 64

SIDE = 16
"""Pixels of the small pictures, across and down. Half of that many frequencies are used."""

LEAST_PLACE, LEAST_MOTION = 4.0, 2.0
"""Amplitudes from which a frequency counts; 4 are half a level up and down. Ours: H.264 at its
worst turns no sign above that on 76 clips."""

SHOWS = 0.25
"""And from this share of the median amplitude. Ours, by the same clips."""

TELLS = 48
"""Fewest signs of the place that must count, or there is no hash. Ours: fewer are a sky."""


def hash_clip(jpeg: bytes | memoryview) -> bytes | None:
    """Hash a strip of any size; None where it shows too little to be told from others.

    Raises:
        ValueError: it is no JPEG of 32 square frames.
    """
    frames = _small_frames(jpeg)
    place = _signs(frames.mean(0), PLACE_BITS, LEAST_PLACE)
    if np.bitwise_count(place[1]).sum() < TELLS:
        return None
    motion = _signs(frames.std(0), MOTION_BITS, LEAST_MOTION)
    return b"".join(part.tobytes() for part in (*place, *motion))


@cache
def frequencies(bits: int) -> npt.NDArray[np.intp]:
    """List the lowest frequencies but 0, as (row, column), (bits, 2): those of the signs."""
    both = [(u, v) for u in range(SIDE) for v in range(SIDE) if u or v]
    return np.array(sorted(both, key=lambda uv: (sum(uv), *uv))[:bits])


def _small_frames(jpeg: bytes | memoryview) -> npt.NDArray[np.float32]:
    height, width = strip_shape(jpeg)
    if height != STRIP_FRAMES * width:
        raise ValueError(f"a strip is 32 square frames, got {width} x {height} pixels")
    gray = simplejpeg.decode_jpeg(
        jpeg, "GRAY", min_height=STRIP_FRAMES * SIDE, min_width=SIDE, min_factor=1
    )
    side = gray.shape[1]
    shrink = averages(side, SIDE)
    frames = gray.reshape(STRIP_FRAMES, side, side).astype(np.float32)
    return np.asarray(shrink @ frames @ shrink.T, np.float32)


def _signs(
    picture: npt.NDArray[np.float32], bits: int, least: float
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Take the signs of a picture's lowest frequencies, and which count, as packed bits."""
    at = frequencies(bits)
    found = (_COSINES @ picture @ _COSINES.T)[at[:, 0], at[:, 1]]
    size = np.abs(found)
    counts = size >= max(least, SHOWS * float(np.median(size)))
    return np.packbits(found > 0), np.packbits(counts)


def _cosines() -> npt.NDArray[np.float64]:
    k = np.arange(SIDE)
    rows = np.cos(np.pi * (2 * k[None] + 1) * k[:, None] / (2 * SIDE)) * np.sqrt(2 / SIDE)
    rows[0] /= np.sqrt(2)
    return np.asarray(rows)


_COSINES = _cosines()
"""The orthonormal cosine transform, type II, (SIDE, SIDE)."""
