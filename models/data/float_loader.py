"""The loader's batches as networks take them: floats in [-1, 1], on their device.

Stage:  shard -> dataset -> [load] -> train -> generate

Bytes travel to the device, a quarter of what floats are, and become floats there. All else is
`models.data.loader`: decoded, read ahead and resumed by the same threads and the same state, so
that one can go on where the other was.

Cost: on a CPU, what it takes to write the floats: 25 ms per batch of 64 clips on one core, and
100 MB; the decoding threads work meanwhile.
"""

import torch
from torch import Tensor

from tinyvideo.models.data.loader import LoadConfig, Loader
from tinyvideo.storage.datasets import Manifest
from tinyvideo.storage.objects import Store


class FloatLoader(Loader):
    """Batches of one split for one rank, without end, as floats; otherwise a `Loader`."""

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

    def __next__(self) -> Tensor:
        """Wait for the next batch, this rank's share of it, as (B, 3, 32, 64, 64) in [-1, 1].

        Raises:
            DataError: a strip is bad and must not be skipped, or a row group has no good one.
            StorageError: a shard is gone or damaged.
        """
        clips = super().__next__().to(self._device)
        return clips.to(self._dtype).div_(127.5).sub_(1)
