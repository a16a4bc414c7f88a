"""What somebody does on Prefect's page to a crawl that goes on: cancel one shard, pause it all."""

import time
from pathlib import Path

import pytest

from tests.servers.prefect_machine import films

pytestmark = pytest.mark.timeout(600)  # with the start of a server, on a busy machine


def test_a_cancelled_shard_is_not_handed_out_again_by_its_crawl(machine):
    out = machine.home / "cancelled"
    films(machine.home / "long", 3, frames=1500)  # so long that the word comes before the end
    told = {"folder": str(machine.home / "long"), "out": str(out), "batch_videos": 2}
    crawl = machine.crawl(**told, workers=1, at_once=1)
    shard = machine.wait_for_shard(crawl)
    assert shard["name"].startswith("shard-000001")

    machine.cancel(shard["id"])

    machine.wait(crawl, 240)
    assert [run["state"]["type"] for run in machine.shards(crawl)] == ["CANCELLED", "COMPLETED"]
    videos = machine.books(out)["videos"]
    assert (videos["pending"], videos["sharded"]) == (2, 1)
    state = machine.ask(f"/flow_runs/{crawl}")["state"]
    assert state["message"].startswith("2 videos are pending, of shards that were cancelled")

    machine.retry(shard["id"])  # whose batch was taken back: no green state without its work
    again = machine.wait_until(shard["id"], {"COMPLETED", "FAILED"})["state"]
    assert again["type"] == "FAILED"
    assert "nothing was done here: a crawl takes its videos up again" in again["message"]
    done = machine.shards(crawl)[-1]["id"]
    machine.retry(done)  # its work is done
    machine.wait_until(done, {"SCHEDULED", "PENDING", "RUNNING"})
    assert machine.wait_until(done, {"COMPLETED", "FAILED"})["state"]["type"] == "COMPLETED"


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_a_suspended_crawl_ends_and_is_resumed_as_one(machine):
    out = machine.home / "suspended"
    told = {"folder": str(machine.home / "beaches"), "out": str(out), "batch_videos": 2}
    crawl = machine.crawl(**told, workers=1, at_once=1)
    machine.wait_for_shard(crawl)
    assert machine.processes_of(crawl)

    machine.suspend(crawl)

    deadline = time.monotonic() + 120
    while machine.processes_of(crawl) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert machine.processes_of(crawl) == []
    assert machine.state_of(crawl) == "PAUSED"
    assert len(machine.shards(crawl)) == 1

    machine.ask(f"/flow_runs/{crawl}/resume", {})
    machine.wait(crawl, 240)
    books = machine.books(out)
    assert (books["balanced"], books["videos"]["sharded"], books["shards"]) == (True, 3, 2)
