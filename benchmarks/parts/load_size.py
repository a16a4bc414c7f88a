"""The loader's start-up and memory, with a dataset of a few strips and with one of 35 million.

    python -m benchmarks.parts.load_size          prints the table and puts it into RESULTS.md
    python -m benchmarks.parts.load_size --json

One shard of 1,024 strips of 128 pixels is written, and named by as many links as the dataset has
shards: manifest, pieces, footers and row groups are real ones. Each loader runs in a process of its
own; start-up is the time to read the manifest, make the loader and have its first batch of 64.
Memory is the most that the process had for itself after any of `BATCHES` batches, each of which is
let go, and in how far this is more than after the imports. Files that are mapped, such as the
code of PyTorch, belong to all ranks of a machine together. The tables that CUDA's libraries clear
for themselves do not, and are named apart: a PyTorch without CUDA has none of them.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from tinyvideo.storage.datasets.dataset_draft import build_dataset
from tinyvideo.storage.datasets.manifest import read_manifest, write_manifest
from tinyvideo.storage.datasets.row_selection import RowSelection
from tinyvideo.storage.datasets.strip_query import DatasetConfig
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.shards.shard_writer import ROW_GROUP_STRIPS

STRIPS, BATCHES = 35_000_000, 40
SHARD_STRIPS = 1024
FEW = "few"


def write_datasets(folder: Path, strips: int) -> None:
    """Write a shard, a dataset of it, and one of so many strips in links to it."""
    from benchmarks.load import cut_strips  # noqa: PLC0415
    from benchmarks.peers.loaders import write_rows  # noqa: PLC0415

    first = folder / "shards" / "shard-000000.parquet"
    first.parent.mkdir()
    write_rows(cut_strips(SHARD_STRIPS), first)
    store = FolderStore(folder)
    few = build_dataset(store, FEW, [f"shards/{first.name}"], DatasetConfig(validation=0, test=0))
    count = strips // SHARD_STRIPS
    keys = tuple(f"shards/shard-{number:06d}.parquet" for number in range(count))
    for key in keys[1:]:
        os.link(first, folder / key)
    groups = SHARD_STRIPS // ROW_GROUP_STRIPS
    everything = RowSelection(
        shard=np.repeat(np.arange(count, dtype=np.int32), groups),
        row_group=np.tile(np.arange(groups, dtype=np.int32), count),
        rows=np.full(count * groups, 2**64 - 1, np.uint64),
        count=np.full(count * groups, ROW_GROUP_STRIPS, np.uint8),
    )
    fields = ("shard", "row_group", "rows", "count")
    nobody = RowSelection(**{name: getattr(everything, name)[:0] for name in fields})
    draft = replace(few, name="many", shards=keys, shard_sha256=few.shard_sha256 * count)
    write_manifest(store, draft, {"train": everything, "validation": nobody, "test": nobody})


def load(folder: Path, name: str) -> dict[str, float]:
    """Load some batches of a dataset; return the figures."""
    from tinyvideo.models.data.loader import LoadConfig, Loader  # noqa: PLC0415

    imported = own_mb()
    store = FolderStore(folder)
    start = time.perf_counter()
    with Loader(store, read_manifest(store, name), LoadConfig()) as loader:
        next(loader)
        started = time.perf_counter() - start
        peak = max(own_mb() for _ in zip(range(BATCHES), loader, strict=False))
        strips = len(loader)
    return {
        "strips": strips,
        "start_up_s": round(started, 2),
        "memory_mb": peak,
        "of_cuda_mb": cuda_mb(),
        "of_the_loader_mb": peak - imported,
    }


def own_mb() -> int:
    """Return the memory that belongs to this process alone; Linux only."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) // 1024


def cuda_mb() -> int:
    """Return how much of this belongs to CUDA's libraries: their data, and what lies behind it."""
    kilobytes, file = 0, ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if mapping := re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ *(.*)", line):
            file = mapping[1] or file  # cleared memory has no name, and lies behind its library
        elif line.startswith("Anonymous:") and "/nvidia/" in file:
            kilobytes += int(line.split()[1])
    return kilobytes // 1024


def main() -> None:
    """Measure, print, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON and keep nothing")
    parser.add_argument("--strips", type=int, default=STRIPS)
    parser.add_argument("--load", nargs=2, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.load:
        json.dump(load(Path(wanted.load[0]), wanted.load[1]), sys.stdout)
        return
    results = []
    with tempfile.TemporaryDirectory() as folder:
        write_datasets(Path(folder), wanted.strips)
        for name in (FEW, "many"):
            command = [sys.executable, "-m", "benchmarks.parts.load_size", "--load", folder, name]
            answer = subprocess.run(command, check=True, capture_output=True, text=True)
            results.append(json.loads(answer.stdout))
    if wanted.json:
        json.dump(results, sys.stdout, indent=2)
        return
    lines = ["| figure | few | many |", "|---|---:|---:|"]
    lines += [
        f"| {f.replace('_', ' ')} | {results[0][f]:,} | {results[1][f]:,} |" for f in results[0]
    ]
    from benchmarks.stages import put_into_results  # noqa: PLC0415

    body = "`python -m benchmarks.parts.load_size`\n\n" + "\n".join(lines)
    put_into_results("Loading from 35 million strips", body)
    print(body)


if __name__ == "__main__":
    main()
