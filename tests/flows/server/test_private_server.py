"""The private Prefect server starts, answers all at once, and ends with whoever started it."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import PASSWORD
from tinyvideo.flows.server.private_server import free_port, prefect_server
from tinyvideo.flows.server.server_answers import ServerError, asks_for_password
from tinyvideo.flows.server.server_password import read_password

PROGRAM = """
import sys, time
from pathlib import Path
from tinyvideo.flows.server.private_server import prefect_server
with prefect_server(Path(sys.argv[1]), None, keep=sys.argv[2] == "keep") as server:
    print(server.api_url, server.guard_pid, flush=True)
    if sys.argv[2] == "wait":
        time.sleep(600)
"""

CLIENTS, RUNS = 6, 5

"""How many ask at once, and how many runs each makes."""


def answers(url):
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def wait_until(condition, limit_s=30):
    deadline = time.monotonic() + limit_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


def start(home, mode):
    command = [sys.executable, "-c", PROGRAM, str(home), mode]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    url, pid = process.stdout.readline().split()
    return process, url, int(pid)


def test_a_killed_parent_takes_its_server_along(tmp_path):
    process, url, _ = start(tmp_path, "wait")
    assert answers(url)

    process.kill()
    process.communicate()

    assert wait_until(lambda: not answers(url))


def test_a_kept_server_stays_and_is_used_again(tmp_path, prefect_home, monkeypatch):
    process, url, pid = start(prefect_home(tmp_path), "keep")
    try:
        process.communicate(timeout=60)
        assert answers(url)
        for name in ("PREFECT_HOME", "PREFECT_API_URL", "PREFECT_API_AUTH_STRING"):
            monkeypatch.setenv(name, "")
        with prefect_server(tmp_path, None, keep=False) as server:
            assert (server.api_url, server.guard_pid) == (url, pid)
            assert server.password == read_password(tmp_path)
            assert asks_for_password(url)
        assert answers(url)  # whoever finds a kept server does not end it
    finally:
        os.kill(pid, signal.SIGTERM)
    assert wait_until(lambda: not answers(url))


def test_a_server_that_does_not_answer_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_HOME", "")
    url = f"http://127.0.0.1:{free_port()}/api"

    with (
        pytest.raises(ServerError, match=f"no Prefect server answers at {url}; start it, or unset"),
        prefect_server(tmp_path, url, keep=False),
    ):
        pytest.fail("a server that nobody runs was used")


@pytest.fixture
def ask(prefect_url):
    password = base64.b64encode(PASSWORD.encode()).decode()

    def ask(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        request = urllib.request.Request(
            prefect_url + path,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Basic {password}"},
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, None

    return ask


def test_all_who_write_at_once_are_answered(ask):
    _, flow = ask("/flows/", {"name": "many-at-once"})
    for client in range(CLIENTS):
        ask("/work_pools/", {"name": f"many-{client}", "type": "process"})

    def write(client: int) -> list[int]:
        told = []
        for _ in range(RUNS):
            status, run = ask("/flow_runs/", {"flow_id": flow["id"], "state": {"type": "PENDING"}})
            told.append(status)
            told.append(ask(f"/work_pools/many-{client}/workers/heartbeat", {"name": "w"})[0])
            if run is not None:
                running = {"state": {"type": "RUNNING"}, "force": True}
                told.append(ask(f"/flow_runs/{run['id']}/set_state", running)[0])
        return told

    with ThreadPoolExecutor(CLIENTS) as clients:
        told = Counter(status for each in clients.map(write, range(CLIENTS)) for status in each)
    assert told == {201: 2 * CLIENTS * RUNS, 204: CLIENTS * RUNS}
