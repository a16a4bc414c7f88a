"""Each switch does what its name says, and a run with all of them resumes bit for bit."""

import dataclasses
import math
import re

import pytest
import torch

from tests.drawn.training_set import make_dataset
from tinyvideo.models.checkpoints.checkpoint import load_checkpoint
from tinyvideo.models.networks.choose_networks import count_parameters
from tinyvideo.models.networks.discriminator import Discriminator
from tinyvideo.models.networks.encoder import ConditionalGenerator
from tinyvideo.models.networks.generator import LATENT, OneStreamGenerator
from tinyvideo.models.networks.spectral_norm import SpectralNorm
from tinyvideo.models.step.augmentation import augment, draw
from tinyvideo.models.step.ema import MovingAverage
from tinyvideo.models.step.losses import (
    discriminator_loss,
    first_frame_penalty,
    generator_loss,
    r1_penalty,
)
from tinyvideo.models.step.trainer import Trainer
from tinyvideo.models.step_metrics import METRICS_NAME, read_metrics
from tinyvideo.models.train_config import RECIPES, TrainConfig, configure, from_saved
from tinyvideo.models.training.training_run import train
from tinyvideo.models.training_errors import CheckpointError, TrainingError

SMALL = {"width": 1, "batch": 2, "steps": 6, "checkpoint_every": 2, "precision": "fp32"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("dataset")
    make_dataset(root, [3, 2])
    return root


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_paper_is_as_it_was_by_mode():
    assert configure("paper") == TrainConfig(precision="fp32", replacement=True)
    assert configure("paper", condition="first-frame") == TrainConfig(
        precision="fp32", replacement=True, condition="first-frame", batch=32, mask_penalty=0.0
    )
    kept = configure("paper", condition="first-frame", batch=8, mask_penalty=0.2)
    assert (kept.batch, kept.mask_penalty) == (8, 0.2)


def weights_of(path):
    return load_checkpoint(path).generator


def test_a_run_begins_with_the_weights_of_another(root, tmp_path):
    short = configure("paper", **{**SMALL, "steps": 2})
    first = train(root, "drawn", short, tmp_path / "first")
    # Rates so small that nothing moves: what is saved is what was begun with.
    still = dataclasses.replace(short, learning_rate=1e-30, discriminator_learning_rate=1e-30)
    for begin in (first.checkpoint, tmp_path / "first"):
        out = tmp_path / f"on-{begin.suffix}"
        second = train(root, "drawn", still, out, begin_with=begin)
        ours, theirs = weights_of(second.checkpoint), weights_of(first.checkpoint)
        assert second.step == 2
        assert torch.equal(ours["trunk.0.weight"], theirs["trunk.0.weight"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 2}, "has networks of width=1, not 2; use --width 1, or another checkpoint"),
        ({"streams": 1}, "has networks of streams=2, not 1"),
        (
            {"spectral_norm": True},
            "has networks of spectral_norm=False, not True; use --no-spectral-norm, or",
        ),
        ({"condition": "first-frame"}, "has networks of condition='none', not 'first-frame'"),
    ],
)
def test_a_checkpoint_of_other_networks_is_refused(saved, root, tmp_path, changes, words):
    config = configure("paper", **{**SMALL, **changes})
    with pytest.raises(TrainingError, match=re.escape(words)):
        train(root, "drawn", config, tmp_path, begin_with=saved)


def test_no_checkpoint_to_begin_with_is_said(root, tmp_path):
    config = configure("paper", **SMALL)
    with pytest.raises(CheckpointError, match="there is no checkpoint in"):
        train(root, "drawn", config, tmp_path / "run", begin_with=tmp_path)


@pytest.fixture(scope="module")
def saved(root, tmp_path_factory):
    config = configure("paper", **{**SMALL, "steps": 1})
    return train(root, "drawn", config, tmp_path_factory.mktemp("saved")).checkpoint


