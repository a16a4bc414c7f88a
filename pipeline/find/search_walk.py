"""Walk through everything that a search has, by time of upload, in the fewest calls, and prove it.

Flickr shows the first 4,000 results of a search and repeats pages beyond, its totals are off, and
one page in five shows some results twice and others not at all. So totals decide nothing, and no
page but the first is asked for: the oldest 500 come first, and the next call begins at the second
in which the last of them was uploaded. Each call is a window that ends where its page did. That
costs one call per 500 videos, which is the least there is; halving a span until its total fits
spends calls on totals.

A window is proven when as many different videos were seen as its page has rows. A page with a row
twice lacks a video, so it is asked for again, and all its views together count. What is still
missing then is known by number, and the window is short: it can be opened again.

A page that is full within one second is read to its 4,000th row, then license by license; what a
license has beyond that is out of reach, and the window is truncated. If the answers turn out not
to be in order of upload, spans are halved where half of the results seen lie on either side.

Cost: 1.2 calls per 500 videos on average if one page in five is unsteady: a row that is missing may
be anywhere on its page, so nothing less than the page again shows it. Of 44 pages, chance makes
that 1.1 to 1.32. A second that overflows costs two calls per license on top. Source: Flickr's
description of `flickr.photos.search`, and what its users have measured (openverse-catalog 26,
gallery-dl 116).
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median_low
from typing import TypeAlias

from tinyvideo.pipeline.types import VideoRecord


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Seconds since 1970 in which something was uploaded."""

    since: int
    until: int
    """Both are included."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of the search."""

    total: int
    """What it says that there are; off by a fifth at times."""

    rows: Sequence[VideoRecord]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one call asks for: a page of what was uploaded in a span, the oldest first."""

    span: Span
    page: int = 1
    license_: str = ""
    """Flickr's number of the one license that is wanted; empty: all of the query."""


def subtract(span: Span, done: Iterable[Span]) -> list[Span]:
    """List what is left of a span without those that are done, in order."""
    left, since = [], span.since
    for each in sorted(done):
        if each.since > span.until:
            break
        if each.since > since:
            left.append(Span(since, each.since - 1))
        since = max(since, each.until + 1)
    return [*left, Span(since, span.until)] if since <= span.until else left


