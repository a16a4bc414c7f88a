"""Prefect as users have it: `tinyvideo up`, their own `prefect` command, and `tinyvideo down`."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.servers.prefect_machine import Machine, films
from tinyvideo.flows.machine.prefect_plugin import full_name
from tinyvideo.flows.monitor.artifacts import output_key
from tinyvideo.flows.server.private_server import free_port
from tinyvideo.flows.server.server_answers import answers

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
    its = f"-{output_key(told['out'])}"  # of two outputs, the same key would be of both
    shown = {a["key"].removesuffix(its): a for a in artifacts if a["key"]}
    keys = [a["key"].removesuffix(its) for a in artifacts if a["type"] in {"table", "markdown"}]
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


def test_its_password_is_in_its_file_and_nowhere_else(machine):
    kept = machine.state / "password"
    assert kept.stat().st_mode & 0o777 == 0o600
    secret = machine.password.removeprefix("tinyvideo:").encode()
    named = base64.b64encode(machine.password.encode())
    for file in [each for each in machine.home.rglob("*") if each.is_file() and each != kept]:
        assert not {word for word in (secret, named) if word in file.read_bytes()}, file
    assert secret not in words_of_processes()


def test_commands_find_the_password_and_others_are_told_of_it(machine):
    doctor = machine.tinyvideo("doctor", PREFECT_API_URL=machine.url)
    assert "✓ password: the server asks for one" in doctor.stderr
    elsewhere = machine.home / "elsewhere"  # no `up` has run there
    refused = machine.tinyvideo("deploy", PREFECT_API_URL=machine.url, HOME=str(elsewhere))
    assert refused.returncode == 2
    assert "wants a user and password: PREFECT_API_AUTH_STRING=USER:PASSWORD" in refused.stderr
    assert "Traceback" not in refused.stderr


def words_of_processes() -> bytes:
    """All command lines of this machine."""
    found = b""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found += file.read_bytes()
    return found


def test_an_unknown_pool_is_one_sentence(machine):
    refused = machine.tinyvideo("worker", "tpu", PREFECT_API_URL=machine.url)
    assert refused.returncode == 2
    assert "'tpu' is no pool of ours: cpu or gpu" in refused.stderr


def test_a_bare_name_is_that_of_flow_and_deployment():
    assert full_name("train") == "train/train"
    assert full_name("train/nightly") == "train/nightly"
