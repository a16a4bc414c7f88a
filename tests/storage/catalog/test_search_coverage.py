"""A window is asked for once, unless it was short; what is proven can be counted by hand."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tinyvideo.pipeline.find.search_windows import Doubt, Span, Window, subtract
from tinyvideo.pipeline.types import VideoRecord
from tinyvideo.storage.catalog.search_coverage import (
    LAG_S,
    count_call,
    enter_window,
    left_to_ask,
    refresh,
    reopen,
    summarize,
)
from tinyvideo.storage.catalog.video_catalog import Catalog

LATER = datetime(2026, 1, 1, tzinfo=UTC)
WHOLE = Span(0, 99)
AGES = 1 << 40
"""Everything before is settled."""


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
    facts = {"reported": 7, "pages": 1, "calls": 1, "splits": 0, "found": found, **known}
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
    assert left_to_ask(catalog.engine, "tags=sea", WHOLE, AGES) == [WHOLE]
    look_at(catalog, 0, 39)
    look_at(catalog, 40, 79)
    assert left_to_ask(catalog.engine, "tags=sea", WHOLE, AGES) == [Span(80, 99)]
    assert left_to_ask(catalog.engine, "tags=sun", WHOLE, AGES) == [WHOLE]
    look_at(catalog, 80, 99)
    assert left_to_ask(catalog.engine, "tags=sea", WHOLE, AGES) == []


def test_a_short_window_is_asked_for_again_and_its_calls_are_not_forgotten(catalog):
    look_at(catalog, 0, 49, missing=2, doubt=Doubt.REPEATS, calls=2, found=498)
    look_at(catalog, 50, 99, found=10)
    assert left_to_ask(catalog.engine, "tags=sea", WHOLE, AGES) == [Span(0, 49)]
    (coverage,) = summarize(catalog.engine)
    assert (coverage.windows, coverage.proven, coverage.found, coverage.missing) == (2, 1, 508, 2)
    assert coverage.share == 508 / 510
    assert not coverage.complete
    look_at(catalog, 0, 49, found=500)
    (coverage,) = summarize(catalog.engine)
    assert (coverage.windows, coverage.proven, coverage.calls, coverage.least_calls) == (2, 2, 4, 3)
    assert coverage.complete


def test_a_truncated_window_is_asked_for_again_when_it_is_reopened(catalog):
    look_at(catalog, 7, 7, doubt=Doubt.OUT_OF_REACH)
    assert left_to_ask(catalog.engine, "tags=sea", Span(7, 7), AGES) == []
    assert summarize(catalog.engine)[0].truncated == 1
    assert reopen(catalog.engine) == 1
    assert left_to_ask(catalog.engine, "tags=sea", Span(7, 7), AGES) == [Span(7, 7)]


def test_what_was_uploaded_in_the_last_days_is_never_proven_by_a_call(catalog):
    now = 10_000_000
    settled, moment = now - LAG_S, datetime.fromtimestamp(now, UTC)
    whole = Span(0, now)
    before, after = Span(0, settled), Span(settled + 1, now)
    assert left_to_ask(catalog.engine, "tags=sea", whole, settled) == [before, after]
    look_at(catalog, *astuple(before), at=moment)
    look_at(catalog, *astuple(after), at=moment)
    assert left_to_ask(catalog.engine, "tags=sea", whole, settled) == [after]
    (coverage,) = summarize(catalog.engine)
    assert (coverage.windows, coverage.proven, coverage.doubts) == (2, 1, {"newest": 1})
    # A window that reaches into the last days is not proven either.
    look_at(catalog, 0, settled + 1, at=moment)
    assert summarize(catalog.engine)[0].doubts == {"newest": 1}


def test_calls_are_counted_where_they_are_sent_also_those_of_windows_that_a_kill_has_lost(catalog):
    for _ in range(54):
        count_call(catalog.engine, "tags=sea")
    look_at(catalog, 0, 99, calls=38, found=501)
    (coverage,) = summarize(catalog.engine)
    # 501 videos are two pages, and one look from the other end.
    assert (coverage.calls, coverage.least_calls) == (54, 3)


def test_what_was_proven_long_ago_can_be_asked_again(catalog):
    look_at(catalog, 0, 99, at=datetime(2020, 1, 1, tzinfo=UTC))
    assert refresh(catalog.engine, timedelta(days=99_999)) == 0
    assert refresh(catalog.engine, timedelta(days=90)) == 1
    assert left_to_ask(catalog.engine, "tags=sea", WHOLE, AGES) == [WHOLE]
    assert summarize(catalog.engine)[0].doubts == {"old": 1}


def test_the_reason_stands_with_the_window_and_what_is_missing_is_estimated(catalog):
    look_at(catalog, 0, 49, found=99, rising=90, falling=90, both=81, doubt=Doubt.DISAGREE)
    look_at(catalog, 50, 99, found=100)
    (coverage,) = summarize(catalog.engine)
    assert coverage.doubts == {"disagree": 1}
    # 91 * 91 / 82 - 1 = 99.99, of which 99 were seen; a look misses a tenth, and 100 were seen by
    # one look: 11.1 more.
    assert coverage.likely is not None
    assert abs(coverage.likely.likely - (0.99 + 100 / 9)) < 0.01
    assert coverage.likely.low < coverage.likely.likely < coverage.likely.high


def test_what_lies_between_two_windows_is_a_gap(catalog):
    look_at(catalog, 0, 9)
    look_at(catalog, 20, 29)
    (coverage,) = summarize(catalog.engine)
    assert coverage.gaps == [Span(10, 19)]
    assert not coverage.complete
    assert coverage.as_dict()["gaps"] == [{"since": 10, "until": 19}]
