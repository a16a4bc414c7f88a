"""The flow `train`: a dataset of shards -> a VGAN checkpoint.

Cost: what `models.training.training_run` says; Prefect's part is one flow run.
"""

import asyncio
import threading
from pathlib import Path

from prefect import flow, get_run_logger

from tinyvideo.flows.terminal import more_time
from tinyvideo.models.train_config import TrainConfig
from tinyvideo.models.training import Events, TrainResult
from tinyvideo.models.training import train as train_now
from tinyvideo.storage.objects import open_store

SAVE_S = 120.0
"""Seconds to come to the end of a step and to write a checkpoint, when asked to end. Ours: the
paper's networks take 15 s for a step on two cores, and 400 MB are written."""


@flow(name="train", validate_parameters=True)
async def train(
    out: str | Path,
    dataset: str,
    run: Path,
    config: TrainConfig,
    mirror: str = "",
    *,
    begin_with: Path | None = None,
) -> str:
    """Train on a dataset of the output `out`, in the folder `run`; return the checkpoint.

    Asked to end, it writes a checkpoint first.

    Training goes on where the newest checkpoint in `run` left off, or in the store at the address
    `mirror`, where each checkpoint is kept too. A new run begins with the weights of `begin_with`,
    if that is given.

    Raises:
        StorageError: there is no such dataset, or the mirror cannot be used.
        TrainingError: the dataset does not suit the configuration, or the losses are not finite.
    """
    log, stop = get_run_logger(), threading.Event()
    events = Events(on_alarm=lambda sentence: log.warning("%s", sentence), should_stop=stop.is_set)
    store = open_store(mirror) if mirror else None
    # In a thread, since the event loop has to tell the server that this run is alive.
    training = asyncio.ensure_future(
        asyncio.to_thread(
            train_now,
            out,
            dataset,
            config,
            run,
            events=events,
            mirror=store,
            begin_with=begin_with,
        )
    )
    try:
        with more_time(SAVE_S):
            result = await _ended(training, stop)
    finally:
        stop.set()
    log.info("checkpoint %s after %d steps", result.checkpoint, result.step)
    return str(result.checkpoint)


async def _ended(training: "asyncio.Future[TrainResult]", stop: threading.Event) -> TrainResult:
    try:
        return await asyncio.shield(training)
    except asyncio.CancelledError:  # Ctrl-C, SIGTERM, or a cancel: a checkpoint first
        stop.set()
        await asyncio.wait([training])
        raise
