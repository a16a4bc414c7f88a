"""Memory over time: a worker over 40 shards, and a crawl over 10,000 batches.

The crawl runs for itself, with stand-ins for Prefect's server and its workers: a batch ends as soon
as it is handed out. The most calls that it has open at one time are counted.

Cost: 10 minutes each.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.servers.prefect_machine import films, machine


def memory_of_worker(shards: int = 40) -> dict[str, Any]:
    """The resident memory of the worker, after each shard."""
    with machine() as it:
        folder = films(it.home / "films", shards, frames=33)
        told = {"folder": str(folder), "batch_videos": 1, "workers": 1, "at_once": 1}
        run = it.crawl(**told, out=str(it.home / "out"))
        worker, sizes = it.pid("worker-cpu"), []
        while it.state_of(run) not in {"COMPLETED", "FAILED"}:
            sizes.append(resident_mb(worker))
            time.sleep(5)
        it.wait(run)
    third = max(1, len(sizes) // 3)
    return {
        "shards": shards,
        "first_third_mb": round(statistics.median(sizes[:third]), 1),
        "last_third_mb": round(statistics.median(sizes[-third:]), 1),
    }


def resident_mb(pid: int) -> float:
    """Read how much memory a process has, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line) / 1024


CRAWL = """
import asyncio, resource, sys, types, uuid
from pathlib import Path
import tinyvideo.flows.fan_out as fan_out
from tinyvideo.flows.run_options import RunOptions
from tinyvideo.pipeline.types import VideoRecord, VideoState
from tinyvideo.pipeline.errors import RejectReason
from prefect.states import Completed
from tinyvideo.storage.batches.batch_table import BatchState, close_batch, take_batch, videos_of

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
