"""The flow `train`: a dataset of shards -> a VGAN checkpoint.

Cost: what `models.train` says; Prefect's part is one flow run.
"""

import asyncio
from pathlib import Path

from prefect import flow, get_run_logger

from models.train import TrainConfig
from models.train import train as train_now


@flow(name="train", validate_parameters=True)
async def train(out: Path, dataset: str, run: Path, config: TrainConfig) -> str:
    """Train on a dataset of the output folder `out`, in the folder `run`; return the checkpoint.

    Training goes on where the newest checkpoint in `run` left off.

    Raises:
        StorageError: there is no such dataset.
        TrainingError: the dataset does not suit the configuration, or the losses are not finite.
    """
    # In a thread, since the event loop has to tell the server that this run is alive.
    result = await asyncio.to_thread(train_now, out, dataset, config, run)
    get_run_logger().info("checkpoint %s after %d steps", result.checkpoint, result.step)
    return str(result.checkpoint)
