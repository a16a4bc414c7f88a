"""The flow `build-dataset`: committed shards -> a named training set.

Cost: reads the small columns of every shard, about 1 ms per row group.
"""

from pathlib import Path

from prefect import flow, get_run_logger

from storage.catalog import Catalog
from storage.dataset import DatasetConfig, build_dataset
from storage.objects import FolderStore, StorageError
from storage.pack import find_catalog


@flow(name="build-dataset", validate_parameters=True)
async def build(out: Path, name: str, config: DatasetConfig) -> dict[str, int]:
    """Choose strips of all committed shards of `out`; return the strips of each split.

    Raises:
        StorageError: there is no shard, or no strip fits.
    """
    catalog = Catalog.open(find_catalog(out))
    try:
        keys = [shard.key for shard in catalog.shards(committed=True)]
    finally:
        catalog.close()
    if not keys:
        raise StorageError(f"there is no shard in {out} yet; run 'tinyvideo run' first")
    manifest = build_dataset(FolderStore(out), name, keys, config)
    get_run_logger().info("dataset %s: %s", name, manifest.counts)
    return manifest.counts
