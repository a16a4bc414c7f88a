"""A window is asked for once, unless it was short; what is proven can be counted by hand."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from tinyvideo.pipeline.find.search_walk import Span, Window, subtract
from tinyvideo.pipeline.types import VideoRecord
from tinyvideo.storage.catalog.search_coverage import (
    SETTLED_S,
    enter_window,
    left_to_ask,
    reopen,
    summarize,
)
from tinyvideo.storage.catalog.video_catalog import Catalog

LATER = datetime(2026, 1, 1, tzinfo=UTC)
WHOLE = Span(0, 99)


@pytest.fixture(params=["sqlite", "postgres"])
def catalog(request, tmp_path) -> Iterator[Catalog]:
    address = str(tmp_path / "catalog.db")
    if request.param == "postgres":
        address = request.getfixturevalue("postgres").new_database()
    with closing(Catalog.open(address)) as catalog:
        yield catalog


def look_at(catalog: Catalog, since: int, until: int, at: datetime = LATER, **known: Any) -> None:
    found = known.pop("found", 1)
    records = [
        VideoRecord(video_id=f"flickr-{n}", source="flickr", uri="", uploaded_at=since)
        for n in range(found)
    ]
    facts = {"reported": 7, "pages": 1, "calls": 1, "splits": 0, **known}
    window = Window(span=Span(since, until), records=records, **facts)
    enter_window(catalog.engine, "tags=sea", window, 500, at)


@pytest.mark.parametrize(
    ("done", "left"),
    [
        ([], [(0, 99)]),
        ([(0, 99)], []),
        ([(-5, 200)], []),
        ([(0, 49)], [(50, 99)]),
        ([(50, 99)], [(0, 49)]),
        ([(60, 69), (10, 19)], [(0, 9), (20, 59), (70, 99)]),
        ([(10, 29), (20, 39)], [(0, 9), (40, 99)]),
        ([(100, 200)], [(0, 99)]),
    ],
)
def test_what_is_left_of_a_span(done, left):
    assert subtract(WHOLE, [Span(*each) for each in done]) == [Span(*each) for each in left]


def test_nothing_is_asked_for_twice_once_it_is_proven(catalog):
    assert left_to_ask(catalog.engine, "tags=sea", WHOLE) == [WHOLE]
    look_at(catalog, 0, 39)
    look_at(catalog, 40, 79)
    assert left_to_ask(catalog.engine, "tags=sea", WHOLE) == [Span(80, 99)]
    assert left_to_ask(catalog.engine, "tags=sun", WHOLE) == [WHOLE]
    look_at(catalog, 80, 99)
    assert left_to_ask(catalog.engine, "tags=sea", WHOLE) == []


def test_a_short_window_is_asked_for_again_and_its_calls_are_not_forgotten(catalog):
    look_at(catalog, 0, 49, missing=2, calls=2, found=498)
    look_at(catalog, 50, 99, found=10)
    assert left_to_ask(catalog.engine, "tags=sea", WHOLE) == [Span(0, 49)]
    (coverage,) = summarize(catalog.engine)
    assert (coverage.windows, coverage.proven, coverage.found, coverage.missing) == (2, 1, 508, 2)
    assert coverage.share == 508 / 510
    assert not coverage.complete
    look_at(catalog, 0, 49, found=500)
    (coverage,) = summarize(catalog.engine)
    assert (coverage.windows, coverage.proven, coverage.calls, coverage.least_calls) == (2, 2, 4, 2)
    assert coverage.complete


def test_a_truncated_window_is_asked_for_again_when_it_is_reopened(catalog):
    look_at(catalog, 7, 7, truncated=True)
    assert left_to_ask(catalog.engine, "tags=sea", Span(7, 7)) == []
    assert summarize(catalog.engine)[0].truncated == 1
    assert reopen(catalog.engine) == 1
    assert left_to_ask(catalog.engine, "tags=sea", Span(7, 7)) == [Span(7, 7)]


def test_the_last_hour_before_a_call_counts_as_not_looked_at(catalog):
    now = 1_000_000
    settled = now - SETTLED_S
    look_at(catalog, 0, now, at=datetime.fromtimestamp(now, UTC))
    look_at(catalog, settled + 1, now, at=datetime.fromtimestamp(now, UTC))  # nothing is settled
    assert left_to_ask(catalog.engine, "tags=sea", Span(0, now)) == [Span(settled + 1, now)]
    (coverage,) = summarize(catalog.engine)
    assert (coverage.windows, coverage.until) == (1, settled)


def test_what_lies_between_two_windows_is_a_gap(catalog):
    look_at(catalog, 0, 9)
    look_at(catalog, 20, 29)
    (coverage,) = summarize(catalog.engine)
    assert coverage.gaps == [Span(10, 19)]
    assert not coverage.complete
    assert coverage.as_dict()["gaps"] == [{"since": 10, "until": 19}]
