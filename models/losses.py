"""What generator and discriminator are trained for.

The discriminator tells real from generated videos by cross-entropy over its two classes. The
generator wants its videos to be taken for real (the form that does not saturate: it asks for
the class "real" instead of against the class "fake") and pays for every pixel that its mask
takes from the background, so that what can stand still does.

Logits are (B, 2) of any floating type; sums are done in fp32. Cost: nothing beside the networks.

Source: Vondrick, Pirsiavash, Torralba, NIPS 2016, equations 1 to 3; code: cvondrick/videogan,
main.lua. Their L1Penalty of 0.1 with size average adds 0.1 * sign(mask) / numel to the gradient,
which is that of 0.1 * mean(|mask|) over the whole batch.
"""

import torch
from torch import Tensor
from torch.nn import functional

from models.discriminator import FAKE, REAL


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Sum the cross-entropies of real videos, (B, 2), and generated ones, (B, 2).

    Untrained it is 2 ln 2 = 1.386.
    """
    return _cross_entropy(real_logits, REAL) + _cross_entropy(fake_logits, FAKE)


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Take the cross-entropy of generated videos, (B, 2), with the class "real"."""
    return _cross_entropy(fake_logits, REAL)


def mask_penalty(mask: Tensor, weight: float) -> Tensor:
    """Charge `weight` times the mean of |mask| over all elements, (B, 1, T, H, W)."""
    return weight * mask.float().abs().mean()


def accuracy(logits: Tensor, label: int) -> Tensor:
    """Measure the share, 0 to 1, of `logits`, (B, 2), whose larger class is `label`."""
    return (logits.argmax(dim=1) == label).float().mean()


def _cross_entropy(logits: Tensor, label: int) -> Tensor:
    labels = torch.full((len(logits),), label, device=logits.device)
    return functional.cross_entropy(logits.float(), labels)
