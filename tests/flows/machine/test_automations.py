"""What the server does by itself: a silent run is lost and done again, a failure is told of.

Both are seen on a real server, with a worker, and a web server of ours in the place of Slack.
"""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.servers.prefect_machine import Machine, films, worker_machine

pytestmark = pytest.mark.timeout(600)  # with the start of a server, on a busy machine


AGAIN = "AwaitingRetry"


class Slack(ThreadingHTTPServer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        super().__init__(("127.0.0.1", 0), Told)


class Told(BaseHTTPRequestHandler):
    server: Slack

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        self.server.told.append(json.loads(self.rfile.read(size)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def slack() -> Iterator[Slack]:
    with Slack() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def server_of_slack() -> Iterator[Slack]:
    with slack() as server:
        yield server


@pytest.fixture(scope="module")
def machine(
    prefect_url: str, server_of_slack: Slack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    settings = {
        "TINYVIDEO_NOTIFY_URL": f"http://127.0.0.1:{server_of_slack.server_port}/hook",
        "TINYVIDEO_SILENCE_S": "20",
    }
    with worker_machine(prefect_url, tmp_path_factory.mktemp("home"), **settings) as machine:
        yield machine
    # The server is everybody's: the automations are as they were.
    with worker_machine(prefect_url, tmp_path_factory.mktemp("home")):
        pass


def test_a_failure_is_told_with_its_reason_whatever_its_state_is_called(machine, server_of_slack):
    out, shore = str(machine.home / "out"), str(machine.home / "shore")
    films(machine.home / "shore", 1, frames=33)
    machine.wait(machine.crawl(folder=shore, out=out, workers=1), 240)
    nobodys = {"batch": "0" * 32}  # a batch that nobody has drawn
    reasons = {
        machine.start("make-shard", **nobodys, options={"out": out}): "say where the videos are",
        machine.start(
            "make-shard", **nobodys, options={"out": out, "folder": shore}
        ): "the batch has ended",
    }
    ended = {run: machine.wait_until(run, {"FAILED"}) for run in reasons}
    assert {each["state"]["name"] for each in ended.values()} == {"Failed", "LostBatch"}
    wait_for(lambda: len(server_of_slack.told) == 2)
    for run, reason in reasons.items():
        (text,) = [
            told["text"] for told in server_of_slack.told if ended[run]["name"] in told["text"]
        ]
        assert reason in text
        assert f"/runs/flow-run/{run}" in text


def test_a_silent_run_is_done_again(machine):
    folder: Path = films(machine.home / "beaches", 1, frames=33)
    out = str(machine.home / "out")
    machine.tinyvideo("down")
    # A run whose machine is gone: it says that it runs, gives one sign of life, and no more.
    run = machine.start(
        "crawl-and-stabilize",
        {"type": "RUNNING"},
        options={"folder": str(folder), "out": out, "workers": 1},
    )
    sign = {
        "id": str(uuid.uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "prefect.flow-run.heartbeat",
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run}"},
        "related": [
            {"prefect.resource.id": "prefect.tag.tinyvideo", "prefect.resource.role": "tag"}
        ],
    }
    machine.ask("/events", [sign])
    # And one whose machine is gone before it said anything.
    taken = machine.start("build-dataset", out=out)
    machine.take(taken)
    for lost in (run, taken):
        wait_for(lambda lost=lost: machine.ask(f"/flow_runs/{lost}")["state"]["name"] == AGAIN, 120)

    machine.up(TINYVIDEO_SILENCE_S="300")  # twenty seconds are fewer than between two signs of life
    machine.wait(run, 240)
    states = [s["name"] for s in machine.ask(f"/flow_run_states/?flow_run_id={run}")]
    assert states[:3] == ["Running", "Crashed", AGAIN]
    assert states[-1] == "Completed"


def wait_for(condition: Any, limit_s: float = 60) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
