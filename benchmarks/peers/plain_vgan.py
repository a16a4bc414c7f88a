"""VGAN as one would write it down from the paper, in fp32: what `benchmarks.train` compares with.

The same layers, losses and updates as `models`, without anything that makes them fast: separate
heads, memory as PyTorch lays it out, Adam as it comes, gradients for all that has parameters.

Cost: that of a step, see RESULTS.md.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


def volume(source: int, target: int, kernel: tuple[int, int, int] | int, *more: int) -> list:
    """Stack an enlarging layer, batch normalization and ReLU."""
    layer = nn.ConvTranspose3d(source, target, kernel, *more)
    return [layer, nn.BatchNorm3d(target), nn.ReLU()]


def picture(source: int, target: int, *more: int) -> list:
    """Stack the same in two dimensions."""
    return [nn.ConvTranspose2d(source, target, 4, *more), nn.BatchNorm2d(target), nn.ReLU()]


class PlainGenerator(nn.Module):
    """z, (B, 100) -> video and mask."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            *volume(100, 8 * w, (2, 4, 4)),
            *volume(8 * w, 4 * w, 4, 2, 1),
            *volume(4 * w, 2 * w, 4, 2, 1),
            *volume(2 * w, w, 4, 2, 1),
        )
        self.foreground = nn.Sequential(nn.ConvTranspose3d(w, 3, 4, 2, 1), nn.Tanh())
        self.mask = nn.Sequential(nn.ConvTranspose3d(w, 1, 4, 2, 1), nn.Sigmoid())
        self.background = nn.Sequential(
            *picture(100, 8 * w),
            *picture(8 * w, 4 * w, 2, 1),
            *picture(4 * w, 2 * w, 2, 1),
            *picture(2 * w, w, 2, 1),
            nn.ConvTranspose2d(w, 3, 4, 2, 1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Compose the video."""
        painted = self.trunk(z[:, :, None, None, None])
        mask = self.mask(painted)
        background = self.background(z[:, :, None, None]).unsqueeze(2)
        return mask * self.foreground(painted) + (1 - mask) * background, mask


class PlainDiscriminator(nn.Sequential):
    """Video -> logits (B, 2)."""

    def __init__(self, w: int) -> None:
        layers: list[nn.Module] = [nn.Conv3d(3, w, 4, 2, 1), nn.LeakyReLU(0.2)]
        for scale in (1, 2, 4):
            layers.append(nn.Conv3d(scale * w, 2 * scale * w, 4, 2, 1))
            layers += [nn.BatchNorm3d(2 * scale * w, eps=1e-3), nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Conv3d(8 * w, 2, (2, 4, 4)), nn.Flatten())


class PlainTrainer:
    """Both networks and their optimizers."""

    def __init__(self, width: int) -> None:
        self.generator, self.discriminator = PlainGenerator(width), PlainDiscriminator(width)
        self.optimizers = [
            torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999))
            for network in (self.generator, self.discriminator)
        ]

    def take_step(self, clips: Tensor) -> None:
        """Train on one batch, (B, 3, 32, 64, 64) uint8."""
        real = clips.float() / 127.5 - 1
        real_label = torch.zeros(len(real), dtype=torch.long)
        video, mask = self.generator(torch.randn(len(real), 100))
        of_generator, of_discriminator = self.optimizers

        of_discriminator.zero_grad()
        loss = functional.cross_entropy(self.discriminator(real), real_label)
        loss = loss + functional.cross_entropy(self.discriminator(video.detach()), real_label + 1)
        loss.backward()
        of_discriminator.step()

        of_generator.zero_grad()
        loss = functional.cross_entropy(self.discriminator(video), real_label)
        (loss + 0.1 * mask.abs().mean()).backward()
        of_generator.step()
        loss.item()
