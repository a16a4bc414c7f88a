"""Find the blurred copies of an upright film that fill a wide picture to its left and right.

Editors lay an upright film over an enlarged and blurred copy of itself, and a wide one over a tall
copy. Three things come together there and nowhere else:

    from the outside inward, the first edge is straight, goes all along the side, and has a twin
    what lies outside of it shows far less detail than what lies inside
    what lies outside looks like the inside, enlarged to the size of the whole picture, and blurred

A wall on both sides of a door has the first two at most, a row of trees none.

Cost: 11 ms for eight frames of 360p, 0.5 to 0.9 ms for the first frame of each window.

Source: ours.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.types import Crop, GrayFrame

LEAST, MOST = 0.1, 0.42
"""Width of a side, as a share of the picture's: 9:16 in 16:9 leaves 0.34 at either."""

TWINS = 0.02
"""How far the two may differ, as a share of the picture's width. Ours: encoders round."""

EDGE_RATIO, LEAST_EDGE = 5.0, 4.0
"""How many times as high as steps outside of it the border is, and its least height, 0 to 255."""

DETAIL_SHARE = 0.3
"""Detail of the sides, at most, as a share of that of the middle. Ours: drawn ones have 0.01 to
0.15."""

LEAST_LIKENESS, LEAST_CONTRAST = 0.8, 1.5
"""Correlation of a side with the enlarged middle, at least, and its least standard deviation along
rows. Ours: a plain wall is like everything."""

_SMALL = 96
"""Width at which the copy is compared, in pixels."""


def may_have_blurred_sides(frame: GrayFrame) -> bool:
    """Tell from one frame, (H, W), whether it is worth looking at more."""
    return any(_find_edges([lines]) is not None for lines in (frame, frame.T))


def find_blurred_sides(frames: Sequence[GrayFrame]) -> Crop | None:
    """Find what blurred copies leave of the picture, from frames (H, W) of one shot.

    None: it has no such sides.
    """
    height, width = frames[0].shape
    if found := _find_pair(frames):
        return Crop(left=found[0], top=0, width=found[1] - found[0], height=height)
    if found := _find_pair([frame.T for frame in frames]):
        return Crop(left=0, top=found[0], width=width, height=found[1] - found[0])
    return None


def _find_pair(frames: Sequence[GrayFrame]) -> tuple[int, int] | None:
    """Find the first column of the middle, and the first behind it."""
    edges = _find_edges(frames)
    if edges is None:
        return None
    left, right = edges
    likeness = [_likeness(np.ascontiguousarray(frame), left, right) for frame in frames]
    return edges if np.median(likeness) >= LEAST_LIKENESS else None


def _find_edges(frames: Sequence[GrayFrame]) -> tuple[int, int] | None:
    width = frames[0].shape[1]
    row_step = max(1, frames[0].shape[0] // 45)
    rows = [frame[::row_step].astype(np.int16) for frame in frames]
    steps = np.mean([np.abs(np.diff(lines, axis=1)).mean(axis=0) for lines in rows], axis=0)
    left, right = _first_edge(steps), width - _first_edge(steps[::-1])
    if not LEAST * width <= left or not LEAST * width <= width - right:
        return None
    if abs(left - (width - right)) > TWINS * width:
        return None
    # Beside the border, which has the detail of both.
    inside = steps[left + 2 : right - 3].mean()
    outside = np.concatenate([steps[2 : left - 3], steps[right + 2 : -2]]).mean()
    return (left, right) if outside <= DETAIL_SHARE * inside else None


def _first_edge(steps: npt.NDArray[np.floating]) -> int:
    """Return the first column behind a step that is an edge, 0: there is none near the side."""
    first, last = max(4, int(LEAST / 2 * len(steps))), int(MOST * len(steps))
    usual = np.maximum.accumulate(steps)
    for at in range(first, last):
        # A border that is smoothed by shrinking takes two steps.
        if steps[at] >= max(LEAST_EDGE, EDGE_RATIO * float(usual[at - 2])):
            return at + 1
    return 0


def _likeness(frame: GrayFrame, left: int, right: int) -> float:
    """Correlate the sides of a frame with its middle, enlarged to cover the whole picture."""
    height, width = frame.shape
    size = _SMALL, max(8, _SMALL * height // width)
    whole = cv2.resize(frame, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    enlarged = height * width // (right - left)
    shown = height * height // enlarged // 2  # half the rows of the middle that are in view
    middle = frame[height // 2 - shown : height // 2 + shown, left:right]
    copy = cv2.resize(np.ascontiguousarray(middle), size, interpolation=cv2.INTER_AREA)
    sigma = _SMALL / 30
    soft = cv2.GaussianBlur(copy.astype(np.float32), (0, 0), sigma)
    at = left * _SMALL // width - 1
    likeness = []
    for side in (np.s_[:, :at], np.s_[:, -at:]):
        shown, wanted = _without_rows(whole[side]), _without_rows(soft[side])
        if min(shown.std(), wanted.std()) < LEAST_CONTRAST:
            return 0.0
        likeness.append(float(np.corrcoef(shown.ravel(), wanted.ravel())[0, 1]))
    return min(likeness)


def _without_rows(side: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Take what all of a row has in common off: light falls from above nearly everywhere."""
    return np.asarray(side - side.mean(axis=1, keepdims=True), np.float32)
