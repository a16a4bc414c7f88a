"""A walk finds everything that a search can show, and says what it could not see."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence

import pytest

from tinyvideo.pipeline.find.search_walk import walk
from tinyvideo.pipeline.find.search_windows import Doubt, Page, Span, WalkConfig, Wanted, Window
from tinyvideo.pipeline.types import VideoRecord

PER_PAGE, CAP = 5, 20
CONFIG = WalkConfig(per_page=PER_PAGE, cap=CAP, overlap=1)
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
        self.total_when_empty: int | None = None

    def __call__(self, wanted: Wanted) -> Page:
        span, number = wanted.span, (wanted.page - 1) % (CAP // PER_PAGE)
        found = [
            video
            for video in self.videos
            if span.since <= (video.uploaded_at or 0) <= span.until
            and wanted.license_ in {"", video.license_id}
        ]
        if wanted.newest_first:
            found.reverse()
        rows = found[number * PER_PAGE : (number + 1) * PER_PAGE]
        if self.spoil is not None:
            rows = self.spoil(wanted, self.asked[wanted], rows)
        self.asked[wanted] += 1
        total = round(len(found) * self.total_factor)
        if not rows and self.total_when_empty is not None:
            total = self.total_when_empty
        return Page(total, rows)

    @property
    def calls(self) -> int:
        return self.asked.total()


def ids(windows: Sequence[Window]) -> list[str]:
    return sorted(record.video_id for window in windows for record in window.records)


def spans(windows: Sequence[Window]) -> list[tuple[int, int]]:
    return [(window.span.since, window.span.until) for window in windows]


def ids_of(videos: Sequence[VideoRecord]) -> list[str]:
    return sorted(video.video_id for video in videos)


def last_told(windows: Sequence[Window]) -> list[Window]:
    """Leave out what was told anew."""
    last: dict[Span, Window] = {}
    for window in windows:
        for span in [
            each
            for each in last
            if each.since <= window.span.until and each.until >= window.span.since
        ]:
            del last[span]
        last[window.span] = window
    return sorted(last.values(), key=lambda window: window.span)


def test_a_span_that_fits_on_a_page_is_looked_at_from_both_ends():
    search = Search(draw(3, 4, 5, 6))
    (window,) = walk(search, Span(0, 100), CONFIG)
    assert ids([window]) == ids_of(search.videos)
    assert (window.span, window.calls, window.splits, window.doubt) == (Span(0, 100), 2, 0, None)
    assert (window.reported, window.rising, window.falling, window.both) == (4, 4, 4, 4)
    assert {wanted.newest_first for wanted in search.asked} == {False, True}


def test_that_a_span_is_empty_is_said_three_times():
    search = Search([])
    (window,) = walk(search, Span(0, 100), CONFIG)
    assert (window.records, window.calls, window.proven) == ([], 3, True)


def test_the_next_call_begins_with_the_last_row_before_the_second_in_which_the_page_ended():
    # Pages: 10 11 12 13 14 | 13 14 14 15 16 | 15 16 17 18, and that from the other end.
    search = Search(draw(10, 11, 12, 13, 14, 14, 15, 16, 17, 18))
    windows = list(walk(search, Span(0, 99), CONFIG))
    assert spans(windows) == [(0, 13), (14, 15), (16, 99)]
    assert [wanted.span.since for wanted in search.asked if not wanted.newest_first] == [0, 13, 15]
    assert ids(windows) == ids_of(search.videos)  # each once
    assert search.calls == 4 == sum(window.calls for window in windows)
    assert [window.found for window in windows] == [4, 3, 3]
    assert all(window.proven for window in windows)


def test_more_than_the_cap_is_found_without_any_second_page():
    search = Search(draw(*range(100)))
    windows = list(walk(search, Span(0, 99), CONFIG))
    assert ids(windows) == ids_of(search.videos)
    assert {wanted.page for wanted in search.asked} == {1}
    assert all(window.proven for window in windows)


def test_one_window_in_ten_is_seen_from_both_ends_while_all_goes_well():
    search = Search(draw(*range(100)))
    windows = list(walk(search, Span(0, 99), CONFIG))
    checked = [n for n, window in enumerate(windows) if window.falling]
    assert checked == [9, 19, 29, len(windows) - 1][-len(checked) :]


def test_totals_that_are_a_fifth_off_change_nothing():
    for factor in (0.8, 1.2):
        search = Search(draw(*range(50)))
        search.total_factor = factor
        windows = list(walk(search, Span(0, 99), CONFIG))
        assert ids(windows) == ids_of(search.videos)
        assert all(window.proven for window in windows)


def test_a_total_above_what_was_seen_says_that_nothing_is_proven():
    search = Search(draw(*range(50)))
    search.total_factor = 1.5
    windows = last_told(list(walk(search, Span(0, 99), CONFIG)))
    assert {window.doubt for window in windows} == {Doubt.TOTAL}


def test_a_page_that_shows_a_row_twice_is_asked_for_from_the_other_end():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        return [rows[0], rows[0], *rows[2:]] if not wanted.newest_first else rows

    search = Search(draw(1, 2, 3), spoil)
    (window,) = walk(search, Span(0, 9), CONFIG)
    assert (window.found, window.calls, window.missing, window.proven) == (3, 2, 0, True)


def test_two_flawed_views_that_show_everything_together_are_enough():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        lost = rows[1] if wanted.newest_first else rows[0]  # 2 from one end, 1 from the other
        return [row if row is not lost else rows[2] for row in rows]

    search = Search(draw(1, 2, 3), spoil)
    (window,) = walk(search, Span(0, 9), CONFIG)
    assert (window.found, window.calls, window.proven) == (3, 2, True)


def test_a_video_that_is_never_shown_is_counted_as_missing():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        return [row if row.uploaded_at != 2 else rows[0] for row in rows]

    search = Search(draw(1, 2, 3), spoil)
    (window,) = walk(search, Span(0, 9), CONFIG)
    assert (window.missing, window.doubt, window.calls) == (1, Doubt.REPEATS, CONFIG.most_views)


def test_a_short_page_does_not_end_a_walk():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        return rows[:3]

    search = Search(draw(*range(40)), spoil)
    windows = last_told(list(walk(search, Span(0, 99), CONFIG)))
    assert ids(windows) == ids_of(search.videos)
    assert all(window.proven and (window.falling or not window.found) for window in windows)


def test_a_row_that_a_full_page_leaves_out_is_found_from_the_other_end():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        return rows[:2] + rows[3:] if len(rows) == PER_PAGE else rows

    search = Search(draw(*range(40)), spoil)
    windows = last_told(list(walk(search, Span(0, 99), CONFIG)))
    found = {i for window in windows for i in ids([window])}
    assert found == set(ids_of(search.videos)) or any(not window.proven for window in windows)
    assert len(found) >= 39


def test_an_empty_answer_where_something_is_known_is_not_believed():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        return [] if asked == 0 and wanted.span.since > 10 else rows

    search = Search(draw(*range(40)), spoil)
    search.total_when_empty = 0
    windows = last_told(list(walk(search, Span(0, 99), CONFIG)))
    assert ids(windows) == ids_of(search.videos)


def test_a_first_page_that_is_empty_beside_a_total_is_asked_for_again_and_is_not_the_end():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        return [] if asked < 2 else rows

    search = Search(draw(*range(9)), spoil)
    windows = last_told(list(walk(search, Span(0, 99), CONFIG)))
    assert ids(windows) == ids_of(search.videos)

    silent = Search(draw(1, 2), lambda wanted, asked, rows: [])
    (window,) = walk(silent, Span(0, 99), CONFIG)
    assert (window.doubt, window.calls) == (Doubt.EMPTY, CONFIG.most_views)


def test_replicas_that_disagree_leave_nothing_proven_and_tell_the_windows_of_before_anew():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        turn = search.calls % 2
        return [row for row in rows if turn or (row.uploaded_at or 0) % 4 != 3]

    search = Search(draw(*range(60)), spoil)
    windows = last_told(list(walk(search, Span(0, 99), CONFIG)))
    assert {window.doubt for window in windows} == {Doubt.DISAGREE}


def test_a_row_that_was_not_understood_is_a_reason():
    class Odd(Search):
        def __call__(self, wanted: Wanted) -> Page:
            page = super().__call__(wanted)
            kept = [row for row in page.rows if row.uploaded_at != 2]
            return Page(page.total, kept, unread=len(page.rows) - len(kept))

    (window,) = walk(Odd(draw(1, 2, 3)), Span(0, 9), CONFIG)
    assert (window.found, window.doubt) == (2, Doubt.UNREAD)


def test_a_full_second_is_read_to_its_last_page_from_both_ends():
    search = Search([*draw(*[7] * 13), *draw(1, 2, 9)])
    windows = list(walk(search, Span(0, 99), CONFIG))
    assert spans(windows) == [(0, 6), (7, 7), (8, 99)]
    second = windows[1]
    assert (second.found, second.pages, second.proven) == (13, 3, True)
    assert (second.rising, second.falling, second.both) == (13, 13, 13)
    assert ids(windows) == ids_of(search.videos)


def test_as_many_as_can_be_seen_in_one_second_is_not_more_than_can_be_seen():
    search = Search([*draw(*[7] * CAP), *draw(8)])
    windows = list(walk(search, Span(7, 9), CONFIG))
    assert (windows[0].found, windows[0].doubt) == (CAP, None)


def test_twice_as_many_are_seen_where_the_orders_meet():
    search = Search([*draw(*[7] * (2 * CAP - 1))])
    windows = list(walk(search, Span(7, 7), CONFIG))
    assert (windows[0].found, windows[0].doubt) == (2 * CAP - 1, None)


def test_a_second_beyond_that_is_read_license_by_license():
    of_one, of_two = draw(*[7] * 35, license_="1"), draw(*[7] * 16, license_="2")
    search = Search([*of_one, *of_two])
    config = WalkConfig(per_page=PER_PAGE, cap=CAP, licenses=("1", "2"), overlap=1)
    (window,) = walk(search, Span(7, 7), config)
    assert ids([window]) == ids_of(search.videos)
    assert (window.splits, window.truncated, window.proven) == (2, False, True)


def test_what_a_license_has_beyond_the_cap_is_recorded_as_out_of_reach():
    search = Search([*draw(*[7] * 60, license_="1"), *draw(8)])
    config = WalkConfig(per_page=PER_PAGE, cap=CAP, licenses=("1", "2"), overlap=1)
    windows = list(walk(search, Span(7, 9), config))
    assert spans(windows) == [(7, 7), (8, 9)]
    assert (windows[0].found, windows[0].doubt) == (2 * CAP, Doubt.OUT_OF_REACH)


def test_answers_in_no_order_are_halved_until_they_fit():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        return rows[::-1]

    search = Search(draw(*range(0, 100, 3)), spoil)
    windows = last_told(list(walk(search, Span(0, 99), CONFIG)))
    assert ids(windows) == ids_of(search.videos)
    assert spans(windows)[0][0] == 0
    assert spans(windows)[-1][1] == 99
    assert all(a[1] + 1 == b[0] for a, b in zip(spans(windows), spans(windows)[1:], strict=False))


def test_rows_of_another_time_are_not_taken_and_do_not_count():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        return [*rows[:-1], *draw(1000)] if asked == 0 and rows else rows

    search = Search(draw(1, 2, 3), spoil)
    (window,) = walk(search, Span(0, 9), CONFIG)
    assert (window.found, window.proven) == (3, True)


def test_a_walk_that_is_broken_off_keeps_its_windows():
    def spoil(wanted: Wanted, asked: int, rows: list[VideoRecord]) -> list[VideoRecord]:
        if wanted.span.since > 3:
            raise ConnectionError
        return rows

    windows = walk(Search(draw(*range(20)), spoil), Span(0, 99), CONFIG)
    assert next(windows).span == Span(0, 3)
    with pytest.raises(ConnectionError):
        next(windows)


class Poisoned(Search):
    """A search whose answers cannot be read if one video is in them."""

    def __init__(self, videos: Sequence[VideoRecord], poison: Collection[str]) -> None:
        super().__init__(videos)
        self.poison = poison

    def __call__(self, wanted: Wanted) -> Page:
        page = super().__call__(wanted)
        unread = any(row.video_id in self.poison for row in page.rows)
        return Page(0, (), unread=1) if unread else page


@pytest.mark.parametrize("bad", [0, 17, 41, 59])
def test_a_row_that_spoils_its_answer_hides_nothing_but_itself(bad):
    videos = draw(*range(60))
    search = Poisoned(videos, {videos[bad].video_id})
    windows = last_told(list(walk(search, Span(0, 1_000_000), CONFIG)))
    others = [video for video in videos if video is not videos[bad]]
    assert ids(windows) == ids_of(others)
    (doubtful,) = [
        window for window in windows if window.doubt is Doubt.UNREAD and window.found < 1
    ]
    assert doubtful.span == Span(bad, bad)


def test_a_search_of_which_nothing_can_be_read_comes_to_an_end():
    videos = draw(*range(60))
    search = Poisoned(videos, {video.video_id for video in videos})
    windows = last_told(list(walk(search, Span(0, 1 << 31), CONFIG)))
    proven = [window.span for window in windows if window.proven]
    assert not [v for v in videos for s in proven if s.since <= v.uploaded_at <= s.until]
    assert search.calls < 150
