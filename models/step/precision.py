"""bf16 on every machine: by the processor's own arithmetic, or rounded by hand where it has none.

`torch.autocast` casts the inputs of every convolution to bf16, or to fp16 for GPUs that have only
that. A processor with bf16 arithmetic
multiplies such numbers exactly and adds them up in fp32. One without (AVX2 and older) falls into
a reference loop that is 40 to 80 times slower than fp32: 24 s or more instead of 0.5 s for a
training step at width 16, batch 8. There `RoundedConvolutions` widens the bf16 inputs to fp32,
runs the fp32 kernel, and rounds the result to bf16. This is the same arithmetic (products of
bf16 numbers are exact in fp32), so networks learn as they do on better hardware.

Cost: on 2 cores of an AVX2 machine a training step takes 8 to 25 % longer than in fp32, so bf16
gains no time there. Where the hardware has it (AVX-512 with bf16), a step takes about half as long.
Activations take half the memory everywhere. fp16 on a CPU is always rounded by hand: for tests.
fp64 is there to compare with: a run in it is what the others are near to.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_TYPES = {
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "fp32": torch.float32,
    "fp64": torch.float64,
}

_CONVOLUTIONS = (torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default)


class RoundedConvolutions(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Compute 16-bit convolutions, forward and backward, by fp32 kernels."""

    def __init__(self, kind: torch.dtype = torch.bfloat16) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._kind = kind

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one operation; all but convolutions of 16-bit numbers go through as they are."""
        kwargs = kwargs or {}
        if func not in _CONVOLUTIONS or args[0].dtype != self._kind:
            return func(*args, **kwargs)
        result = func(*(_widen(argument) for argument in args), **kwargs)
        if isinstance(result, Tensor):
            return result.to(self._kind)
        return tuple(None if part is None else part.to(self._kind) for part in result)


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """Open the context for forward passes in `precision`, one of `train_config.PRECISIONS`."""
    kind = _TYPES[precision]
    return torch.autocast(device.type, kind, enabled=kind.itemsize == 2)


def weights_type(precision: str) -> torch.dtype:
    """Name the type of weights, and of all that is computed outside of convolutions."""
    return torch.float64 if precision == "fp64" else torch.float32


def wide(values: Tensor) -> Tensor:
    """Bring `values` to fp32, in which sums are done; fp64 stays."""
    return values if values.dtype == torch.float64 else values.float()


def arithmetic(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """Open the context for a whole training step, backward passes included."""
    by_hand = precision == "fp16" or (precision == "bf16" and not cpu_has_bf16())
    if device.type == "cpu" and by_hand:
        return RoundedConvolutions(_TYPES[precision])
    return nullcontext()


def cpu_has_bf16() -> bool:
    """Tell whether PyTorch's kernels for this processor take bf16 without the reference loop."""
    return "AVX512" in torch.backends.cpu.get_cpu_capability()


def _widen(argument: Any) -> Any:
    return argument.float() if isinstance(argument, Tensor) else argument
