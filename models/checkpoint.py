"""The state of a training run, saved whole or not at all.

Stage:  shard -> dataset -> load -> [train] -> generate

A checkpoint `step-00000300.pt` holds both networks, both optimizers, the state of the random
numbers, the position in the data, the configuration and the id of the dataset: all that the next
step depends on. It is written under another name in the same folder, synced to disk and renamed,
so that a crash, a full disk or a kill leaves the older ones as they were. The last three stay.

Loading checks the check sum of every part and uses `weights_only`: a pickle that would run code is
refused before it does.

Cost at width 64: 330 MB; about 1 s to save and 0.4 s to load, on a local disk.
"""

import logging
import os
import re
import zipfile
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.errors import CheckpointError
from storage.objects import sync

logger = logging.getLogger(__name__)

FORMAT = 1
"""Version of the file's layout."""

KEEP = 3
"""Checkpoints that stay in a folder, newest first. Ours: two that may be broken, one to go on."""

_NAME = re.compile(r"step-(\d{8,})\.pt")
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    step: int
    """Training steps done."""

    cursor: int
    """Clips consumed: the position in the data at which the next step begins."""

    config: dict[str, Any]
    """The `TrainConfig` of the run, field by field."""

    manifest_id: str
    """Hash of the dataset's manifest."""

    metrics: dict[str, Any]
    """The `StepMetrics` of the last step, field by field."""

    rng: Tensor
    """State of the generator that draws z, (N,) uint8."""

    generator: dict[str, Any]
    discriminator: dict[str, Any]
    generator_optimizer: dict[str, Any]
    discriminator_optimizer: dict[str, Any]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint into `folder` and remove all but the last three.

    Raises:
        CheckpointError: it cannot be written (disk full, no permission); older ones stay.
    """
    path = folder / f"step-{checkpoint.step:08d}.pt"
    partial = path.with_name(path.name + _PARTIAL)
    state = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            torch.save({"format": FORMAT, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync(folder)
    except (OSError, RuntimeError) as error:  # PyTorch's zip writer reports as RuntimeError
        with suppress(OSError):  # the first error is the one to tell
            partial.unlink()
        raise CheckpointError(f"cannot write checkpoint {path}: {error}") from error
    _remove_old(folder)
    return path


def load_checkpoint(path: Path) -> Checkpoint:
    """Read one checkpoint, its tensors on the CPU.

    Raises:
        CheckpointError: missing, damaged, foreign, with code in it, or of a newer version.
    """
    state = _read(path)
    if not isinstance(state, dict) or "format" not in state:
        raise CheckpointError(f"{path} is a PyTorch file, but not a tinyvideo checkpoint")
    version = state.pop("format")
    if version != FORMAT:
        raise CheckpointError(f"{path} has format {version}, this tinyvideo reads format {FORMAT}")
    try:
        return Checkpoint(**state)
    except TypeError as error:
        raise CheckpointError(f"{path} lacks parts of a checkpoint: {error}") from error


def load_newest(folder: Path) -> tuple[Path, Checkpoint] | None:
    """Read the newest good checkpoint of `folder`; None if there is no checkpoint at all.

    Raises:
        CheckpointError: there are some, and none can be read.
    """
    paths = list_checkpoints(folder)
    for path in paths:
        try:
            return path, load_checkpoint(path)
        except CheckpointError as error:
            logger.warning("%s; going back to the one before", error)
    if paths:
        raise CheckpointError(
            f"none of the {len(paths)} checkpoints in {folder} can be read; "
            "remove them to start the training anew"
        )
    return None


def list_checkpoints(folder: Path) -> list[Path]:
    """List the checkpoints of `folder`, newest first, good or not."""
    found = [(match, path) for path in folder.glob("*") if (match := _NAME.fullmatch(path.name))]
    return [path for match, path in sorted(found, key=lambda pair: -int(pair[0][1]))]


def _read(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # PyTorch writes check sums and does not read them
        if damaged:
            raise zipfile.BadZipFile(f"wrong check sum of {damaged}")
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint {path}") from error
    except Exception as error:  # a foreign file can break the unpickler in any way
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path} is not a whole checkpoint: {reason}") from error


def _remove_old(folder: Path) -> None:
    for path in (*list_checkpoints(folder)[KEEP:], *folder.glob(f"*{_PARTIAL}")):
        path.unlink(missing_ok=True)
