"""Batch normalization over the batches of all ranks, on any device.

PyTorch has `SyncBatchNorm` for GPUs only, and its sum over ranks with a gradient is deprecated
(2.14) in favor of a module that is private. The one here computes the same on the CPU: the mean and
then the variance are those of all values of all ranks, by two sums over the network forward, and
two backward. Ranks may have unequal shares.

Cost: that of batch normalization in separate operations, about three times the fused one; 8 bytes
per channel and sum over the network. On a GPU, PyTorch's own is used, but for R1: it has no
gradient of its gradient (pytorch/pytorch#61222).

Source: Ioffe and Szegedy, ICML 2015.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from tinyvideo.models.step.precision import wide


class RankBatchNorm(nn.Module):
    """Takes the place of a BatchNorm2d or 3d; the same parameters, buffers and names."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, norm: nn.BatchNorm2d | nn.BatchNorm3d) -> None:
        super().__init__()
        self.eps, self.momentum = norm.eps, norm.momentum or 0.1
        self.weight, self.bias = norm.weight, norm.bias
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(norm, name))

    def forward(self, value: Tensor) -> Tensor:
        """Normalize (B, C, ...) per channel, in fp32; the result has the type of `value`."""
        precise = wide(value)
        mean, var = (
            self._statistics(precise) if self.training else (self.running_mean, self.running_var)
        )
        shape = (1, -1, *(1 for _ in value.shape[2:]))
        scale = self.weight * torch.rsqrt(var + self.eps)
        offset = self.bias - mean * scale
        return torch.addcmul(offset.view(shape), precise, scale.view(shape)).to(value.dtype)

    def _statistics(self, value: Tensor) -> tuple[Tensor, Tensor]:
        axes = [axis for axis in range(value.ndim) if axis != 1]
        here = torch.full((1,), value.numel() // value.shape[1], dtype=value.dtype)
        sums = _Sum.apply(torch.cat([value.sum(axes), here.to(value.device)]))
        count = sums[-1].detach()
        mean = sums[:-1] / count
        centered = value - mean.view(1, -1, *(1 for _ in value.shape[2:]))
        var = _Sum.apply(centered.square().sum(axes)) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        return mean, var


def synchronize(network: nn.Module, *, twice: bool = False) -> nn.Module:
    """Replace every batch normalization of `network` by one over all ranks.

    With `twice`, gradients of its gradients are right, on a GPU too.
    """
    if not twice and any(parameter.is_cuda for parameter in network.parameters()):
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(  # type: ignore[no-untyped-call]
            network
        )
        return converted
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d | nn.BatchNorm3d):
                setattr(parent, name, RankBatchNorm(child))
    return network


class _Sum(torch.autograd.Function):
    """Add up over all ranks; each rank's loss depends on all summands, so gradients add up too.

    The way back is the same function, so that it has a gradient of its own, which R1 takes.
    """

    @staticmethod
    def forward(context: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total: Tensor = _Sum.apply(gradient)
        return total