def test_a_run_goes_on_with_other_rates(root, tmp_path):
    config = configure("paper", **{**SMALL, "steps": 2})
    before = weights_of(train(root, "drawn", config, tmp_path).checkpoint)["trunk.0.weight"]
    still = dataclasses.replace(config, steps=4, learning_rate=1e-30)
    after = weights_of(train(root, "drawn", still, tmp_path).checkpoint)["trunk.0.weight"]
    assert torch.equal(before, after)


def test_modern_sets_each_of_its_switches_and_a_wish_comes_first():
    assert configure("modern", width=None) == TrainConfig(ema=0.999)
    assert configure("modern", ema=0.5, width=2) == TrainConfig(ema=0.5, width=2)


def test_an_unknown_recipe_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=re.escape(f"one of {tuple(RECIPES)}, got 'soup'")):
        configure("soup")


def test_a_configuration_from_before_there_were_recipes_is_the_papers():
    saved = {"width": 8, "learning_rate": 1e-3, "precision": "fp32"}
    assert from_saved(saved) == TrainConfig(
        width=8, learning_rate=1e-3, discriminator_learning_rate=1e-3, precision="fp32"
    )


PARAMETERS = {
    "two streams": ({}, (16_245_383, 11_057_858)),
    # The trunk of the two-stream generator, and a head of 64 * 3 * 4 ** 3 weights and 3 biases.
    "one stream": ({"streams": 1}, (12_651_328 + 12_291, 11_057_858)),
    # Without the 2 * (128 + 256 + 512) numbers of batch normalization.
    "spectral norm": ({"spectral_norm": True}, (16_245_383, 11_057_858 - 1792)),
}


@pytest.mark.parametrize(("changes", "count"), PARAMETERS.values(), ids=PARAMETERS)
def test_networks_have_the_papers_number_of_parameters(changes, count):
    assert count_parameters(TrainConfig(**changes)) == count


def convolution(source, target, kernel):
    return source * target * kernel + target


def test_the_conditional_networks_have_the_widths_of_main_conditional_lua():
    encoder = [convolution(*pair, 16) for pair in ((3, 128), (128, 256), (256, 512), (512, 1024))]
    trunk = [convolution(*pair, 64) for pair in ((1024, 512), (512, 256), (256, 128))]
    heads = convolution(1024, 1024, 2) + convolution(128, 3, 64) + convolution(128, 1, 64)
    ground = [convolution(*pair, 16) for pair in ((1024, 512), (512, 256), (256, 128), (128, 3))]
    norms = 2 * (256 + 512 + 1024) + 2 * (1024 + 512 + 256 + 128) + 2 * (512 + 256 + 128)
    count = sum(encoder) + sum(trunk) + heads + sum(ground) + norms
    assert count_parameters(TrainConfig(condition="first-frame"))[0] == count


def test_one_stream_paints_everything():
    out = OneStreamGenerator(2, rng())(torch.randn(3, LATENT, generator=rng(1)))
    assert out.video.shape == (3, 3, 32, 64, 64)
    assert torch.equal(out.mask, torch.ones(3, 1, 32, 64, 64))
    assert torch.equal(out.video, out.foreground)


def test_an_image_becomes_a_video_and_another_image_another_one():
    network = ConditionalGenerator(1, rng()).eval()
    images = torch.randn(2, 3, 64, 64, generator=rng(1)).clamp(-1, 1)
    out = network(images)
    assert out.video.shape == (2, 3, 32, 64, 64)
    assert out.background.shape == (2, 3, 1, 64, 64)
    assert not torch.equal(out.video[0], out.video[1])


def test_hinge_loss_is_zero_beyond_its_margin():
    # Scores 2 and 0 of real clips, -1 and 0.5 of generated ones.
    real = torch.tensor([[2.0, 0.0], [1.0, 1.0]])
    fake = torch.tensor([[0.0, 1.0], [0.5, 0.0]])
    assert discriminator_loss(real, fake, "hinge").item() == pytest.approx((0 + 1 + 0 + 1.5) / 2)
    assert generator_loss(fake, "hinge").item() == pytest.approx((1 - 0.5) / 2)


