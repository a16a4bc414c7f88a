"""Training can be stopped anywhere and goes on bit for bit; what cannot be trained says why."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
import torch

from tests.drawn.training_set import make_dataset
from tinyvideo.models.checkpoints.checkpoint import load_checkpoint
from tinyvideo.models.step.trainer import Trainer
from tinyvideo.models.step_metrics import METRICS_NAME, read_metrics
from tinyvideo.models.train_config import MAY_CHANGE, TrainConfig
from tinyvideo.models.training.train_loop import Events
from tinyvideo.models.training.training_run import train
from tinyvideo.models.training_errors import TrainingError
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.objects.stores import open_store

# 5 clips in batches of 2: the order wraps within a batch, and so must a resume.
CONFIG = TrainConfig(width=1, batch=2, steps=6, checkpoint_every=2, precision="fp32", seed=3)


class StoppedError(Exception):
    """The test ends the training here."""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("dataset")
    make_dataset(root, [3, 2])
    return root


@pytest.fixture(scope="module")
def unbroken(root, tmp_path_factory):
    """The folder and result of a run that nobody disturbed."""
    out = tmp_path_factory.mktemp("unbroken")
    return out, train(root, "drawn", CONFIG, out)


def figures(out):
    """All that must be equal from run to run: everything but the speed."""
    return [
        replace(metrics, clips_per_second=0.0, data_share=0.0)
        for metrics in read_metrics(out / METRICS_NAME)
    ]


def stop_after(step):
    def on_step(metrics):
        if metrics.step == step:
            raise StoppedError

    return on_step


def assert_equal_weights(one, two):
    for part in ("generator", "discriminator"):
        weights, others = getattr(one, part), getattr(two, part)
        assert all(torch.equal(weights[name], others[name]) for name in weights)


def test_writes_one_line_per_step_and_a_checkpoint_at_the_end(unbroken):
    out, result = unbroken
    assert [metrics.step for metrics in figures(out)] == [1, 2, 3, 4, 5, 6]
    assert result.step == 6
    assert result.checkpoint == out / "step-00000006.pt"
    assert result.last == read_metrics(out / METRICS_NAME)[-1]
    assert result.last.clips_per_second > 0
    checkpoint = load_checkpoint(result.checkpoint)
    assert (checkpoint.step, checkpoint.cursor) == (6, 12)
    assert checkpoint.config == asdict(CONFIG)


def test_first_losses_are_those_of_networks_that_know_nothing(unbroken):
    first = figures(unbroken[0])[0]
    assert first.discriminator_loss == pytest.approx(1.386, abs=0.1)
    assert first.generator_loss == pytest.approx(0.693, abs=0.1)
    assert first.mask_mean == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("step", "workers"), [(1, 2), (2, 1), (5, 4)])
def test_resume_is_exact_with_any_number_of_workers(root, unbroken, tmp_path, step, workers):
    with pytest.raises(StoppedError):
        train(root, "drawn", CONFIG, tmp_path, stop_after(step))
    result = train(root, "drawn", replace(CONFIG, workers=workers), tmp_path)
    assert figures(tmp_path) == figures(unbroken[0])
    ours, theirs = load_checkpoint(result.checkpoint), load_checkpoint(unbroken[1].checkpoint)
    assert_equal_weights(ours, theirs)
    assert torch.equal(ours.rng, theirs.rng)


def test_asked_to_stop_it_writes_a_checkpoint_and_goes_on_exactly_there(root, unbroken, tmp_path):
    seen = []
    events = Events(on_step=seen.append, should_stop=lambda: len(seen) == 3)
    config = replace(CONFIG, checkpoint_every=100)
    stopped = train(root, "drawn", config, tmp_path, events=events)
    assert (stopped.step, stopped.checkpoint.name) == (3, "step-00000003.pt")
    result = train(root, "drawn", config, tmp_path)
    assert figures(tmp_path) == figures(unbroken[0])
    ours, theirs = load_checkpoint(result.checkpoint), load_checkpoint(unbroken[1].checkpoint)
    assert_equal_weights(ours, theirs)


@pytest.mark.parametrize(("minutes", "steps"), [(1e-9, [1, 2, 3, 4, 5, 6]), (0, [6]), (10, [6])])
def test_there_is_a_checkpoint_after_some_minutes_too(root, tmp_path, minutes, steps):
    written = []
    events = Events(on_checkpoint=lambda _, metrics: written.append(metrics.step))
    config = replace(CONFIG, checkpoint_every=100, checkpoint_minutes=minutes)
    train(root, "drawn", config, tmp_path, events=events)
    assert written == steps


KILLED = """
import json, os, signal, sys
from pathlib import Path
import torch
from tinyvideo.models.training.training_run import TrainConfig, train

