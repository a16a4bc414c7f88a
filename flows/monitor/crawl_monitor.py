"""What Prefect's page shows of a crawl and of each shard, as artifacts of their flow runs.

    on the crawl      `crawl-progress`   how far, in one sentence and a bar
                      `shards`           the latest shards, one per row
                      `books`            found = sharded + rejected + failed + pending
                      `failures`         why videos failed, the most frequent cause first
                      `coverage`         what share of each search is proven complete
    on each shard     `shard-000123`     how far, what became of its videos, some of its strips

The numbers come from the catalog, so that they are right for all machines and after any crash.

Cost: every 10 s, 0.2 s of the catalog's time for the books of 100,000 videos, and three small
requests; per shard, two reads of its catalog rows and 10 kB of picture.
"""

import asyncio
import base64
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from tinyvideo.flows.monitor.artifacts import EVERY_S, Board
from tinyvideo.flows.report import headline, list_fates, plural
from tinyvideo.flows.terminal import markdown, tell_pace
from tinyvideo.flows.workers import LeasedBatch
from tinyvideo.pipeline.rerender import contact_sheet
from tinyvideo.storage.batches import BatchRow, BatchState, batch_counts, latest_batches
from tinyvideo.storage.catalog import Catalog, Coverage, read_pace, summarize
from tinyvideo.storage.objects import Store
from tinyvideo.storage.shards import ShardFile, iterate_rows

LATEST = 500
"""Rows of the table of shards: what a page can show. The catalog keeps all."""

SAMPLES = 4
"""Strips of a shard that are shown, of as many videos."""

LOOKED_AT = 256
"""Rows in which they are looked for."""

_FAILURES = "Videos that could not be judged. The parameter `retry_failed` has them tried again."
_COVERAGE = "Windows of upload time of which everything was seen. `tinyvideo coverage` says more."

_WORDS = {
    BatchState.WAITING: "waits for a worker",
    BatchState.WORKING: "at work",
    BatchState.DONE: "done",
    BatchState.LOST: "taken back, done again",
}


class CrawlMonitor:
    """The artifacts of one crawl."""

    def __init__(self, board: Board, catalog: Catalog) -> None:
        self._board = board
        self._catalog = catalog
        self._shown_at = 0.0

    async def show(self) -> None:
        """Show how things are, unless that was done less than 10 s ago."""
        if time.monotonic() - self._shown_at >= EVERY_S:
            self._shown_at = time.monotonic()
            # In a thread: with millions of videos it takes seconds, in which leases have to be
            # renewed and the server has to be told that the crawl is alive.
            books = await asyncio.to_thread(lambda: self._catalog.books().as_dict())
            await self._show(books, last=False)

    async def close(self, books: Mapping[str, Any]) -> None:
        """Show how things have ended."""
        await self._show(books, last=True)

    async def _show(self, books: Mapping[str, Any], *, last: bool) -> None:
        board = self._board
        pace = await asyncio.to_thread(lambda: read_pace(self._catalog).as_dict())
        await board.text("crawl-progress", progress_text(books, pace), counted(books), last=last)
        latest, counts, searches = await asyncio.to_thread(self._look)
        await board.table(
            "shards", list(map(shard_row, latest)), shards_sentence(counts), last=last
        )
        balance = (
            "The books balance."
            if books["balanced"]
            else "; ".join(map(markdown, books["problems"]))
        )
        await board.table("books", list(books_rows(books)), balance, last=last)
        if failed := list(failure_rows(books)):
            await board.table("failures", failed, _FAILURES, last=last)
        if searches:
            rows = [coverage_row(search) for search in searches]
            await board.table("coverage", rows, _COVERAGE, last=last)

    def _look(self) -> tuple[list[BatchRow], Mapping[str, int], list[Coverage]]:
        catalog = self._catalog
        return latest_batches(catalog, LATEST), batch_counts(catalog), summarize(catalog.engine)


class ShardMonitor:
    """The artifact of one shard."""

    def __init__(self, board: Board, held: LeasedBatch) -> None:
        self._board = board
        self._held = held
        self._key = f"shard-{held.batch.number:06d}"

    async def show(self) -> None:
        """Show how far the shard is."""
        await self._show([], last=False)

    async def close(self, key: str | None) -> None:
        """Show what the shard has become, with some of its strips."""
        await self._show(sample_strips(self._held.output.store, key) if key else [], last=True)

    async def _show(self, strips: list[bytes], *, last: bool) -> None:
        held = self._held
        text = shard_text(held.batch.videos, held.outcomes, time.monotonic() - held.started, strips)
        done = sum(held.outcomes.values())
        how_far = f"{done} of {plural(held.batch.videos, 'video')} done"
        await self._board.text(self._key, text, how_far, last=last)


