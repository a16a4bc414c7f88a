"""The state of a training run, saved whole or not at all.

Stage:  shard -> dataset -> load -> [train] -> generate

A checkpoint `step-00000300.pt` holds both networks, both optimizers, the state of the random
numbers, the position in the data, the configuration and the id of the dataset: all that the next
step depends on, and the moving average that is shown. It is written under another name in the same
folder, synced to disk and renamed, so that a crash, a full disk or a kill leaves the older ones as
they were. The last three stay, every 10,000th, and for runs that are rolled back up to two
more, so that there is one from before the 200 steps that an alarm takes to sound.

Loading checks the check sum of every part and uses `weights_only`: a pickle that would run code is
refused before it does. Checkpoints of format 1, from before there were recipes, are read as those
of the recipe `paper`.

Cost at width 64: 330 MB; about 1 s to save and 0.4 s to load, on a local disk.
"""

import logging
import os
import re
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tinyvideo.models.training_errors import CheckpointError
from tinyvideo.storage.objects import sync

logger = logging.getLogger(__name__)

FORMAT = 2
"""Version of the file's layout."""

KEEP = 3
"""Checkpoints that stay in a folder, newest first. Ours: two that may be broken, one to go on."""

OLD_ENOUGH = 200
"""Steps before the newest from which one checkpoint stays: what collapses had begun to as long ago
(`models.training.alarms`)."""

KEEP_EVERY = 10_000
"""Steps whose checkpoints stay for good, to compare what a run has made at each."""

_NAME = re.compile(r"step-(\d{8,})\.pt")
PARTIAL = ".partial"
"""What follows the name of a file that is not whole yet."""


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
    ema: dict[str, Any] | None = None
    """The moving average of the generator, if the run keeps one."""

    scaler: dict[str, Any] = field(default_factory=dict)
    """Of the losses, in fp16; else empty."""

    rollbacks: int = 0
    """How often training was rolled back; part of what the noise depends on."""


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint into `folder`; remove all that need not stay.

    Raises:
        CheckpointError: it cannot be written (disk full, no permission); older ones stay.
    """
    path = folder / f"step-{checkpoint.step:08d}.pt"
    partial = path.with_name(path.name + PARTIAL)
    state = {part.name: getattr(checkpoint, part.name) for part in fields(checkpoint)}
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
    _remove_old(folder, rolls_back=checkpoint.config.get("on_alarm") == "roll-back")
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
    if version not in range(1, FORMAT + 1):
        raise CheckpointError(
            f"{path} has format {version}, this tinyvideo reads formats up to {FORMAT}; install a "
            "newer one"
        )
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
    found = [(step, path) for path in folder.glob("*") if (step := step_of(path.name)) is not None]
    return [path for _, path in sorted(found, reverse=True)]


def step_of(name: str) -> int | None:
    """Read the step out of a checkpoint's file name; None if it is another file."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


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


def _remove_old(folder: Path, *, rolls_back: bool) -> None:
    steps = {path: step_of(path.name) or 0 for path in list_checkpoints(folder)}
    stays = {*list(steps)[:KEEP], *(_to_roll_back_to(steps) if rolls_back else ())}
    old = [path for path, step in steps.items() if path not in stays and step % KEEP_EVERY]
    for path in (*old, *folder.glob(f"*{PARTIAL}")):
        path.unlink(missing_ok=True)


def _to_roll_back_to(steps: dict[Path, int]) -> list[Path]:
    """Choose, newest first, the first of each 200 steps, up to one that is old enough."""
    firsts = {step // OLD_ENOUGH: path for path, step in steps.items()}  # the last one wins
    stays: list[Path] = []
    for path in firsts.values():
        stays.append(path)
        if steps[path] <= max(steps.values()) - OLD_ENOUGH:
            break
    return stays
