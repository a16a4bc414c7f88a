"""A takedown's part in datasets: new revisions without what is gone.

When shards are written anew without some strips, each dataset that names an old one gets a
new revision which names the new one; every other row stays where it was, in the same split.
Then all revisions that name an old shard are deleted, for they name what no longer exists. The
order makes it safe to die anywhere: run again, it finds the new revision and deletes the rest.

Cost: the strip ids of the old and the new shards, and the small columns of the dataset, to count
its owners anew.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tinyvideo.storage.datasets.dataset_survey import survey
from tinyvideo.storage.datasets.manifest import (
    Manifest,
    list_datasets,
    list_revisions,
    manifest_key,
    read_manifest,
    read_selection,
    sweep_pieces,
    write_manifest,
)
from tinyvideo.storage.datasets.row_selection import SPLITS, RowSelection, pack, unpack
from tinyvideo.storage.objects import Store
from tinyvideo.storage.shards import ShardFile, iterate_columns


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardChange:
    """A shard that was written anew without some of its strips."""

    old: str
    """Key of the shard before; still there while datasets are revised."""

    new: str = ""
    """Key of what replaces it; empty if no strip is left."""

    new_sha256: str = ""


Revise: TypeAlias = Callable[[Store, Manifest, Mapping[str, ShardChange]], Manifest]
"""Writes a revision in which the shards of the mapping are changed."""

OutputAddress = tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]
"""Row group and row of strips, (N,) each."""


def replace_shards(store: Store, name: str, changes: Sequence[ShardChange]) -> Manifest | None:
    """Take strips that are in no new shard out of the dataset `name`; return the new revision.

    None if the latest revision names none of the old shards. Older revisions that do are deleted in
    any case. Call it while the old and the new shards are both there, once per dataset of
    `list_datasets`; delete the old shards afterwards. Called again, after a kill, it finishes.

    A dataset that loses its last strip keeps an empty revision.

    Raises:
        StorageError: a shard or a revision cannot be read, or the storage cannot be written.
    """
    return in_new_revision(store, name, changes, _revise)


def in_new_revision(
    store: Store, name: str, changes: Sequence[ShardChange], revise: Revise
) -> Manifest | None:
    """Have `revise` write the latest revision anew, then delete all that name an old shard.

    Returns the new revision; None if the latest names no old shard.
    """
    by_old = {change.old: change for change in changes}
    manifest = read_manifest(store, name)
    revised = None
    if by_old.keys() & set(manifest.shards):
        revised = revise(store, manifest, by_old)
    for revision in list_revisions(store, name):
        if by_old.keys() & set(read_manifest(store, name, revision).shards):
            store.delete(manifest_key(name, revision))
    sweep_pieces(store, name)
    return revised


def manifests_holding(store: Store, strips: Mapping[str, Mapping[int, int]]) -> list[Manifest]:
    """Find all revisions of all datasets that hold one of these strips.

    `strips` gives, by key of the shard and number of the row group, a mask of rows: bit i is row i.
    """
    return [
        manifest
        for name in list_datasets(store)
        for revision in list_revisions(store, name)
        if _holds(store, manifest := read_manifest(store, name, revision), strips)
    ]


def _holds(store: Store, manifest: Manifest, strips: Mapping[str, Mapping[int, int]]) -> bool:
    named = {n: strips[key] for n, key in enumerate(manifest.shards) if key in strips}
    if not named:
        return False
    for split in SPLITS:
        pieces = read_selection(store, manifest, split)
        for at in np.flatnonzero(np.isin(pieces.shard, [*named])):
            if named[int(pieces.shard[at])].get(int(pieces.row_group[at]), 0) & int(
                pieces.rows[at]
            ):
                return True
    return False


def _revise(store: Store, manifest: Manifest, by_old: Mapping[str, ShardChange]) -> Manifest:
    changed = {n: by_old[key] for n, key in enumerate(manifest.shards) if key in by_old}
    maps = {n: _new_places(store, change) for n, change in changed.items()}
    pieces = {split: _move(read_selection(store, manifest, split), maps) for split in SPLITS}
    used = np.unique(np.concatenate([pieces[split].shard for split in SPLITS]))
    shards = [changed[n].new if n in changed else manifest.shards[n] for n in used.tolist()]
    hashes = [
        changed[n].new_sha256 if n in changed else manifest.shard_sha256[n] for n in used.tolist()
    ]
    pieces = {split: _renumber(pieces[split], used) for split in SPLITS}
    found = survey(store, shards, pieces, manifest.query)
    draft = replace(
        manifest,
        shards=tuple(shards),
        shard_sha256=tuple(hashes),
        owners=found.owners,
        scene_models=found.scene_models,
    )
    return write_manifest(store, draft, pieces)


@dataclass(frozen=True, slots=True)
class _Moves:
    """Where each row of an old shard is in the new one."""

    starts: npt.NDArray[np.int64]
    """Number of the first row of each old row group."""

    kept: npt.NDArray[np.bool_]
    row_group: npt.NDArray[np.int32]
    row: npt.NDArray[np.uint8]


def _new_places(store: Store, change: ShardChange) -> _Moves:
    ids, row_group, _ = _read_ids(store, change.old)
    new_ids, new_group, new_row = _read_ids(store, change.new)
    found = pc.index_in(ids, new_ids)
    kept = found.is_valid().to_numpy(zero_copy_only=False)
    at = found.fill_null(0).to_numpy()
    padded_group, padded_row = np.append(new_group, 0), np.append(new_row, 0)  # for no row at all
    return _Moves(
        starts=np.searchsorted(row_group, np.arange(row_group.max(initial=0) + 1)),
        kept=kept,
        row_group=padded_group[at].astype(np.int32),
        row=padded_row[at].astype(np.uint8),
    )


def _read_ids(store: Store, key: str) -> tuple[pa.Array, *OutputAddress]:
    parts = [*iterate_columns(ShardFile(store, key), ["strip_id"])] if key else []
    ids = [part.table["strip_id"].combine_chunks() for part in parts]
    return (
        pa.concat_arrays([pa.array([], pa.string()), *ids]),
        np.concatenate([np.empty(0, np.int32), *(part.row_group for part in parts)]),
        np.concatenate([np.empty(0, np.uint8), *(part.row for part in parts)]),
    )


def _move(pieces: RowSelection, maps: Mapping[int, _Moves]) -> RowSelection:
    parts = [_take(pieces, ~np.isin(pieces.shard, [*maps]))]
    for number, moves in maps.items():
        row_group, row = unpack(_take(pieces, pieces.shard == number))
        at = moves.starts[row_group] + row
        at = np.sort(at[moves.kept[at]])
        shard = np.full(len(at), number, np.int32)
        parts.append(pack(shard, moves.row_group[at], moves.row[at]))
    joined = RowSelection(
        shard=np.concatenate([part.shard for part in parts]),
        row_group=np.concatenate([part.row_group for part in parts]),
        rows=np.concatenate([part.rows for part in parts]),
        count=np.concatenate([part.count for part in parts]),
    )
    return _take(joined, np.lexsort((joined.row_group, joined.shard)))


def _renumber(pieces: RowSelection, used: npt.NDArray[np.int32]) -> RowSelection:
    return replace(pieces, shard=np.searchsorted(used, pieces.shard).astype(np.int32))


def _take(
    pieces: RowSelection, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp]
) -> RowSelection:
    return RowSelection(
        shard=pieces.shard[which],
        row_group=pieces.row_group[which],
        rows=pieces.rows[which],
        count=pieces.count[which],
    )
