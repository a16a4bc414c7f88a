"""Squares around the points of frame 0, found in other frames.

Where a frame lies in frame 0 is known within a pixel or two; what is left is found for every
square by Gauss-Newton. As the square of frame 0 stays the same, its slopes and their inverse are
computed once for all frames (the inverse compositional way), and only the pixels of the squares
are looked up in a frame, not all of it. A square may become brighter or darker as a whole, and is
sheared and turned as the frame is around its middle.

Source: Lucas and Kanade 1981; Baker and Matthews, "Lucas-Kanade 20 years on", IJCV 2004.

Points are (x, y) in pixels of frame 0; N points, S pixels along the side of a square. Cost on one
core, 160 squares of 11 pixels: 1.3 ms for frame 0, then 0.4 ms per frame.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.types import GrayFrame

Floats = npt.NDArray[np.float32]
Array = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.floating[Any]]
"""Like a `Homography`, (3, 3), but of any precision and scale."""

_ITERATIONS = 3
_LONGEST_STEP_PX = 2.0
_SHORT_STEP_PX = 0.1


class Patches:
    """The squares of frame 0 that have slopes in both directions."""

    def __init__(self, gray: GrayFrame, points: npt.NDArray[Any], side: int, min_slope: float):
        around = np.arange(side) - side // 2
        grid = np.stack(np.meshgrid(around, around), axis=-1).reshape(-1, 2)
        picture = gray.astype(np.float32)
        places = np.rint(points).astype(int)[:, None] + grid  # (N, S * S, 2)
        x, y = places[..., 0], places[..., 1]
        slopes = np.stack(
            [
                (picture[y, x + 1] - picture[y, x - 1]) / 2,
                (picture[y + 1, x] - picture[y - 1, x]) / 2,
            ],
            axis=1,
        )
        slopes -= slopes.mean(axis=2, keepdims=True)
        squares = slopes @ slopes.transpose(0, 2, 1)
        good = np.linalg.eigvalsh(squares)[:, 0] > min_slope**2 * side**2
        self.points = np.rint(points[good]).astype(np.float32)
        self._looks = picture[y[good], x[good]]  # (N, S * S)
        centered = self._looks - self._looks.mean(axis=1, keepdims=True)
        self.contrast: Floats = np.abs(centered).mean(axis=1)
        to_shift = np.linalg.inv(squares[good]) @ slopes[good]  # (N, 2, S * S)
        self._to_x, self._to_y = (np.ascontiguousarray(to_shift[:, axis]) for axis in (0, 1))
        # A product takes a sum or a mean five times as fast.
        self._sum = np.ones(side * side, np.float32)
        self._mean = np.full(side**2, 1 / side**2, np.float32)
        self._grid = np.vstack([self._sum, grid.T]).astype(np.float32)  # (3, S * S)

    def find(self, gray: GrayFrame, to_frame: Matrix, start: Array) -> tuple[Floats, Floats]:
        """Find the squares in `gray`, (H, W); `to_frame` maps pixels of frame 0 to about its own.

        The search begins `start` beside that, (N, 2) in pixels of frame 0. Returns by how much each
        square lies beside where `to_frame` says, (N, 2) in pixels of frame 0, and how much its
        pixels differ then, (N,), 0 to 255.
        """
        across, down = self._around(to_frame)
        shifts = start.astype(np.float32)
        for _ in range(_ITERATIONS):
            x, y = self._places(across, shifts), self._places(down, shifts)
            seen = cv2.remap(gray, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            apart: Floats = np.asarray(
                cv2.subtract(seen, self._looks, dtype=cv2.CV_32F), np.float32
            )
            step = np.stack([(self._to_x * apart) @ self._sum, (self._to_y * apart) @ self._sum], 1)
            shifts -= np.clip(step, -_LONGEST_STEP_PX, _LONGEST_STEP_PX)
            if (np.abs(step) < _SHORT_STEP_PX).mean() > 0.9:  # the next would be a tenth of it
                break
        apart -= (apart @ self._mean)[:, None]
        return shifts, np.abs(apart) @ self._mean

    def _places(self, around: Floats, shifts: Floats) -> Floats:
        """Where the pixels of squares lie along one axis of a frame, (N, S * S)."""
        begin = around.copy()
        begin[:, 0] += around[:, 1] * shifts[:, 0] + around[:, 2] * shifts[:, 1]
        return begin @ self._grid

    def _around(self, to_frame: Matrix) -> Floats:
        """Where points lie in a frame, and how a way in frame 0 looks there: x and y, (2, N, 3)."""
        x, y, w = to_frame @ np.vstack([self.points.T, np.ones(len(self.points))])
        place = np.stack([x / w, y / w])
        turns = (to_frame[:2, None, :2] - place[..., None] * to_frame[2, :2]) / w[:, None]
        return np.concatenate([place[..., None], turns], axis=2).astype(np.float32)
