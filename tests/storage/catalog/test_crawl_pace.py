"""How fast a crawl goes, by hand: verdicts of an hour, and time left only where it can be known."""

import sqlite3
from contextlib import closing

import pytest

from tests.drawn.strip_rows import draw_record
from tests.storage.catalog.conftest import Clock
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.batches.batch_table import begin_batch
from tinyvideo.storage.catalog.crawl_pace import begin_pace, count_film, looking, read_pace
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.storage_errors import StorageError

VIDEOS = 100
RECORD = draw_record(0)


@pytest.fixture
def catalog(empty_catalog) -> Catalog:
    empty_catalog.add(draw_record(number) for number in range(VIDEOS))
    return empty_catalog


def end(catalog: Catalog, clock: Clock, numbers: range, every_s: float) -> None:
    for number in numbers:
        clock.pass_by(every_s)
        catalog.settle(draw_record(number).video_id, VideoState.FAILED, "timeout", "too slow")


def begin(catalog: Catalog, seconds: float = 10_000) -> None:
    assert begin_batch(catalog, VIDEOS, "test", seconds, worker="here") is not None


def test_a_video_a_minute_is_sixty_an_hour(catalog, clock):
    begin(catalog)
    end(catalog, clock, range(31), 60)
    pace = read_pace(catalog)
    assert pace.videos_per_hour == 60  # the first begins the count: 30 in 30 minutes
    assert (pace.waiting, pace.seconds_left) == (69, 69 * 60)


def test_what_was_an_hour_ago_no_longer_counts(catalog, clock):
    begin(catalog)
    end(catalog, clock, range(40), 10)
    end(catalog, clock, range(40, 55), 300)  # 75 minutes
    assert read_pace(catalog).videos_per_hour == pytest.approx(12, rel=0.1)


def test_what_stands_still_gets_slower(catalog, clock):
    begin(catalog)
    end(catalog, clock, range(31), 60)
    clock.pass_by(1_800)
    assert read_pace(catalog).videos_per_hour == 30
    clock.pass_by(2_400)
    assert read_pace(catalog).videos_per_hour is None


def test_three_are_too_few_for_a_pace(catalog, clock):
    begin(catalog)
    end(catalog, clock, range(3), 60)
    assert read_pace(catalog).videos_per_hour is None
    end(catalog, clock, range(3, 4), 60)
    assert read_pace(catalog).videos_per_hour == 60


def test_nobody_at_work_has_no_pace(catalog, clock):
    end(catalog, clock, range(10), 60)
    pace = read_pace(catalog)
    assert (pace.videos_per_hour, pace.seconds_left) == (None, None)
    assert pace.waiting == 90


def test_a_killed_run_is_at_work_until_its_batch_runs_out(catalog, clock):
    begin(catalog, 700)
    end(catalog, clock, range(10), 60)
    assert read_pace(catalog).seconds_left is not None
    clock.pass_by(101)
    assert read_pace(catalog).seconds_left is None


def test_while_more_are_looked_for_nobody_knows_the_time_left(catalog, clock):
    begin(catalog)
    end(catalog, clock, range(10), 60)
    with looking(catalog):
        clock.pass_by(1)
        with looking(catalog):
            pace = read_pace(catalog)
        assert pace.videos_per_hour is not None
        assert pace.seconds_left is None
        assert pace.looking_since == "2026-01-02T12:10:00+00:00"
        assert read_pace(catalog).seconds_left is None  # one of two has ended
    assert read_pace(catalog).seconds_left is not None


def test_who_was_killed_while_looking_is_forgotten_by_the_next_run_alone(catalog, clock):
    killed = looking(catalog)
    killed.__enter__()
    begin(catalog)
    end(catalog, clock, range(10), 60)
    assert read_pace(catalog).looking_since is not None
    begin_pace(catalog.engine)
    pace = read_pace(catalog)
    assert (pace.looking_since, pace.videos_per_hour) == (None, None)  # nor how fast it went


def test_bytes_are_summed_over_everything(catalog):
    for size in (10, 20, 1 << 40):
        count_film(catalog.engine, size)
    begin_pace(catalog.engine)
    pace = read_pace(catalog)
    assert (pace.films_fetched, pace.bytes_fetched) == (3, 30 + (1 << 40))


def test_a_verdict_that_is_not_entered_does_not_count(catalog, clock):
    begin(catalog)
    end(catalog, clock, range(5), 60)
    for _ in range(10):
        with pytest.raises(ValueError, match="has already ended"):
            catalog.settle(draw_record(0).video_id, VideoState.FAILED, "timeout", "again")
    assert read_pace(catalog).videos_per_hour == 60


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pace", "{}"),
        ("pace", "no json"),
        ("pace", '{"since": "x", "pieces": {}}'),
        ("pace", '{"since": 1e999, "pieces": {"1": 1e999}}'),
        ("pace", "[]"),
        ("bytes fetched", "²"),
        ("films fetched", "-1"),
        ("videos_found", ""),
        ("videos_found", "7" * 5_000),
    ],
)
def test_a_damaged_fact_is_a_damaged_catalog(tmp_path, name, value):
    with closing(Catalog.open(tmp_path / "catalog.db")) as catalog:
        with closing(sqlite3.connect(tmp_path / "catalog.db")) as db, db:
            db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
        with pytest.raises(StorageError, match=f"its fact '{name}' is"):
            read_pace(catalog) if name != "videos_found" else catalog.books()
        with pytest.raises(StorageError, match="its fact"):
            _count(catalog, name)


def _count(catalog: Catalog, name: str) -> None:
    if name == "pace":
        catalog.add([RECORD])
        catalog.settle(RECORD.video_id, VideoState.FAILED, "timeout", "too slow")
    elif name == "videos_found":
        catalog.add([RECORD])
    else:
        count_film(catalog.engine, 1)
