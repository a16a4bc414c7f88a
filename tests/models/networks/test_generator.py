"""The generator's layers are those of the paper: counts, shapes, and a composition by hand."""

import pytest
import torch
from torch import nn

from tinyvideo.models.networks.generator import LATENT, Generator, compose

WIDTH = 2


@pytest.fixture
def generator():
    return Generator(WIDTH, torch.Generator().manual_seed(0))


def output_shapes(network, *inputs):
    """Shapes, batch left out, that every convolution of `network` returns, in order."""
    shapes = []
    hooks = [
        module.register_forward_hook(lambda _m, _i, output: shapes.append(tuple(output.shape[1:])))
        for module in network.modules()
        if isinstance(module, nn.ConvTranspose2d | nn.ConvTranspose3d)
    ]
    network(*inputs)
    for hook in hooks:
        hook.remove()
    return shapes


def test_has_the_papers_number_of_parameters():
    with torch.device("meta"):  # counted, not allocated
        assert sum(p.numel() for p in Generator(64).parameters()) == 16_245_383


def test_every_layer_has_the_papers_shape(generator):
    w = WIDTH
    foreground_and_mask = [
        (8 * w, 2, 4, 4),
        (4 * w, 4, 8, 8),
        (2 * w, 8, 16, 16),
        (w, 16, 32, 32),
        (4, 32, 64, 64),
    ]
    background = [(8 * w, 4, 4), (4 * w, 8, 8), (2 * w, 16, 16), (w, 32, 32), (3, 64, 64)]
    assert output_shapes(generator, torch.zeros(1, LATENT)) == foreground_and_mask + background


@pytest.mark.parametrize("batch", [1, 3])
def test_outputs_have_the_documented_shapes_and_ranges(generator, batch):
    out = generator(torch.randn(batch, LATENT, generator=torch.Generator().manual_seed(1)))
    assert out.video.shape == out.foreground.shape == (batch, 3, 32, 64, 64)
    assert out.mask.shape == (batch, 1, 32, 64, 64)
    assert out.background.shape == (batch, 3, 1, 64, 64)
    assert out.mask.min() > 0
    assert out.mask.max() < 1
    assert out.video.abs().max() <= 1


def test_normalizes_and_rectifies_every_layer_but_the_last_ones(generator):
    layers = 4 * [nn.ConvTranspose3d, nn.BatchNorm3d, nn.ReLU]
    assert [type(module) for module in generator.trunk] == layers
    layers = [*(4 * [nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU]), nn.ConvTranspose2d, nn.Tanh]
    assert [type(module) for module in generator.background] == layers
    norms = [m for m in generator.modules() if isinstance(m, nn.BatchNorm2d | nn.BatchNorm3d)]
    assert {norm.eps for norm in norms} == {1e-5}


def test_composes_by_the_mask():
    foreground = torch.full((1, 3, 2, 1, 3), 0.8)
    background = torch.full((1, 3, 1, 1, 3), -0.4)
    mask = torch.tensor([0.0, 0.5, 1.0]).expand(1, 1, 2, 1, 3)
    # 0 * 0.8 + 1 * -0.4, 0.5 * 0.8 + 0.5 * -0.4, 1 * 0.8 + 0 * -0.4
    expected = torch.tensor([-0.4, 0.2, 0.8]).expand(1, 3, 2, 1, 3)
    torch.testing.assert_close(compose(foreground, mask, background), expected)


def force_mask(generator, logit):
    """Make the mask sigmoid(`logit`) everywhere: the head's channel 3 sees only its bias."""
    with torch.no_grad():
        generator.head.weight[:, 3].zero_()
        generator.head.bias[3] = logit


def test_mask_0_shows_the_background_in_all_32_frames(generator):
    force_mask(generator, -200.0)
    out = generator(torch.ones(2, LATENT))
    assert torch.equal(out.mask, torch.zeros(2, 1, 32, 64, 64))
    assert torch.equal(out.video, out.background.expand(-1, -1, 32, -1, -1))


def test_mask_1_shows_the_foreground(generator):
    force_mask(generator, 200.0)
    out = generator(torch.ones(2, LATENT))
    assert torch.equal(out.video, out.foreground)


def test_weights_are_drawn_as_in_the_paper():
    generator = Generator(16, torch.Generator().manual_seed(0))
    large = generator.trunk[3].weight  # 128 * 64 * 64 numbers
    assert large.mean().abs() < 1e-4
    assert large.std().item() == pytest.approx(0.01, rel=0.01)
    scale = generator.trunk[1].weight  # 128 numbers
    assert scale.mean().item() == pytest.approx(1.0, abs=0.01)
    assert scale.std().item() == pytest.approx(0.02, rel=0.3)
    biases = [value for name, value in generator.named_parameters() if name.endswith("bias")]
    assert len(biases) == 18
    assert not any(bias.any() for bias in biases)


def test_same_seed_same_weights():
    one, two, other = (
        Generator(1, torch.Generator().manual_seed(s)).state_dict() for s in (3, 3, 4)
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])
