"""The flow `train` of the pool: torchrun with real processes, its log, its artifact, its end."""

import base64
import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.drawn.training_set import make_dataset
from tests.servers.prefect_machine import basic
from tinyvideo.flows.machine.torchrun import Job, cause_of
from tinyvideo.flows.train_on_pool import TrainOptions, check_dataset, plan, training_text
from tinyvideo.models.checkpoints.checkpoint import load_newest
from tinyvideo.models.step_metrics import METRICS_NAME, SAMPLES_NAME, read_metrics
from tinyvideo.models.train_config import TrainConfig
from tinyvideo.models.training_errors import TrainingError
from tinyvideo.storage.outputs.output_address import OutputAddress
from tinyvideo.storage.storage_errors import StorageError

SMALL = {"dataset": "drawn", "batch": 4, "width": 2, "device": "cpu", "processes": 2}
PROGRAM = """
import asyncio, json, sys
from tinyvideo.flows.train_on_pool import TrainOptions, train
asyncio.run(train(TrainOptions.model_validate(json.loads(sys.argv[1]))))
"""


def start(url: str, out: Path, **options: object) -> subprocess.Popen[str]:
    told = json.dumps({**SMALL, "out": str(out), **options})
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, told],
        env={**os.environ, "PREFECT_API_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ask(url: str, path: str, question: object):
    head = {"Content-Type": "application/json", **basic()}
    request = urllib.request.Request(f"{url}{path}", json.dumps(question).encode(), head)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def processes_of(run: Path) -> list[str]:
    """List the processes, of torchrun too, whose command names the folder of the run."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if f'"run": "{run}"'.encode() in file.read_bytes():
                found.append(file.parent.name)
    return found


def test_two_processes_train_and_their_curves_are_shown(tmp_path, prefect_url):
    make_dataset(tmp_path, [8])
    more = {"pictures_every": 3}
    process = start(prefect_url, tmp_path, steps=3, name="Two of them", more=more)
    words, _ = process.communicate(timeout=280)
    assert process.returncode == 0, words
    run = tmp_path / "training" / "Two of them"
    assert [line.step for line in read_metrics(run / METRICS_NAME)] == [1, 2, 3]
    newest = load_newest(run)
    assert newest is not None
    assert newest[1].step == 3
    keys = ["training-two-of-them", "training-two-of-them-samples"]
    shown = ask(prefect_url, "/artifacts/filter", {"artifacts": {"key": {"any_": keys}}})
    curves, samples = sorted(shown, key=lambda artifact: str(artifact["key"]))
    assert curves["description"] == "step 3 of 3"
    assert curves["data"].count("data:image/svg+xml;base64,") == 3
    picture = samples["data"].partition("data:image/webp;base64,")[2].rstrip(")")
    assert base64.b64decode(picture) == (run / SAMPLES_NAME).read_bytes()


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_killed_its_processes_end_with_a_checkpoint_and_it_goes_on_there(tmp_path, prefect_url):
    make_dataset(tmp_path, [8])
    run = tmp_path / "training" / "drawn"
    more = {"checkpoint_every": 10_000}
    process = start(prefect_url, tmp_path, steps=10_000, more=more)
    deadline = time.monotonic() + 200
    while not (run / METRICS_NAME).exists() or not list(read_metrics(run / METRICS_NAME)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert processes_of(run)
    process.kill()
    process.communicate()
    while processes_of(run) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(run) == []

    newest = load_newest(run)
    assert newest is not None
    done = newest[1].step
    assert done == list(read_metrics(run / METRICS_NAME))[-1].step >= 1
    again = start(prefect_url, tmp_path, steps=done + 2, more=more)
    words, _ = again.communicate(timeout=280)
    assert again.returncode == 0, words
    steps = [line.step for line in read_metrics(run / METRICS_NAME)]
    assert steps == list(range(1, done + 3))


def job_of(out: Path, dataset: str) -> Job:
    options = TrainOptions(dataset=dataset, device="cpu", batch=4)
    return plan(options, OutputAddress.at(out))


def test_what_is_wrong_with_a_dataset_is_told_before_a_process_is_started(tmp_path):
    make_dataset(tmp_path, [2])  # fewer than a batch
    with pytest.raises(TrainingError, match="has 2 clips to train on, fewer than a batch of 4"):
        check_dataset(job_of(tmp_path, "drawn"))
    with pytest.raises(StorageError, match="nope"):
        check_dataset(job_of(tmp_path, "nope"))


TABLE = [
    "============================================================",
    "tinyvideo.flows.machine.torchrun FAILED",
    "  exitcode  : 1 (pid: 4711)",
    "  error_file: <N/A>",
    "  traceback : To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html",
    "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:",
]
"""As torchrun ends when a process of it has."""


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["tinyvideo: the run in x was started with width=1", *TABLE], "the run in x was started "),
        (["[rank0]: Traceback", "[rank0]: ValueError: no", *TABLE], "ValueError: no"),
        (
            [*TABLE, "  traceback : Signal 9 (SIGKILL) received by PID 5"],
            "a process of training was ended by SIGKILL, which is often a lack of memory",
        ),
        (["nothing known"], "torchrun ended with exit code 1: nothing known"),
    ],
    ids=["ours", "exception", "signal", "unknown"],
)
def test_the_cause_is_what_a_process_has_said_and_not_torchruns_table(words, cause):
    assert cause_of(words, 1).startswith(cause)


def test_an_output_on_s3_keeps_its_checkpoints_there(tmp_path):
    place = OutputAddress.at("s3://bucket/films", tmp_path)
    job = plan(TrainOptions(dataset="beach", device="cpu", more={"seed": 7}), place)
    assert job.run == str(tmp_path / "bucket" / "films" / "training" / "beach")
    assert job.mirror == "s3://bucket/films/training/beach"
    assert (job.processes, job.config.seed, job.config.device) == (1, 7, "cpu")
    assert json.loads(job.as_json())["config"]["seed"] == 7


@pytest.mark.parametrize("wrong", [{"recipe": "new"}, {"steps": 0}, {"widht": 3}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValidationError):
        TrainOptions.model_validate(wrong)


def test_before_the_first_step_it_is_loading(tmp_path):
    assert training_text(tmp_path, TrainConfig()) == ("The first step is not done yet.", "loading")
