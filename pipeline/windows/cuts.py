"""Find the cuts between shots, while the frames go by.

Two things must come together: the picture changes several times more than it did in the frames
before, and no homography maps the one frame to the other. The first alone fires on a flash or
a fast pan, the second alone on blur. Fades are not cuts: no frame of theirs stands out.

Where both come together, frames wait until the picture has been calm for SETTLED of them:

    it shows the scene of before again      a flash, or a blur: no cut
    it jumps again and again                one cut, at the last jump; what lies between is no shot
    it stays another one                    a cut

Source: the adaptive threshold is the idea of PySceneDetect's AdaptiveDetector; the second test is
ours. Cost: 0.4 ms per frame, and four SIFT detections (about 80 ms) where a cut is suspected.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2
import numpy as np

from tinyvideo.pipeline.errors import RejectedError
from tinyvideo.pipeline.pixels import halve, thumbnail, to_gray
from tinyvideo.pipeline.tracking import MatchConfig, find_homography
from tinyvideo.pipeline.types import Frame, GrayFrame

T = TypeVar("T")

_THUMBNAIL = (64, 36)
"""Width and height, in pixels: small enough to forget noise and texture."""

SETTLED, MOST_HELD = 6, 12
"""Calm frames behind a jump that end it, and frames that wait at most. Ours: the flash of a camera
is over after 3 frames, a blur after 6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotConfig:
    min_change: float = 12.0
    """Least mean change of a pixel, 0 to 255, that may be a cut. Ours: hand shake stays below."""

    change_ratio: float = 3.0
    """How many times the usual change a cut must show. PySceneDetect's default."""

    memory: int = 12
    """Frames over which the usual change is taken. Ours: about half a second."""


DEFAULT_CONFIG = ShotConfig()


class CutDetector(Generic[T]):
    """Passes frames on, in order, and tells which begin a new shot."""

    def __init__(
        self,
        config: ShotConfig = DEFAULT_CONFIG,
        match: MatchConfig | None = None,
    ) -> None:
        self._config = config
        self._match = match or MatchConfig()
        self.forget()

    def forget(self) -> None:
        """Take note that the next frame follows none of those before."""
        self._changes: deque[float] = deque(maxlen=self._config.memory)
        self._previous: Frame | GrayFrame | None = None
        self._thumbnail: GrayFrame | None = None
        self._waiting: list[T] = []
        self._before: Frame | GrayFrame | None = None
        self._jump = self._moved = 0

    def see_again(self, frame: Frame | GrayFrame) -> None:
        """Take the frame that came last, RGB or brightness, once more, cut in another way."""
        self._previous, self._thumbnail = frame, thumbnail(frame, _THUMBNAIL)

    def push(self, item: T, frame: Frame | GrayFrame) -> Iterable[tuple[T, bool]]:
        """Take the next frame, RGB or brightness, and whatever belongs to it.

        Returns what need not wait any longer; True with the first of a new shot.
        """
        previous, before = self._previous, self._thumbnail
        self._previous, self._thumbnail = frame, thumbnail(frame, _THUMBNAIL)
        if previous is None or before is None:
            return [(item, False)]
        change = float(np.mean(cv2.absdiff(self._thumbnail, before)))
        if self._before is not None:
            return self._wait(item, previous, frame, change)
        if self._stands_out(change) and not self._same_scene(previous, frame):
            self._waiting, self._before, self._jump, self._moved = [item], previous, 0, 0
            return []
        self._changes.append(change)
        return [(item, False)]

    def flush(self) -> list[tuple[T, bool]]:
        """Return what still waits when nothing follows."""
        return self._end(is_cut=True) if self._waiting else []

    def _wait(
        self, item: T, previous: Frame | GrayFrame, frame: Frame | GrayFrame, change: float
    ) -> list[tuple[T, bool]]:
        assert self._before is not None
        self._waiting.append(item)
        last = len(self._waiting) - 1
        jumped = change > self._config.min_change
        if jumped and self._same_scene(self._before, frame):
            return self._end(is_cut=False)
        if jumped:
            self._moved = last
            if not self._same_scene(previous, frame):
                self._jump = last
        if last - self._moved < SETTLED and last + 1 < MOST_HELD:
            return []
        return self._end(is_cut=not self._same_scene(self._before, frame))

    def _end(self, *, is_cut: bool) -> list[tuple[T, bool]]:
        first = self._jump if is_cut else 0
        waiting, self._waiting, self._before = self._waiting[first:], [], None
        if is_cut:
            self._changes.clear()
        return [(item, is_cut and number == 0) for number, item in enumerate(waiting)]

    def _stands_out(self, change: float) -> bool:
        if change <= self._config.min_change:
            return False
        usual = float(np.median(self._changes)) if self._changes else 0.0
        return change > self._config.change_ratio * usual

    def _same_scene(self, previous: Frame | GrayFrame, frame: Frame | GrayFrame) -> bool:
        pair = to_gray(frame), to_gray(previous)
        # Half the size is a quarter of the work, and mostly enough.
        for one, other in ((halve(pair[0]), halve(pair[1])), pair):
            try:
                find_homography(one, other, self._match)
            except RejectedError:
                continue
            return True
        return False
