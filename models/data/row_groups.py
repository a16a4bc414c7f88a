"""The row groups that the next clips come from: read ahead, held while they are needed.

Stage:  shard -> dataset -> [load] -> train -> generate

Threads read, because a request to S3 is waiting, not work. A row group is read when the first
clip of it is planned, by one large range, and lives as long as a planned clip refers to it;
nothing is evicted by guess. Of every shard it is remembered where its pictures lie, so that its
footer is read once.

Cost: what `storage.shards.picture_bytes` says; 25 bytes per row group of a shard that was read.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

from tinyvideo.models.data.buffers import Memory
from tinyvideo.storage.datasets import Manifest, RowSelection
from tinyvideo.storage.objects import Store
from tinyvideo.storage.shards import (
    PictureSpans,
    ShardFile,
    Take,
    find_pictures,
    read_pictures,
    read_rows,
)
from tinyvideo.storage.storage_errors import DamagedRowsError, StorageError

_SHARDS = 16_384
"""Shards whose footers are remembered: 30 MB at most."""


class RowGroup:
    """The chosen pictures of one row group, which may still be on their way."""

    def __init__(self, shard: ShardFile, number: int, rows: list[int], piece: int = 0) -> None:
        self._shard, self._number, self._rows = shard, number, rows
        self.piece = piece
        self._pictures: list[memoryview] | None = None
        self._columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        self._reading = Lock()
        self.coming: Future[list[memoryview]]

    def __len__(self) -> int:
        return len(self._rows)

    def __str__(self) -> str:
        return f"row group {self._number} of {self._shard}"

    def picture(self, place: int) -> memoryview:
        """Wait for the picture at `place` among the chosen ones.

        Raises:
            StorageError: the shard cannot be read.
        """
        if self._pictures is None:
            self._pictures = self.coming.result()
        return self._pictures[place]

    def row(self, place: int, columns: tuple[str, ...]) -> dict[str, Any]:
        """Read columns of the row at `place` among the chosen ones.

        Raises:
            DamagedRowsError: they cannot be read.
        """
        with self._reading:
            if columns not in self._columns:
                try:
                    found = read_rows(self._shard, self._number, self._rows, columns)
                except StorageError as error:
                    raise DamagedRowsError(str(error)) from error
                self._columns[columns] = found
        return dict(self._columns[columns][place])

    def strip_id(self, place: int) -> str:
        """Look up what the strip at `place` is called; an error needs it.

        Raises:
            StorageError: the shard cannot be read.
        """
        rows = read_rows(self._shard, self._number, [self._rows[place]], ["strip_id"])
        return f"{rows[0]['strip_id']} of {self._shard}"

    def fetch(self, spans: PictureSpans, take: Take) -> list[memoryview]:
        """Read the row group into memory from `take`; return the chosen pictures.

        Raises:
            StorageError: the shard cannot be read, or is not the one that was chosen from.
        """
        pictures = read_pictures(self._shard.store, self._shard.key, spans, self._number, take)
        if self._rows[-1] >= len(pictures):
            raise StorageError(
                f"{self} has {len(pictures)} rows, and the dataset wants row {self._rows[-1]}; "
                "build the dataset again"
            )
        return [pictures[row] for row in self._rows]


class RowGroups:
    """All row groups of a split; reads them ahead with threads of its own."""

    def __init__(
        self, store: Store, manifest: Manifest, pieces: RowSelection, readers: int
    ) -> None:
        self._store, self._shards, self._pieces = store, manifest.shards, pieces
        self._live: WeakValueDictionary[int, RowGroup] = WeakValueDictionary()
        self._memory = Memory(readers)
        self._readers = ThreadPoolExecutor(readers, "read")
        self._spans = lru_cache(_SHARDS)(lambda key: find_pictures(store, key))

    def plan(self, piece: int) -> RowGroup:
        """Return the row group of a piece; it is being read, unless it is there already."""
        group = self._live.get(piece)
        if group is None:
            key = self._shards[int(self._pieces.shard[piece])]
            number = int(self._pieces.row_group[piece])
            rows = _bits(int(self._pieces.rows[piece]))
            group = self._live[piece] = RowGroup(ShardFile(self._store, key), number, rows, piece)
            group.coming = self._readers.submit(self._fetch, group, key)
        return group

    def after(self, group: RowGroup) -> Iterator[RowGroup]:
        """Yield the other row groups, from the one behind `group` on, each as it is asked for."""
        for step in range(1, len(self._pieces)):
            yield self.plan((group.piece + step) % len(self._pieces))

    def close(self) -> None:
        """End the threads; what is still to be read is left."""
        self._readers.shutdown(wait=True, cancel_futures=True)

    def _fetch(self, group: RowGroup, key: str) -> list[memoryview]:
        return group.fetch(self._spans(key), self._memory.take)


def _bits(mask: int) -> list[int]:
    return [row for row in range(mask.bit_length()) if mask >> row & 1]
