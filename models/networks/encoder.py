"""The conditional generator: a still image -> what might happen next, 32 frames.

Stage:  shard -> dataset -> load -> [train] -> predict

An encoder takes the place of the noise; the two streams are those of `models.networks.generator`,
twice as wide. With W = 2w (w = 64 is the paper's), as channels x T x H x W:

    image       3 x 64 x 64
    encoder 1   W x 32 x 32      ReLU; kernel 4, stride 2, padding 1, here and below
    encoder 2  2W x 16 x 16      batch normalization, ReLU
    encoder 3  4W x  8 x  8      batch normalization, ReLU
    encoder 4  8W x  4 x  4      batch normalization, ReLU

    foreground and mask, 3-D                      background, 2-D
    layer 1  8W x 2 x 4 x 4     kernel (2, 1, 1)
    layer 2  4W x 4 x 8 x 8                       layer 1  4W x 8 x 8
    layer 3  2W x 8 x 16 x 16                     layer 2  2W x 16 x 16
    layer 4   W x 16 x 32 x 32                    layer 3   W x 32 x 32
    head      4 x 32 x 64 x 64                    head      3 x 64 x 64

68,216,455 parameters at width 64. There is no noise: an image has one future. The discriminator
is the paper's too, of width W: 44,135,810 parameters.

Cost: four times that of the unconditional networks.

Source: Vondrick, Pirsiavash, Torralba, NIPS 2016, section 4.3; code: cvondrick/videogan,
main_conditional.lua.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from tinyvideo.models.networks.generator import (
    GeneratedVideo,
    initialize_weights,
    lay_channels_last,
    paint,
    picture_layers,
    volume_layers,
)

ENCODER_EPS = 1e-3
"""Of batch normalization in the encoder. Theirs, unlike the generator's."""


class ConditionalGenerator(nn.Module):
    """Continue a first frame; `rng` draws the first weights."""

    def __init__(self, width: int = 64, rng: torch.Generator | None = None) -> None:
        super().__init__()
        wide = 2 * width
        channels = (8 * wide, 4 * wide, 2 * wide, wide)
        self.encoder = _encoder((3, *reversed(channels)))
        first = nn.ConvTranspose3d(channels[0], channels[0], (2, 1, 1))
        self.trunk = volume_layers(first, channels)
        self.head = nn.ConvTranspose3d(wide, 4, 4, 2, 1)
        self.background = picture_layers((*channels, 3))
        initialize_weights(self, rng)
        lay_channels_last(self)

    def forward(self, image: Tensor) -> GeneratedVideo:
        """Generate one video for each `image`, (B, 3, 64, 64) in [-1, 1]."""
        code = self.encoder(image)
        return paint(self.head(self.trunk(code.unsqueeze(2))), self.background(code))


def _encoder(channels: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number, (source, target) in enumerate(pairwise(channels)):
        layers.append(nn.Conv2d(source, target, 4, 2, 1))
        if number:
            layers.append(nn.BatchNorm2d(target, eps=ENCODER_EPS))
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)