def test_cross_entropy_of_two_classes_is_softplus_of_the_score():
    fake = torch.tensor([[0.3, -0.4]])
    assert generator_loss(fake).item() == pytest.approx(math.log1p(math.exp(-0.7)))


def test_r1_is_the_squared_gradient_by_the_clip():
    real = torch.ones(2, 3, 1, 2, 2, requires_grad=True)
    weight = torch.tensor(0.5, requires_grad=True)
    logits = torch.stack([weight * real.sum((1, 2, 3, 4)), torch.zeros(2)], dim=1)
    penalty = r1_penalty(logits, real, 10.0)
    assert penalty.item() == pytest.approx(10 / 2 * 12 * 0.5**2)  # 12 pixels, each of slope 0.5
    penalty.backward()
    assert weight.grad.item() == pytest.approx(10 / 2 * 12 * 2 * 0.5)


def test_the_first_frame_is_compared_and_no_other():
    video = torch.zeros(1, 3, 4, 2, 2)
    video[:, :, 1:] = 9.0
    assert first_frame_penalty(video, torch.full((1, 3, 2, 2), 0.5), 10.0).item() == 5.0


def test_spectral_norm_divides_by_the_largest_singular_value():
    matrix = torch.diag(torch.tensor([4.0, 2.0, 1.0])).view(3, 3, 1, 1, 1)
    norm = SpectralNorm(matrix, rng())
    for _ in range(20):
        divided = norm(matrix)
    torch.testing.assert_close(divided, matrix / 4)
    norm.eval()
    before = norm.left.clone()
    torch.testing.assert_close(norm(matrix), matrix / 4)
    assert torch.equal(norm.left, before)


def test_a_spectral_discriminator_has_no_layer_steeper_than_1():
    network = Discriminator(2, rng(), spectral_norm=True)
    video = torch.randn(1, 3, 32, 64, 64, generator=rng(1))
    for _ in range(30):
        network(video)
    for layer in (*network.features, network.classifier):
        if hasattr(layer, "weight"):
            steepest = torch.linalg.svdvals(layer.weight.flatten(1))[0].item()
            assert steepest == pytest.approx(1.0, abs=0.02)
    assert not any("Norm3d" in type(module).__name__ for module in network.modules())


def test_the_moving_average_moves_a_tenth_of_the_way():
    network = torch.nn.Linear(1, 1)
    torch.nn.init.zeros_(network.weight)
    average = MovingAverage(network, 0.9)
    torch.nn.init.ones_(network.weight)
    average.update(network, step=1000)
    assert average.network.weight.item() == pytest.approx(0.1)
    average.update(network, step=1)  # the old weighs 2 / 11 at first
    assert average.network.weight.item() == pytest.approx(0.1 + 0.9 * 9 / 11)


def test_the_average_has_statistics_of_its_own_weights():
    network = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4))
    average = MovingAverage(network, 0.5)
    torch.nn.init.normal_(network[0].weight, std=3.0, generator=rng())
    average.update(network, step=1000)
    assert not average.settled
    sources = torch.randn(64, 8, 4, generator=rng(1))

    average.settle(sources)

    assert average.settled
    assert not average.network.training
    everything = average.network(sources.flatten(0, 1))
    assert everything.mean(0).abs().max().item() < 1e-5
    assert (everything.std(0) - 1).abs().max().item() < 0.1  # of 64 variances of 8 values each
    assert torch.equal(network[1].running_mean, torch.zeros(4))


def test_augmentation_is_the_same_in_all_frames_and_differs_from_clip_to_clip():
    still = torch.randn(4, 3, 1, 64, 64, generator=rng(1)).expand(-1, -1, 32, -1, -1)
    changed = augment(still, draw(4, rng()))
    assert changed.shape == still.shape
    assert all(torch.equal(changed[:, :, 0], changed[:, :, t]) for t in range(32))
    assert not torch.equal(changed[0] - still[0], changed[1] - still[1])


