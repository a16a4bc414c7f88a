"""A walk finds everything that a search can show, and says what it could not see."""

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from tinyvideo.pipeline.find.search_walk import Page, Span, WalkConfig, Wanted, Window, walk
from tinyvideo.pipeline.types import VideoRecord

PER_PAGE, CAP = 5, 20
CONFIG = WalkConfig(per_page=PER_PAGE, cap=CAP, tolerated=0.0)
Spoil = Callable[[Wanted, int, list[VideoRecord]], list[VideoRecord]]


def draw(*times: int, license_: str = "") -> list[VideoRecord]:
    """Make up videos that were uploaded at these seconds."""
    return [
        VideoRecord(
            video_id=f"flickr-{license_}{time}-{number}",
            source="flickr",
            uri="",
            license_id=license_,
            uploaded_at=time,
        )
        for number, time in enumerate(times)
    ]


class Search:
    """A search with Flickr's cap: pages beyond it repeat the first ones."""

    def __init__(self, videos: Sequence[VideoRecord], spoil: Spoil | None = None) -> None:
        self.videos = sorted(videos, key=lambda video: video.uploaded_at or 0)
        self.spoil = spoil
        self.asked: Counter[Wanted] = Counter()
        self.total_factor = 1.0

    def __call__(self, wanted: Wanted) -> Page:
        span, number = wanted.span, (wanted.page - 1) % (CAP // PER_PAGE)
        found = [
            video
            for video in self.videos
            if span.since <= (video.uploaded_at or 0) <= span.until
            and wanted.license_ in {"", video.license_id}
        ]
        rows = found[number * PER_PAGE : (number + 1) * PER_PAGE]
        if self.spoil is not None:
            rows = self.spoil(wanted, self.asked[wanted], rows)
        self.asked[wanted] += 1
        return Page(round(len(found) * self.total_factor), rows)

    @property
    def calls(self) -> int:
        return self.asked.total()


def ids(windows: Sequence[Window]) -> list[str]:
    return sorted(record.video_id for window in windows for record in window.records)


def spans(windows: Sequence[Window]) -> list[tuple[int, int]]:
    return [(window.span.since, window.span.until) for window in windows]


def test_a_span_that_fits_on_a_page_takes_one_call():
    search = Search(draw(3, 4, 5, 6))
    (window,) = walk(search, Span(0, 100), CONFIG)
    assert ids([window]) == ids_of(search.videos)
    assert (window.span, window.calls, window.splits, window.proven) == (Span(0, 100), 1, 0, True)
    assert window.reported == 4


def ids_of(videos: Sequence[VideoRecord]) -> list[str]:
    return sorted(video.video_id for video in videos)


def test_an_empty_span_takes_one_call():
    search = Search([])
    (window,) = walk(search, Span(0, 100), CONFIG)
    assert (window.records, window.calls, window.proven) == ([], 1, True)


def test_the_next_call_begins_in_the_second_in_which_the_page_ended():
    # Pages: 10 11 12 13 14 | 14 14 15 16 17 | 17 18 (the page of 17 is asked for from 17 on).
    search = Search(draw(10, 11, 12, 13, 14, 14, 15, 16, 17, 18))
    windows = list(walk(search, Span(0, 99), CONFIG))
    assert spans(windows) == [(0, 13), (14, 16), (17, 99)]
    assert ids(windows) == ids_of(search.videos)  # each once
    assert search.calls == 3
    assert [len(window.records) for window in windows] == [4, 4, 2]
    assert sum(window.least_calls(PER_PAGE) for window in windows) == 3


def test_more_than_the_cap_is_found_without_any_second_page():
    search = Search(draw(*range(100)))
    windows = list(walk(search, Span(0, 99), CONFIG))
    assert ids(windows) == ids_of(search.videos)
    assert {wanted.page for wanted in search.asked} == {1}
    assert search.calls == 25  # 4 new videos per page, the fifth begins the next; 99 comes alone


def test_wrong_totals_change_nothing():
    for factor in (0.8, 1.2):
        search = Search(draw(*range(50)))
        search.total_factor = factor
        assert ids(list(walk(search, Span(0, 99), CONFIG))) == ids_of(search.videos)
        assert search.calls == 13


def test_a_page_that_shows_a_row_twice_is_asked_for_again():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        return [rows[0], rows[0], *rows[2:]] if asked == 0 and len(rows) > 2 else rows

    search = Search(draw(1, 2, 3), spoil)
    (window,) = walk(search, Span(0, 9), CONFIG)
    assert (len(window.records), window.calls, window.missing) == (3, 2, 0)


def test_two_flawed_views_that_show_everything_together_are_enough():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        lost = asked % 3  # row 0 the first time, row 1 the second
        return [row if n != lost else rows[2] for n, row in enumerate(rows)]

    search = Search(draw(1, 2, 3), spoil)
    (window,) = walk(search, Span(0, 9), CONFIG)
    assert (len(window.records), window.calls, window.proven) == (3, 2, True)


def test_a_video_that_is_never_shown_is_counted_as_missing():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        return [row if row.uploaded_at != 2 else rows[0] for row in rows]

    search = Search(draw(1, 2, 3), spoil)
    (window,) = walk(search, Span(0, 9), CONFIG)
    assert (window.missing, window.proven, window.calls) == (1, False, CONFIG.most_views)


def test_few_missing_rows_are_worth_a_second_view_but_no_third():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        return [row if row.uploaded_at != 2 else rows[0] for row in rows]

    tolerant = WalkConfig(per_page=PER_PAGE, cap=CAP, tolerated=1 / PER_PAGE)
    (window,) = walk(Search(draw(1, 2, 3), spoil), Span(0, 9), tolerant)
    assert (window.missing, window.proven, window.calls) == (1, False, 2)


def test_fewer_rows_than_the_total_promises_are_asked_for_again():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        return rows[:2] if asked == 0 else rows

    search = Search(draw(1, 2, 3, 4), spoil)
    (window,) = walk(search, Span(0, 9), CONFIG)
    # 2 rows of a total of 4, then 4 rows that a total of 4 agrees with.
    assert (len(window.records), window.calls, window.proven) == (4, 2, True)


def test_a_total_that_no_answer_lives_up_to_is_believed_no_more_than_twice():
    search = Search(draw(1, 2))
    search.total_factor = 3
    (window,) = walk(search, Span(0, 9), CONFIG)
    assert (len(window.records), window.calls, window.proven) == (2, 2, True)


def test_a_full_second_is_read_to_its_last_page():
    search = Search([*draw(*[7] * 13), *draw(1, 2, 9)])
    windows = list(walk(search, Span(0, 99), CONFIG))
    assert spans(windows) == [(0, 6), (7, 7), (8, 99)]
    second = windows[1]
    assert (len(second.records), second.pages, second.calls, second.proven) == (13, 3, 3, True)
    assert ids(windows) == ids_of(search.videos)


def test_a_second_beyond_the_cap_is_read_license_by_license():
    of_one, of_two = draw(*[7] * 15, license_="1"), draw(*[7] * 16, license_="2")
    search = Search([*of_one, *of_two])
    config = WalkConfig(per_page=PER_PAGE, cap=CAP, licenses=("1", "2"), tolerated=0)
    (window,) = walk(search, Span(7, 7), config)
    assert ids([window]) == ids_of(search.videos)
    assert (window.splits, window.truncated, window.proven) == (2, False, True)
    # 4 of all, then 15 of one: 3 full pages and an empty one; 16 of the other: 3 and one row.
    assert window.calls == 4 + 4 + 4


def test_what_a_license_has_beyond_the_cap_is_recorded_as_out_of_reach():
    search = Search([*draw(*[7] * 30, license_="1"), *draw(8)])
    config = WalkConfig(per_page=PER_PAGE, cap=CAP, licenses=("1", "2"), tolerated=0)
    windows = list(walk(search, Span(7, 9), config))
    assert spans(windows) == [(7, 7), (8, 9)]
    assert (len(windows[0].records), windows[0].truncated, windows[0].proven) == (20, True, False)
    assert windows[1].proven


def test_answers_in_no_order_are_halved_until_they_fit():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        return rows[::-1]

    search = Search(draw(*range(0, 100, 3)), spoil)
    windows = list(walk(search, Span(0, 99), CONFIG))
    assert ids(windows) == ids_of(search.videos)
    assert spans(windows)[0][0] == 0
    assert spans(windows)[-1][1] == 99
    assert all(a[1] + 1 == b[0] for a, b in zip(spans(windows), spans(windows)[1:], strict=False))


def test_rows_of_another_time_are_not_taken_and_do_not_count():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        return [*rows[:-1], *draw(1000)] if asked == 0 and rows else rows

    search = Search(draw(1, 2, 3), spoil)
    (window,) = walk(search, Span(0, 9), CONFIG)
    assert (len(window.records), window.calls, window.proven) == (3, 2, True)


def test_a_walk_that_is_broken_off_keeps_its_windows():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        if wanted.span.since > 3:
            raise ConnectionError
        return rows

    windows = walk(Search(draw(*range(20)), spoil), Span(0, 99), CONFIG)
    assert next(windows).span == Span(0, 3)
    with pytest.raises(ConnectionError):
        next(windows)
