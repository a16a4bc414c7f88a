"""A dataset's strips -> batches of clips, read ahead and decoded by threads.

Stage:  shard -> dataset -> [load] -> train -> generate

`models.data.clip_order` says which clips make up a batch, `storage.shards.picture_bytes` reads a
row group of them in one large range, from disk or S3, before it is needed, and threads decode each
JPEG, at the scale that is needed, into its place in the batch: no picture is copied, stacked or
sent. The batch is (B, 3, 32, 64, 64) uint8, channels last in memory.

The state is one number, the clips consumed by all ranks so far. The order knows neither ranks nor
threads, so a run can go on with any other number of them. Rank r takes the positions that are r
modulo the number of ranks.

Threads and not processes, because simplejpeg frees the interpreter while it decodes,
and a batch need not be copied between processes.

Cost per clip of one core: decoding, 1.9 ms for a strip of 128 pixels and 210 kB; all else is less
than what two measurements of that differ by (`benchmarks/RESULTS.md`). Memory for batches of 64,
over 290 MB of Python, NumPy and PyTorch: 300 MB, which are the row groups of all lanes and those
that are read ahead, 14 MB each, three batches of 25 MB, and memory that waits to be used again.
With 35 million strips 6 MB more, and a first batch after 1 s (`python -m
benchmarks.parts.load_size`).

Source: ours. StatefulDataLoader of torchdata keeps a state per worker, which ties a resume to
their number.
"""

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Lock
from typing import Any, Self, TypeAlias

import numpy as np
import torch
from torch import Tensor

from tinyvideo.models.data.buffers import Memory
from tinyvideo.models.data.clip_order import EpochOrder, Weights
from tinyvideo.models.data.clip_shape import AS_TRAINED, ClipShape
from tinyvideo.models.data.row_groups import RowGroup, RowGroups
from tinyvideo.models.training_errors import DataError
from tinyvideo.pipeline.types import Frames
from tinyvideo.storage.datasets import Manifest, read_selection
from tinyvideo.storage.objects import Store
from tinyvideo.storage.storage_errors import DamagedRowsError

logger = logging.getLogger(__name__)

_Clip: TypeAlias = tuple[RowGroup, int]
"""A row group, and a place among its chosen rows."""

_Batch: TypeAlias = tuple[Frames, list[Future[int]], list[_Clip]]
"""Memory of a batch, what fills it, and which clips it shows; each result is a number of bad
strips, in whose place others stand by then."""

_TASK_CLIPS = 8
"""Clips that a thread takes at once: few, so that threads share a batch."""

