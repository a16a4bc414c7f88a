"""The two-stream generator: noise -> 32 frames, painted over a background that stands still.

Stage:  shard -> dataset -> load -> [train] -> generate

    video = mask * foreground + (1 - mask) * background

Every layer at width w (w = 64 is the paper's), as channels x T x H x W. All kernels are 4 with
stride 2 and padding 1, except the first, which have stride 1 and no padding; batch normalization
and ReLU follow every layer but the last ones.

    foreground and mask, 3-D                      background, 2-D
    z       100 x 1 x 1 x 1                       z       100 x 1 x 1
    layer 1  8w x 2 x 4 x 4     kernel (2, 4, 4)  layer 1  8w x 4 x 4
    layer 2  4w x 4 x 8 x 8                       layer 2  4w x 8 x 8
    layer 3  2w x 8 x 16 x 16                     layer 3  2w x 16 x 16
    layer 4   w x 16 x 32 x 32                    layer 4   w x 32 x 32
    head      4 x 32 x 64 x 64                    head      3 x 64 x 64

The head's channels 0 to 2 are the foreground (tanh), channel 3 is the mask (sigmoid). Theirs has
a head of 3 and a head of 1 channel side by side; together they are the same function with the same
16,245,383 parameters, and one convolution instead of two.

Cost at width 64, fp32, 2 cores of an AVX2 machine: a batch of 8 takes 0.4 s forward and about
0.8 s backward. Weights lie channels last, which the convolutions prefer.

Source: Vondrick, Pirsiavash, Torralba, NIPS 2016, section 2.1; code: cvondrick/videogan, main.lua.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

LATENT = 100
"""Elements of the noise z. Theirs."""

CLIP_SIZE = 64
"""Width and height of a generated frame, in pixels. Theirs; the layers allow no other."""

BATCH_NORM_EPS = 1e-5


class GeneratedVideo(NamedTuple):
    """A batch of videos and what they are composed of; colors in [-1, 1], T = 32, H = W = 64."""

    video: Tensor
    """(B, 3, T, H, W)."""

    foreground: Tensor
    """(B, 3, T, H, W)."""

    mask: Tensor
    """(B, 1, T, H, W) in [0, 1]; 1 shows the foreground."""

    background: Tensor
    """(B, 3, 1, H, W)."""


class Generator(nn.Module):
    """Paint moving objects over one still background.

    `rng` draws the first weights: the same state gives the same network.
    """

    def __init__(self, width: int = 64, rng: torch.Generator | None = None) -> None:
        super().__init__()
        channels = (8 * width, 4 * width, 2 * width, width)
        trunk: list[nn.Module] = []
        background: list[nn.Module] = []
        for index, (source, target) in enumerate(pairwise((LATENT, *channels))):
            trunk += _volume_layer(source, target, first=index == 0)
            background += _picture_layer(source, target, first=index == 0)
        background += [nn.ConvTranspose2d(width, 3, 4, 2, 1), nn.Tanh()]

        self.trunk = nn.Sequential(*trunk)
        self.head = nn.ConvTranspose3d(width, 4, 4, 2, 1)
        self.background = nn.Sequential(*background)
        initialize_weights(self, rng)
        self.trunk.to(memory_format=torch.channels_last_3d)
        self.head.to(memory_format=torch.channels_last_3d)
        self.background.to(memory_format=torch.channels_last)

    def forward(self, z: Tensor) -> GeneratedVideo:
        """Generate one video for each row of `z`, (B, 100)."""
        # The leading -1 and the explicit axes keep a batch of one a batch.
        painted = self.head(self.trunk(z.view(-1, LATENT, 1, 1, 1)))
        foreground = torch.tanh(painted[:, :3])
        mask = torch.sigmoid(painted[:, 3:])
        background = self.background(z.view(-1, LATENT, 1, 1)).unsqueeze(2)
        return GeneratedVideo(compose(foreground, mask, background), foreground, mask, background)


def compose(foreground: Tensor, mask: Tensor, background: Tensor) -> Tensor:
    """Lay `foreground`, (B, 3, T, H, W), over `background`, (B, 3, 1, H, W), where `mask` is 1."""
    return mask * foreground + (1 - mask) * background


def initialize_weights(network: nn.Module, rng: torch.Generator | None) -> None:
    """Draw the first weights as the paper does, for the generator and the discriminator.

    Convolutions N(0, 0.01), batch normalization N(1, 0.02), every bias 0. Theirs: main.lua.
    """
    convolutions = (nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    for module in network.modules():
        if isinstance(module, convolutions):
            nn.init.normal_(module.weight, 0.0, 0.01, generator=rng)
        elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.normal_(module.weight, 1.0, 0.02, generator=rng)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _volume_layer(source: int, target: int, *, first: bool) -> list[nn.Module]:
    # An in-place ReLU would overwrite what nobody reads again: less memory, the same result.
    convolution = (
        nn.ConvTranspose3d(source, target, (2, 4, 4))
        if first
        else nn.ConvTranspose3d(source, target, 4, 2, 1)
    )
    return [convolution, nn.BatchNorm3d(target, eps=BATCH_NORM_EPS), nn.ReLU(inplace=True)]


def _picture_layer(source: int, target: int, *, first: bool) -> list[nn.Module]:
    convolution = (
        nn.ConvTranspose2d(source, target, 4)
        if first
        else nn.ConvTranspose2d(source, target, 4, 2, 1)
    )
    return [convolution, nn.BatchNorm2d(target, eps=BATCH_NORM_EPS), nn.ReLU(inplace=True)]
