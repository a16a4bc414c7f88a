"""The networks of 2016: two generators, one that continues a picture, a discriminator.

choose_networks  Which networks a configuration asks for, and how large they are
discriminator    The discriminator: 32 frames -> real or generated
encoder          The conditional generator: a still image -> what might happen next, 32 frames
generator        The generators: noise -> 32 frames, painted over a background that stands
                 still, or all at once
spectral_norm    Spectral normalization: a weight divided by its largest singular value
"""

from tinyvideo.models.networks.choose_networks import (
    count_parameters,
    make_discriminator,
    make_generator,
)
from tinyvideo.models.networks.discriminator import FAKE, REAL, Discriminator
from tinyvideo.models.networks.generator import CLIP_SIZE, LATENT, GeneratedVideo

__all__ = [
    "CLIP_SIZE",
    "FAKE",
    "LATENT",
    "REAL",
    "Discriminator",
    "GeneratedVideo",
    "count_parameters",
    "make_discriminator",
    "make_generator",
]
