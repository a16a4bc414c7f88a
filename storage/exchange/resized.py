"""A dataset at another size: rows with larger pictures, and the same dataset made of them.

Rows keep their ids, their rights and what is known of them; figures in strip pixels are those of
the new size. Each strip stays in its split, whatever else the new output comes to hold.

Cost: the strip ids of the new shards, and what writing a manifest costs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np

from tinyvideo.storage.datasets import (
    SPLITS,
    Manifest,
    committed_shards,
    dataset_lock,
    pack_rows,
    survey,
    write_manifest,
)
from tinyvideo.storage.exchange.export import rows_of_split
from tinyvideo.storage.objects import Store
from tinyvideo.storage.outputs import Output
from tinyvideo.storage.shards import SCHEMA, ShardFile, hashed, iterate_columns

_IN_STRIP_PIXELS = (
    *("reprojection_rmse_px", "camera_motion_px", "drift_px", "jitter_px", "residual_motion_px"),
)


def rows_by_video(store: Store, manifest: Manifest) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the strips of each video of a dataset, with their pictures: one video in memory.

    Raises:
        StorageError: a shard cannot be read.
    """
    for split in SPLITS:
        rows = rows_of_split(store, manifest, split, SCHEMA.names)
        for video_id, of_video in groupby(rows, key=lambda row: str(row["video_id"])):
            yield video_id, [{n: row[n] for n in SCHEMA.names} for row in of_video]


def resized_row(row: Mapping[str, Any], jpeg: bytes, size: int, version: str) -> dict[str, Any]:
    """Lay out a strip that was cut once more, as a row of the schema."""
    factor = size / row["size"]
    scaled = {n: row[n] * factor for n in _IN_STRIP_PIXELS if row[n] is not None}
    made = {"pipeline_version": version, "config_hash": f"{row['config_hash']}-{size}px"}
    picture = {"jpeg": jpeg, "size": size, "near_duplicate_hash": None}
    return hashed({**row, **scaled, **made, **picture})


def same_dataset(old: Store, manifest: Manifest, output: Output, size: int) -> Manifest:
    """Make the dataset of those of its strips that are in the shards of `output`, split as it was.

    Raises:
        StorageError: there is no shard, one cannot be read, or the storage cannot be written.
    """
    split_of = {
        row["strip_id"]: number
        for number, split in enumerate(SPLITS)
        for row in rows_of_split(old, manifest, split, ["strip_id"])
    }
    with dataset_lock(output):
        shards = committed_shards(output)
        places: list[list[tuple[int, int, int]]] = [[] for _ in SPLITS]
        for shard, key in enumerate(shards):
            for part in iterate_columns(ShardFile(output.store, key), ["strip_id"]):
                ids = part.table["strip_id"].to_pylist()
                for name, group, row in zip(ids, part.row_group, part.row, strict=True):
                    if name in split_of:
                        places[split_of[name]].append((shard, int(group), int(row)))
        pieces = {}
        for split, found in zip(SPLITS, places, strict=True):
            at = np.array(found, np.int32).reshape(-1, 3)
            pieces[split] = pack_rows(at[:, 0], at[:, 1], at[:, 2].astype(np.uint8))
        seen = survey(output.store, [*shards], pieces, manifest.query)
        draft = replace(
            manifest,
            query={**manifest.query, "rendered_from": manifest.manifest_id, "size": size},
            shards=tuple(shards),
            shard_sha256=tuple(shards.values()),
            owners=seen.owners,
            scene_models=seen.scene_models,
        )
        return write_manifest(output.store, draft, pieces)
