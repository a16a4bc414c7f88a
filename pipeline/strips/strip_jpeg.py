"""A strip and its JPEG: 32 square frames, one below the other.

Stage:  frames -> stabilize -> tag -> [strips] -> shard

The geometry is that of the dataset released with the paper: a frame is `size` x `size` pixels, the
strip `size` wide and `32 * size` high, frame 0 on top. Such a picture can be looked at with
any viewer, played by a web page as a sprite sheet, and decoded at half or quarter size for less
than a full decode costs, because JPEG keeps frequencies.

Cost of a strip of 128 pixels, 240 kB at quality 95: 2.5 ms to encode, 4.2 ms to decode, 2.9 ms to
decode at 64 pixels.

Source: Vondrick, Pirsiavash, Torralba, NIPS 2016, the released data. Theirs holds up to 34 frames
per file; ours exactly 32, which is what their training reads of it.
No OpenCV here, so that the training loader can import this module.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import simplejpeg

from tinyvideo.pipeline.types import STRIP_FRAMES, Frames, Homography

LARGEST = 1024
"""Width and height of the largest frame of a strip, in pixels: 100 MB for 32 of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripConfig:
    size: int = 128
    """Width and height of a frame, in pixels. Theirs: 128, of which training uses 64."""

    jpeg_quality: int = 95
    """1 to 100. Ours, because below 90 the blocks of a still background begin to flicker."""

    def __post_init__(self) -> None:
        if self.size % 16 or not 16 <= self.size <= LARGEST:
            raise ValueError(f"size must be a multiple of 16 from 16 to {LARGEST}, got {self.size}")
        if not 1 <= self.jpeg_quality <= 100:
            raise ValueError(f"jpeg_quality must be from 1 to 100, got {self.jpeg_quality}")


DEFAULT_CONFIG = StripConfig()


def crop_to_strip(width: int, height: int, size: int) -> Homography:
    """Map a picture of `width` x `height` pixels to its centered square of `size` x `size`.

    The shorter side becomes `size`. Pixel centers are integers, so that the outer edges of
    the picture lie at -0.5: without that half pixel every strip would be shifted.
    """
    scale = size / min(width, height)
    left = (width * scale - size) / 2
    top = (height * scale - size) / 2
    half = (scale - 1) / 2
    return np.array([[scale, 0, half - left], [0, scale, half - top], [0, 0, 1]])


def encode_strip(frames: Frames, quality: int = DEFAULT_CONFIG.jpeg_quality) -> bytes:
    """Write `frames`, (32, S, S, 3), as one JPEG of (32 * S, S, 3).

    Raises:
        ValueError: `frames` is not 32 square RGB frames of uint8.
    """
    size = frames.shape[1] if frames.ndim == 4 else 0
    if frames.dtype != np.uint8 or frames.shape != (STRIP_FRAMES, size, size, 3) or not size:
        raise ValueError(f"a strip is (32, S, S, 3) uint8, got {frames.shape} {frames.dtype}")
    sheet = np.ascontiguousarray(frames).reshape(STRIP_FRAMES * size, size, 3)
    # Color at half resolution is what a 64-pixel training clip needs, and it is what the
    # source video had; the file is a sixth smaller than with all of it.
    return bytes(simplejpeg.encode_jpeg(sheet, quality=quality, colorsubsampling="420"))


def decode_strip(
    jpeg: bytes | memoryview, size: int | None = None, out: Frames | None = None
) -> Frames:
    """Read a strip as (32, size, size, 3); None keeps the stored size.

    With `out`, an array of that shape, the frames are written there and nothing is allocated.

    Any number of eighths of the stored size is decoded at that scale; a half costs two thirds of
    a full decode. At more than half the size, where color has to be enlarged, the top and bottom
    row of a frame take on a little color of the frame next to it in the JPEG.

    Raises:
        ValueError: not a JPEG, not 32 square frames, or a size that is no such scale.
    """
    height, width = strip_shape(jpeg)
    if height != STRIP_FRAMES * width:
        raise ValueError(f"a strip is 32 square frames, got {width} x {height} pixels")
    if width > LARGEST:  # a header may claim anything, and the decoder makes room for it
        raise ValueError(f"a strip has frames of {LARGEST} pixels at most, got {width}")
    size = width if size is None else size
    sheet = simplejpeg.decode_jpeg(
        jpeg, min_height=STRIP_FRAMES * size, min_width=size, min_factor=1, buffer=out
    )
    if sheet.shape != (STRIP_FRAMES * size, size, 3):
        raise ValueError(f"a strip of {width} pixels cannot be decoded at {size}")
    frames: npt.NDArray[np.uint8] = sheet.reshape(STRIP_FRAMES, size, size, 3)
    return frames


def strip_shape(jpeg: bytes | memoryview) -> tuple[int, int]:
    """Read height and width, in pixels, from the header of a JPEG.

    Raises:
        ValueError: `jpeg` is not a JPEG.
    """
    height, width, _, _ = simplejpeg.decode_jpeg_header(jpeg)
    return int(height), int(width)
