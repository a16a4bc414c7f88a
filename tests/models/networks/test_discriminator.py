"""The discriminator's layers are those of the paper."""

import pytest
import torch
from torch import nn

from tinyvideo.models.networks.discriminator import FAKE, REAL, Discriminator

WIDTH = 2


@pytest.fixture
def discriminator():
    return Discriminator(WIDTH, torch.Generator().manual_seed(0))


def test_has_the_papers_number_of_parameters():
    with torch.device("meta"):
        assert sum(p.numel() for p in Discriminator(64).parameters()) == 11_057_858


def test_every_layer_has_the_papers_shape(discriminator):
    shapes = []
    for module in discriminator.modules():
        if isinstance(module, nn.Conv3d):
            module.register_forward_hook(lambda _m, _i, out: shapes.append(tuple(out.shape[1:])))
    discriminator(torch.zeros(1, 3, 32, 64, 64))
    w = WIDTH
    assert shapes == [
        (w, 16, 32, 32),
        (2 * w, 8, 16, 16),
        (4 * w, 4, 8, 8),
        (8 * w, 2, 4, 4),
        (2, 1, 1, 1),
    ]


@pytest.mark.parametrize("batch", [1, 3])
def test_returns_two_logits_per_video(discriminator, batch):
    assert discriminator(torch.zeros(batch, 3, 32, 64, 64)).shape == (batch, 2)


def test_classes_are_the_papers_counted_from_zero():
    assert (REAL, FAKE) == (0, 1)


def test_first_layer_is_not_normalized(discriminator):
    kinds = [type(module) for module in discriminator.features]
    assert kinds == [nn.Conv3d, nn.LeakyReLU, *(3 * [nn.Conv3d, nn.BatchNorm3d, nn.LeakyReLU])]


def test_normalization_and_leak_are_the_papers(discriminator):
    modules = list(discriminator.modules())
    assert {m.eps for m in modules if isinstance(m, nn.BatchNorm3d)} == {1e-3}
    assert {m.negative_slope for m in modules if isinstance(m, nn.LeakyReLU)} == {0.2}


def test_weights_are_drawn_as_in_the_paper():
    discriminator = Discriminator(16, torch.Generator().manual_seed(0))
    assert discriminator.features[5].weight.std().item() == pytest.approx(0.01, rel=0.01)
    assert discriminator.features[6].weight.mean().item() == pytest.approx(1.0, abs=0.02)
    assert not discriminator.classifier.bias.any()
