"""A machine with `tinyvideo up` on it, for tests and benchmarks of orchestration.

Everything is real: a home of its own, a free port, films that we draw, SIGKILL; and nothing is left
behind. Crawls are started, and runs looked at, by the server's HTTP API: a `prefect` command costs
seconds to start.

Cost: 15 to 30 s with a server of its own; 5 to 10 s beside one that is there.
"""

import base64
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
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.drawn.films import film, shaky_path, write_video
from tinyvideo.flows.server.private_server import free_port

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Machine:
    """A home of its own for the commands, and a port for the server."""

    home: Path
    port: int
    settings: dict[str, str] = field(default_factory=dict)
    """Variables of the environment of all commands."""

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
        home = {"HOME": str(self.home), "COLUMNS": "200"}
        told = {**os.environ, **home, **self.settings, **settings}
        if (self.state / "password").exists() or "PREFECT_API_URL" not in told:
            told.pop("PREFECT_API_AUTH_STRING", None)  # its own server's password it has to find
        return told

    @property
    def password(self) -> str:
        """That of its server."""
        kept = self.state / "password"
        return kept.read_text().strip() if kept.exists() else os.environ["PREFECT_API_AUTH_STRING"]

    def tinyvideo(self, *words: object, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ours."""
        return self._run([sys.executable, "-m", "tinyvideo.flows.cli", *map(str, words)], settings)

    def prefect(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run a command of Prefect's."""
        command = [sys.executable, "-m", "prefect", *map(str, words)]
        return self._run(command, {"PREFECT_API_URL": self.url})

    def _run(
        self, command: list[str], settings: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=self.environment(**settings),
            cwd=REPOSITORY,  # whose pyproject.toml enables the plugin
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    def up(self, *words: object, **settings: str) -> None:
        """Start what is not there."""
        done = self.tinyvideo("up", "--port", self.port, *words, **settings)
        assert done.returncode == 0, done.stderr

    def ask(self, path: str, question: object = None) -> Any:
        """Ask the server; with a question it is a POST. While it is too busy, ask again."""
        data = None if question is None else json.dumps(question).encode()
        head = {"Content-Type": "application/json", **basic(self.password)}
        request = urllib.request.Request(f"{self.url}{path}", data, head)
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.loads(answer.read() or b"null")
            except urllib.error.HTTPError as error:  # 503: its database is locked
                if error.code != 503 or time.monotonic() > deadline:
                    raise
            time.sleep(1)

    def crawl(self, **options: object) -> str:
        """Start a crawl; return the id of its run."""
        return self.start("crawl-and-stabilize", options=options)

    def start(self, name: str, state: dict[str, str] | None = None, **parameters: object) -> str:
        """Start a run of a deployment, or pretend another state; return its id."""
        deployment = self.ask(f"/deployments/name/{name}/{name}")["id"]
        made = self.ask(
            f"/deployments/{deployment}/create_flow_run",
            {"parameters": parameters, "state": state or {"type": "SCHEDULED"}},
        )
        return str(made["id"])

    def cancel(self, run: str) -> None:
        """Do what the button of Prefect's page does."""
        self._set_state(run, {"type": "CANCELLING", "name": "Cancelling"})

    def retry(self, run: str) -> None:
        """Do what the button "Retry" of Prefect's page does."""
        self._set_state(run, {"type": "SCHEDULED", "name": "AwaitingRetry"})

    def take(self, run: str) -> None:
        """Do what a worker does first with a run."""
        self._set_state(run, {"type": "PENDING", "name": "Pending"})

    def suspend(self, run: str) -> None:
        """Do what the button "Pause" of Prefect's page does; "resume" then starts it anew."""
        until = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
        details = {"pause_timeout": until, "pause_reschedule": True}
        self._set_state(run, {"type": "PAUSED", "name": "Suspended", "state_details": details})

    def _set_state(self, run: str, state: dict[str, Any]) -> None:
        self.ask(f"/flow_runs/{run}/set_state", {"state": state, "force": True})

    def processes_of(self, run: str) -> list[int]:
        """List the processes of a flow run by number, the first one first."""
        named = f"PREFECT__FLOW_RUN_ID={run}\0".encode()
        found = []
        for file in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if named in file.read_bytes() + b"\0":
                    found.append(int(file.parent.name))
        return sorted(found)

    def state_of(self, run: str) -> str:
        """Name the state of a flow run."""
        try:
            return str(self.ask(f"/flow_runs/{run}")["state"]["type"])
        except (urllib.error.URLError, OSError):
            return "SERVER AWAY"

    def wait_until(self, run: str, states: set[str], limit_s: float = 240) -> dict[str, Any]:
        """Wait until a run is in one of these states; return what the server says of it."""
        deadline = time.monotonic() + limit_s
        while (state := self.state_of(run)) not in states:
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {limit_s} s it is {state}, not {states}")
            time.sleep(0.2)
        return dict(self.ask(f"/flow_runs/{run}"))

    def wait(self, run: str, limit_s: float = 1500) -> float:
        """Wait until a run has completed; return the seconds since it was begun."""
        ended = self.wait_until(run, {"COMPLETED", "FAILED", "CANCELLED"}, limit_s)
        if ended["state"]["type"] != "COMPLETED":
            raise RuntimeError(f"{ended['name']}: {ended['state']}")
        return float(ended["total_run_time"])

    def shards(self, parent: str) -> list[dict[str, Any]]:
        """List the runs of make-shard that a crawl has started, by their start."""
        question = {
            "flows": {"name": {"any_": ["make-shard"]}},
            "flow_runs": {"parent_flow_run_id": {"any_": [parent]}},
            "sort": "START_TIME_ASC",
        }
        return list(self.ask("/flow_runs/filter", question))

    def wait_for_shard(self, parent: str, limit_s: float = 240) -> dict[str, Any]:
        """Wait until a crawl has a shard under way."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            for run in self.shards(parent):
                if run["state"]["type"] == "RUNNING":
                    return run
            time.sleep(0.2)
        raise TimeoutError(f"no shard was begun within {limit_s} s")

    def books(self, out: Path) -> dict[str, Any]:
        """Read the books of an output."""
        return dict(json.loads(self.tinyvideo("status", "--out", out, "--json").stdout))

    def pid(self, name: str) -> int:
        """Number of a process that `up` has started."""
        return int(json.loads((self.state / f"{name}.json").read_text())["pid"])


def basic(password: str = "") -> dict[str, str]:
    """Put USER:PASSWORD into a header; that of the tests' own server, if it is told none."""
    password = password or os.environ["PREFECT_API_AUTH_STRING"]
    return {"Authorization": f"Basic {base64.b64encode(password.encode()).decode()}"}


@contextmanager
def machine(**settings: str) -> Iterator[Machine]:
    """A machine on which `tinyvideo up` has run; all of it goes at the end."""
    home = Path(tempfile.mkdtemp(prefix="machine-"))
    it = Machine(home, free_port(), settings)
    try:
        it.up()
        yield it
    finally:
        it.tinyvideo("down")
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def worker_machine(api_url: str, home: Path, **settings: str) -> Iterator[Machine]:
    """A machine with a worker, for a server that is there."""
    port = int(api_url.removesuffix("/api").rsplit(":", 1)[1])
    it = Machine(home, port, {"PREFECT_API_URL": api_url, **settings})
    try:
        it.up()
        yield it
    finally:
        it.tinyvideo("down")


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
