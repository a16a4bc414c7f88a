"""One training step of a VGAN, and all that the next step depends on.

Stage:  shard -> dataset -> load -> [train] -> generate

A step takes one batch of real clips and one of generated ones. The discriminator learns to tell
them apart (in separate passes, since batch normalization must not mix them), then the generator
learns from the updated discriminator's opinion of the same generated batch. Theirs pairs the
updated weights with activations from before the update; ours repeats the pass, so that the
gradient is exact. Nothing else is computed twice: the generator runs once, and no gradient is
computed that nobody needs.

Cost: with bf16 arithmetic (AVX-512), seconds of one core per step: width 24, batch 16: 1.15 by
either recipe. At width 64, `benchmarks/RESULTS.md` has it, beside a plain fp32 port. On an AVX2
machine, without such arithmetic, width 64, batch 8 took 3.6 s on 2 cores, and 3.4 s in fp32.

Source: Vondrick, Pirsiavash, Torralba, NIPS 2016; code: cvondrick/videogan, main.lua.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from tinyvideo.models.checkpoints import Checkpoint
from tinyvideo.models.networks import (
    FAKE,
    LATENT,
    REAL,
    Discriminator,
    GeneratedVideo,
    make_discriminator,
    make_generator,
)
from tinyvideo.models.step import sample_figures
from tinyvideo.models.step.augmentation import augment, draw
from tinyvideo.models.step.ema import SETTLING, MovingAverage
from tinyvideo.models.step.losses import (
    accuracy,
    discriminator_loss,
    first_frame_penalty,
    generator_loss,
    mask_penalty,
    r1_penalty,
)
from tinyvideo.models.step.precision import arithmetic, autocast, weights_type
from tinyvideo.models.step.ranks import ALONE, Ranks
from tinyvideo.models.step_metrics import StepMetrics
from tinyvideo.models.train_config import TrainConfig
from tinyvideo.models.training_errors import DivergedError, TrainingError

ADAM_BETA2 = 0.999
"""Theirs: the default of Torch7's Adam."""


class Verdict(NamedTuple):
    """What the discriminator's half of a step computes."""

    loss: Tensor
    """To be minimized, R1 included."""

    adversarial: Tensor
    real_logits: Tensor
    fake_logits: Tensor


class Judge(nn.Module):
    """The discriminator's loss in one forward pass, as gradients averaged over ranks need it."""

    def __init__(self, discriminator: Discriminator, config: TrainConfig) -> None:
        super().__init__()
        self.discriminator = discriminator
        self._config = config

    def forward(self, real: Tensor, fake: Tensor, regularize: bool) -> Verdict:
        """Judge (B, 3, 32, 64, 64) twice; `regularize` adds R1."""
        # One estimate of the spectral norms serves both passes.
        once = parametrize.cached() if self._config.spectral_norm else nullcontext()
        with once:
            with autocast(self._config.precision, real.device):
                real_logits, fake_logits = self.discriminator(real), self.discriminator(fake)
            loss = adversarial = discriminator_loss(real_logits, fake_logits, self._config.loss)
            if regularize:
                loss = loss + self._r1(real)
        return Verdict(loss, adversarial.detach(), real_logits.detach(), fake_logits.detach())

    def _r1(self, real: Tensor) -> Tensor:
        real = real.detach().requires_grad_()
        logits = self.discriminator(real)  # in fp32: the gradient is differentiated once more
        return r1_penalty(logits, real, self._config.r1 * self._config.r1_every)


