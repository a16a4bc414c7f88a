"""Warp frames into the place of frame 0, and fill what they do not show.

Frames are softened first, by as much as shrinking them by area would do, since a bilinear warp
alone makes fine texture flicker; frames that are much larger than the strip are shrunk by area
before. Where a frame shows nothing, the strip shows what was there before. The edge of a frame is
continued outward before the warp, so that there is neither a dark nor a bright rim between the two.

Cost on one core: 0.4 ms per frame of 427 x 240 px to a strip of 128 px.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.pixels import scaling
from tinyvideo.pipeline.types import Frame, Frames, Homographies, Homography

_LARGE = 2.5
"""A frame with more pixels than this per pixel of the strip, along a side, is shrunk first."""


_BESIDE = 4
"""Columns beside the square that a warp, or the softening before it, may look at."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rendering:
    frames: Frames
    """Stabilized, cropped and scaled, (T, S, S, 3)."""

    visible: npt.NDArray[np.float64]
    """How much of each rendered frame is its own, from 0 to 1, (T,)."""


def render(frames: Frames, to_first: Homographies, crop: Homography, size: int) -> Rendering:
    """Warp `frames`, (T, H, W, 3), by `to_first` and `crop` to (T, size, size, 3).

    `crop` maps pixels of frame 0 to those of the rendered picture.
    """
    height, width = frames.shape[1:3]
    shrunk = _shrunk_size(width, height, crop)
    places = crop @ to_first @ np.linalg.inv(scaling((width, height), shrunk))
    kernel = _soft_kernel(shrunk[0] / (width * float(crop[0, 0])))
    x, y = _corners(places, size)
    full = _fill_the_square(x, y, shrunk)
    columns = _columns(x, shrunk[0])
    everything = np.full((shrunk[1], shrunk[0]), 255, np.uint8)
    rendered = np.empty((len(frames), size, size, 3), np.uint8)
    visible = np.ones(len(frames))
    for t, source in enumerate(frames):
        frame = source if shrunk == (width, height) else _shrink(source, shrunk)
        left, right = columns[t]
        soft = cv2.sepFilter2D(frame[:, left:right], -1, kernel, kernel)
        place = places[t] @ np.array([[1, 0, left], [0, 1, 0], [0, 0, 1]])
        warped = cv2.warpPerspective(
            soft, place, (size, size), dst=rendered[t], borderMode=cv2.BORDER_REPLICATE
        )
        if not full[t]:
            # The mask ends where the outer edges of the frame's pixels lie.
            mask = np.asarray(cv2.warpPerspective(everything, places[t], (size, size)), np.uint8)
            outside = mask < 128
            visible[t] = 1 - np.count_nonzero(outside) / size**2
            if t > 0:
                cv2.copyTo(rendered[t - 1], outside.view(np.uint8), warped)
    return Rendering(rendered, visible)


def check_view(visible: npt.NDArray[np.float64], min_visible: float) -> None:
    """Reject a clip that shows too little of frame 0.

    Raises:
        RejectedError: OUT_OF_VIEW, with the first frame that shows too little.
    """
    for t in np.flatnonzero(visible < min_visible):
        in_view = f"only {visible[t]:.0%} of frame {t} of the window is in view"
        detail = f"{in_view}, {min_visible:.0%} needed"
        raise RejectedError(RejectReason.OUT_OF_VIEW, detail)


def _corners(places: Homographies, size: int) -> tuple[Floats, Floats]:
    """Say where the corners of the square lie in every frame, (T, 4) along x and y.

    Where one lies behind the camera, all are NaN.
    """
    edge = size - 0.5
    corners = np.array([[-0.5, edge, -0.5, edge], [-0.5, -0.5, edge, edge], [1, 1, 1, 1]])
    corner = np.linalg.inv(places) @ corners
    depth = np.where((corner[:, 2:] > 0).all(axis=2, keepdims=True), corner[:, 2:], np.nan)
    x, y = (corner[:, :2] / depth).transpose(1, 0, 2)
    return x, y


def _fill_the_square(x: Floats, y: Floats, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Say which frames of `shape` (W, H) fill all of it, by where its corners lie in them, (T,)."""
    low = np.minimum(x.min(axis=1), y.min(axis=1)) >= -0.5
    high = (x.max(axis=1) <= shape[0] - 0.5) & (y.max(axis=1) <= shape[1] - 0.5)
    return np.asarray(low & high)


def _columns(x: Floats, width: int) -> list[tuple[int, int]]:
    """Say from which column to which every frame has something to do with the square.

    What lies beside it, two thirds of a wide frame, need not be softened.
    """
    known = ~np.isnan(x).any(axis=1)
    left = np.where(known, np.floor(x.min(axis=1)) - _BESIDE, 0)
    right = np.where(known, np.ceil(x.max(axis=1)) + _BESIDE, width)
    left, right = np.clip(left, 0, width - 1), np.clip(right, 1, width)
    return [(int(min(a, b - 1)), int(b)) for a, b in zip(left, right, strict=True)]


def _shrink(frame: Frame, size: tuple[int, int]) -> Frame:
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def _shrunk_size(width: int, height: int, crop: Homography) -> tuple[int, int]:
    pixels = 1 / float(crop[0, 0])
    if pixels <= _LARGE:
        return width, height
    return round(width * 2 / pixels), round(height * 2 / pixels)


def _soft_kernel(pixels: float) -> npt.NDArray[np.float64]:
    """Three weights that spread a pixel as far as an average over `pixels` pixels does."""
    side = pixels**2 / 24  # the variance of three weights is twice the outer one, of a box p^2 / 12
    return np.array([side, 1 - 2 * side, side])
