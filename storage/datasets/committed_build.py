"""A dataset of all shards that an output has committed, beside takedowns and repairs.

    choose    reads the small columns of the shards, for minutes, while anything may happen
    settle    in the turn of datasets (`dataset_lock`): is every chosen shard still the one
              that counts, and nobody about to change one? Then the manifest is written

Where shards were written anew meanwhile, it chooses again: what was taken down is in none of them.
A takedown or a repair that somebody killed must be finished first, because it will change shards.

Cost: that of `storage.datasets.dataset_draft`, again for every time that shards have changed.
"""

import logging
from collections.abc import Callable

from tinyvideo.storage.catalog import keys_in_rewrite, read_takedowns
from tinyvideo.storage.datasets.dataset_draft import Draft, draft_dataset, write_dataset
from tinyvideo.storage.datasets.manifest import Manifest
from tinyvideo.storage.datasets.own_choice import OwnChoice
from tinyvideo.storage.datasets.strip_query import DatasetConfig
from tinyvideo.storage.datasets.write_lock import dataset_lock
from tinyvideo.storage.outputs import Output, refuse_stranger
from tinyvideo.storage.storage_errors import StorageError

logger = logging.getLogger(__name__)


def build_committed(
    output: Output,
    name: str,
    config: DatasetConfig,
    on_shard: Callable[[int, int], None] | None = None,
    *,
    own: OwnChoice | None = None,
) -> Manifest:
    """Choose strips of all committed shards, as a new revision of the dataset `name`.

    `own` narrows the choice by somebody's own rule.

    Raises:
        StorageError: there is no shard, a takedown or repair is not finished, or as
            `storage.datasets.dataset_draft.build_dataset`.
    """
    refuse_stranger(output.catalog, output.store)
    while True:
        _refuse_unfinished(output)
        shards = committed_shards(output)
        try:
            draft = draft_dataset(output.store, name, shards, config, on_shard, own=own)
            if manifest := _settle(output, draft):
                return manifest
        except StorageError:
            if committed_shards(output) == shards:
                raise  # it was not a shard that went away meanwhile
        logger.info("dataset %s: shards were written anew meanwhile; choosing again", name)


def committed_shards(output: Output) -> dict[str, str]:
    """List the committed shards, with their SHA-256.

    Raises:
        StorageError: there is none.
    """
    shards = {row.key: row.sha256 for row in output.catalog.shards(committed=True)}
    if not shards:
        raise StorageError(
            f"there is no shard in {output.store.address} yet; run 'tinyvideo run' first"
        )
    return shards


def _settle(output: Output, draft: Draft) -> Manifest | None:
    with dataset_lock(output):
        _refuse_unfinished(output)
        now = committed_shards(output)
        named = zip(draft.manifest.shards, draft.manifest.shard_sha256, strict=True)
        if any(now.get(key) != sha256 for key, sha256 in named):
            return None
        return write_dataset(output.store, draft)


def _refuse_unfinished(output: Output) -> None:
    asked = read_takedowns(output.catalog.engine, finished=False)
    if asked:
        raise StorageError(
            f"the takedown of {asked[0].kind} {asked[0].name} is under way or was stopped; wait "
            "for it, or run it again, and then build the dataset"
        )
    keys = sorted(keys_in_rewrite(output.catalog.engine) - {""})
    if keys:
        raise StorageError(
            f"{keys[0]} is being written anew, or was when something stopped; wait for it, or run "
            "'tinyvideo shards repair', and then build the dataset"
        )
