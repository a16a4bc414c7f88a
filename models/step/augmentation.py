"""Change clips before the discriminator sees them, so that it cannot learn few clips by heart.

Real and generated clips are changed alike and gradients pass through, so the generator never
learns to make changed clips. One draw holds for all 32 frames of a clip: a shift that differed from
frame to frame would be motion, which is what the discriminator has to judge.

Of a clip in [-1, 1], in this order: brightness, saturation, contrast, a shift of up to an eighth of
the picture with black at the rim, and a gray square of half the picture's side.

kornia's changes for videos take as long for two of the five (tried: 0.9 of ours for all), and draw
their own numbers, where ranks have to share one draw.

Cost: 4 ms per clip of one core, both ways.

Source: Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS 2020,
with their strengths; for clips ours.
"""

import torch
from torch import Tensor
from torch.nn import functional

DRAWS = 7
"""Random numbers per clip: brightness, saturation, contrast, shift y and x, square y and x."""


def draw(count: int, rng: torch.Generator) -> Tensor:
    """Draw what becomes of `count` clips, (count, 7) in [0, 1)."""
    return torch.rand(count, DRAWS, generator=rng)


def augment(video: Tensor, draws: Tensor) -> Tensor:
    """Change clips (B, 3, T, H, W) as `draws`, (B, 7) on the CPU, says; the gradient passes."""
    video = _recolor(video, draws[:, :3].to(video.device))
    clips = [_shift(clip, *pair) for clip, pair in zip(video, draws[:, 3:5].tolist(), strict=True)]
    shifted = torch.stack(clips).contiguous(memory_format=torch.channels_last_3d)
    return shifted * _holes(draws[:, 5:7], *video.shape[3:]).to(video)


def _recolor(video: Tensor, draws: Tensor) -> Tensor:
    brightness, saturation, contrast = (
        number.to(video.dtype).view(-1, 1, 1, 1, 1) for number in draws.unbind(1)
    )
    video = video + (brightness - 0.5)
    gray = video.mean(dim=1, keepdim=True)
    video = torch.lerp(gray, video, 2 * saturation)
    mean = video.mean(dim=(1, 2, 3, 4), keepdim=True)
    return torch.lerp(mean, video, contrast + 0.5)


def _shift(clip: Tensor, y: float, x: float) -> Tensor:
    """Shift (3, T, H, W) by up to an eighth of H and W; `y` and `x` are in [0, 1)."""
    height, width = clip.shape[-2:]
    down, right = (int(n * (s // 8 * 2 + 1)) - s // 8 for n, s in ((y, height), (x, width)))
    # A negative pad cuts.
    return functional.pad(clip, (right, -right, down, -down))


def _holes(draws: Tensor, height: int, width: int) -> Tensor:
    """Make masks (B, 1, 1, H, W) that are 0 in a square of half the side; its center is inside."""
    centers = (draws * torch.tensor([height, width])).floor().view(-1, 2, 1, 1)
    rows = (torch.arange(height).view(1, -1, 1) - centers[:, 0]).abs() < height / 4
    columns = (torch.arange(width).view(1, 1, -1) - centers[:, 1]).abs() < width / 4
    return (~(rows & columns)).view(len(draws), 1, 1, height, width)
