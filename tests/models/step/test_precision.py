"""bf16 rounded by hand is bf16: a product that only full precision can tell apart."""

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from tinyvideo.models.step.precision import RoundedConvolutions, arithmetic, autocast, cpu_has_bf16

CPU = torch.device("cpu")


def convolve(value, weight):
    return functional.conv3d(value.view(1, 1, 1, 1, 1), weight.view(1, 1, 1, 1, 1)).flatten()


def test_rounds_inputs_and_result_to_bf16():
    # bf16 has 8 significant bits: 1 + 2**-9 rounds to 1, and 257 = 2**8 + 1 to 256.
    value = torch.tensor([1 + 2**-9])
    with RoundedConvolutions(), autocast("bf16", CPU):
        result = convolve(value, torch.tensor([257.0]))
    assert result.dtype == torch.bfloat16
    assert result.item() == 256.0


def test_gradients_are_rounded_too():
    value = torch.tensor([1.0], requires_grad=True)
    weight = torch.tensor([257.0], requires_grad=True)
    with RoundedConvolutions():
        with autocast("bf16", CPU):
            result = convolve(value, weight)
        result.float().sum().backward()
    assert value.grad.item() == 256.0  # the weight as the convolution saw it
    assert weight.grad.item() == 1.0


class Recorder(TorchDispatchMode):
    """Note which type of numbers every convolution gets in the end."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if "convolution" in func.__name__:
            self.seen.append((func.__name__.split(".")[0], args[0].dtype))
        return func(*args, **(kwargs or {}))


def test_no_convolution_runs_in_bf16_forward_or_backward():
    weight = torch.tensor([257.0], requires_grad=True)
    with Recorder() as recorder, RoundedConvolutions():
        with autocast("bf16", CPU):
            result = convolve(torch.tensor([1.0]), weight)
        result.float().sum().backward()
    kernels = ["convolution", "convolution_backward"]
    assert recorder.seen == [(kernel, torch.float32) for kernel in kernels]


def test_fp32_is_left_alone():
    with arithmetic("fp32", CPU), autocast("fp32", CPU):
        result = convolve(torch.tensor([1.0]), torch.tensor([257.0]))
    assert result.dtype == torch.float32
    assert result.item() == 257.0


@pytest.mark.parametrize("capability", ["AVX2", "DEFAULT", "AVX512"])
def test_rounds_by_hand_only_where_the_processor_cannot(monkeypatch, capability):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert cpu_has_bf16() == (capability == "AVX512")
    by_hand = isinstance(arithmetic("bf16", CPU), RoundedConvolutions)
    assert by_hand == (capability != "AVX512")
