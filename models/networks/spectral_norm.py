"""Spectral normalization: a weight divided by its largest singular value.

The value is estimated by one power iteration per use in training, in fp32 whatever autocast says:
bf16 would be wrong by a percent, and the discriminator's scale with it. The estimate's vector is
saved with the weights, so that a resume is exact.

Cost at width 64: 28 ms per use of the whole discriminator, one of which suffices for real and
generated clips (`parametrize.cached`).

Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018.
torch.nn.utils has it too, but estimates in the type that autocast chooses, draws from the generator
that all share, and keeps two vectors under other names than our checkpoints have.
"""

from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional

_FIRST_ITERATIONS = 15
"""Ours: the first estimate is within a percent; torch.nn.utils has as many."""

_EPS = 1e-12


class SpectralNorm(nn.Module):
    """A parametrization for a weight (N, ...), seen as a matrix of N rows."""

    left: Tensor
    """Estimate of the left singular vector, (N,)."""

    def __init__(self, weight: Tensor, rng: torch.Generator | None = None) -> None:
        super().__init__()
        matrix = _matrix(weight.detach())
        self.register_buffer("left", torch.randn(len(matrix), generator=rng, device=weight.device))
        for _ in range(_FIRST_ITERATIONS):
            self._iterate(matrix)

    def forward(self, weight: Tensor) -> Tensor:
        """Divide `weight` by its largest singular value; in training, estimate that better."""
        # Autocast does not know the device on which weights are only counted.
        exact = (
            nullcontext() if weight.is_meta else torch.autocast(weight.device.type, enabled=False)
        )
        with exact:
            matrix = _matrix(weight)
            right = self._iterate(matrix.detach()) if self.training else self._right(matrix)
            # Clones, since the next use changes the vector while the gradient needs this one.
            sigma = torch.dot(self.left.clone(), torch.mv(matrix, right))
            return weight / sigma

    def _right(self, matrix: Tensor) -> Tensor:
        return functional.normalize(torch.mv(matrix.detach().mT, self.left), dim=0, eps=_EPS)

    @torch.no_grad()
    def _iterate(self, matrix: Tensor) -> Tensor:
        right = self._right(matrix)
        self.left.copy_(functional.normalize(torch.mv(matrix, right), dim=0, eps=_EPS))
        return right


def _matrix(weight: Tensor) -> Tensor:
    # A view where channels lie last; the order of columns does not matter to singular values.
    return weight.movedim(1, -1).flatten(1)
