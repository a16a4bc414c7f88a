"""What generator and discriminator are trained for.

By cross-entropy, the paper's: the discriminator tells real from generated videos by its two
classes, and the generator wants its videos to be taken for real. That is the form which does not
saturate: it asks for the class "real" instead of against the class "fake". By hinge loss: the
score, logit of real minus logit of fake, is to be above 1 for real videos and below -1 for
generated ones, and the generator wants it high. The generator also pays for every pixel that its
mask takes from the background, so that what can stand still does.

Of two classes the cross-entropy is softplus of minus that score, so R1 may go with either loss: the
squared gradient of the score of real videos by their pixels, per video.

Logits are (B, 2) of any floating type; sums are done in fp32. Cost: nothing beside the networks;
R1 takes one more backward pass, and the backward pass through it.

Source: Vondrick, Pirsiavash, Torralba, NIPS 2016, equations 1 to 3; code: cvondrick/videogan,
main.lua, and main_conditional.lua for the first frame. Their L1Penalty of 0.1 with size average
adds 0.1 * sign(mask) / numel to the gradient, which is that of 0.1 * mean(|mask|) over the whole
batch. Hinge: Miyato et al., ICLR 2018. R1: Mescheder et al., ICML 2018.
"""

import torch
from torch import Tensor
from torch.nn import functional

from tinyvideo.models.networks import FAKE, REAL
from tinyvideo.models.step.precision import wide


def discriminator_loss(
    real_logits: Tensor, fake_logits: Tensor, kind: str = "cross-entropy"
) -> Tensor:
    """Charge the discriminator for its judgment of real videos, (B, 2), and generated ones, (B, 2).

    Untrained it is 2 ln 2 = 1.386 by cross-entropy, 2 by hinge loss.
    """
    if kind == "hinge":
        real, fake = score(real_logits), score(fake_logits)
        return functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()
    return _cross_entropy(real_logits, REAL) + _cross_entropy(fake_logits, FAKE)


def generator_loss(fake_logits: Tensor, kind: str = "cross-entropy") -> Tensor:
    """Charge the generator for what the discriminator says of its videos, (B, 2).

    Untrained it is ln 2 = 0.693 by cross-entropy, 0 by hinge loss.
    """
    if kind == "hinge":
        return -score(fake_logits).mean()
    return _cross_entropy(fake_logits, REAL)


def score(logits: Tensor) -> Tensor:
    """Say how real videos look, (B,): the logit of "real" minus that of "fake"."""
    return wide(logits[:, REAL]) - wide(logits[:, FAKE])


def r1_penalty(real_logits: Tensor, real: Tensor, weight: float) -> Tensor:
    """Charge `weight` / 2 times the squared gradient of the score by `real`, (B, 3, T, H, W)."""
    (gradient,) = torch.autograd.grad(score(real_logits).sum(), real, create_graph=True)
    return weight / 2 * wide(gradient).square().sum() / len(real)


def first_frame_penalty(video: Tensor, image: Tensor, weight: float) -> Tensor:
    """Charge `weight` times the mean of |frame 0 of `video` - `image`|, image (B, 3, H, W)."""
    return weight * (wide(video[:, :, 0]) - image).abs().mean()


def mask_penalty(mask: Tensor, weight: float) -> Tensor:
    """Charge `weight` times the mean of |mask| over all elements, (B, 1, T, H, W)."""
    return weight * wide(mask).abs().mean()


def accuracy(logits: Tensor, label: int) -> Tensor:
    """Measure the share, 0 to 1, of `logits`, (B, 2), whose larger class is `label`."""
    return (logits.argmax(dim=1) == label).float().mean()


def _cross_entropy(logits: Tensor, label: int) -> Tensor:
    labels = torch.full((len(logits),), label, device=logits.device)
    return functional.cross_entropy(wide(logits), labels)