_BATCHES_AHEAD = 1
"""Batches that are being decoded while one is waited for: the threads have work, and one batch more
would hold 25 MB and another row group of each lane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadConfig:
    batch: int = 64
    """Clips per batch, over all ranks together."""

    seed: int = 0
    """Of the order of the clips; 0 or more."""

    lanes: int = 8
    """Row groups that are mixed at a time; part of the order. A multiple of the number of ranks
    lets no two of them read the same row group. Ours: 512 clips, 120 MB."""

    replacement: bool = False
    """Draw the clips of each row group with replacement; else each comes once per epoch."""

    skip_bad_strips: bool = False
    """What to do with a strip that is not 32 whole frames: put the next good one of its row group
    in its place, and count it, or raise. Of a row group that is damaged (a flipped bit, anywhere in
    its pictures) every strip is a bad one, and those of the next row group stand in."""

    shape: ClipShape = AS_TRAINED
    """Size and frames of a clip."""

    workers: int = 2
    """Threads that decode. Of any number the batches are the same."""

    readers: int = 4
    """Threads that read row groups: requests to S3 at a time."""

    read_ahead: int = 128
    """Clips of a rank whose row groups are read before they are needed: 2 row groups, 28 MB."""

    def __post_init__(self) -> None:
        for name in ("batch", "lanes", "workers", "readers", "read_ahead"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, got {self.seed}")


class Loader:
    """Batches of one split for one rank, without end; a context manager, for its threads.

    Many threads may ask: each gets another batch. `weights`, one per clip in the order of the
    dataset's pieces, say how often it comes: on average in proportion, in an epoch of as many
    clips.
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
        weights: Weights | None = None,
    ) -> None:
        if not 0 <= rank < ranks <= config.batch:
            raise ValueError(f"rank {rank} of {ranks} has no share in a batch of {config.batch}")
        pieces = read_selection(store, manifest, split)
        self._config, self._manifest_id = config, manifest.manifest_id
        self._rank, self._ranks = rank, ranks
        self._order = EpochOrder(
            pieces.count,
            config.seed,
            config.lanes,
            replacement=config.replacement,
            weights=weights,
        )
        self._turn = Lock()
        if not len(self._order):
            raise DataError(f"dataset {manifest.name!r} has no clips in its split {split!r}")
        self._groups = RowGroups(store, manifest, pieces, config.readers)
        self._decoders = ThreadPoolExecutor(config.workers, "decode")
        self._memory = Memory(_BATCHES_AHEAD + 2)
        self._planned: deque[list[_Clip]] = deque()
        self._decoding: deque[_Batch] = deque()
        self._cursor = 0
        self.skipped = 0
        """Bad strips that another one stood in for, since this loader was made."""

    def __len__(self) -> int:
        """Count the clips of one epoch, over all ranks."""
        return len(self._order)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Tensor:
        """Wait for the next batch, this rank's share of it, as (B, 3, 32, 64, 64) uint8.

        Raises:
            DataError: a strip is bad and must not be skipped, or a row group has no good one.
            StorageError: a shard is gone or damaged.
        """
        return self._next_clips()[0]

    def with_columns(self, columns: Sequence[str]) -> tuple[Tensor, list[dict[str, Any]]]:
        """Wait for the next batch as `next` does; return it with columns of each clip's row.

        Raises:
            DataError, StorageError: as `next`, or the columns of a row group are damaged.
        """
        clips, shown = self._next_clips()
        if not columns:
            return clips, [{} for _ in shown]
        return clips, [group.row(place, tuple(columns)) for group, place in shown]

    def _next_clips(self) -> tuple[Tensor, list[_Clip]]:
        with self._turn:
            while len(self._decoding) <= _BATCHES_AHEAD:
                self._decoding.append(self._decode_next())
            frames, tasks, clips = self._decoding[0]
            wait(tasks, return_when=FIRST_EXCEPTION)  # once; results wake up for every task
            self.skipped += sum(task.result() for task in tasks)  # raises again if asked again
            self._decoding.popleft()
            self._cursor += self._config.batch
        return torch.from_numpy(frames).permute(0, 4, 1, 2, 3), clips

    def state_dict(self) -> dict[str, int | str]:
        """Save where the next batch begins, the same on every rank."""
        return {"cursor": self._cursor, **self._identity()}

    def load_state_dict(self, state: Mapping[str, int | str]) -> None:
        """Go on where `state` was saved, by whatever number of ranks and workers.

        Raises:
            DataError: it is the state of another order: of other clips, seed or lanes.
        """
        for name, mine in self._identity().items():
            if state[name] != mine:
                raise DataError(f"the loader's state is of {name} {state[name]}, not {mine}")
        self.seek(int(state["cursor"]))

    def seek(self, cursor: int) -> None:
        """Let the next batch begin after `cursor` clips of all ranks together."""
        with self._turn:
            self._drop()
            self._cursor = cursor

    def close(self) -> None:
        """End the threads; a batch that was returned stays good."""
        self._drop()
        self._groups.close()
        self._decoders.shutdown(wait=True, cancel_futures=True)

    def _identity(self) -> dict[str, int | str]:
        config = self._config
        return {"dataset": self._manifest_id, "seed": config.seed, "lanes": config.lanes}

    def _drop(self) -> None:
        tasks = [task for _, batch, _ in self._decoding for task in batch]
        wait([task for task in tasks if not task.cancel()])  # they write to memory, which is reused
        self._decoding.clear()
        self._planned.clear()

    def _decode_next(self) -> _Batch:
        self._plan()
        clips = self._planned.popleft()
        frames = self._memory.take(len(clips), *self._config.shape.of_clip)
        every = range(len(clips))
        parts = (every[i : i + _TASK_CLIPS] for i in every[::_TASK_CLIPS])
        return frames, [self._decoders.submit(self._decode, clips, p, frames) for p in parts], clips

    def _plan(self) -> None:
        """Begin to read what the batches up to `read_ahead` clips from here need."""
        batch = self._config.batch
        batches = 1 + -(-self._config.read_ahead * self._ranks // batch)
        while len(self._planned) < batches:
            number = len(self._decoding) + len(self._planned)
            first = self._cursor + number * batch
            positions = np.arange(first + self._rank, first + batch, self._ranks)
            clips = self._order.take(positions)
            self._planned.append([(self._groups.plan(piece), place) for piece, place in clips])

    def _decode(self, clips: list[_Clip], places: Iterable[int], frames: Frames) -> int:
        """Decode clips into their places; return the number of bad ones, and note who stands in."""
        skipped, shape = 0, self._config.shape
        for number in places:
            (group, place), out = clips[number], frames[number]
            try:
                shape.decode(group.picture(place), out)
            except DamagedRowsError as error:
                if not self._config.skip_bad_strips:
                    raise
                clips[number] = self._from_another(group, place, out, error)
                skipped += 1
            except ValueError as error:
                bad = self._stand_in(group, place, out, error)
                clips[number] = group, (place + bad) % len(group)
                skipped += bad
        return skipped

    def _from_another(
        self, group: RowGroup, place: int, out: Frames, error: DamagedRowsError
    ) -> _Clip:
        """Decode a clip of the next row group that can be read; return which."""
        logger.warning("a strip of %s is skipped: %s", group, error)
        for other in self._groups.after(group):
            try:
                self._config.shape.decode(other.picture(place % len(other)), out)
            except (DamagedRowsError, ValueError):
                continue
            return other, place % len(other)
        raise error

    def _stand_in(self, group: RowGroup, place: int, out: Frames, error: ValueError) -> int:
        """Decode the next good clip in place of a bad one; return the number of bad ones."""
        for bad in range(1, len(group) + 1):
            strip = group.strip_id((place + bad - 1) % len(group))
            if not self._config.skip_bad_strips:
                raise DataError(f"strip {strip} cannot be used: {error}") from error
            logger.warning("strip %s is skipped: %s", strip, error)
            try:
                self._config.shape.decode(group.picture((place + bad) % len(group)), out)
            except ValueError as next_error:
                error = next_error
            else:
                return bad
        raise DataError(f"no strip of {group} can be used")
