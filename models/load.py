"""A dataset's strips -> batches of clips, in an order that depends on nothing but a number.

Stage:  shard -> dataset -> [load] -> train -> generate

`Clips` reads clip i of a dataset; `EpochOrder` says which clip comes at which position of training.
The order needs (seed, position) only, so a checkpoint keeps one number, the clips consumed
so far, and goes on exactly where it stopped. Every epoch is a new permutation of all clips, and a
batch that meets the end of an epoch takes the rest from the next one: no clip is left out.

A full shuffle would read a whole row group for every clip. Here the pieces of the dataset (one
row group each) are shuffled, and then the clips of `WINDOW` consecutive pieces among each other:
each row group is read once per epoch, and no more than `WINDOW` of them, as JPEG, are in memory.

Cost, one core: 3.3 ms per clip to decode 128-pixel strips at 64 pixels; at most `WINDOW` row groups
of about 15 MB in memory; 17 bytes per row group for the order itself.
"""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.errors import DataError
from models.generator import CLIP_SIZE
from pipeline.strips import decode_strip
from pipeline.types import Frames
from storage.dataset import Manifest
from storage.shard import read_rows

WINDOW = 4
"""Row groups that are shuffled together and held in memory. Ours: 256 clips, about 60 MB."""


class Clips:
    """One split of a dataset, clip by clip."""

    def __init__(self, root: Path, manifest: Manifest, split: str = "train") -> None:
        self._root = root
        self._pieces = manifest.pieces[split]
        self.piece_sizes = tuple(len(piece.rows) for piece in self._pieces)
        self._starts = np.cumsum((0, *self.piece_sizes))
        self._held: OrderedDict[int, list[tuple[str, bytes]]] = OrderedDict()

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, index: int) -> Tensor:
        """Decode clip `index` as (3, 32, 64, 64) uint8.

        Raises:
            DataError: its strip cannot be decoded at 64 pixels.
            IndexError: there is no clip of that number.
            StorageError: its shard cannot be read.
        """
        return self.batch([index])[0]

    def batch(self, indices: Sequence[int]) -> Tensor:
        """Decode some clips as (B, 3, 32, 64, 64) uint8, channels last in memory.

        Raises:
            DataError, IndexError, StorageError: as for a single clip.
        """
        frames = np.stack([self._frames(index) for index in indices])
        return torch.from_numpy(frames).permute(0, 4, 1, 2, 3)

    def _frames(self, index: int) -> Frames:
        if not 0 <= index < len(self):
            raise IndexError(f"there is no clip {index} among {len(self)}")
        piece = int(np.searchsorted(self._starts, index, side="right")) - 1
        strip_id, jpeg = self._strips(piece)[index - int(self._starts[piece])]
        try:
            return decode_strip(jpeg, CLIP_SIZE)
        except ValueError as error:
            shard = self._pieces[piece].shard
            raise DataError(f"strip {strip_id} of {shard} cannot be used: {error}") from error

    def _strips(self, piece: int) -> list[tuple[str, bytes]]:
        if piece not in self._held:
            at = self._pieces[piece]
            rows = read_rows(self._root / at.shard, at.row_group, at.rows, ("strip_id", "jpeg"))
            self._held[piece] = [(row["strip_id"], row["jpeg"]) for row in rows]
            if len(self._held) > WINDOW:
                self._held.popitem(last=False)
        self._held.move_to_end(piece)
        return self._held[piece]


class EpochOrder:
    """Which clip stands at which position of training."""

    def __init__(self, piece_sizes: Sequence[int], seed: int) -> None:
        self._sizes = np.asarray(piece_sizes, np.int64)
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._count = int(self._sizes.sum())
        self._seed = seed
        self._epoch = -1
        self._pieces: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._window_ends: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._window = (-1, -1)
        self._clips: npt.NDArray[np.int64] = np.empty(0, np.int64)

    def clip_at(self, position: int) -> int:
        """Name the clip at `position`, which counts on from epoch to epoch."""
        epoch, offset = divmod(position, self._count)
        if epoch != self._epoch:
            self._pieces = shuffled(len(self._sizes), self._seed, epoch, 0)
            ends = np.cumsum(self._sizes[self._pieces])
            self._window_ends = np.append(ends[WINDOW - 1 : -1 : WINDOW], self._count)
            self._epoch = epoch
        window = int(np.searchsorted(self._window_ends, offset, side="right"))
        if self._window != (epoch, window):
            self._clips = self._shuffle_window(epoch, window)
            self._window = (epoch, window)
        start = int(self._window_ends[window]) - len(self._clips)
        return int(self._clips[offset - start])

    def take(self, position: int, count: int) -> list[int]:
        """Name the `count` clips from `position` on."""
        return [self.clip_at(position + step) for step in range(count)]

    def _shuffle_window(self, epoch: int, window: int) -> npt.NDArray[np.int64]:
        pieces = self._pieces[window * WINDOW : (window + 1) * WINDOW]
        clips = np.concatenate(
            [self._starts[piece] + np.arange(self._sizes[piece]) for piece in pieces]
        )
        return clips[shuffled(len(clips), self._seed, epoch, 1 + window)]


def shuffled(count: int, *key: int) -> npt.NDArray[np.int64]:
    """Permute 0 to `count` - 1; equal non-negative keys give equal permutations.

    Sorts raw random bits, because NumPy promises these across its versions, and the results
    of `Generator.permutation` not: a resume after an upgrade must find the old order.
    """
    bits = np.random.PCG64(np.random.SeedSequence(key)).random_raw(count)
    return np.argsort(bits, kind="stable")