def bar(done: int, total: int, width: int = 24) -> str:
    """Draw a progress bar in text: Prefect's own artifact shows a number only."""
    full = width * done // total if total else width
    share = 100 * done // total if total else 100
    return f"`{'█' * full}{'░' * (width - full)}` {share} %"


def progress_text(books: Mapping[str, Any], pace: Mapping[str, Any]) -> str:
    """Say how far a crawl is, and how fast it goes."""
    videos = books["videos"]
    size = f"{plural(books['shards'], 'shard')}, {books['bytes'] / 1e6:,.1f} MB"
    drawn = bar(videos["found"] - videos["pending"], videos["found"])
    parts = [counted(books), size, *(f"{name}: {told}" for name, told in tell_pace(pace).items())]
    return f"{drawn}\n\n{' · '.join(parts)}\n\n{headline(books)}"


def counted(books: Mapping[str, Any]) -> str:
    """Say how far a crawl is, in few words: a card of the page shows no more."""
    videos = books["videos"]
    return f"{videos['found'] - videos['pending']:,} of {plural(videos['found'], 'video')} done"


def shard_row(row: BatchRow) -> dict[str, Any]:
    """Lay a shard out for the table: six short columns, more are cut off on the page."""
    return {
        "shard": f"{row.batch.number:06d}",
        "state": _WORDS[row.state],
        "videos": f"{sum(row.outcomes.values())} of {row.batch.videos}",
        "holds": f"{plural(row.strips, 'strip')}, {row.bytes / 1e6:.1f} MB" if row.strips else "",
        "without a strip": _without(row.outcomes),
        "worker": f"{row.worker} {_duration(row)}".strip(),
    }


def shards_sentence(counts: Mapping[str, int]) -> str:
    """Count the shards by state."""
    parts = [f"{counts[state]:,} {_WORDS[state]}" for state in BatchState if counts.get(state)]
    cut = f"; the latest {LATEST} are shown" if sum(counts.values()) > LATEST else ""
    return f"{', '.join(parts) or 'none yet'}{cut}"


def books_rows(books: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Lay the books out as a table."""
    yield _row("found", "", books["videos"]["found"], books["clips"]["found"])
    for fate in list_fates(books):
        name = f"{fate.kind}: {fate.name}" if fate.name != fate.kind else fate.kind
        yield _row(name, fate.meaning, fate.videos, fate.clips)


def failure_rows(books: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Lay the causes of failures out as a table."""
    for fate in list_fates(books):
        if fate.kind == "failed":
            yield {"cause": fate.name, "videos": fate.videos, "meaning": fate.meaning}


def coverage_row(search: Coverage) -> dict[str, Any]:
    """Lay out how much of a search is proven."""
    return {
        "search": search.query,
        "proven": f"{search.proven} of {search.windows} windows",
        "seen": search.found,
        "known to be missing": search.missing,
        "out of reach": f"{search.truncated} s",
        "gaps": len(search.gaps),
    }


def shard_text(
    videos: int, outcomes: Mapping[str, int], seconds: float, strips: list[bytes]
) -> str:
    """Say what has become of a shard's videos, and show strips as a picture."""
    done = sum(outcomes.values())
    lines = [bar(done, videos), f"{done} of {plural(videos, 'video')} done in {seconds:,.0f} s"]
    if outcomes:
        ended = sorted(outcomes.items())
        table = [f"| {markdown(name.replace('_', ' '))} | {count} |" for name, count in ended]
        lines.append("\n".join(["| what became of them | videos |", "|---|---:|", *table]))
    if strips:
        picture = base64.b64encode(contact_sheet(strips)).decode()
        lines.append(
            f"Some of its strips, one per row, every fourth frame:\n\n"
            f"![strips](data:image/jpeg;base64,{picture})"
        )
    return "\n\n".join(lines)


def sample_strips(store: Store, key: str) -> list[bytes]:
    """Take strips of different videos out of a shard."""
    found: dict[str, bytes] = {}
    for row in islice(iterate_rows(ShardFile(store, key), ["video_id", "jpeg"]), LOOKED_AT):
        found.setdefault(row["video_id"], row["jpeg"])
        if len(found) == SAMPLES:
            break
    return list(found.values())


def _row(what: str, meaning: str, videos: int, clips: int) -> dict[str, Any]:
    return {"what became of them": what, "videos": videos, "clips": clips, "meaning": meaning}


def _without(outcomes: Mapping[str, int]) -> str:
    without = sorted((-count, name) for name, count in outcomes.items() if ":" in name)
    return ", ".join(f"{-count} {name.split(': ')[1].replace('_', ' ')}" for count, name in without)


def _duration(row: BatchRow) -> str:
    if row.started_at is None:
        return ""
    seconds = ((row.ended_at or datetime.now(UTC)) - row.started_at).total_seconds()
    return f"({seconds:,.0f} s)"
