"""Memory of batches, filled again once nobody looks at them.

Stage:  shard -> dataset -> [load] -> train -> generate

New memory comes from the system page by page, each cleared: 2 % of a loader's time. An array is
free again when the last tensor or view of a tensor that shows it is gone, whoever held it.

Cost: none; what is free is at most `spare` batches, 25 MB each for 64 clips.
"""

import weakref

import numpy as np

from models.generator import CLIP_SIZE
from pipeline.types import STRIP_FRAMES, Frames


class BatchMemory:
    """Arrays for batches of at most `clips`, of which `spare` are kept when they are free."""

    def __init__(self, clips: int, spare: int) -> None:
        self._shape = (clips, STRIP_FRAMES, CLIP_SIZE, CLIP_SIZE, 3)
        self._spare = spare
        self._free: list[Frames] = []

    def take(self, clips: int) -> Frames:
        """Return (clips, 32, 64, 64, 3) uint8 with any content.

        A view made by NumPy does not keep it: whoever makes one must let it go first.
        """
        whole = self._free.pop() if self._free else np.empty(self._shape, np.uint8)
        frames = whole[:clips]  # of its own, so that it can die while `whole` lives on
        weakref.finalize(frames, self._give_back, whole).atexit = False
        return frames

    def _give_back(self, whole: Frames) -> None:
        if len(self._free) < self._spare:
            self._free.append(whole)