def test_augmentation_shifts_by_the_number_that_was_drawn():
    clip = torch.zeros(1, 3, 1, 64, 64)
    clip[..., 20, 40] = 1.0
    # No change of color at 0.5; a shift by 8 down and 8 left; the hole in the lower left corner.
    draws = torch.tensor([[0.5, 0.5, 0.5, 0.999, 0.0, 0.999, 0.0]])
    changed = augment(clip, draws)[0, 0, 0]
    assert changed.argmax().item() == 28 * 64 + 32
    assert torch.equal(changed[49:, :16], torch.zeros(15, 16))


def test_gradients_pass_through_augmentation():
    clip = torch.zeros(1, 3, 32, 64, 64, requires_grad=True)
    augment(clip, draw(1, rng())).sum().backward()
    assert clip.grad.abs().sum() > 0


EVERYTHING = {
    "loss": "hinge",
    "discriminator_learning_rate": 4e-4,
    "spectral_norm": True,
    "r1": 1.0,
    "r1_every": 3,
    "augment": True,
}
RUNS = {
    "modern": ("modern", {}),
    "every switch": ("modern", EVERYTHING),
    "one stream": ("paper", {"streams": 1}),
    "first frame": ("paper", {"condition": "first-frame"}),
    "fp16": ("paper", {"precision": "fp16"}),
    "bf16": ("modern", {"precision": "bf16"}),
}


@pytest.mark.parametrize(("recipe", "changes"), RUNS.values(), ids=RUNS)
def test_every_kind_of_run_resumes_bit_for_bit(root, tmp_path, recipe, changes):
    config = configure(recipe, **{**SMALL, **changes})
    train(root, "drawn", config, tmp_path / "unbroken")
    train(root, "drawn", dataclasses.replace(config, steps=3), tmp_path / "broken")
    train(root, "drawn", config, tmp_path / "broken")
    lines = [
        [
            dataclasses.replace(line, clips_per_second=0.0, data_share=0.0)
            for line in read_metrics(tmp_path / name / METRICS_NAME)
        ]
        for name in ("unbroken", "broken")
    ]
    assert len(lines[0]) == 6
    assert lines[0] == lines[1]
    ends = [
        load_checkpoint(tmp_path / name / "step-00000006.pt") for name in ("unbroken", "broken")
    ]
    for part in ("generator", "discriminator", "ema"):
        if getattr(ends[0], part) is not None:
            one, two = (getattr(end, part) for end in ends)
            assert all(torch.equal(one[name], two[name]) for name in one)
    assert ends[0].scaler == ends[1].scaler


def test_r1_makes_the_discriminator_flatter():
    """With nothing but R1, the slope of the score by the clip falls."""
    clips = torch.randint(0, 256, (2, 3, 32, 64, 64), generator=rng(), dtype=torch.uint8)
    slopes = []
    for weight in (0.0, 1000.0):
        config = TrainConfig(width=2, batch=2, r1=weight, r1_every=1, precision="fp32", seed=1)
        trainer = Trainer(config, "id")
        for _ in range(5):
            trainer.take_step(clips)
        real = clips.float().div(127.5).sub(1).requires_grad_()
        slopes.append(r1_penalty(trainer._discriminator(real), real, 1.0).item())
    assert slopes[1] < 0.75 * slopes[0]


def test_a_checkpoint_of_format_1_goes_on_by_the_defaults(root, tmp_path):
    config = TrainConfig(**SMALL)
    result = train(root, "drawn", dataclasses.replace(config, steps=2), tmp_path)
    whole = torch.load(result.checkpoint, weights_only=True)
    old = {"width", "batch", "steps", "seed", "learning_rate", "beta1", "mask_penalty", "precision"}
    old |= {"checkpoint_every", "lanes", "skip_bad_strips", "workers", "device"}
    whole["config"] = {name: value for name, value in whole["config"].items() if name in old}
    for name in ("ema", "scaler", "rollbacks"):
        del whole[name]
    torch.save({**whole, "format": 1}, result.checkpoint)
    assert train(root, "drawn", config, tmp_path).step == 6


def test_recipes_name_fields_only():
    fields = {field.name for field in dataclasses.fields(TrainConfig)}
    assert all(set(changes) <= fields for changes in RECIPES.values())
