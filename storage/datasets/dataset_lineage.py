"""Which datasets, and which of their revisions, were made of some videos.

A revision holds a video if one of its pieces takes a row of it. Where a shard is too broken to say
which rows are whose, every revision that names the shard counts.

Cost: reads the video ids of the shards in question, all manifests, and the pieces of those that
name one of these shards.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tinyvideo.storage.datasets.manifest import (
    Manifest,
    list_datasets,
    list_revisions,
    read_manifest,
)
from tinyvideo.storage.datasets.revise import manifests_holding
from tinyvideo.storage.objects import Store
from tinyvideo.storage.shards import ShardFile, iterate_groups
from tinyvideo.storage.storage_errors import StorageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    datasets: tuple[str, ...]
    """Names of those of which a revision names one of the shards."""

    holding: tuple[str, ...]
    """Ids of the manifests that hold one of the videos."""

    all: frozenset[str]
    """Ids of all manifests that there are."""


def find_lineage(store: Store, videos: Mapping[str, Iterable[str]]) -> Lineage:
    """Look for datasets that were made of `videos`, ids by the key of their shard.

    Raises:
        StorageError: a manifest cannot be read.
    """
    manifests = [
        read_manifest(store, name, revision)
        for name in list_datasets(store)
        for revision in list_revisions(store, name)
    ]
    masks: dict[str, dict[int, int]] = {}
    unreadable: set[str] = set()
    for key, video_ids in videos.items():
        try:
            masks[key] = _rows_of(store, key, frozenset(video_ids))
        except StorageError:
            unreadable.add(key)
    holding = {m.manifest_id for m in manifests_holding(store, masks)} if masks else set()
    holding |= {m.manifest_id for m in manifests if _names(m, unreadable)}
    return Lineage(
        datasets=tuple(sorted({m.name for m in manifests if _names(m, videos)})),
        holding=tuple(sorted(holding)),
        all=frozenset(m.manifest_id for m in manifests),
    )


def _rows_of(store: Store, key: str, video_ids: frozenset[str]) -> dict[int, int]:
    """Mark the rows of some videos: a mask, bit i for row i, by row group."""
    masks = {}
    for group, rows in enumerate(iterate_groups(ShardFile(store, key), ["video_id"])):
        bits = [1 << number for number, row in enumerate(rows) if row["video_id"] in video_ids]
        masks[group] = sum(bits)
    return masks


def _names(manifest: Manifest, keys: Iterable[str]) -> bool:
    return not set(manifest.shards).isdisjoint(keys)
