"""The flow `build-dataset`: committed shards -> a named training set.

Cost: that of `storage.datasets.dataset_draft`; Prefect's part is one flow run.
"""

from pathlib import Path

from prefect import flow, get_run_logger

from tinyvideo.flows.which_output import output_at
from tinyvideo.storage.datasets import DatasetConfig, build_committed
from tinyvideo.storage.exchange import write_output_card

EVERYTHING = DatasetConfig()


@flow(name="build-dataset", validate_parameters=True)
async def build_dataset(
    out: str | Path = "", name: str = "unfiltered", config: DatasetConfig = EVERYTHING
) -> dict[str, int]:
    """Choose strips of all committed shards of an output; return the strips of each split.

    Args:
        out: Output folder, or s3://BUCKET/PREFIX; empty: the worker's TINYVIDEO_STORAGE.
        name: Name of the dataset; a new choice of that name is a new revision.
        config: Which strips, and how they are split.

    Raises:
        StorageError: there is no shard, or no strip fits.
    """
    with output_at(out).open() as output:
        manifest = build_committed(output, name, config)
        write_output_card(output)
    get_run_logger().info("dataset %s: %s", name, manifest.counts)
    return manifest.counts
