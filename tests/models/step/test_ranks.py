"""Two processes learn what one does: the same losses, from the same clips and the same noise."""

import dataclasses

import pytest
import torch
from torch import nn

from tests.drawn.training_set import make_dataset
from tests.servers.torchrun_ranks import train_together
from tinyvideo.models.checkpoints.checkpoint import load_checkpoint
from tinyvideo.models.step.batch_norm import RankBatchNorm
from tinyvideo.models.step.ranks import Ranks
from tinyvideo.models.step_metrics import METRICS_NAME, read_metrics
from tinyvideo.models.train_config import TrainConfig
from tinyvideo.models.training.training_run import train
from tinyvideo.models.training_errors import TrainingError

CONFIG = TrainConfig(
    width=2, batch=4, steps=6, checkpoint_every=2, precision="fp32", seed=3, pictures_every=0
)
EVERYTHING = dataclasses.replace(
    CONFIG,
    loss="hinge",
    r1=1.0,
    r1_every=2,
    spectral_norm=True,
    ema=0.9,
    augment=True,
    discriminator_learning_rate=4e-4,
)
CONDITIONAL = dataclasses.replace(CONFIG, width=1, condition="first-frame")
CONFIGS = {"paper": CONFIG, "every-switch": EVERYTHING, "first-frame": CONDITIONAL}
FIGURES = ("discriminator_loss", "generator_loss", "mask_mean", "diversity", "accuracy_real")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("dataset")
    make_dataset(root, [5, 4])
    return root


def curves(out):
    lines = read_metrics(out / METRICS_NAME)
    return torch.tensor([[getattr(line, name) for name in FIGURES] for line in lines])


def assert_same_curves(two, one):
    assert len(one) == len(two) == CONFIG.steps
    # Only the order of additions differs. Adam makes steps of full length out of gradients that
    # are nothing but rounding, so the difference grows from 1e-7 by a few times every step.
    torch.testing.assert_close(two[:3], one[:3], rtol=0, atol=1e-5)
    torch.testing.assert_close(two, one, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_two_processes_have_the_losses_of_one(root, tmp_path, config):
    train(root, "drawn", config, tmp_path / "one")
    train_together(2, root, tmp_path / "two", config)
    assert_same_curves(curves(tmp_path / "two"), curves(tmp_path / "one"))
    last = [load_checkpoint(tmp_path / name / "step-00000006.pt") for name in ("one", "two")]
    assert [checkpoint.cursor for checkpoint in last] == [24, 24]
    assert torch.equal(last[0].rng, last[1].rng)
    for name in ("trunk.1.running_mean", "trunk.4.running_var"):
        ours, theirs = (checkpoint.generator[name] for checkpoint in last)
        torch.testing.assert_close(theirs, ours, rtol=0.02, atol=1e-3)


def test_a_killed_run_goes_on_with_another_number_of_processes(root, tmp_path):
    train(root, "drawn", CONFIG, tmp_path / "one")
    train_together(2, root, tmp_path / "two", CONFIG, stop=3)
    assert len(curves(tmp_path / "two")) == 3  # the last checkpoint is that of step 2
    train_together(1, root, tmp_path / "two", CONFIG)
    assert_same_curves(curves(tmp_path / "two"), curves(tmp_path / "one"))


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(TrainingError, match="3 ranks cannot share a batch of 4 in equal parts"):
        Ranks(0, 3).check(4)


def test_ranks_deal_positions_in_turn():
    whole = torch.arange(6)
    assert Ranks(0, 2).share(whole).tolist() == [0, 2, 4]
    assert Ranks(1, 2).share(whole).tolist() == [1, 3, 5]


@pytest.mark.parametrize("training", [True, False])
def test_normalizes_as_pytorch_does(monkeypatch, training):
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda value: None)  # one rank's sum
    generator = torch.Generator().manual_seed(0)
    theirs = nn.BatchNorm3d(3, eps=1e-3).train(training)
    nn.init.normal_(theirs.weight, 1, 0.5, generator=generator)
    ours = RankBatchNorm(nn.BatchNorm3d(3, eps=1e-3)).train(training)
    ours.load_state_dict(theirs.state_dict())
    values = [(torch.randn(4, 3, 2, 5, 5, generator=generator) + 3).requires_grad_()]
    values.append(values[0].detach().clone().requires_grad_())
    for norm, value in zip((theirs, ours), values, strict=True):
        (norm(value) ** 3).mean().backward()
    torch.testing.assert_close(values[1].grad, values[0].grad)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
