"""What Prefect costs, and how it scales: the figures of orchestration.

    python -m benchmarks.orchestrate overhead       Prefect's share of a shard's time, start-up
    python -m benchmarks.orchestrate bare           the same shard without any flow run
    python -m benchmarks.orchestrate scaling        two workers against one, the same work
    python -m benchmarks.orchestrate memory-worker  over 40 shards; memory-crawl: 10,000 batches
    python -m benchmarks.orchestrate outage         the server is away for two minutes
    python -m benchmarks.orchestrate password       no route answers without it

Each takes `--json`. What it survives: `python -m tests.chaos.chaos_prefect`.

Cost: `overhead` 4 minutes, `bare` 1, `scaling` 5, `outage` 4, `password` 1.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.parts.orchestrate_memory import memory_of_crawl, memory_of_worker
from tests.servers.prefect_machine import Machine, films, kill_tree, machine, seconds
from tinyvideo.flows.server.private_server import free_port

WHAT = (
    "overhead",
    "bare",
    "scaling",
    "memory-worker",
    "memory-crawl",
    "outage",
    "password",
)


FILM_FRAMES = 250
"""Frames of a film: 10 s. Ours, and short: two films of Flickr that are described in full have 20
and 23 s. The share of what comes once per shard falls as films get longer."""


def overhead(videos: int = 256, frames: int = FILM_FRAMES) -> dict[str, Any]:
    """One shard of 256 videos as a flow run on the pool; what of its time was not the work."""
    with machine() as it:
        folder = films(it.home / "films", videos, frames)
        run = it.crawl(folder=str(folder), out=str(it.home / "out"), workers=2)
        whole = it.wait(run)
        (shard,) = it.shards(run)
        chosen = {"flow_runs": {"id": {"any_": [shard["id"]]}}}
        tasks = it.ask("/task_runs/filter", chosen)
        work = sum(float(task["total_run_time"]) for task in tasks)
        lines = {"logs": {"flow_run_id": {"any_": [shard["id"]]}}, "sort": "TIMESTAMP_ASC"}
        log = it.ask("/logs/filter", {**lines, "limit": 50})
        first = min(seconds(line["timestamp"]) for line in log if ".mp4: " in line["message"])
    created, begun, ended = (seconds(shard[at]) for at in ("created", "start_time", "end_time"))
    return {
        "videos": videos,
        "frames_of_each": frames,
        "shard_s": round(ended - created, 2),
        "work_s": round(work, 2),
        "share_of_prefect": round(1 - work / (ended - created), 4),
        "created_to_running_s": round(begun - created, 2),
        "created_to_first_video_s": round(first - created, 2),
        "crawl_s": round(whole, 2),
    }


def bare(videos: int = 256) -> dict[str, Any]:
    """The same shard by the same calls, from the start of the program on, without any flow run."""
    with tempfile.TemporaryDirectory() as folder:
        made = films(Path(folder) / "films", videos)
        return {"videos": videos, "without_prefect_s": _without_prefect(made, Path(folder) / "out")}


BARE = """
import asyncio, sys from pathlib import Path from tinyvideo.flows.run_options import RunOptions from
tinyvideo.flows.workers.process_pool import curate_videos from tinyvideo.flows.make_shard import
worker_config from tinyvideo.pipeline.find.folders import scan_folder from
tinyvideo.storage.batches.batch_table import BatchState, begin_batch, close_batch, take_batch,
work_of from tinyvideo.storage.batches.commit_batch import pack_batch

async def main(folder, out):
    options = RunOptions(folder=folder, out=out, workers=2)
    with options.place.shared(make=True) as output:
        output.catalog.add(scan_folder(Path(folder)))
        begun = begin_batch(output.catalog, 10000, "", 6000)
        batch = take_batch(output.catalog, begun.token, "", 6000).batch
        work = work_of(output.work, batch)
        records = [video.record for video in output.catalog.videos()]
        outcomes = curate_videos(records, worker_config(work.root, options), workers=2, limit_s=600)
        async for record, outcome in outcomes:
            if outcome.counts is not None:
                output.catalog.enter_clips(record.video_id, outcome.counts, holder=batch.token)
        pack_batch(output.catalog, output.store, work, batch)
        close_batch(output.catalog, batch, BatchState.DONE)

