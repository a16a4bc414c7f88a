"""A catalog of two million videos: how long leases, `tinyvideo status` and entering more take.

    python -m benchmarks.catalog fill DIR                       once: two minutes, 1.3 GB
    python -m benchmarks.catalog measure DIR                    as often as one likes: one minute
    python -m benchmarks.catalog fill DIR --database postgres   the same in a server of its own

Of a hundred videos 60 are sharded, 20 rejected, 2 failed, 1 curated and 17 pending, of which one
waits for its next try; every video that was looked at has clips of two outcomes, and every shard
has a file. The limits: 50 ms for a lease of 256, 2 s for the books. What a measurement leases it
gives back, what it enters stays. The figures go into RESULTS.md.
"""

import argparse
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.parts.catalog_rows import enter_rows
from tinyvideo.pipeline.types import VideoRecord
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.outputs.book_audit import read_books
from tinyvideo.storage.outputs.output_address import OutputAddress

LEASE, ROUNDS = 256, 100
PROCESSES = 4

SPAWN = multiprocessing.get_context("spawn")


def measure(place: OutputAddress) -> dict[str, float]:
    """Time what a run does with a catalog that is full; seconds and milliseconds."""
    with closing(place.open_catalog()) as catalog:
        known = catalog.position()[1]
        figures: dict[str, float] = {"videos": known}
        figures |= summarize("lease of 256", lease_often(place.catalog, "alone"))
        figures["renew 100 leases of 256, ms"] = 1000 * seconds(lambda: catalog.renew("alone", 600))
        catalog.give_back("alone")
        figures |= summarize(f"lease of 256, {PROCESSES} at once", lease_at_once(place.catalog))
        figures["free videos of a shard, ms"] = 1000 * seconds(lambda: catalog.curated(""))
        figures["progress bar, ms"] = 1000 * seconds(catalog.position)
        figures["status --json, whole process, s"] = min(time_status(place) for _ in range(3))
        figures["status, without imports, s"] = min(
            seconds(lambda: read_books(place)) for _ in range(3)
        )
        figures["recount at the end of a run, s"] = seconds(lambda: catalog.books(recount=True))
        fresh = [draw_record(known + number) for number in range(10_000)]
        figures["enter 10,000 new, s"] = seconds(lambda: catalog.add(fresh))
        figures["enter 10,000 known, s"] = seconds(lambda: catalog.add(fresh))
    return figures


def lease_often(address: str, holder: str) -> list[float]:
    """Lease a batch `ROUNDS` times; return how many milliseconds each took."""
    with closing(Catalog.open(address, make=False)) as catalog:
        return [1000 * seconds(lambda: catalog.lease(LEASE, holder, 600)) for _ in range(ROUNDS)]


def lease_at_once(address: str) -> list[float]:
    """Do that in several processes, and give back what they leased."""
    holders = [(address, f"beside-{number}") for number in range(PROCESSES)]
    with SPAWN.Pool(PROCESSES) as pool:
        times = pool.starmap(lease_often, holders)
    with closing(Catalog.open(address, make=False)) as catalog:
        for _, holder in holders:
            catalog.give_back(holder)
    return [ms for each in times for ms in each]


def summarize(name: str, times_ms: list[float]) -> dict[str, float]:
    """Name the middle, the hundredth from the top, and the top."""
    ordered = sorted(times_ms)
    return {
        f"{name}, p50 ms": statistics.median(ordered),
        f"{name}, p99 ms": ordered[-1 - len(ordered) // 100],
        f"{name}, worst ms": ordered[-1],
    }


def time_status(place: OutputAddress) -> float:
    """Run `tinyvideo status --json`; return its seconds."""
    command = [
        sys.executable,
        "-m",
        "tinyvideo.flows.cli",
        "status",
        "--json",
        "--out",
        place.address,
    ]
    environment = os.environ | {"TINYVIDEO_CATALOG": place.catalog}

    def run() -> None:
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"status ended with {done.returncode}: {done.stdout[-500:]!r}")

    return seconds(run)


def draw_record(number: int) -> VideoRecord:
    """Make up a video that is new."""
    return VideoRecord(video_id=f"new-{number}", source="flickr", uri="flickr:1", owner="a")


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@contextmanager
def database(kind: str, folder: Path) -> Iterator[OutputAddress]:
    """Give the place of the catalog in a folder."""
    out = folder / "out"
    out.mkdir(parents=True, exist_ok=True)
    if kind == "sqlite":
        yield OutputAddress.at(out)
        return
    from tests.servers.postgres import serve_postgres  # noqa: PLC0415

    with serve_postgres(folder / "postgres") as server:
        yield OutputAddress.at(out, catalog=server.address)


def write_results(title: str, figures: dict[str, float]) -> None:
    """Put the table in the place of the last one of the same title."""
    path = Path(__file__).with_name("RESULTS.md")
    lines = [f"| {name} | {value:,.4g} |" for name, value in figures.items() if name != "videos"]
    section = "\n".join([f"## {title}\n", "| figure | value |", "|---|---:|", *lines, ""])
    text = path.read_text()
    pattern = rf"## {re.escape(title)}\n.*?(?=\n## |\Z)"
    if re.search(pattern, text, re.DOTALL):
        text = re.sub(pattern, lambda _: section, text, count=1, flags=re.DOTALL)
    else:
        text = f"{text.rstrip()}\n\n{section}"
    path.write_text(text)


def main() -> None:
    """Fill, or measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("do", choices=["fill", "measure"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--no-results", action="store_true", help="Leave RESULTS.md as it is.")
    options = parser.parse_args()
    with database(options.database, options.folder / options.database) as place:
        if options.do == "fill":
            print(f"filled in {seconds(lambda: enter_rows(place, options.rows)):.0f} s")
            return
        figures = measure(place)
    for name, value in figures.items():
        print(f"{name:36} {value:12,.4g}")
    if not options.no_results:
        write_results(f"A catalog of two million videos ({options.database})", figures)


if __name__ == "__main__":
    main()
