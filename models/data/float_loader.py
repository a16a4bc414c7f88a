"""The loader's batches as networks take them: floats in [-1, 1], on their device.

Stage:  shard -> dataset -> [load] -> train -> generate

Bytes travel to the device, a quarter of what floats are, and become floats there. All else is
`models.data.loader`: decoded, read ahead and resumed by the same threads and the same state, so
that one can go on where the other was.

Cost: for a GPU, 25 MB of bytes to bring there. On a CPU, 0.6 to 0.9 ms of one core per clip, while
the threads decode the next ones, and 100 MB per batch of 64 in memory that is used again: new
memory, which comes page by page, would take 1.5 ms.
"""

from math import prod

import torch
from torch import Tensor

from tinyvideo.models.data.buffers import Memory
from tinyvideo.models.data.loader import LoadConfig, Loader
from tinyvideo.storage.datasets import Manifest
from tinyvideo.storage.objects import Store


class FloatLoader(Loader):
    """Batches of one split for one rank, without end, as floats; otherwise a `Loader`.

    With `dtype=torch.uint8` they stay the bytes, 0 to 255, that the loader has decoded.
    """

    def __init__(
        self,
        store: Store,
        manifest: Manifest,
        config: LoadConfig,
        *,
        split: str = "train",
        rank: int = 0,
        ranks: int = 1,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(store, manifest, config, split=split, rank=rank, ranks=ranks)
        self._device, self._dtype = torch.device(device), dtype
        self._floats = Memory(2)

    def __next__(self) -> Tensor:
        """Wait for the next batch, this rank's share of it, as (B, 3, 32, 64, 64) in [-1, 1].

        Raises:
            DataError: a strip is bad and must not be skipped, or a row group has no good one.
            StorageError: a shard is gone or damaged.
        """
        clips = super().__next__().to(self._device)
        if self._dtype == torch.uint8:
            return clips
        if self._device.type != "cpu":
            return clips.to(self._dtype).div_(127.5).sub_(1)
        floats = self._room_for(clips)
        for clip, target in zip(clips, floats, strict=True):  # one clip stays in the cache
            target.copy_(clip).div_(127.5).sub_(1)
        return floats

    def _room_for(self, clips: Tensor) -> Tensor:
        """Take memory for as many floats, which lie as the bytes do: channels last."""
        batch, *rest = clips.permute(0, 2, 3, 4, 1).shape
        memory = torch.from_numpy(self._floats.take(batch, prod(rest) * self._dtype.itemsize))
        return memory.view(self._dtype).view(batch, *rest).permute(0, 4, 1, 2, 3)
