"""One training step of a VGAN, and all that the next step depends on.

Stage:  shard -> dataset -> load -> [train] -> generate

A step takes one batch of real clips and one of generated ones. The discriminator learns to tell
them apart (in separate passes, since batch normalization must not mix them), then the generator
learns from the updated discriminator's opinion of the same generated batch. Theirs pairs the
updated weights with activations from before the update; ours repeats the pass, so that the
gradient is exact.

Cost in seconds per step, best of several, on 2 cores of an AMD EPYC (AVX2, no bf16 arithmetic),
otherwise idle; a second busy process makes it several times as long:

    width  batch    bf16    fp32
       16      8    0.47    0.42
       24      2    0.25    0.20
       24      4    0.40    0.34
       24      8    0.73    0.63
       24     16     1.4     1.2
       32      8     1.1     1.0
       32     16     2.1     1.9
       64      8     3.6     3.4
       64     16     7.2     6.1

Channels last saves 8 to 16 % of that.

Source: Vondrick, Pirsiavash, Torralba, NIPS 2016; code: cvondrick/videogan, main.lua.
"""

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from models.checkpoint import Checkpoint
from models.discriminator import FAKE, REAL, Discriminator
from models.errors import TrainingError
from models.generator import LATENT, GeneratedVideo, Generator
from models.losses import accuracy, discriminator_loss, generator_loss, mask_penalty
from models.metrics import StepMetrics
from models.precision import PRECISIONS, arithmetic, autocast

