"""Prefect as users have it: `tinyvideo up`, their own `prefect` command, and `tinyvideo down`."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers.prefect_machine import Machine, films
from tinyvideo.flows.machine.prefect_plugin import full_name
from tinyvideo.flows.machine.private_server import free_port
from tinyvideo.flows.machine.server_answers import answers

pytestmark = pytest.mark.timeout(600)  # with the start of a server, on a busy machine


@pytest.fixture(scope="module")
def machine(
    prefect_home: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """A machine on which `tinyvideo up` has run, with a server of its own."""
    machine = Machine(tmp_path_factory.mktemp("home"), free_port())
    prefect_home(machine.state / "prefect")
    folder = films(machine.home / "beaches", 3, frames=33)
    try:
        machine.up("--folder", folder, "--out", machine.home / "out")
        yield machine
    finally:
        down = machine.tinyvideo("down")
    assert down.returncode == 0, down.stderr
    assert "ended worker-cpu, server" in down.stderr
    assert not answers(machine.url)


def test_the_command_of_the_readme_makes_shards_and_shows_them(machine):
    told = {"folder": str(machine.home / "beaches"), "out": str(machine.home / "out")}
    thresholds = {"stabilize": {"min_visible": 0.45}}
    options = json.dumps(
        {"options": {**told, "batch_videos": 2, "workers": 1, "config": thresholds}}
    )
    begun = machine.prefect("deployment", "run", "crawl-and-stabilize", "--params", options)
    assert begun.returncode == 0, begun.stderr
    (run,) = machine.ask(
        "/flow_runs/filter", {"flows": {"name": {"any_": ["crawl-and-stabilize"]}}}
    )
    machine.wait(run["id"], 240)
    assert machine.ask(f"/flow_runs/{run['id']}")["name"] == "crawl · folder beaches"

    shards = machine.ask("/flow_runs/filter", {"flows": {"name": {"any_": ["make-shard"]}}})
    assert {(s["name"], s["state"]["type"]) for s in shards} == {
        ("shard-000001 · folder beaches · 2 videos", "COMPLETED"),
        ("shard-000002 · folder beaches · 1 video", "COMPLETED"),
    }
    books = machine.books(machine.home / "out")
    assert (books["balanced"], books["shards"], books["videos"]["sharded"]) == (True, 2, 3)

    made_with = json.loads(machine.tinyvideo("config", "--out", told["out"], "--json").stdout)
    assert made_with["config"]["stabilize"]["min_visible"] == 0.45
    shown_row = machine.tinyvideo("shards", "show", "shard-000002", "--out", told["out"], "--json")
    (row,) = json.loads(shown_row.stdout)["rows"]
    assert row["config_hash"] == made_with["config_hash"]

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
    machine.up()
    after = machine.ask("/automations/filter", {})
    assert sorted(a["name"] for a in after) == [
        "tinyvideo: find lost runs",
        "tinyvideo: run crashed again",
        "tinyvideo: tell of failures",
    ]
    assert {a["id"] for a in before} == {a["id"] for a in after}
    assert len(machine.ask("/deployments/filter", {})) == 4


def test_an_unknown_pool_is_one_sentence(machine):
    refused = machine.tinyvideo("worker", "tpu", PREFECT_API_URL=machine.url)
    assert refused.returncode == 2
    assert "'tpu' is no pool of ours: cpu or gpu" in refused.stderr


def test_a_bare_name_is_that_of_flow_and_deployment():
    assert full_name("train") == "train/train"
    assert full_name("train/nightly") == "train/nightly"
