"""Read what a dataset's rows say of themselves: owners, groups, classifiers, and leaks.

The splits are made to share nobody; this looks at the rows that were chosen and counts who is
shared all the same. `tinyvideo dataset verify` asks, and so does a takedown, whose new
revision has fewer owners.

Cost: the small columns of every shard of the dataset, as a build.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tinyvideo.storage.datasets.manifest import Manifest, read_selection
from tinyvideo.storage.datasets.row_selection import SPLITS, RowSelection
from tinyvideo.storage.datasets.splits import Digests, groups_of, owners_of
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


def survey(store: Store, shards: Sequence[str], pieces: Mapping[str, RowSelection]) -> Survey:
    """Read the small columns of all chosen rows.

    Raises:
        StorageError: a shard is gone or damaged.
    """

    def look(number: int) -> dict[str, _Seen]:
        parts = [*iterate_columns(ShardFile(store, shards[number]), IDENTITY)]
        return {split: _look(parts, number, pieces[split]) for split in SPLITS}

    seen: dict[str, list[_Seen]] = {split: [] for split in SPLITS}
    models: Counter[str] = Counter()
    for found in in_order(store, look, range(len(shards))):
        for split, part in found.items():
            seen[split].append(part)
            models += part.models
    owners = {split: _distinct([part.owners for part in seen[split]]) for split in SPLITS}
    groups = {split: _distinct([part.groups for part in seen[split]]) for split in SPLITS}
    return Survey(
        owners={split: len(owners[split]) for split in SPLITS},
        shared_owners=_shared(owners),
        shared_groups=_shared(groups),
        scene_models=dict(models),
        strips={split: sum(part.strips for part in seen[split]) for split in SPLITS},
    )


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
        found = survey(store, manifest.shards, pieces)
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
class _Seen:
    """What one split takes of one shard."""

    owners: Digests
    groups: Digests
    models: Counter[str]
    strips: int


def _look(parts: Sequence[Rows], shard: int, pieces: RowSelection) -> _Seen:
    owners, groups, models, strips = [], [], Counter[str](), 0
    for part in parts:
        chosen = _chosen(part, shard, pieces)
        table = part.table.filter(pa.array(chosen))
        owners.append(owners_of(table))
        groups.append(groups_of(table))
        counted = table["scene_model"].value_counts().to_pylist()
        models.update({entry["values"]: entry["counts"] for entry in counted})
        strips += len(table)
    alike = _distinct(groups)
    return _Seen(_distinct(owners), alike[alike != 0], models, strips)


def _chosen(part: Rows, shard: int, pieces: RowSelection) -> npt.NDArray[np.bool_]:
    last = int(part.row_group[-1]) if len(part.row_group) else 0
    bits = np.zeros(last + 1, np.uint64)
    ours = (pieces.shard == shard) & (pieces.row_group <= last)
    bits[pieces.row_group[ours]] = pieces.rows[ours]
    shifted = np.right_shift(bits[part.row_group], part.row.astype(np.uint64))
    return np.asarray(shifted & np.uint64(1), np.bool_)


def _distinct(parts: Sequence[Digests]) -> Digests:
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.uint64)


def _shared(by_split: Mapping[str, Digests]) -> int:
    shared = [
        np.intersect1d(by_split[one], by_split[other]) for one, other in combinations(SPLITS, 2)
    ]
    return len(np.unique(np.concatenate(shared)))