Ask: TypeAlias = Callable[[Wanted], Page]


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkConfig:
    per_page: int = 500
    """Rows of a full page. Theirs."""

    cap: int = 4_000
    """Results of a search that can be seen. Theirs."""

    most_views: int = 5
    """How often a page is asked for before what it lacks is given up. Ours."""

    tolerated: float = 0.01
    """Share of a page that may be missing after two views. Ours: a third would bring two videos,
    where it brings 500 elsewhere."""

    total_error: float = 0.25
    """By which share a total may be too high; more than that says that a page is short of rows.
    Ours, above the fifth that was seen."""

    licenses: tuple[str, ...] = ()
    """Of the query; a second that overflows is read license by license."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span that was looked at, and what is known of it."""

    span: Span
    records: Sequence[VideoRecord]
    """What was uploaded in the span, each once."""

    reported: int
    """The total that came with its page: of everything from the beginning of the span on."""

    pages: int
    calls: int
    splits: int
    """How often it had to be cut: by time, or by license."""

    missing: int = 0
    """Rows that its pages have, and that were never seen."""

    truncated: bool = False
    """It has more than can be seen."""

    @property
    def proven(self) -> bool:
        """Everything in it was seen."""
        return not (self.missing or self.truncated)

    def least_calls(self, per_page: int) -> int:
        """Say how many calls would have done, had every page been right."""
        return max(1, -(-len(self.records) // per_page))


@dataclass(slots=True)
class _View:
    """What several answers for one page have shown together."""

    rows: dict[str, VideoRecord] = field(default_factory=dict)
    """By id, without those of earlier pages."""

    expected: int = 0
    """Most rows that an answer had."""

    last: int = sys.maxsize
    """Second in which the page ends. Of several answers the earliest: a row that does not belong
    to the page could otherwise make us pass over what does."""

    reported: int = 0
    calls: int = 0
    in_order: bool = True

    @property
    def missing(self) -> int:
        return max(0, self.expected - len(self.rows))


def walk(ask: Ask, span: Span, config: WalkConfig) -> Iterator[Window]:
    """Yield one window after the other until the whole span was looked at, oldest first.

    Raises:
        Exception: whatever `ask` raises; the windows that were yielded stand.
    """
    todo = [span]
    while todo:
        window, rest = _explore(ask, todo.pop(), config)
        todo += reversed(rest)
        if window is not None:
            yield window


def _explore(ask: Ask, span: Span, config: WalkConfig) -> tuple[Window | None, list[Span]]:
    view = _look(ask, Wanted(span), {}, config)
    if view.expected < config.per_page:
        return _close(span, view, splits=0), []
    if view.last <= span.since or span.since == span.until:
        rest = [Span(span.since + 1, span.until)] if span.since < span.until else []
        return _read_second(ask, Span(span.since, span.since), view, config), rest
    if not view.in_order:
        middle = min(median_low(_time(row) for row in view.rows.values()), span.until - 1)
        return None, [Span(span.since, middle), Span(middle + 1, span.until)]
    # The page may have ended in the middle of its last second, so the rest begins with that.
    closed = _close(Span(span.since, view.last - 1), view, splits=1)
    return closed, [Span(view.last, span.until)]


def _close(span: Span, view: _View, splits: int) -> Window:
    return Window(
        span=span,
        records=[row for row in view.rows.values() if span.since <= _time(row) <= span.until],
        reported=view.reported,
        pages=1,
        calls=view.calls,
        splits=splits,
        missing=view.missing,
    )


def _look(ask: Ask, wanted: Wanted, known: Mapping[str, VideoRecord], config: WalkConfig) -> _View:
    view = _View()
    for _ in range(config.most_views):
        answer = ask(wanted)
        grown = _take(view, answer, wanted.span, known)
        if view.missing > (0 if view.calls == 1 else config.tolerated * config.per_page):
            continue
        # Fewer rows than the total promises, even if it is wrong: unless a second look agrees.
        short = view.expected < min(config.per_page, answer.total / (1 + config.total_error))
        if wanted.page > 1 or not short or (view.calls > 1 and not grown):
            break
    return view


def _take(view: _View, answer: Page, span: Span, known: Mapping[str, VideoRecord]) -> bool:
    rows = [row for row in answer.rows if span.since <= _time(row) <= span.until]
    fresh = {row.video_id: row for row in rows if row.video_id not in known}
    grown = not fresh.keys() <= view.rows.keys()
    repeats = len(answer.rows) - len(fresh)
    steps_back = sum(_time(one) > _time(next_) for one, next_ in pairwise(rows))
    view.in_order &= steps_back <= 2 * repeats  # a row out of its place steps back twice at most
    view.rows |= fresh
    view.last = min(view.last, max(map(_time, fresh.values()), default=span.since))
    view.expected = max(view.expected, len(answer.rows))
    view.reported = answer.total
    view.calls += 1
    return grown


def _read_second(ask: Ask, second: Span, first: _View, config: WalkConfig) -> Window:
    """Read all pages of a second whose first page is full, then license by license."""
    reading = _Reading(ask, second, config)
    reading.enter(first)
    full = reading.read("", start=2)
    splits = 0
    if full and len(config.licenses) > 1:
        splits = len(config.licenses)
        full = bool([name for name in config.licenses if reading.read(name, start=1)])
    return Window(
        span=second,
        records=list(reading.rows.values()),
        reported=first.reported,
        pages=reading.pages,
        calls=reading.calls,
        splits=splits,
        missing=0 if splits else reading.missing,
        truncated=full,
    )


@dataclass(slots=True)
class _Reading:
    """The pages of one second."""

    ask: Ask
    second: Span
    config: WalkConfig
    rows: dict[str, VideoRecord] = field(default_factory=dict)
    pages: int = 0
    calls: int = 0
    missing: int = 0

    def enter(self, view: _View) -> None:
        self.rows |= {k: row for k, row in view.rows.items() if _time(row) == self.second.since}
        self.pages += 1
        self.calls += view.calls
        self.missing += view.missing

    def read(self, license_: str, start: int) -> bool:
        """Read pages until one is not full; tell whether there are more than can be seen."""
        known = {} if license_ else dict(self.rows)
        for page in range(start, self.config.cap // self.config.per_page + 1):
            view = _look(self.ask, Wanted(self.second, page, license_), known, self.config)
            known |= view.rows
            self.enter(view)
            if view.expected < self.config.per_page:
                return False
            if not view.rows:  # pages repeat already
                return True
        return True


def _time(row: VideoRecord) -> int:
    return row.uploaded_at or 0
