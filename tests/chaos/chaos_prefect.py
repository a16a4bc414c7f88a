"""Kill -9 at random moments: a worker with its children, the server, or the crawl itself.

    python -m tests.chaos.chaos_prefect worker --kills 30
    python -m tests.chaos.chaos_prefect server --kills 30 [--postgres]
    python -m tests.chaos.chaos_prefect crawl --kills 30

What a service manager would start anew is started anew at once; a killed crawl is left to Prefect.
Then the books are held: every video in one shard, none twice, none pending, whatever was killed
when. One crawl follows another until there were as many kills as were asked for.

Cost: about 15 s per kill on an idle machine.
"""

import argparse
import random
import sys
import time
from contextlib import ExitStack
from typing import Any

from tests.servers.debian_postgres import serve_debian_postgres
from tests.servers.prefect_machine import Machine, films, kill_tree, machine
from tinyvideo.flows.server.processes import Processes

WINDOW_S = (1.0, 10.0)
"""Between two kills; a shard of three videos takes about as long."""


def survive(it: Machine, kind: str, kills: int, chance: random.Random) -> dict[str, Any]:
    """Kill until it was done `kills` times, crawl after crawl; hold the books of each.

    Raises:
        AssertionError: something is lost, doubled or left.
    """
    folder = films(it.home / "films", 6, frames=33)
    killed, crawls, again = 0, 0, 0
    while killed < kills:
        out = it.home / f"out{crawls}"
        run = it.crawl(folder=str(folder), out=str(out), batch_videos=2, workers=1)
        crawls += 1
        while killed < kills and it.state_of(run) not in {"COMPLETED", "FAILED", "CRASHED"}:
            time.sleep(chance.uniform(*WINDOW_S))
            killed += kill(it, kind, run)
        it.wait(run)
        hold(it.books(out), len(list(folder.glob("*.mp4"))))
        again += it.ask(f"/flow_runs/{run}")["run_count"] - 1
        sys.stderr.write(f"{kind}: {killed} kills, {crawls} crawls\n")
    return {"kind": kind, "kills": killed, "crawls": crawls, "crawls_begun_again": again}


def kill(it: Machine, kind: str, run: str) -> int:
    """Kill, and start anew what a service manager would; return how many were killed."""
    if kind == "crawl":
        processes = it.processes_of(run)
        for pid in processes[:1]:
            kill_tree(pid)
        return len(processes[:1])
    name = {"worker": "worker-cpu", "server": "server"}[kind]
    if name not in Processes(it.state).running():
        return 0
    kill_tree(it.pid(name))
    it.up()
    return 1


def hold(books: dict[str, Any], videos: int) -> None:
    """See that every video is in a shard, once."""
    found = books["videos"]
    assert books["balanced"], books["problems"]
    assert (found["found"], found["sharded"], found["pending"]) == (videos, videos, 0), found


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=["worker", "server", "crawl"])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--postgres", action="store_true", help="the server's database")
    told = parser.parse_args()
    with ExitStack() as stack:
        settings = {}
        if told.postgres:
            database = stack.enter_context(serve_debian_postgres())
            settings["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = database
        it = stack.enter_context(machine(**settings))
        start = time.monotonic()
        figures = survive(it, told.kind, told.kills, random.Random(told.seed))
    figures["seconds"] = round(time.monotonic() - start)
    sys.stdout.write(f"{figures}\n")


if __name__ == "__main__":
    main()
