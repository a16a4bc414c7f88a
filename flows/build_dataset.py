"""The flow `build-dataset`: committed shards -> a named training set.

Cost: that of `storage.dataset`; Prefect's part is one flow run.
"""

from pathlib import Path

from prefect import flow, get_run_logger

from flows.datasets import build_now
from storage.dataset import DatasetConfig


@flow(name="build-dataset", validate_parameters=True)
async def build(out: str | Path, name: str, config: DatasetConfig) -> dict[str, int]:
    """Choose strips of all committed shards of `out`; return the strips of each split.

    Raises:
        StorageError: there is no shard, or no strip fits.
    """
    manifest = build_now(str(out), name, config)
    get_run_logger().info("dataset %s: %s", name, manifest.counts)
    return manifest.counts
