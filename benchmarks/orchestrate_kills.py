"""Kill -9 at random moments: a worker with its children, the server, the crawl.

What a service manager would start anew, `tinyvideo up` does here. Then the books are held: every
video in one shard, none twice, none pending, whatever was killed when.

Cost: half a minute per kill.
"""

import random
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.flows.machine import Machine, films, kill_tree, machine


def kills(kind: str, count: int, database: str = "") -> dict[str, Any]:
    """Kill -9 at random moments until it was done `count` times; then hold the books."""
    chance = random.Random(0)
    killed, crawls, strips = 0, 0, set()
    with machine(database) as it:
        folder = films(it.home / "films", 12, frames=33)
        while killed < count:
            out = it.home / f"out{crawls}"
            crawls += 1
            run = it.crawl(folder=str(folder), out=str(out), batch_videos=3, workers=1)
            while killed < count:
                time.sleep(chance.uniform(2, 12))
                if it.state_of(run) in {"COMPLETED", "FAILED"}:
                    break
                killed += _kill(it, kind)
            it.wait(run)
            books = it.books(out)
            strips.add((books["strips"], books["videos"]["sharded"], books["balanced"]))
            sys.stderr.write(f"crawl {crawls}: {killed} kills, {books['strips']} strips\n")
            if not books["balanced"] or books["videos"]["pending"]:
                raise RuntimeError(f"after {killed} kills: {books}")
    return {
        "kind": kind,
        "database": "PostgreSQL" if database else "SQLite",
        "kills": killed,
        "crawls": crawls,
        "outcomes": sorted(strips),
    }


def _kill(it: Machine, kind: str) -> int:
    """Kill, and start anew what a service manager would; return how many were killed."""
    if kind == "worker":
        kill_tree(it.pid("worker-cpu"))
    elif kind == "server":
        kill_tree(it.pid("server"))
    else:
        parents = [p for p, words in _processes() if _is_parent(it, p, words)]
        if not parents:
            return 0
        kill_tree(parents[0])
        return 1
    it.up()
    return 1


def _is_parent(it: Machine, pid: int, words: str) -> bool:
    if "prefect.engine" not in words:
        return False
    with suppress(OSError):
        environment = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
        run = dict(e.split("=", 1) for e in environment.split("\0") if "=" in e)
        if run.get("HOME") == str(it.home):
            flow = it.ask(f"/flow_runs/{run['PREFECT__FLOW_RUN_ID']}")
            return str(flow["name"]).startswith("crawl")
    return False


def _processes() -> list[tuple[int, str]]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found.append((int(entry.name), (entry / "cmdline").read_bytes().decode()))
    return found
