"""A lost catalog made anew of many shards: seconds, peak memory, and whether the books are equal.

    python -m benchmarks.parts.catalog_rebuilds          prints the table, puts it into RESULTS.md
    python -m benchmarks.parts.catalog_rebuilds --rows 20000 --json

Shards of 4,096 strips are drawn, of a video per eight strips, with a picture of a few kilobytes
each: what a real one costs beside is reading and hashing its bytes, which is measured apart, on one
shard with pictures of 240 kB. The catalog is made of the shards alone; then it is backed up, lost
again, and put back. Each runs in a process of its own. The limit is 600 s.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.dataset import SHARD_STRIPS, draw_rows, peak_mb
from tinyvideo.storage.outputs.output_address import OutputAddress
from tinyvideo.storage.rebuild.catalog_backup import back_up_catalog
from tinyvideo.storage.rebuild.catalog_rebuild import rebuild_catalog
from tinyvideo.storage.rebuild.shard_contents import read_contents
from tinyvideo.storage.shards.schema import SCHEMA
from tinyvideo.storage.shards.schema_versions import to_stored
from tinyvideo.storage.shards.shard_writer import ROW_GROUP_STRIPS, ShardWriter

PER_VIDEO = 8
"""Strips of a video; theirs were 17 (35 million strips of 2 million videos)."""

SMALL, REAL = 2_000, 240_000
"""Bytes of a picture: so that a million fit onto a disk, and as runs make them."""


def draw_shards(folder: Path, rows: int, picture: int) -> None:
    """Write shards as runs do, with checksums of their row groups."""
    rng = np.random.default_rng(0)
    for number, start in enumerate(range(0, rows, SHARD_STRIPS)):
        count = min(SHARD_STRIPS, rows - start)
        path = folder / "shards" / f"shard-{number + 1:06d}.parquet"
        path.parent.mkdir(exist_ok=True, parents=True)
        draw_shard(path, rng, start, count, picture)


def draw_shard(path: Path, rng: np.random.Generator, start: int, count: int, picture: int) -> None:
    """Write one shard, by whole row groups: a million rows one by one would take an hour."""
    table = draw_rows(rng, start, count, max(1, count // PER_VIDEO))
    numbers = [start + n for n in range(count)]
    changes = {
        "strip_id": pa.array([f"flickr-{n // PER_VIDEO}-{n % PER_VIDEO:05d}" for n in numbers]),
        "video_id": pa.array([f"flickr-{n // PER_VIDEO}" for n in numbers]),
        "owner": pa.array([f"{n // PER_VIDEO % 20_000}@N00" for n in numbers]),
        "title": pa.array([f"Beach {n // PER_VIDEO}" for n in numbers]),
        "uri": pa.array([f"flickr:{n // PER_VIDEO}" for n in numbers]),
        "config_hash": pa.repeat("c0ffee", count),
        "jpeg": pa.array([rng.bytes(picture) for _ in numbers], pa.binary()),
    }
    for name, column in changes.items():
        table = table.set_column(SCHEMA.get_field_index(name), SCHEMA.field(name), column)
    with ShardWriter(path, {"tinyvideo.shard": f"shards/{path.name}"}) as writer:
        for first in range(0, count, ROW_GROUP_STRIPS):
            writer._hashed.begin_group()
            writer._writer.write_table(to_stored(table.slice(first, ROW_GROUP_STRIPS)))
            writer._hashed.end_group()


def rebuild(folder: Path) -> dict[str, float]:
    """Make the catalog of the shards in a folder; return the figures."""
    place, start = OutputAddress.at(folder), time.perf_counter()
    done = rebuild_catalog(place, lambda _done, _total: None)
    seconds = time.perf_counter() - start
    books = done.books
    return {
        "seconds": round(seconds, 1),
        "processor_seconds": round(time.process_time(), 1),
        "peak_mb": peak_mb(),
        "shards_entered": done.entered,
        "videos": books["videos"]["sharded"],
        "strips": books["strips"],
        "problems": len(books["problems"]) + len(done.broken),
    }


def back_up(folder: Path) -> dict[str, float]:
    """Back the catalog up; return the figures."""
    start = time.perf_counter()
    with OutputAddress.at(folder).shared() as output:
        key = back_up_catalog(output)
        return {
            "backup_seconds": round(time.perf_counter() - start, 1),
            "backup_mb": round(output.store.size(key) / 1e6, 1),
            "catalog_mb": round(Path(folder, "catalog.db").stat().st_size / 1e6, 1),
        }


def read_real(folder: Path) -> dict[str, float]:
    """Read one shard with pictures of the real size; return seconds of a processor per gigabyte."""
    path = folder / "shards" / "shard-000001.parquet"
    store, start = OutputAddress.at(folder).open_store(), time.process_time()
    read_contents(store, "shards/shard-000001.parquet", whole=True)
    seconds = (time.process_time() - start) / path.stat().st_size
    return {"processor_seconds_per_real_gb": round(seconds * 1e9, 2)}


STEPS = {"rebuild": rebuild, "back_up": back_up, "read_real": read_real}


def alone(step: str, folder: Path) -> dict[str, float]:
    """Do a step in a process of its own, so that its memory is its own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.parts.catalog_rebuilds",
        "--step",
        step,
        "--folder",
        str(folder),
    ]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(rows: int) -> dict[str, float]:
    """Draw shards, lose a catalog that never was, and make it; then lose it once more."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_shards(folder, rows, SMALL)
        figures = {"rows": rows, **alone("rebuild", folder), **alone("back_up", folder)}
        for path in folder.glob("catalog.db*"):
            path.unlink()
        again = alone("rebuild", folder)
        figures |= {"seconds_from_backup": again["seconds"], "problems_then": again["problems"]}
        assert (again["strips"], again["videos"]) == (figures["strips"], figures["videos"])
        assert figures["strips"] == rows
    with tempfile.TemporaryDirectory() as name:
        draw_shards(Path(name), SHARD_STRIPS, REAL)
        return figures | alone("read_real", Path(name))


def main() -> None:
    """Measure, print, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="print JSON and keep nothing")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.step:
        json.dump(STEPS[wanted.step](wanted.folder), sys.stdout)
        return
    results = measure(wanted.rows)
    if wanted.json:
        json.dump(results, sys.stdout, indent=2)
        return
    lines = ["| figure | value |", "|---|---:|"]
    lines += [f"| {name.replace('_', ' ')} | {value:,} |" for name, value in results.items()]
    from benchmarks.stages import put_into_results  # noqa: PLC0415  torch, which counts as memory

    body = f"`python -m benchmarks.parts.catalog_rebuilds --rows {wanted.rows}`\n\n" + "\n".join(
        lines
    )
    put_into_results("Making a lost catalog anew", body)
    print(body)


if __name__ == "__main__":
    main()
