"""A collapse sounds once, after it has lasted; then the run warns, stops, or goes back."""

import dataclasses
import signal
import subprocess
import sys

import pytest
import torch

from tests.drawn.training_set import make_dataset
from tinyvideo.models.checkpoints import checkpoint as checkpoint_module
from tinyvideo.models.checkpoints.checkpoint import list_checkpoints, load_checkpoint
from tinyvideo.models.step.ranks import ALONE
from tinyvideo.models.step.sample_figures import diversity, mask_entropy
from tinyvideo.models.step.trainer import Trainer
from tinyvideo.models.step_metrics import METRICS_NAME, read_metrics
from tinyvideo.models.train_config import TrainConfig
from tinyvideo.models.training import alarms as alarms_module
from tinyvideo.models.training import train_loop as run_module
from tinyvideo.models.training.alarms import Alarms
from tinyvideo.models.training.train_loop import Events
from tinyvideo.models.training.training_run import train
from tinyvideo.models.training_errors import CollapsedError, DivergedError

CONFIG = TrainConfig(
    width=1, batch=2, steps=8, checkpoint_every=2, precision="fp32", seed=3, pictures_every=0
)
HEALTHY = {
    "accuracy_real": 0.8,
    "accuracy_fake": 0.7,
    "diversity": 0.3,
    "real_diversity": 0.4,
    "mask_mean": 0.4,
}
SIGNS = {
    "pinned": ({"accuracy_real": 1.0, "accuracy_fake": 1.0}, "the discriminator was right in 100"),
    "alike": ({"diversity": 0.006}, "generated clips differ by 1.5% of what real ones differ by"),
    "background only": ({"mask_mean": 0.001}, "the mask was 0.10% foreground"),
    "foreground only": ({"mask_mean": 0.999}, "the mask was 99.90% foreground"),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("dataset")
    make_dataset(root, [3, 2])
    return root


@pytest.mark.parametrize(("sick", "sentence"), SIGNS.values(), ids=SIGNS)
def test_an_alarm_sounds_when_a_sign_has_lasted_and_not_again(sick, sentence):
    alarms = Alarms(CONFIG, window=3)
    figures = {**HEALTHY, **sick}
    heard = [alarms.observe(figures) for _ in range(6)]
    assert [len(sentences) for sentences in heard] == [0, 0, 1, 0, 0, 0]
    assert heard[2][0].startswith(sentence)
    assert "; try " in heard[2][0]


def test_it_sounds_again_when_the_sign_comes_back():
    alarms = Alarms(CONFIG, window=2)
    dead, alive = {**HEALTHY, "mask_mean": 0.0}, HEALTHY
    heard = [len(alarms.observe(f)) for f in (dead, dead, alive, alive, dead, dead)]
    assert heard == [0, 1, 0, 0, 0, 1]


def test_clips_that_fall_together_are_told_long_before_they_are_alike():
    alarms = Alarms(CONFIG, window=2)
    shares = [0.6, 0.6, 0.6, 0.4, 0.29, 0.29]  # of the real ones; half of 60 % is 30 %
    heard = [alarms.observe({**HEALTHY, "diversity": 0.4 * share}) for share in shares]
    assert [len(sentences) for sentences in heard] == [0, 0, 0, 0, 0, 1]
    assert "differ by 29.0% of what" in heard[5][0]
    assert "had differed by 60.0%" in heard[5][0]


def test_a_generator_that_learns_nothing_from_a_discriminator_nearly_always_right_is_told():
    right = {**HEALTHY, "accuracy_real": 0.98, "accuracy_fake": 0.98}
    stuck, learning = Alarms(CONFIG, window=2), Alarms(CONFIG, window=2)
    heard = [stuck.observe({**right, "diversity": 0.092}) for _ in range(6)]
    assert [len(sentences) for sentences in heard] == [0, 0, 0, 1, 0, 0]
    assert heard[3][0].startswith("the discriminator was right in 98.0% of the last 2 steps, and")
    assert "differ by 23.0% of what real ones" in heard[3][0]
    rising = [learning.observe({**right, "diversity": 0.09 + 0.001 * n}) for n in range(6)]
    assert rising == [[]] * 6


def test_health_is_silent_and_one_clip_or_one_stream_proves_nothing():
    alarms = Alarms(CONFIG, window=1)
    assert alarms.observe(HEALTHY) == []
    single = dataclasses.replace(CONFIG, batch=1, streams=1)
    assert Alarms(single, window=1).observe({**HEALTHY, "diversity": 0.0, "mask_mean": 1.0}) == []


def test_diversity_is_the_deviation_over_the_batch():
    clips = torch.stack([torch.full((3, 4, 2, 2), value) for value in (-0.5, 0.5)])
    assert diversity(clips, ALONE).item() == pytest.approx(0.5)
    assert diversity(clips[:1], ALONE).item() == 0.0


def test_entropy_is_in_bits():
    assert mask_entropy(torch.tensor([0.5])).item() == pytest.approx(1.0)
    assert mask_entropy(torch.tensor([0.0, 1.0])).item() == pytest.approx(0.0, abs=1e-5)
    assert mask_entropy(torch.tensor([0.25])).item() == pytest.approx(0.8113, abs=1e-4)


@pytest.fixture
def short_window(monkeypatch):
    """Alarms that sound after 2 steps, of networks that know nothing: their clips are all alike."""

    def short(config):
        return Alarms(config, window=2)

    monkeypatch.setattr(run_module, "Alarms", short)
    monkeypatch.setattr(alarms_module, "ALIKE", 0.5)


def test_warn_says_it_and_goes_on(root, tmp_path, short_window, caplog):
    heard = []
    train(root, "drawn", CONFIG, tmp_path, events=Events(on_alarm=heard.append))
    assert "generated clips differ by" in heard[0]
    assert "step 2: generated clips differ by" in caplog.text
    assert len(read_metrics(tmp_path / METRICS_NAME)) == 8


def test_stop_ends_the_run_with_one_sentence(root, tmp_path, short_window):
    config = dataclasses.replace(CONFIG, on_alarm="stop")
    with pytest.raises(CollapsedError, match="training collapsed at step 2: generated clips"):
        train(root, "drawn", config, tmp_path)


class Nervous(Alarms):
    """Sounds every fourth step, or in a test once, at step `first`."""

    first = 0
    seen = 0

    def observe(self, figures):
        super().observe(figures)
        self.seen += 1
        if self.first:
            return ["four steps were taken"] if self.seen == self.first else []
        return ["four steps were taken"] if len(self._figures) == 4 else []

    def _signs(self):
        return {}


def nervous(config):
    alarms = Nervous(config, window=4)
    alarms.window = 1  # so that a checkpoint of the step before is old enough
    return alarms


def test_roll_back_gives_up_after_three_times(root, tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "Alarms", nervous)
    config = dataclasses.replace(CONFIG, on_alarm="roll-back", checkpoint_every=1, steps=20)
    # Steps 4, 7 and 10 are rolled back to 3, 6 and 9; step 13 is one time too many.
    with pytest.raises(CollapsedError, match="training collapsed at step 13: four steps"):
        train(root, "drawn", config, tmp_path)
    newest = load_checkpoint(list_checkpoints(tmp_path)[0])
    assert (newest.step, newest.rollbacks, newest.cursor) == (12, 3, 2 * (12 + 3))


def test_without_an_older_checkpoint_the_newer_ones_stay(root, tmp_path, short_window):
    config = dataclasses.replace(CONFIG, on_alarm="roll-back", checkpoint_every=1)
    with pytest.raises(CollapsedError, match="training collapsed at step 2"):
        train(root, "drawn", config, tmp_path)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-00000001.pt"]


def test_roll_back_finds_an_old_checkpoint_where_they_are_frequent(root, tmp_path, monkeypatch):
    """An alarm needs 4 steps, checkpoints come at each: that of step 1 is the newest to go to."""
    monkeypatch.setattr(run_module, "Alarms", lambda config: Nervous(config, window=4))
    monkeypatch.setattr(checkpoint_module, "OLD_ENOUGH", 4)
    config = dataclasses.replace(CONFIG, on_alarm="roll-back", checkpoint_every=1, steps=7)
    monkeypatch.setattr(Nervous, "first", 5, raising=False)
    train(root, "drawn", config, tmp_path)
    newest = load_checkpoint(list_checkpoints(tmp_path)[0])
    assert (newest.step, newest.rollbacks) == (7, 1)


def test_a_weight_that_is_not_finite_is_rolled_back_where_it_is_found_while_saving(
    root, tmp_path, monkeypatch
):
    gather, left = Trainer.checkpoint, [1]

    def spoiled(self, metrics):
        if self.step == 4 and left:
            left.pop()
            with torch.no_grad():
                next(self._generator.parameters())[0].fill_(float("inf"))
        return gather(self, metrics)

    monkeypatch.setattr(Trainer, "checkpoint", spoiled)
    config = dataclasses.replace(CONFIG, on_alarm="roll-back")
    train(root, "drawn", config, tmp_path)
    last = load_checkpoint(tmp_path / "step-00000008.pt")
    assert (last.rollbacks, last.cursor) == (1, 2 * (4 + 6))  # from step 2, after 4 steps


def diverge(monkeypatch, at):
    """Make the network's output not a number whenever step `at` is taken the first time."""
    take, left = Trainer.take_step, [1]

    def spoiled(self, clips):
        if self.step == at and left:
            left.pop()
            with torch.no_grad():
                next(self._generator.parameters())[0].fill_(float("nan"))
        return take(self, clips)

    monkeypatch.setattr(Trainer, "take_step", spoiled)


@pytest.mark.parametrize("action", ["warn", "stop"])
def test_what_is_not_a_number_ends_the_run(root, tmp_path, monkeypatch, action):
    diverge(monkeypatch, at=5)
    with pytest.raises(DivergedError, match=r"became nan at step 6; the checkpoints are from"):
        train(root, "drawn", dataclasses.replace(CONFIG, on_alarm=action), tmp_path)
    assert [path.name for path in list_checkpoints(tmp_path)] == [
        "step-00000004.pt",
        "step-00000002.pt",
    ]


def test_roll_back_takes_the_last_good_checkpoint_and_other_noise(root, tmp_path, monkeypatch):
    diverge(monkeypatch, at=5)
    config = dataclasses.replace(CONFIG, on_alarm="roll-back")
    train(root, "drawn", config, tmp_path)
    lines = read_metrics(tmp_path / METRICS_NAME)
    assert [line.step for line in lines] == [1, 2, 3, 4, 5, 6, 7, 8]
    last = load_checkpoint(tmp_path / "step-00000008.pt")
    assert last.rollbacks == 1
    assert last.cursor == 2 * (5 + 4)  # 5 steps before it and 4 after it; no clip comes twice
    train(root, "drawn", CONFIG, tmp_path / "calm")
    calm = read_metrics(tmp_path / "calm" / METRICS_NAME)
    assert [line.generator_loss for line in lines][:4] == [line.generator_loss for line in calm][:4]
    assert lines[4].generator_loss != calm[4].generator_loss


ROLLED_AND_KILLED = """
import os, signal, sys
from pathlib import Path
import pytest, torch
from tinyvideo.models.training.training_run import train
from tests.models.training import test_alarms as t

torch.set_num_threads(1)
with pytest.MonkeyPatch.context() as patch:
    t.diverge(patch, at=5)
    config = t.dataclasses.replace(t.CONFIG, on_alarm="roll-back")
    kill = lambda metrics: metrics.step == 7 and os.kill(os.getpid(), signal.SIGKILL)
    train(Path(sys.argv[1]), "drawn", config, Path(sys.argv[2]), kill)
"""


def test_a_run_that_was_rolled_back_and_killed_goes_on_as_it_would_have(
    root, tmp_path, monkeypatch
):
    config = dataclasses.replace(CONFIG, on_alarm="roll-back")
    command = [sys.executable, "-c", ROLLED_AND_KILLED, str(root), str(tmp_path / "killed")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    train(root, "drawn", config, tmp_path / "killed")
    diverge(monkeypatch, at=5)
    train(root, "drawn", config, tmp_path / "whole")
    ends = [load_checkpoint(tmp_path / name / "step-00000008.pt") for name in ("killed", "whole")]
    assert ends[0].cursor == ends[1].cursor
    assert all(torch.equal(w, ends[1].generator[name]) for name, w in ends[0].generator.items())
