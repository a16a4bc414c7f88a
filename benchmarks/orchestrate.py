"""What Prefect costs, how it scales, and what it survives: the figures of orchestration.

    python -m benchmarks.orchestrate overhead     Prefect's share of the time of a shard, start-up
    python -m benchmarks.orchestrate scaling      two workers against one, the same work
    python -m benchmarks.orchestrate memory-worker   over 40 shards; memory-crawl: 10,000 batches
    python -m benchmarks.orchestrate kills KIND   30 kills: worker, server, parent; --postgres
    python -m benchmarks.orchestrate outage       the server is away for two minutes
    python -m benchmarks.orchestrate password     no route answers without it

Each takes `--json`, and leaves nothing behind. Everything is real: `tinyvideo up` in a home of its
own on a free port, the films of `tests/films.py`, SIGKILL. Only `memory crawl` has a stand-in for
the workers, which end 10,000 batches at once.

Cost: `overhead` 5 minutes, `scaling` 4, `memory` 10, `kills` 15 to 30 per kind, `outage` 4.
"""

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.server import free_port
from tests.films import film, shaky_path, write_video

REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Machine:
    """A home of its own for the commands, and a port for the server."""

    home: Path
    port: int
    database: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def state(self) -> Path:
        return self.home / ".tinyvideo" / "up"

    def environment(self, **settings: str) -> dict[str, str]:
        database = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": self.database}
        given = {**settings, **(database if self.database else {})}
        return {**os.environ, "HOME": str(self.home), "COLUMNS": "200", **given}

    def tinyvideo(self, *words: object, **settings: str) -> str:
        command = [sys.executable, "-m", "flows.cli", *map(str, words)]
        done = subprocess.run(
            command, env=self.environment(**settings), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{words}: {done.stderr}")
        return done.stdout

    def up(self, **settings: str) -> None:
        self.tinyvideo("up", "--port", self.port, **settings)

    def ask(self, path: str, question: object = None, password: str = "") -> Any:
        data = None if question is None else json.dumps(question).encode()
        request = urllib.request.Request(
            f"{self.url}{path}", data, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def crawl(self, **options: object) -> str:
        """Start a crawl; return the id of its run."""
        name = "/deployments/name/crawl-and-stabilize/crawl-and-stabilize"
        deployment = self.ask(name)["id"]
        made = self.ask(
            f"/deployments/{deployment}/create_flow_run",
            {"parameters": {"options": options}, "state": {"type": "SCHEDULED"}},
        )
        return str(made["id"])

    def state_of(self, run: str) -> str:
        try:
            return str(self.ask(f"/flow_runs/{run}")["state"]["type"])
        except (urllib.error.URLError, OSError):
            return "SERVER AWAY"

    def wait(self, run: str, limit_s: float = 1500) -> float:
        """Wait until a run has completed; return the seconds since it was begun."""
        deadline = time.monotonic() + limit_s
        while (state := self.state_of(run)) != "COMPLETED":
            if state in {"FAILED", "CANCELLED"} or time.monotonic() > deadline:
                raise RuntimeError(f"{state}: {self.ask(f'/flow_runs/{run}')['state']}")
            time.sleep(0.5)
        return float(self.ask(f"/flow_runs/{run}")["total_run_time"])

    def shards(self, parent: str) -> list[dict[str, Any]]:
        """The runs of make-shard that a crawl has started, by name."""
        question = {
            "flows": {"name": {"any_": ["make-shard"]}},
            "flow_runs": {"parent_flow_run_id": {"any_": [parent]}},
            "sort": "START_TIME_ASC",
        }
        return list(self.ask("/flow_runs/filter", question))

    def books(self, out: Path) -> dict[str, Any]:
        return dict(json.loads(self.tinyvideo("status", "--out", out, "--json")))

    def pid(self, name: str) -> int:
        return int(json.loads((self.state / f"{name}.json").read_text())["pid"])


@contextmanager
def machine(database: str = "") -> Iterator[Machine]:
    """A machine on which `tinyvideo up` has run; all of it goes at the end."""
    home = Path(tempfile.mkdtemp(prefix="orchestrate-"))
    it = Machine(home, free_port(), database)
    try:
        it.up()
        yield it
    finally:
        with suppress(RuntimeError):
            it.tinyvideo("down")
        shutil.rmtree(home, ignore_errors=True)


def films(folder: Path, count: int, frames: int = 66) -> Path:
    """Draw `count` films, of which eight are different."""
    folder.mkdir(parents=True)
    for number in range(count):
        target = folder / f"{number:05d}.mp4"
        if number < 8:
            write_video(target, film(shaky_path(frames, seed=number), seed=number))
        else:
            shutil.copyfile(folder / f"{number % 8:05d}.mp4", target)
    return folder


def seconds(moment: str) -> float:
    """Read a time of the server's."""
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


def overhead(videos: int = 256) -> dict[str, Any]:
    """One shard of 256 videos with Prefect, beside the same work without any flow run."""
    with machine() as it:
        folder = films(it.home / "films", videos)
        run = it.crawl(folder=str(folder), out=str(it.home / "out"), workers=2)
        whole = it.wait(run)
        (shard,) = it.shards(run)
        tasks = it.ask("/task_runs/filter", {"flow_runs": {"id": {"any_": [shard["id"]]}}})
        work = sum(float(task["total_run_time"]) for task in tasks)
        log = it.ask(
            "/logs/filter", {"logs": {"flow_run_id": {"any_": [shard["id"]]}}, "limit": 50}
        )
        first = min(seconds(line["timestamp"]) for line in log if ".mp4: " in line["message"])
        created = seconds(shard["created"])
        ended = seconds(shard["end_time"])
        bare = _without_prefect(folder, it.home / "bare")
        return {
            "videos": videos,
            "shard_s": round(ended - created, 2),
            "work_s": round(work, 2),
            "share_of_prefect": round(1 - work / (ended - created), 4),
            "start_to_first_video_s": round(first - created, 2),
            "without_prefect_s": round(bare, 2),
            "crawl_s": round(whole, 2),
            "share_beside_bare": round(1 - bare / (ended - created), 4),
        }


BARE = """
import asyncio, sys, time
from pathlib import Path
from flows.options import RunOptions
from flows.pool import curate_videos
from flows.make_shard import worker_config
from pipeline.sources import scan_folder
from storage.batches import BatchState, begin_batch, close_batch, take_batch, work_of
from storage.pack_batch import pack_batch

async def main(folder, out):
    options = RunOptions(folder=folder, out=out, workers=2)
    with options.place.shared(make=True) as output:
        output.catalog.add(scan_folder(Path(folder)))
        batch = take_batch(output.catalog, begin_batch(output.catalog, 10000, "", 6000).token, "", 6000).batch
        work = work_of(output.work, batch)
        records = output.catalog.lease(0, "none") or output.catalog.records(
            [v.record.video_id for v in output.catalog.videos()])
        outcomes = curate_videos(records, worker_config(work.root, options), workers=2, limit_s=600)
        async for record, outcome in outcomes:
            if outcome.counts is not None:
                output.catalog.enter_clips(record.video_id, outcome.counts, holder=batch.token)
        pack_batch(output.catalog, output.store, work, batch)
        close_batch(output.catalog, batch, BatchState.DONE)

if __name__ == "__main__":
    start = time.monotonic()
    asyncio.run(main(*sys.argv[1:]))
    print(time.monotonic() - start)
"""


def _without_prefect(folder: Path, out: Path) -> float:
    # The same calls as in make-shard, from the start of the program on, without any flow.
    program = out.parent / "bare.py"
    program.write_text(BARE)
    command = [sys.executable, str(program), str(folder), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def scaling(shards: int = 4, videos: int = 24) -> dict[str, Any]:
    """The same work by one worker process, and by two."""
    took = {}
    with machine() as it:
        folder = films(it.home / "films", shards * videos)
        told = {"folder": str(folder), "batch_videos": videos, "workers": 1}
        run = it.crawl(**told, out=str(it.home / "one"), at_once=1)
        it.wait(run)
        took["one"] = _span(it.shards(run))
        second = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "worker", "cpu", "--name", "second"],
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


def memory_of_worker(shards: int = 40) -> dict[str, Any]:
    """The resident memory of the worker, after each shard."""
    with machine() as it:
        folder = films(it.home / "films", shards, frames=33)
        told = {"folder": str(folder), "batch_videos": 1, "workers": 1, "at_once": 1}
        run = it.crawl(**told, out=str(it.home / "out"))
        worker, sizes = it.pid("worker-cpu"), []
        while it.state_of(run) not in {"COMPLETED", "FAILED"}:
            sizes.append(_resident_mb(worker))
            time.sleep(5)
        it.wait(run)
    third = max(1, len(sizes) // 3)
    return {
        "shards": shards,
        "first_third_mb": round(statistics.median(sizes[:third]), 1),
        "last_third_mb": round(statistics.median(sizes[-third:]), 1),
    }


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line) / 1024


CRAWL = """
import asyncio, resource, sys, types, uuid
from pathlib import Path
import flows.fan_out as fan_out
from flows.options import RunOptions
from pipeline.types import VideoRecord, VideoState
from pipeline.errors import RejectReason
from prefect.states import Completed
from storage.batches import BatchState, close_batch, take_batch, videos_of

under_way, most_open, open_now = {}, 0, 0

class Client:
    api_url = "stand-in"
    async def _call(self):
        global open_now, most_open
        open_now += 1
        most_open = max(most_open, open_now)
        await asyncio.sleep(0)
        open_now -= 1
    async def read_flow_runs(self, flow_run_filter, limit):
        await self._call()
        return [types.SimpleNamespace(id=i, state=Completed()) for i in flow_run_filter.id.any_]
    async def read_flow_run(self, run):
        await self._call()
        return types.SimpleNamespace(state=Completed())
    async def read_workers_for_work_pool(self, pool):
        await self._call()
        return []

async def start(name, client, parameters, **_):
    await client._call()
    catalog = output.catalog
    batch = take_batch(catalog, parameters["batch"], "", 600).batch
    for video in videos_of(catalog, batch.token, VideoState.LEASED):
        catalog.settle(video, VideoState.REJECTED, RejectReason.FLAT, "black", holder=batch.token)
    catalog.drop_shard(batch.key)
    close_batch(catalog, batch, BatchState.DONE, {"rejected: flat": 1})
    return types.SimpleNamespace(id=uuid.uuid4())

async def nothing():
    return None

async def main(out, count):
    global output
    fan_out.arun_deployment, fan_out.POLL_S = start, 0
    fan_out.get_run_logger = lambda: types.SimpleNamespace(error=print)
    options = RunOptions(out=out, folder="/none", batch_videos=1, at_once=20)
    sizes = []
    with options.place.shared(make=True) as output:
        output.catalog.add(
            VideoRecord(video_id=f"folder-{n:016x}", source="folder", uri="file:///x")
            for n in range(count))
        async def measure():
            sizes.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20)
        await fan_out.FanOut(Client(), output, options, "").hand_out(measure, None)
        books = output.catalog.books()
    tenth = len(sizes) // 10
    print(len(sizes), sizes[tenth], sizes[-1], most_open, books.videos.pending, books.balanced)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def memory_of_crawl(batches: int = 10_000) -> dict[str, Any]:
    """The memory of a crawl that hands out 10,000 batches to stand-ins that end at once."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", CRAWL, folder, str(batches)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
    looks, early, late, most, pending, balanced = done.stdout.split()
    return {
        "batches": batches,
        "looks": int(looks),
        "after_a_tenth_mb": round(float(early), 1),
        "at_the_end_mb": round(float(late), 1),
        "open_calls_at_most": int(most),
        "pending": int(pending),
        "balanced": balanced == "True",
    }


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
        _kill_tree(it.pid("worker-cpu"))
    elif kind == "server":
        _kill_tree(it.pid("server"))
    else:
        parents = [p for p, words in _processes() if _is_parent(it, p, words)]
        if not parents:
            return 0
        _kill_tree(parents[0])
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


def _kill_tree(pid: int) -> None:
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    children: dict[int, list[int]] = {}
    for line in listed.stdout.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    doomed = [pid]
    for each in doomed:
        doomed += children.get(each, [])
    for each in doomed:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def outage(away_s: float = 120) -> dict[str, Any]:
    """The server is killed while shards are made, and comes back after two minutes."""
    with machine() as it:
        folder = films(it.home / "films", 60)
        out = it.home / "out"
        run = it.crawl(folder=str(folder), out=str(out), batch_videos=15, workers=1)
        while not list(out.glob("shards/*")):
            time.sleep(0.5)
        _kill_tree(it.pid("server"))
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


OPEN = {"/health", "/ready"}


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
                code = _status(f"{it.url.removesuffix('/api')}{path}", method.upper())
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "what",
        choices=[
            "overhead",
            "scaling",
            "memory-worker",
            "memory-crawl",
            "kills",
            "outage",
            "password",
        ],
    )
    parser.add_argument("kind", nargs="?", default="worker", choices=["worker", "server", "parent"])
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--postgres", default="", help="postgresql+asyncpg:// URL for the server")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    do: dict[str, Callable[[], dict[str, Any]]] = {
        "overhead": overhead,
        "scaling": scaling,
        "memory-worker": memory_of_worker,
        "memory-crawl": memory_of_crawl,
        "kills": lambda: kills(asked.kind, asked.count, asked.postgres),
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
