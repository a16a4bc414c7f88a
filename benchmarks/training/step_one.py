"""How far the first step in fp32 is from that in fp64, and why: kinks, and Adam.

    python -m benchmarks.training.step_one        prints the table, and into benchmarks/RESULTS.md
    python -m benchmarks.training.step_one --json

A value next to 0 rounds to the other side of a ReLU, and its gradient is then another one as a
whole: of values that are off by e, a share of about e lies on the other side, and gradients are off
by about the root of it. With softplus in the place of every ReLU, the same networks show what is
left.

Adam's first step is the learning rate times g / (|g| + 1e-8), so a gradient that is nothing but
rounding moves its weight by as much as any other, and the generator learns from the discriminator
after its step. The last row has the weights of the fp32 run in the discriminator of the fp64 run.

Cost: 20 s of one core.
"""

import argparse
import json
import sys

import torch
from torch import Tensor, nn

from benchmarks.stages import put_into_results
from tinyvideo.models.networks import GeneratedVideo
from tinyvideo.models.step import Trainer
from tinyvideo.models.train_config import TrainConfig

WIDTH, BATCH, SEED = 8, 8, 3


class WithGivenDiscriminator(Trainer):
    """A trainer whose generator learns from a discriminator of another run."""

    given: dict[str, Tensor]

    def _train_generator(
        self, generated: GeneratedVideo, fake: Tensor, source: Tensor
    ) -> dict[str, Tensor]:
        self._discriminator.load_state_dict(self.given)
        return super()._train_generator(generated, fake, source)


def measure(*, smooth: bool) -> dict[str, float]:
    """Take the step in fp32, in fp64, and in fp64 with the discriminator of fp32."""
    rng = torch.Generator().manual_seed(SEED)
    clips = torch.randint(0, 256, (BATCH, 3, 32, 64, 64), dtype=torch.uint8, generator=rng)
    usual, precise = Trainer(_config("fp32"), ""), Trainer(_config("fp64"), "")
    mixed = WithGivenDiscriminator(_config("fp64"), "")
    for trainer in (usual, precise, mixed) if smooth else ():
        _smooth(trainer._generator)
        _smooth(trainer._discriminator)
    before = _weights(precise._discriminator)
    for trainer in (usual, precise):
        trainer.take_step(clips)
    mixed.given = usual._discriminator.state_dict()
    mixed.take_step(clips)
    moved = [_weights(t._discriminator) - before for t in (usual, precise)]
    rate = precise.config.discriminator_learning_rate
    return {
        "discriminator's gradient, apart": _apart(usual._discriminator, precise._discriminator),
        "discriminator's step, apart": float((moved[0] - moved[1]).norm() / moved[1].norm()),
        "share of its weights that move otherwise by a tenth of the rate": float(
            ((moved[0] - moved[1]).abs() > rate / 10).double().mean()
        ),
        "generator's gradient, apart": _apart(usual._generator, precise._generator),
        "the same, behind the discriminator of fp32": _apart(usual._generator, mixed._generator),
    }


def _config(precision: str) -> TrainConfig:
    return TrainConfig(width=WIDTH, batch=BATCH, seed=SEED, precision=precision)


def _smooth(network: nn.Module) -> None:
    """Put softplus into the place of every ReLU."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.ReLU | nn.LeakyReLU):
                setattr(parent, name, nn.Softplus())


def _weights(network: nn.Module) -> Tensor:
    return torch.cat([p.detach().double().flatten() for p in network.parameters()])


def _gradient(network: nn.Module) -> Tensor:
    found = [p.grad.double().flatten() for p in network.parameters() if p.grad is not None]
    return torch.cat(found)


def _apart(network: nn.Module, precise: nn.Module) -> float:
    right = _gradient(precise)
    return float((_gradient(network) - right).norm() / right.norm())


def main() -> None:
    """Measure, and print or keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON, leave RESULTS.md alone")
    wanted = parser.parse_args()
    found = {kind: measure(smooth=kind == "softplus") for kind in ("ReLU", "softplus")}
    if wanted.json:
        json.dump(found, sys.stdout, indent=1)
        return
    pairs = [(name, found["ReLU"][name], found["softplus"][name]) for name in found["ReLU"]]
    rows = [f"| {name} | {relu:.1e} | {smooth:.1e} |" for name, relu, smooth in pairs]
    lines = ["| fp32 against fp64 | with ReLU, as it is | with softplus |", "|---|---|---|", *rows]
    print(*lines, sep="\n")
    head = f"`python -m benchmarks.training.step_one`, width {WIDTH}, batch {BATCH}"
    put_into_results("Step 1 in fp32 and fp64", "\n".join([head, "", *lines]))


if __name__ == "__main__":
    main()
