"""Which clip comes at which position of training: a function of the seed and the position only.

Stage:  shard -> dataset -> [load] -> train -> generate

Positions count on from epoch to epoch, and every epoch is a new permutation of all clips. A full
shuffle would read a row group for every clip. Here the pieces of a dataset (the chosen rows of one
row group each) are shuffled and laid end to end, and that row of clips is cut into `lanes` of
equal length, which positions take in turn: position p is the next clip of lane p mod `lanes`.
Within a piece the clips are shuffled again. So as many row groups as there are lanes are mixed at
any time, each is read from front to back once, and rank r of R, which takes the positions that
are r modulo R, needs the row groups of its own lanes only, when R divides the lanes.

With weights, a clip comes as often in an epoch as its share of them says: of 100 clips, one of the
double weight about twice. An epoch has as many clips as without, so positions mean the same.

With replacement, the clips of a piece are drawn instead of shuffled: each comes once on average,
and not at all in a third of the epochs. Drawn from all clips at once, each would need a row group.

The number of ranks is nowhere in here, so the order cannot depend on it.

Cost: 24 bytes per row group, and with weights 24 per clip. For 35 million strips in 547,000 of them
0.1 s at the beginning of an epoch; then 3 microseconds per clip.
"""

from collections import OrderedDict
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Weights: TypeAlias = npt.NDArray[np.float64]
"""Of each clip, in the order of the pieces and of the chosen rows in them, (N,)."""

_GOLDEN = (5**0.5 - 1) / 2
"""Steps of it fall evenly between 0 and 1, however many there are."""

_KEPT_SHUFFLES = 256
"""Shuffles of pieces that are remembered. A lane needs its present one only; a few kB each."""


class EpochOrder:
    """The order of one split's clips; a clip is named by its piece and its place in there."""

    def __init__(
        self,
        sizes: npt.ArrayLike,
        seed: int,
        lanes: int,
        *,
        replacement: bool = False,
        weights: Weights | None = None,
    ) -> None:
        self._sizes = self._rows = np.asarray(sizes, np.uint8)
        self._weights = None if weights is None else _checked(weights, self._rows)
        self._firsts = np.cumsum(self._rows, dtype=np.int64) - self._rows
        self._times: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._seed = seed
        self._lanes = lanes
        self._arrange = drawn if replacement else shuffled
        self._count = int(self._sizes.sum(dtype=np.int64))
        lengths = (self._count - np.arange(lanes) + lanes - 1) // lanes
        self._lane_ends = np.cumsum(lengths)
        self._lane_starts = self._lane_ends - lengths
        self._epoch = -1
        self._pieces: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._ends: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._shuffles: OrderedDict[tuple[int, int], npt.NDArray[np.int64]] = OrderedDict()

    def __len__(self) -> int:
        """Count the clips of one epoch."""
        return self._count

    def take(self, positions: npt.ArrayLike) -> list[tuple[int, int]]:
        """Name the clips at these ascending positions, as (piece, place among its chosen rows)."""
        epochs, offsets = np.divmod(np.asarray(positions, np.int64), self._count)
        clips: list[tuple[int, int]] = []
        for epoch in np.unique(epochs):
            self._enter(int(epoch))
            clips += self._locate(offsets[epochs == epoch])
        return clips

    def _enter(self, epoch: int) -> None:
        if epoch != self._epoch:
            if self._weights is not None:
                self._times = times_of(self._weights, self._seed, epoch)
                by_piece = np.repeat(np.arange(len(self._rows)), self._rows)
                self._sizes = np.bincount(by_piece, self._times, len(self._rows)).astype(np.int64)
            self._pieces = shuffled(len(self._sizes), self._seed, epoch, 0)
            self._ends = np.cumsum(self._sizes[self._pieces], dtype=np.int64)
            self._epoch = epoch

    def _locate(self, offsets: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
        steps, lanes = np.divmod(offsets, self._lanes)
        # Each lane begins at another part of a row group: else all would need a new one at once.
        steps = steps + lanes * 64 // self._lanes
        starts, ends = self._lane_starts[lanes], self._lane_ends[lanes]
        clips = starts + steps % (ends - starts)
        slots = np.searchsorted(self._ends, clips, side="right")
        pieces = self._pieces[slots]
        places = clips - (self._ends[slots] - self._sizes[pieces])
        return [
            (int(piece), int(self._shuffle(int(piece))[place]))
            for piece, place in zip(pieces, places, strict=True)
        ]

    def _shuffle(self, piece: int) -> npt.NDArray[np.int64]:
        key = (self._epoch, piece)
        if key not in self._shuffles:
            self._shuffles[key] = self._arranged(piece)
            if len(self._shuffles) > _KEPT_SHUFFLES:
                self._shuffles.popitem(last=False)
        return self._shuffles[key]

    def _arranged(self, piece: int) -> npt.NDArray[np.int64]:
        """Say in which order the chosen rows of a piece come in the present epoch."""
        order = self._arrange(int(self._sizes[piece]), self._seed, self._epoch, 1 + piece)
        if self._weights is None:
            return order
        first = int(self._firsts[piece])
        times = self._times[first : first + int(self._rows[piece])]
        return np.repeat(np.arange(len(times)), times)[order]


def times_of(weights: Weights, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Say how often each clip comes in an epoch: as many in all as there are clips.

    Each comes as often as its share says, rounded up or down, in turns from epoch to epoch, so that
    the mean is right.
    """
    bits = np.random.PCG64(np.random.SeedSequence(seed)).random_raw(1)[0]
    ends = np.cumsum(weights) / np.sum(weights) * len(weights)
    ends[-1] = len(weights)
    offset = (float(bits) / 2.0**64 + epoch * _GOLDEN) % 1
    marks = np.floor(ends + offset).astype(np.int64)
    return np.diff(marks, prepend=0)


def _checked(weights: Weights, rows: npt.NDArray[np.uint8]) -> Weights:
    weights = np.asarray(weights, np.float64)
    if weights.shape != (int(rows.sum(dtype=np.int64)),):
        raise ValueError(f"weights must be one per clip, got {weights.shape} for {rows.sum()}")
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ValueError("weights must be finite numbers from 0 on, and one above 0")
    return weights


def drawn(count: int, *key: int) -> npt.NDArray[np.int64]:
    """Draw `count` of the numbers from 0 to `count` - 1 with replacement, by the same promise."""
    bits = np.random.PCG64(np.random.SeedSequence(key)).random_raw(count)
    return (bits % np.uint64(count)).astype(np.int64)


def shuffled(count: int, *key: int) -> npt.NDArray[np.int64]:
    """Permute 0 to `count` - 1; equal non-negative keys give equal permutations.

    Sorts raw random bits, because NumPy promises these across its versions, and the results
    of `Generator.permutation` not: a resume after an upgrade must find the old order.
    """
    bits = np.random.PCG64(np.random.SeedSequence(key)).random_raw(count)
    return np.argsort(bits, kind="stable")