if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
"""


def _without_prefect(folder: Path, out: Path) -> float:
    program = out.parent / "bare.py"
    program.write_text(BARE)
    command = [sys.executable, str(program), str(folder), str(out)]
    start = time.monotonic()
    subprocess.run(command, capture_output=True, text=True, check=True)
    return round(time.monotonic() - start, 2)


def scaling(shards: int = 4, videos: int = 24, frames: int = FILM_FRAMES) -> dict[str, Any]:
    """The same work by one worker process, and by two."""
    took = {}
    with machine() as it:
        folder = films(it.home / "films", shards * videos, frames)
        told = {"folder": str(folder), "batch_videos": videos, "workers": 1}
        run = it.crawl(**told, out=str(it.home / "one"), at_once=1)
        it.wait(run)
        took["one"] = _span(it.shards(run))
        second = subprocess.Popen(
            [sys.executable, "-m", "tinyvideo.flows.cli", "worker", "cpu", "--name", "second"],
            env=it.environment(PREFECT_API_URL=it.url, PREFECT_HOME=str(it.home / "second")),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            time.sleep(15)
            run = it.crawl(**told, out=str(it.home / "two"), at_once=2)
            it.wait(run)
            took["two"] = _span(it.shards(run))
        finally:
            second.terminate()
            second.wait()
    return {
        "shards": shards,
        "videos": shards * videos,
        "one_s": round(took["one"], 1),
        "two_s": round(took["two"], 1),
        "times": round(took["one"] / took["two"], 2),
    }


def _span(shards: list[dict[str, Any]]) -> float:
    return max(seconds(s["end_time"]) for s in shards) - min(seconds(s["created"]) for s in shards)


def outage(away_s: float = 120) -> dict[str, Any]:
    """The server is killed while shards are made, and comes back after two minutes."""
    with machine() as it:
        folder = films(it.home / "films", 60)
        out = it.home / "out"
        run = it.crawl(folder=str(folder), out=str(out), batch_videos=15, workers=1)
        while not list(out.glob("shards/*")):
            time.sleep(0.5)
        kill_tree(it.pid("server"))
        before = len(list(out.glob("shards/*")))
        time.sleep(away_s)
        during = len(list(out.glob("shards/*")))
        it.up()
        it.wait(run)
        books = it.books(out)
    return {
        "away_s": away_s,
        "shards_made_meanwhile": during - before,
        "shards": books["shards"],
        "pending": books["videos"]["pending"],
        "balanced": books["balanced"],
    }


def password() -> dict[str, Any]:
    """Ask every route of the API without the password."""
    home = Path(tempfile.mkdtemp(prefix="orchestrate-"))
    it = Machine(home, free_port())
    secret = {"PREFECT_SERVER_API_AUTH_STRING": "admin:s3cret"}
    try:
        it.up(**secret)
        with urllib.request.urlopen(f"{it.url.removesuffix('/api')}/openapi.json") as answer:
            paths = json.load(answer)["paths"]
        refused, answered = 0, []
        for path, methods in paths.items():
            for method in methods:
                code = _status(f"{it.url}{path}", method.upper())
                if code in {401, 403}:
                    refused += 1
                else:
                    answered.append(f"{method.upper()} {path} {code}")
        with urllib.request.urlopen(f"{it.url.removesuffix('/api')}/ui-settings") as answer:
            page = json.load(answer)
        return {"routes_refused": refused, "answered": answered, "page_asks": page.get("auth")}
    finally:
        it.tinyvideo("down")
        shutil.rmtree(home, ignore_errors=True)


def _status(url: str, method: str) -> int:
    named = url.replace("{id}", "0").replace("{name}", "x")
    try:
        request = urllib.request.Request(
            named, method=method, data=b"{}" if method != "GET" else None
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def main() -> None:
    """Measure what was asked for."""
    as_written = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--count", type=int, help="batches of memory-crawl; default: 10,000")
    parser.add_argument(
        "--frames",
        type=int,
        default=FILM_FRAMES,
        help="of a film of overhead and scaling; default: 250",
    )
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    do: dict[str, Callable[[], dict[str, Any]]] = {
        "overhead": lambda: overhead(frames=asked.frames),
        "bare": bare,
        "scaling": lambda: scaling(frames=asked.frames),
        "memory-worker": memory_of_worker,
        "memory-crawl": lambda: memory_of_crawl(asked.count or 10_000),
        "outage": outage,
        "password": password,
    }
    figures = do[asked.what]()
    if asked.json:
        print(json.dumps(figures, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:<28} {value}")


if __name__ == "__main__":
    main()
