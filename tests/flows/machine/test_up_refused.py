"""What `up`, `down` and `worker` say where they cannot do what they were asked for."""

import socket
import urllib.request
from contextlib import suppress
from urllib.error import HTTPError

from tests.servers.prefect_machine import Machine, basic
from tinyvideo.flows.server.private_server import free_port


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
    gpu = urllib.request.Request(f"{prefect_url}/work_pools/gpu", method="DELETE", headers=basic())
    with suppress(HTTPError):  # no other test has made it on this server
        urllib.request.urlopen(gpu).close()
    refused = Machine(tmp_path, 1).tinyvideo("worker", "gpu", PREFECT_API_URL=prefect_url)
    assert refused.returncode == 2
    assert "there is no work pool 'gpu'" in refused.stderr
    assert "make it with 'tinyvideo up'" in refused.stderr


def test_nothing_is_up_so_nothing_is_ended(tmp_path):
    down = Machine(tmp_path, 1).tinyvideo("down")
    assert (down.returncode, down.stderr.strip()) == (0, "nothing was up")
