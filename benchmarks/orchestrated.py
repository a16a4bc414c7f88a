"""A machine with `tinyvideo up` on it, for the benchmarks of orchestration.

Everything is real: a home of its own, a free port, the films of `tests/films.py`, SIGKILL; and it
leaves nothing behind.

Cost: 20 s to start.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.server import free_port
from tests.films import film, shaky_path, write_video


@dataclass(frozen=True, slots=True)
class Machine:
    """A home of its own for the commands, and a port for the server."""

    home: Path
    port: int
    database: str = ""

    @property
    def url(self) -> str:
        """Address of the server's API."""
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def state(self) -> Path:
        """Folder of what `up` keeps."""
        return self.home / ".tinyvideo" / "up"

    def environment(self, **settings: str) -> dict[str, str]:
        """What the commands are told."""
        database = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": self.database}
        given = {**settings, **(database if self.database else {})}
        return {**os.environ, "HOME": str(self.home), "COLUMNS": "200", **given}

    def tinyvideo(self, *words: object, **settings: str) -> str:
        """Run a command; return its standard output."""
        command = [sys.executable, "-m", "flows.cli", *map(str, words)]
        done = subprocess.run(
            command, env=self.environment(**settings), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{words}: {done.stderr}")
        return done.stdout

    def up(self, **settings: str) -> None:
        """Start what is not there."""
        self.tinyvideo("up", "--port", self.port, **settings)

    def ask(self, path: str, question: object = None) -> Any:
        """Ask the server; with a question it is a POST."""
        data = None if question is None else json.dumps(question).encode()
        request = urllib.request.Request(
            f"{self.url}{path}", data, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def crawl(self, **options: object) -> str:
        """Start a crawl; return the id of its run."""
        name = "/deployments/name/crawl-and-stabilize/crawl-and-stabilize"
        deployment = self.ask(name)["id"]
        made = self.ask(
            f"/deployments/{deployment}/create_flow_run",
            {"parameters": {"options": options}, "state": {"type": "SCHEDULED"}},
        )
        return str(made["id"])

    def state_of(self, run: str) -> str:
        """Name the state of a flow run."""
        try:
            return str(self.ask(f"/flow_runs/{run}")["state"]["type"])
        except (urllib.error.URLError, OSError):
            return "SERVER AWAY"

    def wait(self, run: str, limit_s: float = 1500) -> float:
        """Wait until a run has completed; return the seconds since it was begun."""
        deadline = time.monotonic() + limit_s
        while (state := self.state_of(run)) != "COMPLETED":
            if state in {"FAILED", "CANCELLED"} or time.monotonic() > deadline:
                raise RuntimeError(f"{state}: {self.ask(f'/flow_runs/{run}')['state']}")
            time.sleep(0.5)
        return float(self.ask(f"/flow_runs/{run}")["total_run_time"])

    def shards(self, parent: str) -> list[dict[str, Any]]:
        """The runs of make-shard that a crawl has started, by name."""
        question = {
            "flows": {"name": {"any_": ["make-shard"]}},
            "flow_runs": {"parent_flow_run_id": {"any_": [parent]}},
            "sort": "START_TIME_ASC",
        }
        return list(self.ask("/flow_runs/filter", question))

    def books(self, out: Path) -> dict[str, Any]:
        """Read the books of an output."""
        return dict(json.loads(self.tinyvideo("status", "--out", out, "--json")))

    def pid(self, name: str) -> int:
        """Number of a process that `up` has started."""
        return int(json.loads((self.state / f"{name}.json").read_text())["pid"])


@contextmanager
def machine(database: str = "") -> Iterator[Machine]:
    """A machine on which `tinyvideo up` has run; all of it goes at the end."""
    home = Path(tempfile.mkdtemp(prefix="orchestrate-"))
    it = Machine(home, free_port(), database)
    try:
        it.up()
        yield it
    finally:
        with suppress(RuntimeError):
            it.tinyvideo("down")
        shutil.rmtree(home, ignore_errors=True)


def films(folder: Path, count: int, frames: int = 66) -> Path:
    """Draw `count` films, of which eight are different."""
    folder.mkdir(parents=True)
    for number in range(count):
        target = folder / f"{number:05d}.mp4"
        if number < 8:
            write_video(target, film(shaky_path(frames, seed=number), seed=number))
        else:
            shutil.copyfile(folder / f"{number % 8:05d}.mp4", target)
    return folder


def seconds(moment: str) -> float:
    """Read a time of the server's."""
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


def kill_tree(pid: int) -> None:
    """Kill a process and all that it has started, as a power cut does."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    children: dict[int, list[int]] = {}
    for line in listed.stdout.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    doomed = [pid]
    for each in doomed:
        doomed += children.get(each, [])
    for each in doomed:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