def kill(metrics):
    if metrics.step == 5:
        os.kill(os.getpid(), signal.SIGKILL)

torch.set_num_threads(1)
root, out, config = sys.argv[1:]
train(Path(root), "drawn", TrainConfig(**json.loads(config)), Path(out), kill)
"""


def test_resume_after_kill_9_is_exact(root, unbroken, tmp_path):
    arguments = [str(root), str(tmp_path), json.dumps(asdict(CONFIG))]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], env=os.environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [metrics.step for metrics in figures(tmp_path)] == [1, 2, 3, 4, 5]
    train(root, "drawn", CONFIG, tmp_path)
    assert figures(tmp_path) == figures(unbroken[0])


def test_resume_from_the_checkpoint_before_a_truncated_one_is_exact(root, unbroken, tmp_path):
    with pytest.raises(StoppedError):
        train(root, "drawn", CONFIG, tmp_path, stop_after(5))
    newest = tmp_path / "step-00000004.pt"
    newest.write_bytes(newest.read_bytes()[:1000])
    train(root, "drawn", CONFIG, tmp_path)
    assert figures(tmp_path) == figures(unbroken[0])


def test_bf16_differs_from_fp32_and_resumes_exactly_too(root, unbroken, tmp_path):
    config = replace(CONFIG, precision="bf16", steps=3)
    train(root, "drawn", config, tmp_path / "unbroken")
    with pytest.raises(StoppedError):
        train(root, "drawn", config, tmp_path / "broken", stop_after(2))
    # The checkpoint of step 2 is written after the step was reported, so this starts anew ...
    train(root, "drawn", replace(config, steps=2), tmp_path / "broken")
    # ... and this goes on.
    train(root, "drawn", config, tmp_path / "broken")
    assert figures(tmp_path / "broken") == figures(tmp_path / "unbroken")
    for rounded, full in zip(figures(tmp_path / "unbroken"), figures(unbroken[0]), strict=False):
        assert rounded != full
        assert rounded.discriminator_loss == pytest.approx(full.discriminator_loss, abs=0.05)


def test_a_finished_run_is_left_as_it_is(root, unbroken):
    out, result = unbroken
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert train(root, "drawn", CONFIG, out, stop_after(1)) == result
    assert train(root, "drawn", replace(CONFIG, steps=3), out, stop_after(1)) == result
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_more_steps_go_on_from_the_end(root, unbroken, tmp_path):
    train(root, "drawn", replace(CONFIG, steps=3), tmp_path)
    assert train(root, "drawn", CONFIG, tmp_path).step == 6
    assert figures(tmp_path) == figures(unbroken[0])


CHANGES = {
    "width": 2,
    "streams": 1,
    "condition": "first-frame",
    "batch": 1,
    "seed": 4,
    "loss": "hinge",
    "beta1": 0.9,
    "mask_penalty": 0.2,
    "first_frame_weight": 1.0,
    "r1": 1.0,
    "r1_every": 1,
    "spectral_norm": True,
    "ema": 0.9,
    "augment": True,
    "precision": "bf16",
    "lanes": 4,
    "replacement": True,
    "skip_bad_strips": True,
}


def test_every_field_is_compared_or_may_change():
    assert {*CHANGES, *MAY_CHANGE} == set(asdict(CONFIG))


@pytest.mark.parametrize(("name", "value"), CHANGES.items(), ids=CHANGES)
def test_another_configuration_is_refused_by_name(root, unbroken, name, value):
    with pytest.raises(TrainingError, match=f"was started with {name}=.*, not {value!r}"):
        train(root, "drawn", replace(CONFIG, **{name: value}), unbroken[0])


def test_another_dataset_is_refused(root, unbroken, tmp_path):
    manifest = make_dataset(tmp_path, [4])
    with pytest.raises(TrainingError, match="was started on another dataset than 'drawn' is now"):
        train(tmp_path, manifest, CONFIG, unbroken[0])


@pytest.mark.parametrize(
    ("clips", "text"),
    [
        pytest.param([3], "has 3 clips to train on, fewer than a batch of 4; set the batch to 3"),
        pytest.param([], "has 0 clips to train on, fewer than a batch of 4; add videos"),
    ],
    ids=["few", "none"],
)
def test_too_few_clips_for_a_batch(tmp_path, clips, text):
    manifest = make_dataset(tmp_path, [1])
    manifest = make_dataset(tmp_path, clips) if clips else replace(manifest, counts={"train": 0})
    with pytest.raises(TrainingError, match=text):
        train(tmp_path, manifest, replace(CONFIG, batch=4), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_trains_on_s3_bit_for_bit_as_on_a_folder(root, unbroken, tmp_path, s3_address):
    folder, store = FolderStore(root), open_store(s3_address)
    for key in folder.list(""):
        store.put_if_absent(key, folder.path(key))
    train(s3_address, "drawn", CONFIG, tmp_path)
    assert figures(tmp_path) == figures(unbroken[0])


def test_batch_of_one_trains(root, tmp_path):
    assert train(root, "drawn", replace(CONFIG, batch=1, steps=1), tmp_path).step == 1


def test_a_device_that_does_not_exist(root, tmp_path):
    with pytest.raises(TrainingError, match="cannot train on device 'cuda:99'"):
        train(root, "drawn", replace(CONFIG, device="cuda:99"), tmp_path)


def test_a_loss_that_is_not_finite_ends_the_run_and_is_never_saved(root, tmp_path):
    # Steps of 1e30 make the second step's numbers overflow.
    config = replace(CONFIG, learning_rate=1e30, checkpoint_every=1)
    with pytest.raises(TrainingError, match=r"training diverged: .* at step"):
        train(root, "drawn", config, tmp_path)
    for path in tmp_path.glob("step-*.pt"):
        assert all(w.isfinite().all() for w in load_checkpoint(path).generator.values())
    assert len(list(tmp_path.glob("step-*.pt"))) == len(figures(tmp_path))


@pytest.mark.parametrize("part", ["_generator", "_discriminator"])
def test_a_weight_that_is_not_finite_is_never_saved(root, unbroken, part):
    trainer = Trainer(CONFIG, "id")
    with torch.no_grad():
        next(getattr(trainer, part).parameters())[0].fill_(float("nan"))
    with pytest.raises(TrainingError, match="a weight is not finite"):
        trainer.checkpoint(unbroken[1].last)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 0),
        ("batch", 0),
        ("steps", 0),
        ("checkpoint_every", 0),
        ("lanes", 0),
        ("workers", 0),
        ("seed", -1),
        ("seed", 2**63),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("beta1", 1.0),
        ("mask_penalty", -0.1),
        ("precision", "fp8"),
        ("ema", 1.0),
        ("r1", -1.0),
        ("streams", 3),
        ("loss", "wasserstein"),
        ("condition", "last-frame"),
        ("on_alarm", "hope"),
    ],
)
def test_impossible_configurations_are_refused_by_name_and_value(name, value):
    with pytest.raises(ValueError, match=f"{name} must .*{value}"):
        TrainConfig(**{name: value})