class Trainer:
    """Networks, optimizers and random numbers of one run; knows no files."""

    def __init__(self, config: TrainConfig, manifest_id: str, ranks: Ranks = ALONE) -> None:
        self.config = config
        self.step = 0
        self.cursor = 0
        self.rollbacks = 0
        self._manifest_id, self._ranks = manifest_id, ranks
        self._device = _device(config.device)
        # Always on the CPU, so that a seed gives the same weights and noise on every device.
        self._rng = torch.Generator().manual_seed(config.seed)
        kind = weights_type(config.precision)
        generator = make_generator(config, self._rng).to(self._device, kind)
        discriminator = make_discriminator(config, self._rng).to(self._device, kind)
        self._ema = MovingAverage(generator, config.ema) if config.ema else None
        self._generator = ranks.normalize_together(generator)
        self._discriminator = ranks.normalize_together(discriminator, twice=config.r1 > 0)
        self._judge = Judge(discriminator, config)
        if config.compile:
            self._generator.compile()
            self._discriminator.compile()
        self._paint = ranks.join(self._generator)
        self._judge_all = ranks.join(self._judge)
        self._generator_optimizer = _adam(self._generator, config.learning_rate, config)
        self._discriminator_optimizer = _adam(
            self._discriminator, config.discriminator_learning_rate, config
        )
        self._images: Tensor | None = None  # that the last step continued
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=config.precision == "fp16")

    def take_step(self, clips: Tensor) -> dict[str, float]:
        """Train on this rank's share of a batch, (B, 3, 32, 64, 64) uint8; return figures of all.

        Raises:
            DivergedError: a loss is not finite.
        """
        with arithmetic(self.config.precision, self._device):
            real = _to_floats(clips, self._device, weights_type(self.config.precision))
            source = self._draw_source(real)
            real, changes = self._augment_real(real)
            with autocast(self.config.precision, self._device):
                generated: GeneratedVideo = self._paint(source)
            fake = generated.video if changes is None else augment(generated.video, changes)
            values = self._train_discriminator(real, fake.detach())
            values |= self._train_generator(generated, fake, source)
            self._scaler.update()
            values |= self._describe(real, generated)
        found = self._read(values)
        self.step += 1
        self.cursor += self.config.batch
        if self._ema is not None:
            self._ema.update(self._generator, self.step)
        return found

    def _draw_source(self, real: Tensor) -> Tensor:
        if self.config.condition == "first-frame":
            self._images = real[:, :, 0]
            return self._images
        z = torch.randn(self.config.batch, LATENT, generator=self._rng)
        return self._ranks.share(z).to(real)

    def _augment_real(self, real: Tensor) -> tuple[Tensor, Tensor | None]:
        """Change the real clips; return them and what is to become of the generated ones."""
        if not self.config.augment:
            return real, None
        of_real, of_fake = (draw(self.config.batch, self._rng) for _ in range(2))
        return augment(real, self._ranks.share(of_real)), self._ranks.share(of_fake)

    def _train_discriminator(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        regularize = self.config.r1 > 0 and self.step % self.config.r1_every == 0
        verdict: Verdict = self._judge_all(real, fake, regularize)
        norm = self._descend(verdict.loss, self._discriminator, self._discriminator_optimizer)
        return {
            "discriminator_loss": verdict.adversarial,
            "accuracy_real": accuracy(verdict.real_logits, REAL),
            "accuracy_fake": accuracy(verdict.fake_logits, FAKE),
            "discriminator_gradient": norm,
        }

    def _train_generator(
        self, generated: GeneratedVideo, fake: Tensor, source: Tensor
    ) -> dict[str, Tensor]:
        # Its weights' gradients would be thrown away: 14 % of the time of a step at width 64.
        self._discriminator.requires_grad_(False)
        with autocast(self.config.precision, self._device):
            logits = self._discriminator(fake)
        self._discriminator.requires_grad_(True)
        loss = generator_loss(logits, self.config.loss)
        total = loss
        if self.config.streams == 2:
            total = total + mask_penalty(generated.mask, self.config.mask_penalty)
        if self.config.condition == "first-frame":
            weight = self.config.first_frame_weight
            total = total + first_frame_penalty(generated.video, source, weight)
        norm = self._descend(total, self._generator, self._generator_optimizer)
        return {"generator_loss": loss.detach(), "generator_gradient": norm}

    def _descend(
        self, loss: Tensor, network: nn.Module, optimizer: torch.optim.Optimizer
    ) -> Tensor:
        """Step down the gradient of `loss`; return its length."""
        optimizer.zero_grad()
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self._scaler.unscale_(optimizer)
        norm = sample_figures.gradient_norm(network)
        self._scaler.step(optimizer)
        return norm

    def _describe(self, real: Tensor, generated: GeneratedVideo) -> dict[str, Tensor]:
        mask = sample_figures.thin_out(generated.mask)
        return {
            "mask_mean": generated.mask.detach().float().mean(),
            "mask_entropy": sample_figures.mask_entropy(mask),
            "diversity": sample_figures.diversity(
                sample_figures.thin_out(generated.video), self._ranks
            ),
            "real_diversity": sample_figures.diversity(sample_figures.thin_out(real), self._ranks),
        }

    def _read(self, values: Mapping[str, Tensor]) -> dict[str, float]:
        """Average over ranks, and wait for the device once instead of per figure."""
        means = self._ranks.mean(torch.stack([value.float() for value in values.values()]))
        found = dict(zip(values, means.tolist(), strict=True))
        for name, value in found.items():
            # A scaled gradient that overflows is left out by the scaler: no harm is done.
            overflow = name.endswith("_gradient") and self._scaler.is_enabled()
            if not math.isfinite(value) and not overflow:
                raise DivergedError(_diverged(f"{name} became {value}", self.step + 1))
        return found

    def checkpoint(self, metrics: StepMetrics) -> Checkpoint:
        """Gather all that the next step depends on.

        Raises:
            DivergedError: a weight is not finite.
        """
        networks = [self._generator, self._discriminator]
        if self._ema is not None:
            networks.append(self._settled(self._ema))
        for network in networks:
            if not all(weight.isfinite().all() for weight in network.state_dict().values()):
                raise DivergedError(_diverged("a weight is not finite", self.step))
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
            ema=self._ema.network.state_dict() if self._ema else None,
            scaler=self._scaler.state_dict(),
            rollbacks=self.rollbacks,
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Become the trainer that `checkpoint` was taken of."""
        self.step, self.cursor = checkpoint.step, checkpoint.cursor
        self._rng.set_state(checkpoint.rng)
        self._generator.load_state_dict(checkpoint.generator)
        self._discriminator.load_state_dict(checkpoint.discriminator)
        self._generator_optimizer.load_state_dict(checkpoint.generator_optimizer)
        self._discriminator_optimizer.load_state_dict(checkpoint.discriminator_optimizer)
        # A run may go on with other rates than those that the optimizers were saved with.
        _set_rate(self._generator_optimizer, self.config.learning_rate)
        _set_rate(self._discriminator_optimizer, self.config.discriminator_learning_rate)
        if self._ema is not None and checkpoint.ema is not None:
            self._ema.network.load_state_dict(checkpoint.ema)
            self._ema.settled = True
        if checkpoint.scaler:
            self._scaler.load_state_dict(checkpoint.scaler)
        self.rollbacks = checkpoint.rollbacks

    def begin_with(self, checkpoint: Checkpoint) -> None:
        """Take the weights of another run, of the same networks; all else begins anew."""
        self._generator.load_state_dict(checkpoint.generator)
        self._discriminator.load_state_dict(checkpoint.discriminator)
        if self._ema is not None:
            self._ema.network.load_state_dict(checkpoint.ema or checkpoint.generator)

    def roll_back(self, checkpoint: Checkpoint) -> None:
        """Become an earlier trainer, but see the clips that come next, and draw other noise."""
        cursor, rollbacks = self.cursor, self.rollbacks + 1
        self.restore(checkpoint)
        self.cursor, self.rollbacks = cursor, rollbacks
        self._rng.manual_seed((self.config.seed + 7919 * rollbacks) % 2**63)

    @property
    def discriminator(self) -> Discriminator:
        """The network itself, for those who look at what it has learned."""
        return self._judge.discriminator

    @torch.no_grad()
    def show(self, source: Tensor) -> GeneratedVideo:
        """Generate videos as a user of the checkpoint will: averaged, by statistics of training."""
        if self._ema is not None:
            return self._settled(self._ema)(self._fitting(source))  # type: ignore[no-any-return]
        self._generator.eval()
        shown = self._generator(self._fitting(source))
        self._generator.train()
        return shown  # type: ignore[no-any-return]

    def _fitting(self, source: Tensor) -> Tensor:
        """Bring what the generator begins with to its device and type."""
        return source.to(self._device, weights_type(self.config.precision))

    def _settled(self, average: MovingAverage) -> nn.Module:
        """Return the averaged network, with statistics of its own."""
        if not average.settled:
            kind = self.config.precision
            with arithmetic(kind, self._device), autocast(kind, self._device):
                average.settle(self._settling())
        return average.network

    def _settling(self) -> Iterator[Tensor]:
        if self._images is not None:
            yield self._images
            return
        # Numbers of its own, so that training goes the same way however often this is done.
        rng = torch.Generator().manual_seed((self.config.seed + 104_729 * self.step) % 2**63)
        for _ in range(SETTLING):
            yield self._fitting(torch.randn(self.config.batch, LATENT, generator=rng))


def _to_floats(clips: Tensor, device: torch.device, kind: torch.dtype) -> Tensor:
    """Bring uint8 clips to the device as they are, a quarter of the bytes, and there to [-1, 1]."""
    if device.type == "cuda":
        clips = clips.pin_memory().to(device, non_blocking=True)
    return clips.to(device).to(kind).div_(127.5).sub_(1)


def _adam(network: nn.Module, rate: float, config: TrainConfig) -> torch.optim.Adam:
    betas = (config.beta1, ADAM_BETA2)
    return torch.optim.Adam(network.parameters(), rate, betas, fused=True)


def check_device(name: str) -> None:
    """See that this machine can train on a device, in PyTorch's words.

    Raises:
        TrainingError: it cannot.
    """
    _device(name)


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _device(name: str) -> torch.device:
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # the latter from builds without CUDA
        reason = str(error).splitlines()[0]
        raise TrainingError(f"cannot train on device {name!r}: {reason}") from error


def _diverged(what: str, step: int) -> str:
    return (
        f"training diverged: {what} at step {step}; the checkpoints are from before, "
        "go on from them with a lower learning_rate"
    )
