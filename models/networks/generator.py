"""The generators: noise -> 32 frames, painted over a background that stands still, or all at once.

Stage:  shard -> dataset -> load -> [train] -> generate

    two streams   video = mask * foreground + (1 - mask) * background
    one stream    video = foreground

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
16,245,383 parameters, and one convolution instead of two. The one-stream generator is the left
column with a head of 3 channels, 12,663,619 parameters.

Cost at width 64, fp32, 2 cores of an AVX2 machine: a batch of 8 takes 0.4 s forward and about
0.8 s backward. Weights lie channels last, which the convolutions prefer.

Source: Vondrick, Pirsiavash, Torralba, NIPS 2016, section 2.1; code: cvondrick/videogan, main.lua.
"""

from collections.abc import Sequence
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
        first = nn.ConvTranspose3d(LATENT, channels[0], (2, 4, 4))
        self.trunk = volume_layers(first, channels)
        self.head = nn.ConvTranspose3d(width, 4, 4, 2, 1)
        self.background = picture_layers((*channels, 3), nn.ConvTranspose2d(LATENT, channels[0], 4))
        initialize_weights(self, rng)
        lay_channels_last(self)

    def forward(self, z: Tensor) -> GeneratedVideo:
        """Generate one video for each row of `z`, (B, 100)."""
        # The leading -1 and the explicit axes keep a batch of one a batch.
        painted = self.head(self.trunk(z.view(-1, LATENT, 1, 1, 1)))
        return paint(painted, self.background(z.view(-1, LATENT, 1, 1)))


class OneStreamGenerator(nn.Module):
    """Paint all 32 frames by one stream; `rng` as in `Generator`."""

    def __init__(self, width: int = 64, rng: torch.Generator | None = None) -> None:
        super().__init__()
        channels = (8 * width, 4 * width, 2 * width, width)
        self.trunk = volume_layers(nn.ConvTranspose3d(LATENT, channels[0], (2, 4, 4)), channels)
        self.head = nn.ConvTranspose3d(width, 3, 4, 2, 1)
        initialize_weights(self, rng)
        lay_channels_last(self)

    def forward(self, z: Tensor) -> GeneratedVideo:
        """Generate one video for each row of `z`, (B, 100): all of it is foreground."""
        video = torch.tanh(self.head(self.trunk(z.view(-1, LATENT, 1, 1, 1))))
        mask = video.new_ones(()).expand(len(video), 1, *video.shape[2:])
        return GeneratedVideo(video, video, mask, torch.zeros_like(video[:, :, :1]))


def paint(painted: Tensor, background: Tensor) -> GeneratedVideo:
    """Compose the head's output, (B, 4, T, H, W), and a background, (B, 3, H, W) in [-1, 1]."""
    foreground, mask = torch.tanh(painted[:, :3]), torch.sigmoid(painted[:, 3:])
    background = background.unsqueeze(2)
    return GeneratedVideo(compose(foreground, mask, background), foreground, mask, background)


def compose(foreground: Tensor, mask: Tensor, background: Tensor) -> Tensor:
    """Lay `foreground`, (B, 3, T, H, W), over `background`, (B, 3, 1, H, W), where `mask` is 1."""
    return mask * foreground + (1 - mask) * background


def initialize_weights(network: nn.Module, rng: torch.Generator | None) -> None:
    """Draw the first weights as the paper does, for the generator and the discriminator.

    Convolutions N(0, 0.01), batch normalization N(1, 0.02), every bias 0. Theirs: main.lua.
    """
    convolutions = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    for module in network.modules():
        if isinstance(module, convolutions):
            nn.init.normal_(module.weight, 0.0, 0.01, generator=rng)
        elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.normal_(module.weight, 1.0, 0.02, generator=rng)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def lay_channels_last(network: nn.Module) -> None:
    """Lay the weights of every convolution as its kernel prefers them."""
    for module in network.modules():
        if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
            module.to(memory_format=torch.channels_last_3d)
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.to(memory_format=torch.channels_last)


def volume_layers(first: nn.Module, channels: Sequence[int]) -> nn.Sequential:
    """Stack `first` and layers that double T, H and W; each is normalized and rectified."""
    # An in-place ReLU would overwrite what nobody reads again: less memory, the same result.
    layers: list[nn.Module] = []
    convolutions = [nn.ConvTranspose3d(*pair, 4, 2, 1) for pair in pairwise(channels)]
    for convolution, width in zip([first, *convolutions], channels, strict=True):
        norm = nn.BatchNorm3d(width, eps=BATCH_NORM_EPS)
        layers += [convolution, norm, nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def picture_layers(channels: Sequence[int], first: nn.Module | None = None) -> nn.Sequential:
    """Stack `first`, if there is one, and layers that double H and W; the last ends with tanh."""
    layers: list[nn.Module] = []
    if first is not None:
        norm = nn.BatchNorm2d(channels[0], eps=BATCH_NORM_EPS)
        layers += [first, norm, nn.ReLU(inplace=True)]
    for source, target in pairwise(channels[:-1]):
        norm = nn.BatchNorm2d(target, eps=BATCH_NORM_EPS)
        layers += [nn.ConvTranspose2d(source, target, 4, 2, 1), norm, nn.ReLU(inplace=True)]
    layers += [nn.ConvTranspose2d(channels[-2], channels[-1], 4, 2, 1), nn.Tanh()]
    return nn.Sequential(*layers)
