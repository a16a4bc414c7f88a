"""Prefect as users have it: `tinyvideo up`, their own `prefect` command, and `tinyvideo down`."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.answers import answers
from flows.plugin import full_name
from flows.server import free_port
from tests.films import film, shaky_path, write_video

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Machine:
    """A home of its own for the commands, and a port for the server."""

    home: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def tinyvideo(self, *words: object, **settings: str) -> subprocess.CompletedProcess[str]:
        return self._run([sys.executable, "-m", "flows.cli", *map(str, words)], settings)

    def prefect(self, *words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "prefect", *map(str, words)]
        return self._run(command, {"PREFECT_API_URL": self.url})

    def _run(self, command: list[str], settings: dict[str, str]) -> Any:
        return subprocess.run(
            command,
            env={**os.environ, "HOME": str(self.home), "COLUMNS": "200", **settings},
            cwd=REPOSITORY,  # whose pyproject.toml enables the plugin
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    def ask(self, path: str, question: object) -> Any:
        request = urllib.request.Request(
            f"{self.url}{path}",
            json.dumps(question).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def wait_for_run(self, flow: str, states: set[str]) -> dict[str, Any]:
        """Wait until the newest run of a flow is in one of these states."""
        question = {"flows": {"name": {"any_": [flow]}}, "sort": "EXPECTED_START_TIME_DESC"}
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            runs = self.ask("/flow_runs/filter", question)
            if runs and runs[0]["state"]["type"] in states:
                return dict(runs[0])
            time.sleep(0.5)
        pytest.fail(f"{flow} never got to {states}: {runs}")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine on which `tinyvideo up` has run."""
    machine = Machine(tmp_path_factory.mktemp("home"), free_port())
    folder = machine.home / "beaches"
    folder.mkdir()
    for seed in range(3):
        write_video(folder / f"{seed}.mp4", film(shaky_path(33, seed=seed), seed=seed))
    try:
        up = machine.tinyvideo(
            "up", "--port", machine.port, "--folder", folder, "--out", machine.home / "out"
        )
        assert up.returncode == 0, up.stderr
        yield machine
    finally:
        down = machine.tinyvideo("down")
    assert down.returncode == 0, down.stderr
    assert "ended worker-cpu, server" in down.stderr
    assert not answers(machine.url)


def test_the_command_of_the_readme_makes_shards_and_shows_them(machine):
    told = {"folder": str(machine.home / "beaches"), "out": str(machine.home / "out")}
    options = json.dumps({"options": {**told, "batch_videos": 2, "workers": 1}})
    run = machine.prefect("deployment", "run", "crawl-and-stabilize", "--params", options)
    assert run.returncode == 0, run.stderr
    crawl = machine.wait_for_run("crawl-and-stabilize", {"COMPLETED", "FAILED", "CRASHED"})
    assert crawl["state"]["type"] == "COMPLETED", crawl["state"]
    assert crawl["name"] == "crawl · folder beaches"

    shards = machine.ask("/flow_runs/filter", {"flows": {"name": {"any_": ["make-shard"]}}})
    assert {(s["name"], s["state"]["type"]) for s in shards} == {
        ("shard-000001 · folder beaches · 2 videos", "COMPLETED"),
        ("shard-000002 · folder beaches · 1 video", "COMPLETED"),
    }
    status = machine.tinyvideo("status", "--out", machine.home / "out", "--json")
    books = json.loads(status.stdout)
    assert (books["balanced"], books["shards"], books["videos"]["sharded"]) == (True, 2, 3)

    artifacts = machine.ask("/artifacts/filter", {})
    shown = {a["key"]: a for a in artifacts if a["key"]}
    keys = [a["key"] for a in artifacts if a["type"] in {"table", "markdown"}]
    assert sorted(keys) == ["books", "crawl-progress", "shard-000001", "shard-000002", "shards"]
    assert "3 of 3 videos done" in shown["crawl-progress"]["data"]
    assert "data:image/jpeg;base64," in shown["shard-000001"]["data"]
    rows = json.loads(shown["shards"]["data"])
    assert [(row["shard"], row["state"]) for row in rows] == [
        ("000002", "done"),
        ("000001", "done"),
    ]


def test_up_again_starts_nothing_and_makes_nothing_twice(machine):
    before = machine.ask("/automations/filter", {})
    again = machine.tinyvideo("up", "--port", machine.port)
    assert again.returncode == 0, again.stderr
    after = machine.ask("/automations/filter", {})
    assert sorted(a["name"] for a in after) == [
        "tinyvideo: find lost runs",
        "tinyvideo: run crashed again",
        "tinyvideo: tell of failures",
    ]
    assert {a["id"] for a in before} == {a["id"] for a in after}
    assert len(machine.ask("/deployments/filter", {})) == 4


