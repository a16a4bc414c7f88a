"""A dataset's strips as PyTorch's own: an `IterableDataset` of clips, for any `DataLoader`.

Stage:  shard -> dataset -> [load] -> train -> generate

Every sample is a dictionary: the picture, and those columns of the strip's row that are asked for.
Behind it is the loader (`models.data.loader`), with its order, its threads and its reading ahead.
The processes of a DataLoader, and the ranks of a training, share the order out: each takes every
n-th clip of it.

The state is which epoch it is and how many clips of it are done, of all processes together. With
`torchdata.stateful_dataloader.StatefulDataLoader`, whose state holds one per worker process, a
resume goes on with the very next sample; so it does where this is iterated without a DataLoader.

Cost: that of the loader; 0.05 ms per clip to hand each on as a tensor of its own, and 1 to 3 ms per
row group to read columns. With worker processes, another copy of each batch on its way to yours:
threads (`workers`, and `num_workers=0` of the DataLoader) need none.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from tinyvideo.models.data.clip_order import Weights
from tinyvideo.models.data.loader import LoadConfig, Loader
from tinyvideo.models.training_errors import DataError
from tinyvideo.storage.datasets import Manifest, iterate_chosen, read_selection
from tinyvideo.storage.objects import Store
from tinyvideo.storage.shards import SCHEMA

Sample: TypeAlias = dict[str, Any]

CLIP = "clip"
"""Where a sample has its picture."""

_AT_ONCE = 8
"""Clips that are decoded at a time, per process: what one thread takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleConfig:
    columns: tuple[str, ...] = ()
    """Columns of the schema that a sample has beside its picture."""

    transform: Callable[[Sample], Any] | None = None
    """What becomes of a sample before it is handed on."""

    weight: str | Callable[[Mapping[str, Any]], float] | None = None
    """How often a clip comes: a column of numbers, or a function of `weight_columns`. Null is 0."""

    weight_columns: tuple[str, ...] = ()
    """What a function that weighs looks at."""

    endless: bool = False
    """Go on with the next epoch; else an iteration is one epoch, and the next one the next."""

    def __post_init__(self) -> None:
        weighed = (self.weight,) if isinstance(self.weight, str) else ()
        for name in (*self.columns, *self.weight_columns, *weighed):
            if name not in SCHEMA.names:
                raise ValueError(f"strips have no column {name!r}; {', '.join(SCHEMA.names)}")


class ClipDataset(IterableDataset[Any]):
    """Clips of one split, for one rank; `tinyvideo.opened_dataset.Dataset.clips` makes one."""

    def __init__(
        self,
        store: Store,
        manifest: Manifest,
        load: LoadConfig,
        config: SampleConfig,
        *,
        split: str = "train",
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        if not 0 <= rank < ranks:
            raise ValueError(f"rank must be from 0 to below ranks, got {rank} of {ranks}")
        self._store, self._manifest, self._split = store, manifest, split
        self._load, self._config = load, config
        self._rank, self._ranks = rank, ranks
        self._count = int(read_selection(store, manifest, split).count.sum(dtype=np.int64))
        if not self._count:
            raise DataError(f"dataset {manifest.name!r} has no clips in its split {split!r}")
        self._weights = self._weigh()
        self._epoch = self._done = 0
        self.skipped = 0
        """Bad strips that another one stood in for, in this process."""

    @property
    def clips(self) -> int:
        """Count the clips of one epoch, over all ranks and worker processes."""
        return self._count

    def __iter__(self) -> Iterator[Any]:
        """Yield samples from where the last iteration, or a loaded state, has ended.

        Raises:
            DataError: a strip is bad and must not be skipped, or a row group has no good one.
            StorageError: a shard is gone or damaged.
        """
        share, shares = self._share()
        load = replace(self._load, batch=_AT_ONCE * shares)
        with Loader(
            self._store,
            self._manifest,
            load,
            split=self._split,
            rank=share,
            ranks=shares,
            weights=self._weights,
        ) as loader:
            while True:
                yield from self._one_epoch(loader, share, shares)
                self._epoch, self._done = self._epoch + 1, 0
                if not self._config.endless:
                    return

    def state_dict(self) -> dict[str, Any]:
        """Save where the next sample comes from."""
        return {"epoch": self._epoch, "done": self._done, **self._identity()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next iteration go on where `state` was saved.

        Raises:
            DataError: it is the state of another order: of other clips, seed, lanes or weights.
        """
        for name, mine in self._identity().items():
            if state.get(name) != mine:
                raise DataError(f"the state is of {name} {state.get(name)}, not {mine}")
        self._epoch, self._done = int(state["epoch"]), int(state["done"])

    def set_epoch(self, epoch: int) -> None:
        """Let the next iteration be this epoch, from its beginning.

        Worker processes that are started anew for every epoch know nothing of the last one; without
        `persistent_workers` call this before each.
        """
        self._epoch, self._done = epoch, 0

    def _one_epoch(self, loader: Loader, share: int, shares: int) -> Iterator[Any]:
        loader.seek(self._epoch * self._count + self._done)
        before = loader.skipped
        while self._done + share < self._count:
            clips, rows = loader.with_columns(self._config.columns)
            self.skipped += loader.skipped - before
            before = loader.skipped
            for clip, row in zip(clips, rows, strict=True):
                if self._done + share >= self._count:
                    break
                self._done += shares
                sample = {CLIP: clip.clone(), **row}
                transform = self._config.transform
                yield sample if transform is None else transform(sample)

    def _share(self) -> tuple[int, int]:
        """Tell which part of the order is this process's, of how many."""
        worker = get_worker_info()
        if worker is None:
            return self._rank, self._ranks
        return self._rank + self._ranks * worker.id, self._ranks * worker.num_workers

    def _identity(self) -> dict[str, Any]:
        weights = b"" if self._weights is None else self._weights.tobytes()
        return {
            "dataset": self._manifest.manifest_id,
            "split": self._split,
            "seed": self._load.seed,
            "lanes": self._load.lanes,
            "weights": hashlib.sha256(weights).hexdigest()[:16] if weights else "",
        }

    def _weigh(self) -> Weights | None:
        weight = self._config.weight
        if weight is None:
            return None
        columns = (weight,) if isinstance(weight, str) else self._config.weight_columns
        rows = iterate_chosen(self._store, self._manifest, self._split, columns)
        if isinstance(weight, str):
            found = [row[weight] for row in rows]
        else:
            found = [weight(row) for row in rows]
        return _numbers(found, weight)


def _numbers(found: Sequence[Any], weight: object) -> Weights:
    try:
        numbers = np.array([0 if each is None else each for each in found], np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"weight must be numbers, {weight!r} gives others: {error}") from error
    if numbers.ndim != 1 or not np.isfinite(numbers).all() or (numbers < 0).any():
        raise ValueError(f"weight must be finite numbers from 0 on, {weight!r} gives others")
    if not numbers.any():
        raise ValueError(f"weight must be above 0 for one clip, {weight!r} is 0 for all")
    return numbers
