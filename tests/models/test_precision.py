"""bf16 rounded by hand is bf16: a product that only full precision can tell apart."""

import pytest
import torch
from torch.nn import functional

from models.precision import RoundedConvolutions, arithmetic, autocast, cpu_has_bf16

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
