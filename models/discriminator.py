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

11,057,858 parameters at width 64. The classes are 0 = real and 1 = fake, which Lua counts from
one as 1 and 2.

Cost at width 64, fp32, 2 cores of an AVX2 machine: a batch of 8 takes 0.25 s forward and 0.7 s
backward.

Source: Vondrick, Pirsiavash, Torralba, NIPS 2016, section 2.2; code: cvondrick/videogan, main.lua.
"""

import torch
from torch import Tensor, nn

from models.generator import initialize_weights

REAL, FAKE = 0, 1
"""Index of each class in the output."""

BATCH_NORM_EPS = 1e-3
"""Theirs, a hundred times what the generator has."""

LEAK = 0.2
"""Slope of the leaky ReLU below zero. Theirs."""


class Discriminator(nn.Module):
    """Judge videos; `features` ends with layer 4, `classifier` is layer 5.

    `rng` draws the first weights: the same state gives the same network.
    """

    def __init__(self, width: int = 64, rng: torch.Generator | None = None) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv3d(3, width, 4, 2, 1),
            nn.LeakyReLU(LEAK, inplace=True),
            *_layer(width, 2 * width),
            *_layer(2 * width, 4 * width),
            *_layer(4 * width, 8 * width),
        )
        self.classifier = nn.Conv3d(8 * width, 2, (2, 4, 4))
        initialize_weights(self, rng)
        self.to(memory_format=torch.channels_last_3d)

    def forward(self, video: Tensor) -> Tensor:
        """Score `video`, (B, 3, 32, 64, 64) in [-1, 1], as logits (B, 2): real, fake."""
        logits: Tensor = self.classifier(self.features(video))
        return logits.flatten(1)


def _layer(source: int, target: int) -> list[nn.Module]:
    return [
        nn.Conv3d(source, target, 4, 2, 1),
        nn.BatchNorm3d(target, eps=BATCH_NORM_EPS),
        nn.LeakyReLU(LEAK, inplace=True),
    ]
