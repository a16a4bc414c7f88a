"""`tinyvideo train`, `generate` and `predict`, and one clear sentence for what cannot be done."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.drawn.training_set import make_dataset
from tests.servers.torchrun_ranks import environment, free_port
from tinyvideo.flows.cli import app
from tinyvideo.flows.commands.learning.train_command import run_place
from tinyvideo.models.checkpoints.checkpoint import load_checkpoint
from tinyvideo.models.step_metrics import METRICS_NAME, last_metrics
from tinyvideo.models.train_config import configure
from tinyvideo.models.training_errors import CheckpointError, DataError, TrainingError
from tinyvideo.storage.outputs.output_address import OutputAddress

SMALL = {"width": 1, "batch": 2, "steps": 2, "checkpoint_every": 2, "precision": "fp32"}


@pytest.fixture
def interrupts():
    """Have processes that are started heed Ctrl-C, also where this one is in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def words_of(options):
    return [
        word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)
    ]


def call(*words):
    """Run a command here; return its exit code, its document, and what it says to people."""
    answer = CliRunner().invoke(app, list(map(str, words)))
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer.exit_code, answer.stdout, answer.output


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """An output with a dataset of five clips."""
    root = tmp_path_factory.mktemp("out")
    make_dataset(root, [3, 2])
    return root


@pytest.fixture
def small_forecast(monkeypatch):
    """The steps of a forecast on small networks; its counts are of the true ones."""
    from tinyvideo.models.training import cost_forecast  # noqa: PLC0415

    monkeypatch.setattr(
        cost_forecast, "_measure", lambda config, clips: (0.5 * clips, 10**6 * clips)
    )


def test_a_dry_run_needs_no_dataset_and_counts_the_papers_parameters(small_forecast):
    code, document, _ = call("train", "--dry-run", "--json")
    assert code == 0
    found = json.loads(document)
    assert found["generator_parameters"] == 16_245_383
    assert found["discriminator_parameters"] == 11_057_858
    assert found["recipe"] == "paper"
    assert found["config"] == asdict(configure("paper", device=found["config"]["device"]))
    assert found["step_seconds"] == 32.0  # 0.5 s for the first clip and each of the other 63
    assert found["hours"] == pytest.approx(32 * 65_000 / 3600, abs=0.01)


def test_a_dry_run_says_in_time_that_a_dataset_is_too_small(root, small_forecast):
    with pytest.raises(TrainingError, match="'drawn' has 5 clips to train on, fewer than a batch"):
        call("train", "drawn", "--out", root, "--dry-run")
    code, document, _ = call("train", "drawn", "--out", root, "--dry-run", "--json", "--batch", "4")
    assert (code, json.loads(document)["clips"]) == (0, 5)


SWITCHES = {
    "--loss hinge": ("loss", "hinge"),
    "--r1 1.5": ("r1", 1.5),
    "--spectral-norm": ("spectral_norm", True),
    "--ema 0.9": ("ema", 0.9),
    "--augment": ("augment", True),
    "--discriminator-learning-rate 0.001": ("discriminator_learning_rate", 0.001),
    "--streams 1": ("streams", 1),
    "--condition first-frame": ("condition", "first-frame"),
    "--compile": ("compile", True),
    "--on-alarm roll-back": ("on_alarm", "roll-back"),
    "--recipe modern --no-augment": ("augment", False),
}


@pytest.mark.parametrize("words", SWITCHES)
def test_every_switch_can_be_set_alone(small_forecast, words):
    code, document, _ = call("train", "--dry-run", "--json", "--width", "1", *words.split())
    assert code == 0
    found = json.loads(document)["config"]
    name, value = SWITCHES[words]
    recipe = "modern" if "modern" in words else "paper"
    assert found == asdict(configure(recipe, width=1, device=found["device"], **{name: value}))


WRONG = {
    "no dataset": (["train"], "name the dataset to train on"),
    "unknown recipe": (["train", "x", "--recipe", "soup"], "recipe must be one of"),
    "impossible width": (["train", "x", "--width", "0"], "width must be at least 1, got 0"),
    "unknown loss": (["train", "x", "--loss", "joy"], "loss must be one of"),
    "no clips": (["generate", "c.pt", "-o", "out", "-n", "0"], "count must be above 0"),
    "odd ending": (["predict", "c.pt", "i.png", "-o", "f.webm"], "must end with one of"),
}


@pytest.mark.parametrize(("words", "text"), WRONG.values(), ids=WRONG)
def test_wrong_commands_are_one_sentence(words, text):
    code, _, said = call(*words)
    assert code == 2
    assert text in " ".join(said.split())


