"""A moving average of the generator: what is shown, while the generator itself jumps about.

Weights are averaged. In the first steps the share of the old is smaller, (1 + t) / (10 + t), so
that the random first weights are soon forgotten. The statistics of batch normalization are not
averaged: those of other weights, they fit the averaged ones badly. Whenever the average is to be
shown or kept, its own are taken from forward passes.

Cost at width 64: 20 ms per step, 65 MB; forward passes of `SETTLING` batches when it is used.

Source: Karras et al., "Progressive Growing of GANs", ICLR 2018; the warm-up is TensorFlow's; the
statistics are the "standing statistics" of Brock et al., "Large Scale GAN Training", ICLR 2019,
taken by torch. Its `AveragedModel` is not used: it knows no warm-up, and would give the weights in
checkpoints other names, for the one line that it saves.
"""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

SETTLING = 16
"""Batches from which the statistics are taken. Ours: a thousand clips of the paper's batches."""


class MovingAverage:
    """The average of `network`, as a network of its own in evaluation mode."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.settled = True
        """Whether its statistics are those of its weights."""
        self._decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights of `network` after `step` steps, counted from 1."""
        new = 1 - min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_([*self.network.parameters()], [*network.parameters()], new)
        self.settled = False

    def settle(self, sources: Iterable[Tensor]) -> None:
        """Take the statistics of batch normalization from what becomes of `sources`, its inputs."""
        update_bn(sources, self.network)  # each batch counts the same
        self.settled = True
