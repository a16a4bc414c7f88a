"""Shards -> the rows that fit a query, as arrays, one shard open at a time.

Of a strip that fits, only its place and the hashes of its owner and its group of near duplicates
are kept; of all others what tells near duplicates (`storage.datasets.near_duplicates`).

Cost: 30 bytes of memory per chosen strip, 72 per strip of the shards.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tinyvideo.storage.datasets.near_duplicates import Seen, find_groups, join_seen, look, ties_of
from tinyvideo.storage.datasets.own_choice import Taking
from tinyvideo.storage.datasets.splits import Ties
from tinyvideo.storage.datasets.strip_query import DatasetConfig, check_columns, columns_of, matches
from tinyvideo.storage.objects import Store, in_order
from tinyvideo.storage.shards import ShardFile, iterate_columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Rows in the order of the shards; arrays of (N,)."""

    shard: npt.NDArray[np.int32]
    """Number of the shard in the list that was searched."""

    number: npt.NDArray[np.int32]
    """Number of the row among all that its shard has."""

    row_group: npt.NDArray[np.int32]
    row: npt.NDArray[np.uint8]
    model: npt.NDArray[np.uint8]
    """Number of the classifier in the list of them."""

    owner: npt.NDArray[np.uint64]
    group: npt.NDArray[np.uint64]
    order: npt.NDArray[np.uint64]
    """Random, of the seed and the shard's name: who goes first where there are too many."""

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rows: npt.NDArray[np.bool_]) -> "Chosen":
        """Choose among the rows."""
        return Chosen(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def choose(
    store: Store,
    keys: Sequence[str],
    config: DatasetConfig,
    on_shard: Callable[[int, int], None] | None = None,
    taking: Taking | None = None,
) -> tuple[Chosen, list[str], Ties]:
    """Read the small columns of all shards; return the rows that fit, and the classifiers' names.

    And the owners that near duplicates tie together, of all rows. `taking` is what somebody takes
    of them by a rule of their own; None: all.

    Raises:
        StorageError: a shard cannot be read, or does not hold what the query asks for.
    """
    models = _Names()
    parts = [_EMPTY]
    seen: list[Seen] = []
    first: list[int] = []
    taking = taking or Taking(None)

    def search(number: int) -> tuple[list[Chosen], Seen]:
        source = ShardFile(store, keys[number])
        both = [*_choose_in(source, number, config, models, taking)]
        return [chosen for chosen, _ in both], join_seen([part for _, part in both])

    for done, (found, all_of_it) in enumerate(in_order(store, search, range(len(keys))), start=1):
        parts += found
        first.append(sum(map(len, seen[-1:])) + sum(first[-1:]))
        seen.append(all_of_it)
        if on_shard:
            on_shard(done, len(keys))
    joined = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Chosen)}
    everything = join_seen(seen)
    groups = find_groups(everything)
    at = np.array(first, np.int64)[joined["shard"]] + joined["number"]
    chosen = Chosen(**{**joined, "group": groups[at]})
    return chosen, models.names, ties_of(everything, groups)


def _choose_in(
    source: ShardFile, number: int, config: DatasetConfig, models: "_Names", taking: Taking
) -> Iterator[tuple[Chosen, Seen]]:
    digest = hashlib.sha256(source.key.encode()).digest()
    bits = np.random.PCG64([config.seed, int.from_bytes(digest[:8], "big")])
    columns = [*columns_of(config), *taking.columns]
    before = 0
    for part in iterate_columns(source, list(dict.fromkeys(columns))):
        check_columns(part.table.column_names, columns, source.name)
        order = bits.random_raw(len(part.row))
        fits = taking.take(part.table, matches(part.table, config))
        seen = look(part.table, by_hash=config.near_duplicates, same_stem=config.same_stem)
        tagged = part.table.select(["scene_model"]).filter(pa.array(fits))
        chosen = Chosen(
            shard=np.full(len(tagged), number, np.int32),
            number=(before + np.flatnonzero(fits)).astype(np.int32),
            row_group=part.row_group[fits],
            row=part.row[fits],
            model=models.number(tagged["scene_model"]),
            owner=seen.owner[fits],
            group=seen.told[fits],
            order=order[fits],
        )
        before += len(part.row)
        yield chosen, seen


class _Names:
    """Numbers names, in the order in which they come; many threads may ask."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._lock = Lock()

    def number(self, column: pa.ChunkedArray) -> npt.NDArray[np.uint8]:
        """Return the number of each name, (N,)."""
        encoded = column.combine_chunks().dictionary_encode()
        with self._lock:
            names = encoded.dictionary.to_pylist()
            self.names += [name for name in names if name not in self.names]
            numbers = np.array([self.names.index(name) for name in names], np.uint8)
        return np.asarray(numbers[encoded.indices.to_numpy()])


_EMPTY = Chosen(
    shard=np.empty(0, np.int32),
    number=np.empty(0, np.int32),
    row_group=np.empty(0, np.int32),
    row=np.empty(0, np.uint8),
    model=np.empty(0, np.uint8),
    owner=np.empty(0, np.uint64),
    group=np.empty(0, np.uint64),
    order=np.empty(0, np.uint64),
)
