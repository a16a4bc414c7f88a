"""Memory of batches and row groups, filled again once nobody looks at them.

Stage:  shard -> dataset -> [load] -> train -> generate

New memory comes from the system page by page, each cleared: 5 % of a loader's time. An array is
free again when the last tensor, memory view or view of a tensor that shows it is gone, whoever
held it.

Cost: none; what is free is at most `spare` arrays, 25 MB for a batch of 64 clips, 16 MB for a row
group.
"""

import weakref
from math import prod

import numpy as np
import numpy.typing as npt

_STEP = 2**21
"""Sizes are rounded up to 2 MiB: row groups differ in size, and are to find a place in each other's
memory."""


class Memory:
    """Arrays of one kind of thing, of which `spare` are kept when they are free."""

    def __init__(self, spare: int) -> None:
        self._spare = spare
        self._free: list[npt.NDArray[np.uint8]] = []

    def take(self, *shape: int) -> npt.NDArray[np.uint8]:
        """Return an array of uint8 with any content.

        A view made by NumPy does not keep it: whoever makes one must let it go first.
        """
        size = prod(shape)
        whole = self._free.pop() if self._free else np.empty(0, np.uint8)
        if len(whole) < size:
            whole = np.empty(-(-size // _STEP) * _STEP, np.uint8)
        array = whole[:size].reshape(shape)  # of its own, so that it can die while `whole` lives on
        weakref.finalize(array, self._give_back, whole).atexit = False
        return array

    def _give_back(self, whole: npt.NDArray[np.uint8]) -> None:
        if len(self._free) < self._spare:
            self._free.append(whole)
