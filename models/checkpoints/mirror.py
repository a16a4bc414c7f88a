"""A copy of a run in a store, S3 as a rule, so that it goes on where its machine was lost.

After each checkpoint the file goes up under its own name, whole or not at all, and then the
metrics; what the folder of the run no longer keeps goes from the store. A run that starts takes
the newest checkpoint that can be read, from its folder or from the store.

Cost: one upload of 330 MB per checkpoint at width 64; at the start a list, and a download if the
store is ahead.
"""

import logging
import shutil
from pathlib import Path

from tinyvideo.models.checkpoints.checkpoint import (
    PARTIAL,
    list_checkpoints,
    load_checkpoint,
    step_of,
)
from tinyvideo.models.step_metrics import METRICS_NAME
from tinyvideo.models.training_errors import CheckpointError
from tinyvideo.storage.objects import Store

logger = logging.getLogger(__name__)


def push(store: Store, checkpoint: Path) -> None:
    """Bring a checkpoint, and the metrics beside it, into the store.

    Raises:
        StorageError: the store cannot be written.
    """
    if not store.put_if_absent(checkpoint.name, checkpoint):
        # One of this step is there: of a run that was rolled back, or damaged.
        store.delete(checkpoint.name)
        store.put_if_absent(checkpoint.name, checkpoint)
    metrics = checkpoint.with_name(METRICS_NAME)
    if metrics.exists():
        store.replace(METRICS_NAME, metrics.read_bytes())
    kept = {path.name for path in list_checkpoints(checkpoint.parent)}
    for key in _checkpoints(store):
        if key not in kept and (step_of(key) or 0) < (step_of(checkpoint.name) or 0):
            store.delete(key)


def pull(store: Store, folder: Path) -> None:
    """Fetch the newest good checkpoint, and the metrics, if the store is ahead of the folder.

    Raises:
        StorageError: the store cannot be read.
        CheckpointError: there are checkpoints, in the store only, and none can be read.
    """
    here = [step_of(path.name) or 0 for path in list_checkpoints(folder)]
    ahead = [key for key in _checkpoints(store) if (step_of(key) or 0) > max(here, default=-1)]
    for key in ahead:
        folder.mkdir(parents=True, exist_ok=True)
        path, partial = folder / key, folder / (key + PARTIAL)
        with store.open(key) as source, partial.open("wb") as target:
            shutil.copyfileobj(source, target, 2**22)
        try:
            load_checkpoint(partial)
        except CheckpointError as error:
            logger.warning("%s is damaged in the store (%s); the one before is taken", key, error)
            partial.unlink()
            continue
        partial.replace(path)
        if store.exists(METRICS_NAME):
            (folder / METRICS_NAME).write_bytes(store.read(METRICS_NAME))
        return
    if ahead and not here:
        raise CheckpointError(
            f"none of the {len(ahead)} checkpoints in {store.address} can be read; "
            "remove them to start the training anew"
        )


def _checkpoints(store: Store) -> list[str]:
    """List the checkpoints of a store, newest first."""
    keys = [key for key in store.list("") if step_of(key) is not None]
    return sorted(keys, key=lambda key: -(step_of(key) or 0))
