"""Find the cuts between shots, while the frames go by.

Two things must come together: the picture changes several times more than it did in the frames
before, and no homography maps the one frame to the other. The first alone fires on a flash or
a fast pan, the second alone on blur. Fades are not cuts: no frame of theirs stands out.

Source: the adaptive threshold is the idea of PySceneDetect's AdaptiveDetector; the second test is
ours. Cost: 0.4 ms per frame, and two SIFT detections (about 40 ms) where a cut is suspected.
"""

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np

from tinyvideo.pipeline.errors import RejectedError
from tinyvideo.pipeline.pixels import halve, thumbnail, to_gray
from tinyvideo.pipeline.tracking import MatchConfig, find_homography
from tinyvideo.pipeline.types import Frame, GrayFrame

_THUMBNAIL = (64, 36)
"""Width and height, in pixels: small enough to forget noise and texture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotConfig:
    min_change: float = 12.0
    """Least mean change of a pixel, 0 to 255, that may be a cut. Ours: hand shake stays below."""

    change_ratio: float = 3.0
    """How many times the usual change a cut must show. PySceneDetect's default."""

    memory: int = 12
    """Frames over which the usual change is taken. Ours: about half a second."""


DEFAULT_CONFIG = ShotConfig()


class CutDetector:
    """Tell, frame by frame, whether a new shot begins."""

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

    def see_again(self, frame: Frame | GrayFrame) -> None:
        """Take the frame that came last, RGB or brightness, once more, cut in another way."""
        self._previous, self._thumbnail = frame, thumbnail(frame, _THUMBNAIL)

    def is_cut(self, frame: Frame | GrayFrame) -> bool:
        """Take the next frame, RGB or brightness; True if it is the first of a new shot."""
        previous, before = self._previous, self._thumbnail
        self._previous, self._thumbnail = frame, thumbnail(frame, _THUMBNAIL)
        if previous is None or before is None:
            return False
        change = float(np.mean(cv2.absdiff(self._thumbnail, before)))
        if self._stands_out(change) and not self._same_scene(previous, frame):
            self._changes.clear()
            return True
        self._changes.append(change)
        return False

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
