"""Dask and Ray curate the videos of a batch: each a real cluster on this machine."""

import json
import urllib.request

import pytest

from tests.servers.prefect_machine import Machine, basic, films
from tinyvideo.flows.server.private_server import free_port

pytestmark = pytest.mark.timeout(600)  # with the start of a server, on a busy machine

CLUSTERS = ("dask", "ray")


@pytest.mark.parametrize("engine", CLUSTERS)
def test_a_cluster_makes_the_shard(engine, prefect_url, tmp_path):
    pytest.importorskip(f"prefect_{engine}", exc_type=ImportError)
    folder, out = films(tmp_path / "beaches", 2, frames=33), tmp_path / "out"
    (folder / "broken.mp4").write_bytes(b"no film")
    machine = Machine(tmp_path, free_port(), {"PREFECT_API_URL": prefect_url})

    done = machine.tinyvideo(
        "run", "--folder", folder, "--out", out, "--engine", engine, "--workers", 1, "--json"
    )

    assert done.returncode == 0, done.stderr
    books = json.loads(done.stdout)
    videos = books["videos"]
    assert (books["balanced"], videos["found"], videos["sharded"]) == (True, 3, 2)
    assert videos["pending"] == 0  # the broken one cost nothing but itself
    assert task_runs(prefect_url, "curate-videos-") >= 1


def test_an_engine_that_is_not_installed_is_one_sentence(prefect_url, tmp_path):
    folder = films(tmp_path / "beaches", 1, frames=33)
    # A module that cannot be imported, before the one that can.
    (tmp_path / "prefect_dask.py").write_text("raise ModuleNotFoundError('prefect_dask')")
    settings = {"PREFECT_API_URL": prefect_url, "PYTHONPATH": str(tmp_path)}
    machine = Machine(tmp_path, free_port(), settings)
    refused = machine.tinyvideo(
        "run", "--folder", folder, "--out", tmp_path / "out", "--engine", "dask"
    )
    assert refused.returncode == 2
    assert "the engine dask is not installed: " in refused.stderr
    assert "pip install -e '.[dask]'" in refused.stderr


def task_runs(url: str, name: str) -> int:
    """Count the task runs so named; the server forgets none, so each test counts its own."""
    question = json.dumps({"task_runs": {"name": {"like_": name}}, "limit": 200}).encode()
    head = {"Content-Type": "application/json", **basic()}
    request = urllib.request.Request(f"{url}/task_runs/filter", question, head)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return len(json.load(answer))
