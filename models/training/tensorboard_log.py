"""What TensorBoard shows of a run: curves, and generated clips in their parts, as they move.

    tensorboard --logdir RUN/tensorboard

Curves are written every tenth step, four generated clips every `pictures_every` steps, always of
the same noise: video, foreground, mask and background apart, as animated GIFs. A run that goes on,
or was rolled back, tells TensorBoard which later steps to forget. The newest clips are also one
picture in the folder of the run, for whoever has no TensorBoard at hand: a clip per column, its
parts below it.

Cost: 0.2 ms per step; for a set of pictures one forward pass of four clips, and 0.5 s.
"""

import logging
import time
from dataclasses import asdict
from pathlib import Path
from typing import Self

import torch
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from torch import Tensor

from tinyvideo.models.animations import (
    encode_gif,
    encode_webp,
    mask_to_frames,
    tile,
    to_frames,
    write_whole,
)
from tinyvideo.models.networks import LATENT, GeneratedVideo
from tinyvideo.models.step import Trainer
from tinyvideo.models.step_metrics import SAMPLES_NAME, StepMetrics
from tinyvideo.models.train_config import TrainConfig
from tinyvideo.models.training_errors import TrainingError
from tinyvideo.pipeline.types import Frames

logger = logging.getLogger(__name__)

BOARD_NAME = "tensorboard"
"""Folder, in the folder of a run."""

EVERY = 10
"""Steps from one point of a curve to the next."""

CLIPS, SEED = 4, 0
"""Clips that are shown, and the seed of their noise."""

_GROUPS = {
    "loss": ("discriminator_loss", "generator_loss"),
    "accuracy": ("accuracy_real", "accuracy_fake"),
    "mask": ("mask_mean", "mask_entropy"),
    "diversity": ("diversity", "real_diversity"),
    "gradient": ("generator_gradient", "discriminator_gradient"),
    "speed": ("clips_per_second", "data_share"),
}


class Board:
    """The events of one run; a context manager, for its file.

    Raises:
        TrainingError: the folder cannot be written.
    """

    def __init__(self, run: Path, config: TrainConfig, step: int) -> None:
        self._run, self._config = run, config
        try:
            self._writer = EventFileWriter(str(run / BOARD_NAME))
        except OSError as error:
            raise TrainingError(f"cannot write to {run / BOARD_NAME}: {error.strerror}") from error
        if step:
            self.cut(step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def cut(self, step: int) -> None:
        """Let TensorBoard forget what was written of steps after `step`."""
        start = Event(step=step + 1, session_log=SessionLog(status=SessionLog.START))
        self._add(start)

    def show(self, metrics: StepMetrics, trainer: Trainer, clips: Tensor) -> None:
        """Write what is due at this step; `clips`, (B, 3, 32, 64, 64) uint8, are the last batch."""
        if metrics.step % EVERY == 0:
            self._add(Event(step=metrics.step, summary=_curves(metrics)))
        every = self._config.pictures_every
        if every and metrics.step % every == 0:
            parts = _parts(trainer.show(self._source(clips)), self._config.streams)
            self._add(Event(step=metrics.step, summary=_pictures(parts)))
            self._keep([clip for part in parts.values() for clip in part])

    def _source(self, clips: Tensor) -> Tensor:
        if self._config.condition == "first-frame":
            return clips[:CLIPS, :, 0].float().div(127.5).sub(1)
        return torch.randn(CLIPS, LATENT, generator=torch.Generator().manual_seed(SEED))

    def _keep(self, clips: list[Frames]) -> None:
        try:
            write_whole(self._run / SAMPLES_NAME, encode_webp(tile(clips, CLIPS)))
        except OSError as error:  # a full disk is for the next checkpoint to report
            logger.warning("no %s: %s", SAMPLES_NAME, error.strerror)

    def _add(self, event: Event) -> None:
        event.wall_time = time.time()
        self._writer.add_event(event)


def _curves(metrics: StepMetrics) -> Summary:
    figures = asdict(metrics)
    return Summary(
        value=[
            Summary.Value(tag=f"{group}/{name}", simple_value=figures[name])
            for group, names in _GROUPS.items()
            for name in names
            if figures[name] is not None
        ]
    )


def _parts(generated: GeneratedVideo, streams: int) -> dict[str, list[Frames]]:
    parts = {"video": [to_frames(clip) for clip in generated.video]}
    if streams == 2:
        parts["foreground"] = [to_frames(clip) for clip in generated.foreground]
        parts["mask"] = [mask_to_frames(clip) for clip in generated.mask]
        parts["background"] = [to_frames(clip) for clip in generated.background]
    return parts


def _pictures(parts: dict[str, list[Frames]]) -> Summary:
    return Summary(
        value=[
            Summary.Value(tag=f"generated/{name}", image=_image(clips))
            for name, clips in parts.items()
        ]
    )


def _image(clips: list[Frames]) -> Summary.Image:
    sheet = tile(clips, CLIPS)
    height, width = sheet.shape[1:3]
    gif = encode_gif(sheet)
    return Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=gif)
