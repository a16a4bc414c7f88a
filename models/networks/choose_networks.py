"""Which networks a configuration asks for, and how large they are.

Cost: 0.3 s at width 64 to draw the weights; counting allocates nothing.
"""

import torch
from torch import nn

from tinyvideo.models.networks.discriminator import Discriminator
from tinyvideo.models.networks.encoder import ConditionalGenerator
from tinyvideo.models.networks.generator import Generator, OneStreamGenerator
from tinyvideo.models.train_config import TrainConfig


def make_generator(config: TrainConfig, rng: torch.Generator | None = None) -> nn.Module:
    """Make the generator: from z, (B, 100), or with a condition from images, (B, 3, 64, 64)."""
    if config.condition == "first-frame":
        return ConditionalGenerator(config.width, rng)
    kind = Generator if config.streams == 2 else OneStreamGenerator
    return kind(config.width, rng)


def make_discriminator(config: TrainConfig, rng: torch.Generator | None = None) -> Discriminator:
    """Make the discriminator; with a condition it is twice as wide. Theirs."""
    width = config.width if config.condition == "none" else 2 * config.width
    return Discriminator(width, rng, spectral_norm=config.spectral_norm)


def count_parameters(config: TrainConfig) -> tuple[int, int]:
    """Count the trained numbers of generator and discriminator."""
    with torch.device("meta"):
        networks = (make_generator(config), make_discriminator(config))
    generator, discriminator = (sum(p.numel() for p in n.parameters()) for n in networks)
    return generator, discriminator
