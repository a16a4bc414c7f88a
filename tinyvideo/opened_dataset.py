"""A dataset as Python sees it: how many strips each split has, and batches of them for a model.

Cost: what is in memory is the manifest, 120 bytes per shard; a loader is `models.data`'s own, with
its speed and its memory.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tinyvideo.storage.datasets import Manifest
from tinyvideo.storage.outputs import OutputAddress

if TYPE_CHECKING:
    import torch

    from tinyvideo.models.data import ClipDataset, FloatLoader


class Dataset:
    """One revision of a dataset; `Output.dataset` and `Output.build_dataset` give one."""

    def __init__(self, place: OutputAddress, manifest: Manifest) -> None:
        self.place = place
        """The output that it belongs to."""

        self.manifest = manifest
        """Everything that is recorded of it."""

    def __repr__(self) -> str:
        return f"<dataset {self.name!r} revision {self.revision}: {dict(self.splits)}>"

    @property
    def name(self) -> str:
        """What it is called."""
        return self.manifest.name

    @property
    def revision(self) -> int:
        """1, 2, ... of this name."""
        return self.manifest.revision

    @property
    def splits(self) -> Mapping[str, int]:
        """Strips of each split: `train`, `validation`, `test`. No two of them share an owner."""
        return self.manifest.counts

    @property
    def query(self) -> Mapping[str, Any]:
        """How its strips were chosen."""
        return self.manifest.query

    def loader(
        self,
        split: str = "train",
        *,
        batch: int = 64,
        seed: int = 0,
        workers: int = 2,
        skip_bad_strips: bool = False,
        device: "str | torch.device" = "cpu",
        dtype: "torch.dtype | None" = None,
        rank: int = 0,
        ranks: int = 1,
    ) -> "FloatLoader":
        """Read batches of clips, (batch, 3, 32, 64, 64) in [-1, 1], without end.

        Axes are batch, color, time, rows, columns. Every epoch is a new order, which `seed` and
        the position decide alone; `len(loader)` is the clips of one epoch. Threads read and decode
        ahead: leave the `with` block, or call `close`, to end them.

            with dataset.loader(batch=32) as batches:
                for clips in itertools.islice(batches, 1000): ...

        `batches.state_dict()` is where the next batch begins, a small dictionary for your
        checkpoint, and `batches.load_state_dict(state)` goes on there, also with another number of
        workers or ranks.

        Args:
            split: `train`, `validation` or `test`.
            batch: Clips per batch, over all ranks together.
            seed: Of the order, 0 or more.
            workers: Threads that decode.
            skip_bad_strips: Put the next good strip in the place of a broken one, and count it in
                `skipped`, instead of raising.
            device: Where the batches are wanted; bytes travel there, and become floats there.
            dtype: Of the batches; None: torch.float32. torch.uint8 leaves them bytes, 0 to 255, for
                who makes floats of them elsewhere: nothing is copied then.
            rank: Which of several processes this is; it gets its share of each batch.
            ranks: How many processes there are.

        Raises:
            ValueError: there is no such split, or a number is out of range.
            ExpectedError: the split is empty, or the storage cannot be read; later, when a batch
                is asked for: a shard is gone or damaged, or a strip is broken.
        """
        import torch  # noqa: PLC0415  2 s, for those who train

        from tinyvideo.models.data import FloatLoader, LoadConfig  # noqa: PLC0415

        if split not in self.splits:
            raise ValueError(f"split must be one of {', '.join(self.splits)}, got {split!r}")
        return FloatLoader(
            self.place.open_store(),
            self.manifest,
            LoadConfig(batch=batch, seed=seed, workers=workers, skip_bad_strips=skip_bad_strips),
            split=split,
            rank=rank,
            ranks=ranks,
            device=device,
            dtype=dtype or torch.float32,
        )

    def clips(
        self,
        split: str = "train",
        *,
        size: int = 64,
        frames: int = 32,
        stride: int = 1,
        columns: Sequence[str] = (),
        transform: Callable[[dict[str, Any]], Any] | None = None,
        weight: str | Callable[[Mapping[str, Any]], float] | None = None,
        weight_columns: Sequence[str] = (),
        endless: bool = False,
        seed: int = 0,
        workers: int = 2,
        skip_bad_strips: bool = False,
        rank: int = 0,
        ranks: int = 1,
    ) -> "ClipDataset":
        """Give the clips as a `torch.utils.data.IterableDataset`, for a DataLoader of your own.

        A sample is a dictionary: `clip`, (3, frames, size, size) uint8, and the `columns` asked
        for. An iteration is one epoch, the next one the next, each in another order.

            clips = dataset.clips(size=96, frames=16, stride=2, columns=["strip_id", "fps"])
            for batch in DataLoader(clips, batch_size=32): batch["clip"], batch["fps"]

        It has `state_dict` and `load_state_dict`, so torchdata's `StatefulDataLoader` goes on with
        the very next sample. Threads decode ahead; worker processes of a DataLoader share the clips
        out, and cost a copy of each batch. With worker processes that are not persistent, call
        `set_epoch` before each epoch.

        Args:
            split: `train`, `validation` or `test`.
            size: Width and height of a frame, 8 to 128, and at most the strip's.
            frames: Frames of a clip, 1 to 32.
            stride: Every which frame of the strip, from its first one on.
            columns: Of the schema, beside the picture. What is not known is None, which PyTorch's
                own way of making batches refuses: replace it in `transform`.
            transform: What becomes of a sample before it is handed on.
            weight: How often a clip comes: the name of a column of numbers, or a function that gets
                `weight_columns` of one strip as a dictionary. An epoch has as many clips as before,
                and each comes in proportion.
            weight_columns: What such a function looks at.
            endless: Go on with the next epoch by itself.
            seed: Of the order, 0 or more.
            workers: Threads that decode, in each process.
            skip_bad_strips: Put the next good strip in the place of a broken one instead of
                raising; of a row group that is damaged, each strip is a broken one.
            rank: Which of several trainings this is; each takes its share of the clips.
            ranks: How many there are.

        Raises:
            ValueError: there is no such split or column, or a number is out of range.
            ExpectedError: as `loader`.
        """
        from tinyvideo.models.data import (  # noqa: PLC0415  2 s, for those who train
            ClipDataset,
            ClipShape,
            LoadConfig,
            SampleConfig,
        )

        if split not in self.splits:
            raise ValueError(f"split must be one of {', '.join(self.splits)}, got {split!r}")
        return ClipDataset(
            self.place.open_store(),
            self.manifest,
            LoadConfig(
                seed=seed,
                workers=workers,
                skip_bad_strips=skip_bad_strips,
                shape=ClipShape(size=size, frames=frames, stride=stride),
            ),
            SampleConfig(
                columns=tuple(columns),
                transform=transform,
                weight=weight,
                weight_columns=tuple(weight_columns),
                endless=endless,
            ),
            split=split,
            rank=rank,
            ranks=ranks,
        )