def test_a_cancelled_shard_leaves_no_half_of_it_and_its_videos_go_back(machine):
    out = machine.home / "cancelled"
    folder = machine.home / "long"
    folder.mkdir()
    for seed in range(2):
        write_video(folder / f"{seed}.mp4", film(shaky_path(400, seed=seed), seed=seed))
    told = {"folder": str(folder), "out": str(out), "workers": 1}
    options = json.dumps({"options": told})
    machine.prefect("deployment", "run", "crawl-and-stabilize", "--params", options)
    time.sleep(3)
    shard = machine.wait_for_run("make-shard", {"RUNNING"})
    crawl = machine.wait_for_run("crawl-and-stabilize", {"RUNNING"})
    for run in (crawl, shard):  # the crawl first, or it would hand the videos out again
        machine.prefect("flow-run", "cancel", run["id"])
    machine.wait_for_run("make-shard", {"CANCELLED"})
    machine.wait_for_run("crawl-and-stabilize", {"CANCELLED"})
    assert list(out.glob("shards/*")) == []

    finished = machine.tinyvideo(
        "run", "--folder", folder, "--out", out, "--json", PREFECT_API_URL=machine.url
    )
    assert finished.returncode == 0, finished.stderr
    books = json.loads(finished.stdout)
    assert (books["balanced"], books["videos"]["pending"]) == (True, 0)


def test_a_killed_worker_takes_up_its_shard_when_it_starts_again(machine):
    out = machine.home / "killed"
    told = {"folder": str(machine.home / "beaches"), "out": str(out), "workers": 1}
    machine.prefect(
        "deployment", "run", "crawl-and-stabilize", "--params", json.dumps({"options": told})
    )
    time.sleep(3)
    machine.wait_for_run("make-shard", {"RUNNING"})
    note = machine.home / ".tinyvideo" / "up" / "worker-cpu.json"
    kill_tree(json.loads(note.read_text())["pid"])

    again = machine.tinyvideo("up", "--port", machine.port)  # as a service manager would

    assert again.returncode == 0, again.stderr
    crawl = machine.wait_for_run("crawl-and-stabilize", {"COMPLETED", "FAILED"})
    assert crawl["state"]["type"] == "COMPLETED", crawl["state"]
    assert crawl["run_count"] == 2
    books = json.loads(machine.tinyvideo("status", "--out", out, "--json").stdout)
    assert (books["balanced"], books["videos"]["sharded"]) == (True, 3)


def kill_tree(pid: int) -> None:
    """Kill a process and all that it has started, as a power cut does."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    doomed = [pid]
    for each in doomed:
        doomed += children.get(each, [])
    for each in doomed:
        os.kill(each, signal.SIGKILL)


def test_an_unknown_pool_is_one_sentence(machine):
    refused = machine.tinyvideo("worker", "tpu", PREFECT_API_URL=machine.url)
    assert refused.returncode == 2
    assert "'tpu' is no pool of ours: cpu or gpu" in refused.stderr


def test_a_taken_port_is_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = Machine(tmp_path, port).tinyvideo("up", "--port", port)
    assert refused.returncode == 2
    assert f"port {port} is taken by another program; choose another with --port" in refused.stderr


def test_a_server_of_somebody_else_is_pointed_at(prefect_url, tmp_path):
    port = int(prefect_url.removesuffix("/api").rsplit(":", 1)[1])
    refused = Machine(tmp_path, port).tinyvideo("up", "--port", port)
    assert refused.returncode == 2
    assert f"use it with PREFECT_API_URL={prefect_url}" in refused.stderr


def test_a_server_that_is_away_is_one_sentence(tmp_path):
    url = f"http://127.0.0.1:{free_port()}/api"
    for command in ("up", "worker"):
        refused = Machine(tmp_path, 1).tinyvideo(command, PREFECT_API_URL=url)
        assert refused.returncode == 2
        assert f"no Prefect server answers at {url}" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_a_missing_pool_is_one_sentence(prefect_url, tmp_path):
    refused = Machine(tmp_path, 1).tinyvideo("worker", "gpu", PREFECT_API_URL=prefect_url)
    assert refused.returncode == 2
    assert "there is no work pool 'gpu'" in refused.stderr
    assert "make it with 'tinyvideo up'" in refused.stderr


def test_nothing_is_up_so_nothing_is_ended(tmp_path):
    down = Machine(tmp_path, 1).tinyvideo("down")
    assert (down.returncode, down.stderr.strip()) == (0, "nothing was up")


def test_a_bare_name_is_that_of_flow_and_deployment():
    assert full_name("train") == "train/train"
    assert full_name("train/nightly") == "train/nightly"
