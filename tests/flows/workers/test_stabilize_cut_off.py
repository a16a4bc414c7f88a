"""A film that is cut off by a limit, a signal or a kill leaves a clips.json that is true."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.drawn.films import film, shaky_path, write_video
from tinyvideo.flows.commands.curating import stabilize_command
from tinyvideo.flows.commands.curating.stabilize_command import UNFINISHED, stabilize_films
from tinyvideo.pipeline.curation import CurationConfig

LONG = 200
"""Windows of the film: some seconds of work, so that it is cut off in the middle."""


@pytest.fixture(scope="module")
def long_film(tmp_path_factory) -> Path:
    part = film(shaky_path(64), height=120, width=160)
    there = tmp_path_factory.mktemp("films") / "long.mp4"
    return write_video(there, [*part, *part[::-1]] * (LONG // 4))


def is_true(folder: Path) -> list[dict]:
    """See that the list is of the strips that are there; return it."""
    entries = json.loads((folder / "clips.json").read_text())
    listed = sorted(f"{entry['index']:04d}.jpg" for entry in entries if entry["accepted"])
    assert sorted(path.name for path in folder.iterdir()) == sorted([*listed, "clips.json"])
    return entries


def earlier(folder: Path) -> None:
    """Leave what an earlier run with more windows has left."""
    folder.mkdir()
    (folder / "0300.jpg").write_text("of another time")
    (folder / "clips.json").write_text(json.dumps([{"index": 300, "accepted": True}]))


def test_a_limit_of_time(tmp_path, long_film, monkeypatch):
    earlier(tmp_path / "long")
    monkeypatch.setenv("TINYVIDEO_VIDEO_LIMIT_S", "2.5")
    (done,) = stabilize_films([long_film], tmp_path, CurationConfig())
    assert "not done after 2.5 s" in done.problem
    entries = is_true(tmp_path / "long")
    assert done.clips == len(entries) < LONG
    assert done.strips == sum(entry["accepted"] for entry in entries)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_and_what_the_next_start_makes_of_it(tmp_path, long_film, number):
    words = ["stabilize", str(long_film), "-o", str(tmp_path)]
    command = [sys.executable, "-m", "tinyvideo.flows.cli", *words]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=dict(os.environ))
    unfinished = tmp_path / "long" / UNFINISHED
    while process.poll() is None and not (unfinished.exists() and unfinished.stat().st_size):
        time.sleep(0.02)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    process.wait()
    assert psutil.wait_procs(children, timeout=20)[1] == []
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert len(is_true(tmp_path / "long")) < LONG
    else:
        assert unfinished.exists()  # nobody went on to the end of the film
    (text := tmp_path / "in" / "long.mp4").parent.mkdir()
    text.write_text("no video")
    (done,) = stabilize_films([text], tmp_path, CurationConfig())
    assert done.problem.startswith("not_a_video")
    assert is_true(tmp_path / "long") == []


def test_an_entry_that_was_cut_and_one_without_its_strip_are_left_out(tmp_path):
    store = stabilize_command.FolderStore(tmp_path)
    rejected, accepted = {"index": 0, "accepted": False}, {"index": 1, "accepted": True}
    lines = [json.dumps(rejected), json.dumps(accepted), '{"index": 2, "acc']
    (tmp_path / UNFINISHED).write_text("\n".join(lines))
    assert stabilize_command._finish(store) == [rejected]
    (tmp_path / "0001.jpg").write_text("a strip")
    (tmp_path / UNFINISHED).write_text("\n".join(lines))
    assert stabilize_command._finish(store) == [rejected, accepted]
    assert is_true(tmp_path) == [rejected, accepted]
