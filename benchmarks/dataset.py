"""Build a dataset of many synthetic rows: seconds, peak memory, and that no owner is on two sides.

    python -m benchmarks.dataset --rows 1000000          prints the table, puts it into RESULTS.md
    python -m benchmarks.dataset --rows 1000000 --json

Shards of 4,096 strips are drawn, with a JPEG of a few bytes each, since a build never reads them.
One strip in a hundred is a near duplicate of those of nine other owners. The build runs in a
process of its own, so that its memory is its own; the limit is 1 GB.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tinyvideo.pipeline.alike import HASH_BYTES
from tinyvideo.pipeline.types import STRIP_FRAMES
from tinyvideo.storage.datasets.dataset_draft import build_dataset
from tinyvideo.storage.datasets.dataset_survey import survey
from tinyvideo.storage.datasets.manifest import read_manifest, read_selection
from tinyvideo.storage.datasets.row_selection import SPLITS
from tinyvideo.storage.datasets.strip_query import DatasetConfig
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.shards.schema import SCHEMA, STORED
from tinyvideo.storage.shards.schema_versions import to_stored
from tinyvideo.storage.shards.shard_writer import ROW_GROUP_STRIPS

SHARD_STRIPS = 4096
STRIPS_PER_OWNER = 50
NAME = "bench"


def draw_shards(folder: Path, rows: int, seed: int = 0) -> None:
    """Write shards of `rows` strips in all, of one owner per fifty, in a random order."""
    rng = np.random.default_rng(seed)
    for number, start in enumerate(range(0, rows, SHARD_STRIPS)):
        count = min(SHARD_STRIPS, rows - start)
        path = folder / "shards" / f"shard-{number + 1:06d}.parquet"
        path.parent.mkdir(exist_ok=True)
        table = to_stored(draw_rows(rng, start, count, max(1, rows // STRIPS_PER_OWNER)))
        writer = pq.ParquetWriter(path, STORED, compression="zstd", write_page_checksum=True)
        with writer:
            writer.write_table(table, row_group_size=ROW_GROUP_STRIPS)


def draw_rows(rng: np.random.Generator, start: int, count: int, owners: int) -> pa.Table:
    """Make up `count` rows of the schema."""
    owner = rng.integers(0, owners, count)
    group = np.where(rng.random(count) < 0.01, [f"group-{n // 10}" for n in owner], "")
    beach = rng.random(count).astype(np.float32)
    tags = pa.StructArray.from_arrays(
        [pa.repeat("beach", count), pa.array(beach)], names=["scene", "probability"]
    )
    drawn = {
        "strip_id": pa.array([f"flickr-{start + n}-00000" for n in range(count)]),
        "video_id": pa.array([f"flickr-{start + n}" for n in range(count)]),
        "owner": pa.array([f"{n}@N00" for n in owner]),
        "source": pa.repeat("flickr", count),
        "near_duplicate_group": pa.array(group),
        "near_duplicate_hash": pa.array([rng.bytes(HASH_BYTES) for _ in range(count)], pa.binary()),
        "scenes": pa.ListArray.from_arrays(pa.array(np.arange(count + 1, dtype=np.int32)), tags),
        "scene_model": pa.repeat("places365-resnet18", count),
        "fps": pa.array(np.full(count, 25.0)),
        "object_motion": pa.array(rng.random(count).astype(np.float32)),
        "jpeg": pa.repeat(b"no picture", count),
    }
    columns = [drawn[f.name] if f.name in drawn else blank(f.type, count) for f in SCHEMA]
    return pa.table([c.cast(f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def blank(kind: pa.DataType, count: int) -> pa.Array:
    """Make a column of empty texts, of zeros, or of nothing."""
    if pa.types.is_fixed_size_list(kind):
        zeros = pa.array(np.zeros(count * STRIP_FRAMES * 9))
        return pa.FixedSizeListArray.from_arrays(zeros, STRIP_FRAMES * 9)
    if pa.types.is_list(kind):
        return pa.nulls(count, kind)
    if pa.types.is_string(kind):
        return pa.repeat("", count)
    return pa.array(np.zeros(count)).cast(kind)


def build(folder: Path) -> dict[str, float]:
    """Build a dataset of all shards, with a query, and look for leaks; return the figures."""
    store = FolderStore(folder)
    shards = dict.fromkeys(store.list("shards"), "drawn")
    config = DatasetConfig(
        scenes=("beach",), min_probability=0.1, min_motion=0.05, max_per_owner=40
    )
    start = time.perf_counter()
    manifest = build_dataset(store, NAME, shards, config)
    seconds = time.perf_counter() - start
    peak = peak_mb()
    start = time.perf_counter()
    pieces = {s: read_selection(store, read_manifest(store, NAME), s) for s in SPLITS}
    loaded = time.perf_counter() - start
    found = survey(store, manifest.shards, pieces, manifest.query)
    return {
        "shards": len(shards),
        "build_seconds": round(seconds, 1),
        "peak_mb": peak,
        "load_seconds": round(loaded, 3),
        "strips": sum(manifest.counts.values()),
        "owners": sum(manifest.owners.values()),
        "shared_owners": found.shared_owners,
        "shared_groups": found.shared_groups,
        "differences": int(asdict(found)["strips"] != manifest.counts),
    }


def peak_mb() -> int:
    """Return the most memory that this process has held; Linux only.

    `getrusage` would count the process that has started this one as well.
    """
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) // 1024


def measure(rows: int) -> dict[str, float]:
    """Draw shards, and build a dataset of them in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        draw_shards(Path(name), rows)
        command = [sys.executable, "-m", "benchmarks.dataset", "--build", name]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return {"rows": rows, **json.loads(answer.stdout)}


def main() -> None:
    """Measure, print, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="print JSON and keep nothing")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.build:
        json.dump(build(wanted.build), sys.stdout)
        return
    results = measure(wanted.rows)
    if wanted.json:
        json.dump(results, sys.stdout, indent=2)
        return
    lines = ["| figure | value |", "|---|---:|"]
    lines += [f"| {name.replace('_', ' ')} | {value:,} |" for name, value in results.items()]
    from benchmarks.stages import put_into_results  # noqa: PLC0415  torch, which counts as memory

    body = f"`python -m benchmarks.dataset --rows {wanted.rows}`\n\n" + "\n".join(lines)
    put_into_results("Building a dataset", body)
    print(body)


if __name__ == "__main__":
    main()
