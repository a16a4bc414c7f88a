"""Runs that are cancelled, or lost with their worker: no half shard, no video lost."""

import pytest

from tests.servers.prefect_machine import films, kill_tree

pytestmark = pytest.mark.timeout(600)  # with the start of a server, on a busy machine


def test_a_cancelled_shard_leaves_no_half_of_it_and_its_videos_go_back(machine):
    out = machine.home / "cancelled"
    films(machine.home / "long", 3, frames=1000)  # so long that the word comes before the end
    told = {"folder": str(machine.home / "long"), "out": str(out), "workers": 1}
    crawl = machine.crawl(**told)
    shard = machine.wait_for_shard(crawl)
    for run in (shard["id"], crawl):
        machine.cancel(run)
    for run in (crawl, shard["id"]):
        machine.wait_until(run, {"CANCELLED"})
    assert list(out.glob("shards/*")) == []

    again = machine.crawl(**told)
    machine.wait(again, 240)
    books = machine.books(out)
    assert (books["balanced"], books["videos"]["pending"]) == (True, 0)


def test_a_killed_worker_takes_up_its_shard_when_it_starts_again(machine):
    out = machine.home / "killed"
    crawl = machine.crawl(folder=str(machine.home / "beaches"), out=str(out), workers=1)
    machine.wait_for_shard(crawl)
    kill_tree(machine.pid("worker-cpu"))

    machine.up()  # as a service manager would

    machine.wait(crawl, 240)
    assert machine.ask(f"/flow_runs/{crawl}")["run_count"] == 2
    books = machine.books(out)
    assert (books["balanced"], books["videos"]["sharded"]) == (True, 3)
