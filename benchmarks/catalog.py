"""A catalog of two million videos: how long leases, the books and entering more take.

    python -m benchmarks.catalog --rows 2000000                       a SQLite file
    python -m benchmarks.catalog --rows 2000000 --database postgres   a server of its own

Of a hundred videos 60 are sharded, 20 rejected, 2 failed, 1 curated and 17 pending, of which one
waits for its next try; every video that was looked at has clips of two outcomes. The figures go
into RESULTS.md. The limits: 50 ms for a lease of 256, 2 s for the books.
"""

import argparse
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.errors import FailCause, RejectReason
from pipeline.types import VideoRecord, VideoState
from storage.catalog import Catalog
from storage.database import transaction
from storage.rows import row_of_video
from storage.tables import CLIPS, SHARDS, VIDEOS

LEASE, ROUNDS = 256, 20
PER_SHARD = 256
CHUNK = 20_000
START = datetime(2026, 1, 1, tzinfo=UTC)


def draw_video(number: int) -> dict[str, Any]:
    """Make up the row of one video."""
    record = VideoRecord(
        video_id=f"flickr-{10_000_000_000 + number * 7}",
        source="flickr",
        uri=f"flickr:{10_000_000_000 + number * 7}",
        title=f"Beach {number}",
        owner=f"{number % 50_000}@N00",
        owner_name=f"owner {number % 50_000}",
        page_url=f"https://www.flickr.com/photos/{number % 50_000}@N00/{number}/",
        license="CC BY 2.0",
        license_id="4",
        license_url="https://creativecommons.org/licenses/by/2.0/",
        tags="beach sea sun",
        uploaded_at=1_400_000_000 + number * 30,
        secret="0123456789",
    )
    row = row_of_video(record, START + timedelta(milliseconds=number))
    return {**row, **verdict_of(number), "holder": "", "leased_until": None}


def verdict_of(number: int) -> dict[str, Any]:
    """Say what became of a video, by its number."""
    share = number % 100
    verdict: dict[str, Any] = {"shard_key": "", "attempts": 1, "reason": "", "detail": ""}
    if share < 60:
        verdict |= {"state": VideoState.SHARDED, "shard_key": f"shards/{number // PER_SHARD}"}
    elif share < 80:
        reasons = (RejectReason.SHOT_CUT, RejectReason.TOO_SHORT, RejectReason.GONE)
        reason = reasons[number % len(reasons)]
        verdict |= {"state": VideoState.REJECTED, "reason": reason, "detail": "the figures"}
    elif share < 82:
        verdict |= {"state": VideoState.FAILED, "reason": FailCause.HTTP_429}
    elif share < 83:
        verdict |= {"state": VideoState.CURATED}
    else:
        verdict |= {"state": VideoState.PENDING, "attempts": 0}
        if share == 99:
            later = datetime.now(UTC) + timedelta(days=1)
            verdict |= {"next_try_at": later, "reason": FailCause.HTTP_429}
    return verdict


def draw_clips(number: int) -> Iterator[dict[str, Any]]:
    """Make up how the windows of a video ended: 3 strips if it has any, 7 without cause."""
    row = {"video_id": f"flickr-{10_000_000_000 + number * 7}", "first_detail": ""}
    share = number % 100
    if share < 80 or share == 82:
        accepted = 3 if share < 60 or share == 82 else 0
        yield {**row, "outcome": "accepted", "count": accepted}
        yield {**row, "outcome": RejectReason.SHOT_CUT.value, "count": 7}


def fill(catalog: Catalog, rows: int) -> None:
    """Enter videos, clips and shards, by the rows and not by the life of each."""
    for start in range(0, rows, CHUNK):
        numbers = range(start, min(rows, start + CHUNK))
        with transaction(catalog.engine, writes=True) as db:
            db.execute(VIDEOS.insert(), [draw_video(number) for number in numbers])
            db.execute(CLIPS.insert(), [row for number in numbers for row in draw_clips(number)])
    with transaction(catalog.engine, writes=True) as db:
        db.execute(SHARDS.insert(), [draw_shard(n, rows) for n in range(-(-rows // PER_SHARD))])
        db.exec_driver_sql(f"INSERT INTO facts VALUES ('videos_found', '{rows}')")
        db.execute(sa.text("ANALYZE"))


def draw_shard(number: int, rows: int) -> dict[str, Any]:
    """Make up the row of one shard."""
    numbers = range(number * PER_SHARD, min(rows, (number + 1) * PER_SHARD))
    return {
        "key": f"shards/{number}",
        "number": number + 1,
        "committed": True,
        "strips": 3 * sum(n % 100 < 60 for n in numbers),
        "bytes": 1,
        "sha256": "",
        "updated_at": START,
    }


def measure(address: str, rows: int) -> dict[str, float]:
    """Fill a catalog, and time what a run does with it; seconds and milliseconds."""
    with closing(Catalog.open(address)) as catalog:
        figures: dict[str, float] = {"videos": rows, "fill s": seconds(lambda: fill(catalog, rows))}
        leases = [1000 * seconds(lambda: catalog.lease(LEASE, "bench", 600)) for _ in range(ROUNDS)]
        figures["lease 256, median ms"] = statistics.median(leases)
        figures["lease 256, worst ms"] = max(leases)
        figures["renew all leases ms"] = 1000 * seconds(lambda: catalog.renew("bench", 600))
        figures["give back all leases ms"] = 1000 * seconds(lambda: catalog.give_back("bench"))
        figures["books s"] = seconds(catalog.books)
        figures["position (progress bar) s"] = seconds(catalog.position)
        assert catalog.books().problems == []
        fresh = [draw_record(rows + number) for number in range(10_000)]
        figures["enter 10,000 new s"] = seconds(lambda: catalog.add(fresh))
        figures["enter 10,000 known s"] = seconds(lambda: catalog.add(fresh))
    return figures


def draw_record(number: int) -> VideoRecord:
    """Make up a video that is new."""
    return VideoRecord(
        video_id=f"flickr-{10_000_000_000 + number * 7}", source="flickr", uri="flickr:1", owner="a"
    )


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Give an address where there is no catalog yet."""
    if kind == "sqlite":
        yield str(folder / "catalog.db")
        return
    from tests.storage.postgres import serve_postgres  # noqa: PLC0415

    with serve_postgres(folder) as server:
        yield server.new_database()


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
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--no-results", action="store_true", help="Leave RESULTS.md as it is.")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        database(options.database, Path(folder)) as address,
    ):
        figures = measure(address, options.rows)
    for name, value in figures.items():
        print(f"{name:28} {value:12,.4g}")
    if not options.no_results:
        write_results(f"A catalog of {options.rows:,} videos ({options.database})", figures)


if __name__ == "__main__":
    main()
