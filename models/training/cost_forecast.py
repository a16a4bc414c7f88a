"""What a run will take, before it starts: parameters, memory, time per step and in all.

One step of one clip and one of two are really taken, at the full width, with every switch of the
configuration, on random clips. The difference is what a clip costs, the rest what a step costs
whatever the batch: the optimizers. Memory is counted: what weights, gradients and Adam hold, and
what autograd saves per clip. A busy machine makes the forecast slow, as it makes the run.

Cost at width 64 on 2 cores: 5 s and 1 GB.
"""

import gc
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from tinyvideo.models.networks import CLIP_SIZE, count_parameters
from tinyvideo.models.step import Trainer
from tinyvideo.models.train_config import TrainConfig
from tinyvideo.models.training_errors import TrainingError
from tinyvideo.pipeline.types import STRIP_FRAMES

_STATES = 4
"""Numbers of 4 bytes per parameter: weight, gradient, and Adam's two."""

_VIDEOS = 6
"""Clips in fp32, per clip of the batch, that a step holds beside what autograd saves: the real
one, the generated one, its parts and gradients. Ours, measured."""

_LIBRARY_MB = 200
"""What the libraries allocate when they are first used. Ours, measured on a CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    generator_parameters: int
    discriminator_parameters: int
    checkpoint_mb: float
    """Of each file; three stay, and every 10,000th."""

    memory_mb: float
    """On the training device; on a CPU without the code of the libraries, 500 MB."""

    step_seconds: float
    hours: float
    """Of all steps, without waiting for data."""

    config: dict[str, Any]


def forecast(config: TrainConfig) -> Forecast:
    """Take two small steps and say what the whole run will take on this machine, by one process.

    Raises:
        TrainingError: there is no such device.
    """
    one, saved_of_one = _measure(config, 1)
    two, saved_of_two = _measure(config, 2)
    per_clip = saved_of_two - saved_of_one
    video = 4 * 3 * STRIP_FRAMES * CLIP_SIZE**2
    clips = (per_clip + _VIDEOS * video) * config.batch + saved_of_one - per_clip
    step = max(one, one + (config.batch - 1) * (two - one))
    generator, discriminator = count_parameters(config)
    averaged = generator if config.ema else 0
    held = 4 * (_STATES * (generator + discriminator) + averaged)
    return Forecast(
        generator_parameters=generator,
        discriminator_parameters=discriminator,
        checkpoint_mb=round(4 * (3 * (generator + discriminator) + averaged) / 1e6, 1),
        memory_mb=round(_LIBRARY_MB + (held + clips) / 1e6, 1),
        step_seconds=round(step, 3),
        hours=round(step * config.steps / 3600, 2),
        config=asdict(config),
    )


def _measure(config: TrainConfig, clips: int) -> tuple[float, int]:
    """Time the second of two steps, in seconds; count what autograd saves in it, in bytes."""
    trainer = Trainer(replace(config, batch=clips, compile=False), "forecast")
    shape = (clips, STRIP_FRAMES, CLIP_SIZE, CLIP_SIZE, 3)
    drawn = torch.randint(0, 256, shape, dtype=torch.uint8).permute(0, 4, 1, 2, 3)
    saved: dict[int, int] = {}

    def remember(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    try:
        with torch.autograd.graph.saved_tensors_hooks(remember, lambda tensor: tensor):
            trainer.take_step(drawn)
        start = time.perf_counter()
        trainer.take_step(drawn)
        taken = time.perf_counter() - start
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise TrainingError(
            f"a step of {clips} clips fails on {config.device}: {reason}"
        ) from error
    del trainer
    gc.collect()
    return taken, sum(saved.values())