def test_a_device_that_does_not_exist(root, tmp_path):
    with pytest.raises(TrainingError, match="cannot train on device 'cuda:99'"):
        call("train", "--dry-run", "--device", "cuda:99", "--width", "1")


def test_files_that_are_none_are_named(tmp_path):
    (tmp_path / "c.pt").write_text("hello")
    (tmp_path / "i.png").write_text("hello")
    with pytest.raises(CheckpointError, match=r"c\.pt is not a whole checkpoint"):
        call("generate", tmp_path / "c.pt", "-o", tmp_path / "out")
    with pytest.raises(DataError, match=r"i\.png is no picture"):
        call("predict", tmp_path / "c.pt", tmp_path / "i.png", "-o", tmp_path / "f.gif")


def test_a_run_lies_in_the_output_or_where_it_is_told(tmp_path, monkeypatch):
    place = OutputAddress.at(tmp_path / "out")
    assert run_place(place, "beach", "").work == tmp_path / "out" / "training" / "beach"
    assert run_place(place, "beach", str(tmp_path / "run")).work == tmp_path / "run"
    monkeypatch.setenv("TINYVIDEO_WORK", str(tmp_path / "work"))
    remote = run_place(place, "beach", "s3://bucket/runs/beach")
    assert remote.address == "s3://bucket/runs/beach"
    assert remote.work == tmp_path / "work" / "bucket" / "runs" / "beach"


def tinyvideo(url, *words):
    """Run a command as a process of its own: a flow leaves connections to its server open."""
    return subprocess.run(
        [sys.executable, "-m", "tinyvideo.flows.cli", *map(str, words)],
        env={**os.environ, "PREFECT_API_URL": url},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_trains_goes_on_generates_and_refuses_another_width(root, tmp_path, prefect_url):
    run = tmp_path / "run"
    command = ["train", "drawn", "--out", root, "--run", run, *words_of(SMALL), "--json"]
    answer = tinyvideo(prefect_url, *command)
    assert answer.returncode == 0, answer.stderr
    checkpoint = Path(json.loads(answer.stdout)["checkpoint"])
    assert checkpoint == run / "step-00000002.pt"
    assert load_checkpoint(checkpoint).config["width"] == 1
    answer = tinyvideo(prefect_url, *command, "--steps", "4")
    assert json.loads(answer.stdout)["last"]["step"] == 4, answer.stderr
    code, document, _ = call("generate", run, "-n", "2", "-o", tmp_path / "made", "--json")
    assert code == 0
    made = json.loads(document)
    assert all(Path(path).exists() for path in [made["page"], *made["clips"]])
    answer = tinyvideo(prefect_url, *command, "--width", "2")
    assert answer.returncode == 2
    assert "was started with width=1, not 2; use the same, or another folder" in answer.stderr
    assert "Traceback" not in answer.stderr.split("tinyvideo:")[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.usefixtures("interrupts")
def test_stopped_it_writes_a_checkpoint_first(root, tmp_path, prefect_url, number):
    run, more = tmp_path / "run", {**SMALL, "steps": 100_000, "checkpoint_every": 100_000}
    command = [sys.executable, "-m", "tinyvideo.flows.cli", "train", "drawn", "--out", str(root)]
    command += ["--run", str(run), *map(str, words_of(more))]
    process = subprocess.Popen(
        command,
        env={**os.environ, "PREFECT_API_URL": prefect_url},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 200
    while not (last := last_metrics(run / METRICS_NAME)) or last.step < 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(number)
    _, words = process.communicate(timeout=100)
    assert process.returncode == 128 + number, words
    assert words.count("stopped; run the same command again to go on") == 1
    (newest,) = run.glob("step-*.pt")
    assert load_checkpoint(newest).step == last_metrics(run / METRICS_NAME).step >= 3


def test_torchrun_starts_one_run_of_several_processes(root, tmp_path, prefect_url):
    command = [sys.executable, "-m", "tinyvideo.flows.cli", "train", "drawn", "--out", str(root)]
    command += ["--run", str(tmp_path / "run"), "--json", *map(str, words_of(SMALL))]
    port = free_port()
    processes = [
        subprocess.Popen(
            command,
            env={**environment(rank, 2, port), "PREFECT_API_URL": prefect_url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    answers = [process.communicate(timeout=200) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    assert json.loads(answers[0][0])["last"]["step"] == 2
    assert answers[1][0] == ""
    assert (tmp_path / "run" / "step-00000002.pt").exists()
