"""How long the rest will take, by hand."""

import pytest

from tinyvideo.flows.terminal.screen import tell_pace
from tinyvideo.flows.terminal.time_left import Pace, time_left


@pytest.mark.parametrize(
    ("seconds", "done", "left", "text"),
    [
        (0, 0, 100, ""),
        (10, 5, 0, ""),
        (10, 5, 100, "0:03:20 left"),
        (9, 1, 800, "2:00:00 left"),
    ],
)
def test_time_left(seconds, done, left, text):
    assert time_left(seconds, done, left) == text


def test_what_an_earlier_run_has_done_counts_for_nothing():
    now = iter([100.0, 160.0, 400.0, 500.0])
    pace = Pace(lambda: next(now))

    assert pace.left(500, 1000) == ""  # where the earlier run had come to
    assert pace.left(510, 1000) == "0:49:00 left"  # 6 s each, 490 to do
    assert pace.left(0, None) == ""  # nobody knows how many there are
    assert pace.left(0, 10) == ""  # it begins anew, at 400 s
    assert pace.left(5, 10) == "0:01:40 left"


KNOWN = {
    "films_fetched": 1_200,
    "bytes_fetched": 7_500_000_000,
    "videos_per_hour": 120.0,
    "waiting": 1_000,
    "looking_since": None,
    "seconds_left": 30_000,
}
NOBODY = {"videos_per_hour": None, "seconds_left": None}


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (
            {},
            {
                "bytes fetched": "7,500.0 MB, of 1,200 films",
                "videos per hour": "120.0",
                "time left": "8:20:00, for 1,000 videos",
            },
        ),
        ({**NOBODY, "films_fetched": 0}, {}),
        ({"waiting": 0, "seconds_left": 0, "films_fetched": 0}, {"videos per hour": "120.0"}),
        (
            {**NOBODY, "films_fetched": 0, "looking_since": "noon"},
            {"time left": "not known: since noon, more videos are looked for"},
        ),
    ],
)
def test_of_a_crawl_is_told_what_is_known(known, told):
    assert tell_pace({**KNOWN, **known}) == told
