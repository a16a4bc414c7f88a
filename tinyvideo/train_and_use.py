"""`tv.train`, `tv.generate`, `tv.predict`: the VGAN, without a server or a terminal.

Cost: that of `models.training` and `models.use`, and 2 s to import torch.
"""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TypedDict, Unpack

from tinyvideo.flows.settings import read_settings
from tinyvideo.models.step import best_device
from tinyvideo.models.step_metrics import StepMetrics
from tinyvideo.models.train_config import Recipe, TrainConfig, configure
from tinyvideo.models.training import Events, TrainResult
from tinyvideo.models.training import train as train_now
from tinyvideo.models.use import GeneratedVideos, generate_arrays, predict_frames
from tinyvideo.opened_dataset import Dataset
from tinyvideo.pipeline.types import Frames
from tinyvideo.storage.objects import is_remote
from tinyvideo.storage.outputs import OutputAddress


class TrainSwitches(TypedDict, total=False):
    """What may be set of a run, as `models.train_config.TrainConfig` explains it."""

    width: int
    streams: int
    condition: str
    batch: int
    steps: int
    seed: int
    loss: str
    learning_rate: float
    discriminator_learning_rate: float
    beta1: float
    mask_penalty: float
    first_frame_weight: float
    checkpoint_minutes: float
    r1: float
    r1_every: int
    spectral_norm: bool
    ema: float
    augment: bool
    precision: str
    compile: bool
    checkpoint_every: int
    pictures_every: int
    on_alarm: str
    lanes: int
    replacement: bool
    skip_bad_strips: bool
    workers: int
    device: str


def train(
    dataset: Dataset,
    *,
    recipe: Recipe = "paper",
    run: str | Path = "",
    begin_with: str | Path | None = None,
    on_step: Callable[[StepMetrics], None] | None = None,
    **switches: Unpack[TrainSwitches],
) -> TrainResult:
    """Train a VGAN on a dataset until all steps are done; return the checkpoint.

    A run that was stopped, or killed, goes on at its newest checkpoint: call this again. Started by
    `torchrun`, all its processes train together.

    Args:
        dataset: What to train on; its split `train`.
        recipe: `paper`, or another name of `models.train_config.RECIPES`.
        run: Folder of the run, or an s3:// address where its checkpoints are kept too; empty:
            `training/NAME` of the output.
        begin_with: A checkpoint of another run, or its folder, whose weights a new run begins with.
        on_step: Is told the figures of each step.
        switches: Fields of the configuration, in place of the recipe's: `steps`, `batch`, `width`,
            ... Without `device`, the best one there is.

    Raises:
        ValueError: there is no such recipe or switch, or a value is out of range.
        ExpectedError: too few clips for a batch, a run that was started otherwise, a loss that is
            not finite, a storage that cannot be used.
    """
    known = {field.name for field in fields(TrainConfig)}
    for name in switches:
        if name not in known:
            raise ValueError(f"training has no switch {name!r}; {', '.join(sorted(known))}")
    config = configure(recipe, **{"device": best_device(), **switches})
    place = _place_of(dataset, run)
    return train_now(
        dataset.place.open_store(),
        dataset.manifest,
        config,
        place.work,
        events=Events(on_step=on_step),
        begin_with=Path(begin_with).expanduser() if begin_with else None,
        mirror=place.open_store() if is_remote(place.address) else None,
    )


def generate(checkpoint: str | Path, n: int, *, seed: int = 0) -> GeneratedVideos:
    """Make `n` new videos: `.videos` is (n, 32, 64, 64, 3) uint8 in RGB, the parts beside it.

    The same checkpoint and seed give the same videos.

    Args:
        checkpoint: A checkpoint, or the folder of a run, whose newest one is taken.
        n: How many.
        seed: Of the noise, 0 or more.

    Raises:
        ValueError: `n` or `seed` is out of range.
        ExpectedError: the checkpoint cannot be read, or wants an image to go on from.
    """
    return generate_arrays(Path(checkpoint).expanduser(), n, seed)


def predict(checkpoint: str | Path, image: str | Path) -> Frames:
    """Show what may follow a still image: (32, 64, 64, 3) uint8 in RGB.

    The checkpoint is one that was trained with `condition="first-frame"`; of the image, a JPEG
    or PNG, the centered square is taken.

    Raises:
        ExpectedError: the checkpoint or the image cannot be read, or it was trained otherwise.
    """
    return predict_frames(Path(checkpoint).expanduser(), Path(image).expanduser())


def _place_of(dataset: Dataset, run: str | Path) -> OutputAddress:
    """Name where a run lies; its work folder holds the checkpoints of this machine."""
    if not str(run):
        return OutputAddress.at(dataset.place.work / "training" / dataset.name)
    return OutputAddress.at(run, read_settings().work)