ADAM_BETA2 = 0.999
"""Theirs: the default of Torch7's Adam."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    width: int = 64
    """Channels of the layers beside the video; the deepest have 8 times as many. Theirs."""

    batch: int = 64
    """Clips per step. Theirs."""

    steps: int = 65_000
    """Steps of the whole run. Theirs, by the name of the released golf model."""

    seed: int = 0
    """Of the first weights, the noise z and the order of the clips; 0 or more."""

    learning_rate: float = 2e-4
    """Of Adam, for both networks. Theirs."""

    beta1: float = 0.5
    """Of Adam: share of the old mean gradient that stays. Theirs."""

    mask_penalty: float = 0.1
    """Weight of the mean of the mask in the generator's loss. Theirs."""

    precision: str = "bf16"
    """Of the convolutions: `bf16` or `fp32`; weights stay fp32. Theirs: fp32."""

    checkpoint_every: int = 1000
    """Steps from one checkpoint to the next; the last step always has one. Ours."""

    lanes: int = 8
    """Row groups whose clips are mixed; see `models.load.LoadConfig`."""

    skip_bad_strips: bool = False
    """Put another strip in the place of a bad one, and count it, instead of ending the run."""

    workers: int = 2
    """Threads that decode clips; may be another number in every run."""

    device: str = "cpu"
    """Where to train, in PyTorch's words: `cpu`, `cuda`, `cuda:1`."""

    def __post_init__(self) -> None:
        for name in ("width", "batch", "steps", "checkpoint_every", "lanes", "workers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed must be from 0 to below 2 ** 63, got {self.seed}")
        if not self.mask_penalty >= 0:
            raise ValueError(f"mask_penalty must not be negative, got {self.mask_penalty}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        if not 0 <= self.beta1 < 1:
            raise ValueError(f"beta1 must be from 0 to below 1, got {self.beta1}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {PRECISIONS}, got {self.precision!r}")


class Trainer:
    """Networks, optimizers and random numbers of one run; knows no files."""

    def __init__(self, config: TrainConfig, manifest_id: str) -> None:
        self.config = config
        self.step = 0
        self.cursor = 0
        self._manifest_id = manifest_id
        self._device = _device(config.device)
        # Always on the CPU, so that a seed gives the same weights and noise on every device.
        self._rng = torch.Generator().manual_seed(config.seed)
        self._generator = Generator(config.width, self._rng).to(self._device)
        self._discriminator = Discriminator(config.width, self._rng).to(self._device)
        self._generator_optimizer = _adam(self._generator, config)
        self._discriminator_optimizer = _adam(self._discriminator, config)

    def take_step(self, clips: Tensor) -> dict[str, float]:
        """Train on one batch, (B, 3, 32, 64, 64) uint8; return losses, accuracies, mask mean.

        Raises:
            TrainingError: a loss is not finite.
        """
        with arithmetic(self.config.precision, self._device):
            real = clips.to(self._device).float().div(127.5).sub(1)
            z = torch.randn(len(clips), LATENT, generator=self._rng).to(self._device)
            with autocast(self.config.precision, self._device):
                generated: GeneratedVideo = self._generator(z)
            figures = self._train_discriminator(real, generated.video.detach())
            figures |= self._train_generator(generated)
        values = {name: value.item() for name, value in figures.items()}
        _check_finite(values, self.step + 1)
        self.step += 1
        self.cursor += len(clips)
        return values

    def _train_discriminator(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        with autocast(self.config.precision, self._device):
            real_logits, fake_logits = self._discriminator(real), self._discriminator(fake)
        loss = discriminator_loss(real_logits, fake_logits)
        self._discriminator_optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._discriminator_optimizer.step()
        return {
            "discriminator_loss": loss.detach(),
            "accuracy_real": accuracy(real_logits, REAL),
            "accuracy_fake": accuracy(fake_logits, FAKE),
        }

    def _train_generator(self, generated: GeneratedVideo) -> dict[str, Tensor]:
        # Its weights' gradients would be thrown away: 14 % of the time of a step at width 64.
        self._discriminator.requires_grad_(False)
        with autocast(self.config.precision, self._device):
            logits = self._discriminator(generated.video)
        self._discriminator.requires_grad_(True)
        loss = generator_loss(logits)
        self._generator_optimizer.zero_grad()
        total = loss + mask_penalty(generated.mask, self.config.mask_penalty)
        total.backward()  # type: ignore[no-untyped-call]
        self._generator_optimizer.step()
        return {
            "generator_loss": loss.detach(),
            "mask_mean": generated.mask.detach().float().mean(),
        }

    def checkpoint(self, metrics: StepMetrics) -> Checkpoint:
        """Gather all that the next step depends on.

        Raises:
            TrainingError: a weight is not finite.
        """
        for network in (self._generator, self._discriminator):
            if not all(weight.isfinite().all() for weight in network.state_dict().values()):
                raise TrainingError(_diverged("a weight is not finite", self.step))
        return Checkpoint(
            step=self.step,
            cursor=self.cursor,
            config=asdict(self.config),
            manifest_id=self._manifest_id,
            metrics=asdict(metrics),
            rng=self._rng.get_state(),
            generator=self._generator.state_dict(),
            discriminator=self._discriminator.state_dict(),
            generator_optimizer=self._generator_optimizer.state_dict(),
            discriminator_optimizer=self._discriminator_optimizer.state_dict(),
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Become the trainer that `checkpoint` was taken of."""
        self.step, self.cursor = checkpoint.step, checkpoint.cursor
        self._rng.set_state(checkpoint.rng)
        self._generator.load_state_dict(checkpoint.generator)
        self._discriminator.load_state_dict(checkpoint.discriminator)
        self._generator_optimizer.load_state_dict(checkpoint.generator_optimizer)
        self._discriminator_optimizer.load_state_dict(checkpoint.discriminator_optimizer)


def _adam(network: nn.Module, config: TrainConfig) -> torch.optim.Adam:
    betas = (config.beta1, ADAM_BETA2)
    return torch.optim.Adam(network.parameters(), config.learning_rate, betas, fused=True)


def _device(name: str) -> torch.device:
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # the latter from builds without CUDA
        reason = str(error).splitlines()[0]
        raise TrainingError(f"cannot train on device {name!r}: {reason}") from error


def _check_finite(values: dict[str, float], step: int) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise TrainingError(_diverged(f"{name} became {value}", step))


def _diverged(what: str, step: int) -> str:
    return (
        f"training diverged: {what} at step {step}; the checkpoints are from before, "
        "a new run needs a lower learning_rate"
    )
