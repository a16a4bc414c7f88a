"""`tinyvideo run` ends when it is asked to, in one sentence, whether its server answers or not."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.flows.commands.test_run import start, wait_for
from tests.servers.prefect_machine import films
from tests.servers.way import way_to
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.outputs.output_address import CATALOG_NAME

SENTENCE = "tinyvideo: stopped; run the same command again to go on"


def children_of(pid: int) -> list[Path]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [Path(f"/proc/{child}") for task in tasks for child in task.read_text().split()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return films(tmp_path_factory.mktemp("films") / "in", 12)


@pytest.fixture(autouse=True)
def interrupts():
    """Have processes that are started heed Ctrl-C, also where this one is in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


LATE = """
import os, signal
from tinyvideo.flows.terminal import stopping
stopping._watch = lambda reader: None          # a thread that gets no turn on a busy machine
stopping.end_when_asked()
signal.signal(signal.SIGTERM, lambda *_: None)  # as Prefect installs one of its own
assert stopping.asked_to_end() is None
os.kill(os.getpid(), signal.SIGTERM)
print(stopping.asked_to_end())
"""


def test_a_signal_is_known_before_the_thread_that_waits_for_it_has_its_turn():
    told = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=False)
    assert told.stdout.strip() == str(int(signal.SIGTERM)), told.stderr


@pytest.mark.parametrize("answers", [True, False], ids=["server", "no server"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_at_work_ends_and_leaves_no_process(tmp_path, folder, prefect_url, number, answers):
    out = tmp_path / "out"

    def is_at_work() -> bool:
        catalog = Catalog.open(out / CATALOG_NAME)
        try:
            return catalog.position()[0] > 0
        finally:
            catalog.close()

    with way_to(prefect_url) as way:
        run = start(folder, out, way.url, batch_videos=12, workers=1)
        wait_for(is_at_work, run)
        children = children_of(run.pid)
        if not answers:
            way.close()
        run.send_signal(number)
        books, words = run.communicate(timeout=60)

    assert (run.returncode, books) == (128 + number, "")
    assert words.count(SENTENCE) == 1
    assert "Traceback" not in words
    while any(child.exists() for child in children):  # else the test's own limit ends it
        time.sleep(0.05)


def test_a_run_that_is_asked_while_its_server_starts_ends_too(tmp_path, folder):
    run = start(folder, tmp_path / "out", "")
    wait_for((tmp_path / "out" / "prefect" / "server.log").exists, run)
    children = children_of(run.pid)
    run.terminate()
    _, words = run.communicate(timeout=60)
    assert run.returncode == 128 + signal.SIGTERM
    assert words.count(SENTENCE) == 1
    while any(child.exists() for child in children):
        time.sleep(0.05)


def test_a_run_whose_server_says_nothing_ends_too(tmp_path, folder):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        run = start(folder, tmp_path / "out", f"http://127.0.0.1:{silent.getsockname()[1]}/api")
        connection, _ = silent.accept()
        run.terminate()
        _, words = run.communicate(timeout=60)
        connection.close()
    assert (run.returncode, words.count(SENTENCE)) == (128 + signal.SIGTERM, 1)
