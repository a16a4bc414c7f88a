"""What the monitor says is what the catalog says, and it never costs the work anything."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tests.drawn.strip_rows import draw_jpeg
from tinyvideo.flows.monitor import artifacts as board
from tinyvideo.flows.monitor.artifacts import Board, output_key
from tinyvideo.flows.monitor.crawl_monitor import (
    bar,
    books_rows,
    counted,
    coverage_row,
    failure_rows,
    shard_row,
    shard_text,
    shards_sentence,
)
from tinyvideo.pipeline.find.search_windows import Span
from tinyvideo.storage.batches.batch_table import Batch, BatchRow, BatchState
from tinyvideo.storage.catalog.search_coverage import Coverage

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
BOOKS = {
    "videos": {
        "found": 10,
        "sharded": 4,
        "rejected": {"too_short": 3},
        "failed": {"timeout": 1},
        "pending": 2,
    },
    "clips": {"found": 9, "sharded": 7, "rejected": {"flat": 2}, "failed": {}, "pending": 0},
    "shards": 2,
    "strips": 7,
    "bytes": 1_700_000,
    "balanced": True,
    "problems": [],
}


class Server:
    """Keeps artifacts, as Prefect's client would have them kept, or is away."""

    def __init__(self) -> None:
        self.kept: dict[uuid.UUID, tuple[str, str]] = {}
        self.calls = 0
        self.away = False

    async def create_artifact(self, artifact):
        self._answer()
        name = uuid.uuid4()
        self.kept[name] = (artifact.key, artifact.data)
        return SimpleNamespace(id=name)

    async def update_artifact(self, name, update):
        self._answer()
        self.kept[name] = (self.kept[name][0], update.data)

    def _answer(self):
        self.calls += 1
        if self.away:
            raise ConnectionError("the server is away")


@pytest.fixture
def clock(monkeypatch):
    """Seconds, which stand still until somebody changes them."""
    seconds = [1000.0]
    monkeypatch.setattr(board.time, "monotonic", lambda: seconds[0])
    return seconds


def test_an_artifact_is_made_once_and_rewritten_at_most_every_ten_seconds(clock):
    async def show():
        server = Server()
        shown = Board(server, None)
        for second in range(25):
            clock[0] = 1000.0 + second
            await shown.text("progress", f"{second} s", "")
        assert server.calls == 3  # at 0, 10 and 20 s
        await shown.text("progress", "done", "", last=True)
        assert list(server.kept.values()) == [("progress", "done")]

    asyncio.run(show())


def test_what_has_not_changed_is_not_sent(clock):
    async def show():
        server = Server()
        shown = Board(server, None)
        for _ in range(3):
            clock[0] += 60
            await shown.table("shards", [{"shard": 1}], "one")
        assert server.calls == 1

    asyncio.run(show())


def test_a_server_that_is_away_is_asked_once_a_minute_and_harms_nobody(clock):
    async def show():
        server = Server()
        server.away = True
        shown = Board(server, None)
        for second in range(120):
            clock[0] = 1000.0 + second
            await shown.text("progress", str(second), "", last=True)
        assert server.calls == 2
        server.away = False
        clock[0] += 60
        await shown.text("progress", "back", "")
        assert list(server.kept.values()) == [("progress", "back")]

    asyncio.run(show())


def test_a_key_names_its_output(clock):
    async def show():
        server = Server()
        for output in ("s3://films/Beach 1", "/data/beach-1"):
            await Board(server, None, output).text("books", output, "")
        return [key for key, _ in server.kept.values()]

    assert output_key("s3://films/Beach 1").startswith("beach-1-")
    assert output_key("/").startswith("output-")
    one, other = asyncio.run(show())
    assert one.startswith("books-beach-1-")
    assert one != other
    assert not set(one + other) - set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_a_bar_is_as_long_as_what_is_done():
    assert bar(1, 4, width=8) == "`██░░░░░░` 25 %"
    assert bar(0, 0, width=2) == "`██` 100 %"


def test_the_books_balance_as_a_table():
    rows = {row["what became of them"]: (row["videos"], row["clips"]) for row in books_rows(BOOKS)}
    found = rows.pop("found")
    assert found == (10, 9)
    assert tuple(map(sum, zip(*rows.values(), strict=True))) == found
    assert rows["rejected: too short"] == (3, 0)
    assert [(row["cause"], row["videos"]) for row in failure_rows(BOOKS)] == [("timeout", 1)]
    assert counted(BOOKS) == "8 of 10 videos done"


def test_a_shard_is_one_row():
    row = BatchRow(
        batch=Batch(number=7, token="t", label="tag beach", videos=256),
        state=BatchState.DONE,
        worker="host:12",
        started_at=NOON,
        ended_at=NOON + timedelta(seconds=90),
        strips=12,
        bytes=2_500_000,
        expires_at=NOON,
        outcomes={"sharded": 3, "rejected: too_short": 250, "failed: timeout": 3},
    )
    assert shard_row(row) == {
        "shard": "000007",
        "state": "done",
        "videos": "256 of 256",
        "holds": "12 strips, 2.5 MB",
        "without a strip": "250 too short, 3 timeout",
        "worker": "host:12 (90 s)",
    }


def test_shards_are_counted_by_state():
    assert shards_sentence({}) == "none yet"
    assert shards_sentence({"done": 499, "working": 2}).endswith("the latest 500 are shown")


def test_a_shard_shows_its_strips_as_a_picture():
    text = shard_text(2, {"sharded": 1}, 9.6, [draw_jpeg(1), draw_jpeg(2)])
    assert "1 of 2 videos done in 10 s" in text
    assert "| sharded | 1 |" in text
    assert "![strips](data:image/jpeg;base64,/9j/" in text


def test_a_search_says_what_is_proven():
    search = Coverage(
        query="tags=beach",
        since=0,
        until=99,
        windows=4,
        proven=3,
        found=800,
        missing=2,
        truncated=1,
        calls=9,
        least_calls=5,
        gaps=[Span(10, 19)],
        doubts={"total": 1},
        likely=None,
    )
    assert coverage_row(search) == {
        "search": "tags=beach",
        "proven": "3 of 4 windows",
        "seen": 800,
        "known to be missing": 2,
        "out of reach": "1 s",
        "gaps": 1,
    }
