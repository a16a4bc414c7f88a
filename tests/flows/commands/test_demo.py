"""The demo, with three training steps: killed in the middle, run again, and then it is done."""

import json
import os
import subprocess
import sys
import time

from tinyvideo.flows.commands.demo import FILMS, DemoPaths, fetch_films
from tinyvideo.models.checkpoints.checkpoint import load_checkpoint
from tinyvideo.storage.datasets.manifest import read_manifest
from tinyvideo.storage.objects.stores import open_store


def demo(out, url):
    command = [
        sys.executable,
        "-m",
        "tinyvideo.flows.cli",
        "demo",
        "--out",
        str(out),
        "--steps",
        "3",
        "--json",
    ]
    environment = {**os.environ, "PREFECT_API_URL": url}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, text=True, **pipes)


def test_the_demo_survives_a_kill_and_knows_when_it_is_done(tmp_path, prefect_url):
    paths = DemoPaths(tmp_path / "out")
    process = demo(paths.out, prefect_url)
    while not list(paths.training.glob("*")) and process.poll() is None:
        time.sleep(0.05)
    assert process.poll() is None, process.communicate()  # it trains, and is killed doing so
    process.kill()
    process.communicate()

    process = demo(paths.out, prefect_url)
    summary, words = process.communicate(timeout=280)

    assert process.returncode == 0, words
    found = json.loads(summary)
    assert found["books"]["balanced"]
    assert found["books"]["videos"]["found"] == len(FILMS)
    assert found["books"]["strips"] >= 6  # and as many are in the dataset
    assert read_manifest(open_store(paths.out), "demo").counts["train"] == found["books"]["strips"]
    assert load_checkpoint(paths.out / "training/demo/step-00000003.pt").step == 3
    assert found["files"]["page"] == str(paths.report)
    assert len(list(paths.generated.glob("*/video.jpg"))) == 6
    page = paths.report.read_text()
    assert "bikes.mp4" in page
    assert set(found["seconds"]) >= {"train", "generate", "write the page"}

    process = demo(paths.out, prefect_url)
    again, words = process.communicate(timeout=60)
    assert process.returncode == 0
    assert words.startswith("All is done already")
    assert json.loads(again) == found
    assert paths.report.read_text() == page


def test_films_are_whole_or_not_there(tmp_path):
    fetch_films(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILMS)
    assert all(path.stat().st_size > 100_000 for path in tmp_path.iterdir())
