"""Losses are compared with numbers worked out by hand."""

import math

import pytest
import torch

from tinyvideo.models.networks.discriminator import FAKE, REAL
from tinyvideo.models.step.losses import accuracy, discriminator_loss, generator_loss, mask_penalty

UNDECIDED = torch.zeros(4, 2)
THREE_TO_ONE_REAL = torch.tensor([[math.log(3.0), 0.0]])  # probabilities 3/4 real, 1/4 fake


def test_discriminator_that_knows_nothing_loses_2_ln_2():
    assert discriminator_loss(UNDECIDED, UNDECIDED).item() == pytest.approx(2 * math.log(2))


def test_discriminator_pays_for_both_mistakes():
    # Real videos called real with 3/4, generated ones called fake with 1/4.
    loss = discriminator_loss(THREE_TO_ONE_REAL, THREE_TO_ONE_REAL).item()
    assert loss == pytest.approx(-math.log(3 / 4) - math.log(1 / 4))


def test_generator_wants_to_be_called_real():
    assert generator_loss(THREE_TO_ONE_REAL).item() == pytest.approx(-math.log(3 / 4))


def test_generator_loss_does_not_saturate_when_the_discriminator_is_sure():
    logits = torch.tensor([[-20.0, 20.0]], requires_grad=True)
    generator_loss(logits).backward()
    torch.testing.assert_close(logits.grad, torch.tensor([[-1.0, 1.0]]))


def test_mask_penalty_is_a_tenth_of_the_mean():
    mask = torch.tensor([0.0, 0.5, 1.0, 0.5]).view(1, 1, 1, 2, 2).requires_grad_()
    penalty = mask_penalty(mask, 0.1)
    assert penalty.item() == pytest.approx(0.1 * 2.0 / 4)
    penalty.backward()
    # 0.1 / numel * sign(mask), as in Torch7's L1Penalty with size average
    torch.testing.assert_close(mask.grad.flatten(), torch.tensor([0.0, 0.025, 0.025, 0.025]))


def test_accuracy_counts_the_larger_class():
    logits = torch.tensor([[2.0, 1.0], [0.0, 1.0], [5.0, -5.0], [1.0, 0.0]])
    assert accuracy(logits, REAL).item() == 0.75
    assert accuracy(logits, FAKE).item() == 0.25


def test_losses_of_bf16_logits_are_summed_in_fp32():
    assert discriminator_loss(UNDECIDED.bfloat16(), UNDECIDED.bfloat16()).dtype == torch.float32
