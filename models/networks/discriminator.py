"""The discriminator: 32 frames -> real or generated.

Stage:  shard -> dataset -> load -> [train] -> generate

Every layer at width w (w = 64 is the paper's), as channels x T x H x W. Kernels are 4 with stride 2
and padding 1, except the last: kernel (2, 4, 4), stride 1, no padding.

    video     3 x 32 x 64 x 64
    layer 1   w x 16 x 32 x 32    leaky ReLU
    layer 2  2w x  8 x 16 x 16    batch normalization, leaky ReLU
    layer 3  4w x  4 x  8 x  8    batch normalization, leaky ReLU
    layer 4  8w x  2 x  4 x  4    batch normalization, leaky ReLU
    layer 5   2 x  1 x  1 x  1    the two classes

11,057,858 parameters at width 64; with spectral normalization, which takes the place of the other,
11,056,066. The classes are 0 = real and 1 = fake, which Lua counts from
one as 1 and 2.

Cost at width 64, fp32, 2 cores of an AVX2 machine: a batch of 8 takes 0.25 s forward and 0.7 s
backward.

Source: Vondrick, Pirsiavash, Torralba, NIPS 2016, section 2.2; code: cvondrick/videogan, main.lua.
Spectral normalization: Miyato et al., ICLR 2018.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from tinyvideo.models.networks.generator import initialize_weights, lay_channels_last
from tinyvideo.models.networks.spectral_norm import SpectralNorm

REAL, FAKE = 0, 1
"""Index of each class in the output."""

BATCH_NORM_EPS = 1e-3
"""Theirs, a hundred times what the generator has."""

LEAK = 0.2
"""Slope of the leaky ReLU below zero. Theirs."""


class Discriminator(nn.Module):
    """Judge videos; `features` ends with layer 4, `classifier` is layer 5.

    `rng` draws the first weights: the same state gives the same network. With `spectral_norm`
    every weight is divided by its largest singular value, and no layer is batch-normalized.
    """

    def __init__(
        self,
        width: int = 64,
        rng: torch.Generator | None = None,
        *,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        norm = not spectral_norm
        self.features = nn.Sequential(
            nn.Conv3d(3, width, 4, 2, 1),
            nn.LeakyReLU(LEAK, inplace=True),
            *_layer(width, 2 * width, norm=norm),
            *_layer(2 * width, 4 * width, norm=norm),
            *_layer(4 * width, 8 * width, norm=norm),
        )
        self.classifier = nn.Conv3d(8 * width, 2, (2, 4, 4))
        initialize_weights(self, rng)
        lay_channels_last(self)
        if spectral_norm:
            for module in list(self.modules()):
                if isinstance(module, nn.Conv3d):
                    norm_of_weight = SpectralNorm(module.weight, rng)
                    parametrize.register_parametrization(module, "weight", norm_of_weight)

    def forward(self, video: Tensor) -> Tensor:
        """Score `video`, (B, 3, 32, 64, 64) in [-1, 1], as logits (B, 2): real, fake."""
        logits: Tensor = self.classifier(self.features(video))
        return logits.flatten(1)


def _layer(source: int, target: int, *, norm: bool) -> list[nn.Module]:
    convolution = nn.Conv3d(source, target, 4, 2, 1)
    norms = [nn.BatchNorm3d(target, eps=BATCH_NORM_EPS)] if norm else []
    return [convolution, *norms, nn.LeakyReLU(LEAK, inplace=True)]
