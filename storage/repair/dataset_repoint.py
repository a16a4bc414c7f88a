"""Turn datasets from shards that cannot be read any more to their replacements, or to nothing.

A takedown knows where every strip has gone, because it can read the old shard
(`storage.datasets.revise`). Here nobody can; but a shard that was made anew from the same videos
has the same rows in the same places, and a shard that was given up has none.

Cost: the pieces of the datasets that name the shard; where one was given up, the small columns of
the shards that are left, to count owners anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tinyvideo.storage.datasets import (
    SPLITS,
    Manifest,
    RowSelection,
    ShardChange,
    in_new_revision,
    read_selection,
    survey,
    write_manifest,
)
from tinyvideo.storage.objects import Store


def repoint(store: Store, name: str, changes: Sequence[ShardChange]) -> Manifest | None:
    """Name the new shards in the place of the old, with the same rows; drop the rows where none is.

    Returns the new revision of the dataset `name`, None if the latest names no old shard. Other
    revisions that do are deleted: they name what is gone. Called again after a kill, it finishes.

    Raises:
        StorageError: a revision cannot be read or written, or a shard that is left is broken.
    """
    return in_new_revision(store, name, changes, _revise)


def _revise(store: Store, manifest: Manifest, by_old: Mapping[str, ShardChange]) -> Manifest:
    same = zip(manifest.shards, manifest.shard_sha256, strict=True)
    named = [by_old.get(key, ShardChange(old=key, new=key, new_sha256=sha)) for key, sha in same]
    left = [number for number, change in enumerate(named) if change.new]
    shards = tuple(named[number].new for number in left)
    draft = replace(
        manifest, shards=shards, shard_sha256=tuple(named[number].new_sha256 for number in left)
    )
    pieces = {split: _keep(read_selection(store, manifest, split), left) for split in SPLITS}
    if len(left) < len(named):
        found = survey(store, shards, pieces, manifest.query)
        draft = replace(draft, owners=found.owners, scene_models=found.scene_models)
    return write_manifest(store, draft, pieces)


def _keep(pieces: RowSelection, shards: Sequence[int]) -> RowSelection:
    rest = np.isin(pieces.shard, shards)
    return RowSelection(
        shard=np.searchsorted(shards, pieces.shard[rest]).astype(np.int32),
        row_group=pieces.row_group[rest],
        rows=pieces.rows[rest],
        count=pieces.count[rest],
    )
