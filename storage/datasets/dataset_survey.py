"""Read what a dataset's rows say of themselves: owners, groups, classifiers, and leaks.

The splits are made to share nobody; this looks at the rows that were chosen and counts who is
shared all the same. `tinyvideo dataset verify` asks, and so does a takedown, whose new
revision has fewer owners.

Cost: the small columns of every shard of the dataset, as a build.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tinyvideo.storage.datasets.manifest import Manifest, read_selection
from tinyvideo.storage.datasets.near_duplicates import Seen, find_groups, join_seen, look
from tinyvideo.storage.datasets.row_selection import SPLITS, RowSelection
from tinyvideo.storage.datasets.splits import Digests
from tinyvideo.storage.datasets.strip_query import IDENTITY
from tinyvideo.storage.objects import Store, in_order
from tinyvideo.storage.shards import Rows, ShardFile, iterate_columns
from tinyvideo.storage.storage_errors import GoneError, StorageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the chosen rows of a dataset say."""

    owners: dict[str, int]
    """By split."""

    shared_owners: int
    """Owners in more than one split; a leak."""

    shared_groups: int
    """Groups of near duplicates in more than one split; a leak."""

    scene_models: dict[str, int]
    """Strips by classifier."""

    strips: dict[str, int]
    """Rows that the shards do hold, by split."""


def survey(
    store: Store,
    shards: Sequence[str],
    pieces: Mapping[str, RowSelection],
    query: Mapping[str, Any],
    *,
    by_hash: bool = False,
) -> Survey:
    """Read the small columns of all chosen rows, and count as the dataset's `query` says.

    With `by_hash`, near duplicates are looked for among them as a build does.

    Raises:
        StorageError: a shard is gone or damaged.
    """
    same_stem = bool(query.get("same_stem"))  # datasets of before it was counted have no word of it

    def visit(number: int) -> tuple[dict[str, _Chosen], int]:
        parts = [*iterate_columns(ShardFile(store, shards[number]), IDENTITY)]
        found = {split: _look(parts, number, pieces[split], by_hash, same_stem) for split in SPLITS}
        return found, sum(len(part.row) for part in parts)

    chosen: dict[str, list[Seen]] = {split: [] for split in SPLITS}
    models: Counter[str] = Counter()
    among = 0
    for found, rows in in_order(store, visit, range(len(shards))):
        among += rows
        for split, part in found.items():
            chosen[split].append(part.seen)
            models += part.models
    seen = {split: join_seen(chosen[split]) for split in SPLITS}
    owners = {split: np.unique(seen[split].owner) for split in SPLITS}
    return Survey(
        owners={split: len(owners[split]) for split in SPLITS},
        shared_owners=_shared(owners),
        shared_groups=_shared(_groups(seen, among)),
        scene_models=dict(models),
        strips={split: len(seen[split]) for split in SPLITS},
    )


def _groups(seen: Mapping[str, Seen], among: int) -> dict[str, Digests]:
    """List the groups of near duplicates that each split has strips of."""
    groups = find_groups(join_seen([*seen.values()]), among)
    parts = np.split(groups, np.cumsum([len(part) for part in seen.values()])[:-1])
    return {split: np.unique(part[part != 0]) for split, part in zip(seen, parts, strict=True)}


def iterate_chosen(
    store: Store, manifest: Manifest, split: str, columns: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield small columns of all rows of a split, in the order of its pieces.

    What a shard does not hold is None, and text that nobody knows is empty.

    Raises:
        StorageError: a shard is gone or damaged.
    """
    pieces = read_selection(store, manifest, split)
    nothing = dict.fromkeys(columns)
    for number in np.unique(pieces.shard).tolist():
        for part in iterate_columns(ShardFile(store, manifest.shards[number]), columns):
            table = part.table.filter(pa.array(_chosen(part, number, pieces)))
            yield from (nothing | row for row in table.to_pylist())


def find_problems(store: Store, manifest: Manifest, *, full: bool = False) -> list[str]:
    """Hold a dataset against its shards; one sentence per contradiction, none if all is well.

    With `full`, every shard is read whole and hashed; else only the small columns are read.
    """
    try:
        pieces = {split: read_selection(store, manifest, split) for split in SPLITS}
    except StorageError as error:
        return [str(error)]
    problems = _check_objects(store, manifest, full=full)
    if problems:
        return problems
    try:
        by_hash = bool(manifest.query.get("near_duplicates"))
        found = survey(store, manifest.shards, pieces, manifest.query, by_hash=by_hash)
    except StorageError as error:
        return [str(error)]
    return [*_contradictions(manifest, found)]


def _check_objects(store: Store, manifest: Manifest, *, full: bool) -> list[str]:
    problems = []
    for key, sha256 in zip(manifest.shards, manifest.shard_sha256, strict=True):
        try:
            store.size(key)
            if full and store.sha256(key) != sha256:
                problems.append(f"{store.name(key)} is not the shard that the dataset was built of")
        except GoneError:
            problems.append(f"{store.name(key)} is gone; repair it, or build the dataset again")
        except StorageError as error:
            problems.append(str(error))
    return problems


def _contradictions(manifest: Manifest, found: Survey) -> list[str]:
    problems = []
    if found.strips != manifest.counts:
        problems.append(f"the shards hold {found.strips} strips, not {manifest.counts}")
    if found.owners != manifest.owners:
        problems.append(f"the strips have {found.owners} owners, not {manifest.owners}")
    if found.shared_owners:
        problems.append(f"{found.shared_owners} owners are in more than one split")
    if found.shared_groups:
        problems.append(f"{found.shared_groups} groups of duplicates are in more than one split")
    return problems


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What one split takes of one shard."""

    seen: Seen
    models: Counter[str]


def _look(
    parts: Sequence[Rows], shard: int, pieces: RowSelection, by_hash: bool, same_stem: bool
) -> _Chosen:
    seen, models = [], Counter[str]()
    for part in parts:
        chosen = _chosen(part, shard, pieces)
        table = part.table.filter(pa.array(chosen))
        seen.append(look(table, by_hash=by_hash, same_stem=same_stem))
        counted = table["scene_model"].value_counts().to_pylist()
        models.update({entry["values"]: entry["counts"] for entry in counted})
    return _Chosen(join_seen(seen), models)


def _chosen(part: Rows, shard: int, pieces: RowSelection) -> npt.NDArray[np.bool_]:
    last = int(part.row_group[-1]) if len(part.row_group) else 0
    bits = np.zeros(last + 1, np.uint64)
    ours = (pieces.shard == shard) & (pieces.row_group <= last)
    bits[pieces.row_group[ours]] = pieces.rows[ours]
    shifted = np.right_shift(bits[part.row_group], part.row.astype(np.uint64))
    return np.asarray(shifted & np.uint64(1), np.bool_)


def _shared(by_split: Mapping[str, Digests]) -> int:
    shared = [
        np.intersect1d(by_split[one], by_split[other]) for one, other in combinations(SPLITS, 2)
    ]
    return len(np.unique(np.concatenate(shared)))
