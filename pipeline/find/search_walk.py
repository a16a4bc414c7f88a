"""Walk through everything that a search has, by time of upload, in few calls, and prove it.

Flickr shows the first 4,000 results of a search and repeats pages beyond, its totals are off, pages
are short, and one page in five shows some results twice and others not at all. So no total, no
short page and no empty answer ends a walk. The oldest 500 come first, and the next call begins a
few rows before the last of them: it has to show those rows again, which holds every answer against
the one before. The walk ends where going on from the last row shows nothing new, in both orders.

Each call is a window that ends where its page did. While all goes well, one window in ten is seen
from its other end too, and the last one always. Once an answer is short without an end, or empty
where something is known, or contradicts another, the walk is *wary*: what was seen from one end is
walked through again, and every window is looked at in both orders until both show the same.

A page that is full within one second is read to its 4,000th row from both ends, then license by
license; what a license has beyond is out of reach. If the answers turn out not to be in order of
upload, spans are halved where half of the results seen lie on either side. A span whose answers
cannot be read is halved, too, down to the second of the row that is to blame.

Cost: 1.15 to 1.25 calls per 500 videos where nothing is wrong, and one more at the end; about 2.2
where answers cannot be trusted. What *proven* means: docs/concepts/proven.md. Source: Flickr's
description of `flickr.photos.search`, and what its users have measured (openverse-catalog 26,
gallery-dl 116, flickrmirrorer 21).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from statistics import median_low

from tinyvideo.pipeline.find.crowded_second import read_second
from tinyvideo.pipeline.find.search_windows import (
    Ask,
    Doubt,
    Span,
    WalkConfig,
    Wanted,
    Window,
    time_of,
)
from tinyvideo.pipeline.find.window_views import Answer, Sweep, Views, judge, within
from tinyvideo.pipeline.types import VideoRecord

_ENOUGH = 2
"""Windows whose views contradict each other, after which no window of the walk is proven. Ours: a
video that is deleted between two calls makes one."""

_NOTHING = 3
"""Empty answers in a row that are believed where nothing is known to be there. Ours."""

_UNREAD = 40
"""Spans in a row that cannot be read, after which none is halved any more. Ours: halving comes from
a hundred years to the second of one bad row in 32."""


def walk(ask: Ask, span: Span, config: WalkConfig) -> Iterator[Window]:
    """Yield one window after the other until the whole span was looked at, oldest first.

    A window that turns out to be doubtful later is yielded anew, without its records.

    Raises:
        Exception: whatever `ask` raises; the windows that were yielded stand.
    """
    yield from _Walk(ask, config).through(span)


@dataclass(slots=True)
class _Held:
    """A window that waits for the answer after it, which begins with its last rows."""

    span: Span
    views: Views
    reported: int
    calls: int
    splits: int = 1


@dataclass(slots=True)
class _Walk:
    ask: Ask
    config: WalkConfig
    wary: Doubt | None = None
    """Why answers are not trusted any more."""

    short: bool = False
    """Pages are short without an end."""

    contradictions: int = 0
    calls: int = 0
    """Since the last window was closed."""

    unchecked: int = 0
    unread: int = 0
    """Spans in a row of which no answer could be read."""

    told: list[Window] = field(default_factory=list)
    totals: list[tuple[Span, int]] = field(default_factory=list)
    """What each page was asked of, and the total that came with it."""

    def through(self, span: Span) -> Iterator[Window]:
        todo = [span]
        while todo:
            part, wary, start = todo.pop(), self.wary, len(self.told)
            for window, rest in self._part(part):
                todo += reversed(rest)
                if window is not None:
                    self.told.append(replace(window, records=()))
                    yield window
            if self.wary and not wary:
                once = self._take_back(start)
                yield from (replace(window, calls=0, doubt=self.wary) for window in once)
                todo += _joined(window.span for window in once)[::-1]
        yield from self._told_anew()

    def _take_back(self, start: int) -> list[Window]:
        """Take back what was seen from one end only, before there was a reason not to trust it."""
        new = self.told[start:]
        once = [window for window in new if window.proven and not window.falling]
        self.told[start:] = [window for window in new if not window.proven or window.falling]
        return once

    def _told_anew(self) -> Iterator[Window]:
        """Tell which windows are doubtful by what was seen after them."""
        doubted = self._first_overtold()
        for window in self.told:
            if not window.proven:
                continue
            if self.contradictions >= _ENOUGH:
                yield replace(window, calls=0, doubt=Doubt.DISAGREE)
            elif doubted is not None and window.span.until >= doubted:
                yield replace(window, calls=0, doubt=Doubt.TOTAL)

    def _first_overtold(self) -> int | None:
        """Find the earliest page whose total is above what was seen from there on."""
        windows = sorted(self.told, key=lambda window: window.span)
        beyond = [window.span.since for window in windows if window.truncated]
        ends = [window.span.until for window in windows]
        seen = [0, *accumulate(window.found for window in windows)]
        for span, total in sorted(self.totals):
            if any(span.since <= second <= span.until for second in beyond):
                continue  # which explains it
            there = seen[bisect_right(ends, span.until)] - seen[bisect_left(ends, span.since)]
            if total > there * (1 + self.config.total_error) + 1:
                return span.since
        return None

    def _ask(self, wanted: Wanted) -> Answer:
        self.calls += 1
        return judge(wanted, self.ask(wanted))

    def _doubt(self, why: Doubt) -> None:
        self.wary = self.wary or why

    # One part of the span.

    def _part(self, span: Span) -> Iterator[tuple[Window | None, list[Span]]]:
        since, anchor = span.since, dict[str, VideoRecord]()
        held: _Held | None = None
        while True:
            start = min(map(time_of, anchor.values()), default=since)
            answer = self._look(Span(start, span.until), anchor)
            if held is not None:
                yield self._confirm(held, answer, anchor), []
                held = None
            if answer is None:
                yield self._without_answer(Span(since, span.until))
                return
            self.totals.append((answer.wanted.span, answer.total))
            fresh = {i: row for i, row in answer.rows.items() if time_of(row) >= since}
            last_page = 0 < answer.length < self.config.per_page and not self.short
            top = self._from_the_top(answer) if last_page else None
            if not fresh or top is not None:
                yield self._end(Span(since, span.until), answer, top), []
                return
            if not answer.in_order and answer.last > since:
                middle = min(median_low(map(time_of, fresh.values())), span.until - 1)
                yield None, [Span(since, middle), Span(middle + 1, span.until)]
                return
            if answer.last <= since:
                yield self._second(since, answer), []
                since, anchor = since + 1, {}
                if since > span.until:
                    return
                continue
            held = self._open(Span(since, answer.last - 1), answer)
            since, anchor = answer.last, self._anchor(held)

    def _look(self, span: Span, anchor: Mapping[str, VideoRecord]) -> Answer | None:
        """Ask with the oldest first until there is an answer that may be right.

        None: there was none, or (then `unread` counts it) none that could be read.
        """
        nothing = unread = 0
        for _ in range(self.config.most_views):
            answer = self._ask(Wanted(span, newest_first=nothing == _NOTHING - 1))
            if answer.length == answer.unread > 0:
                self._doubt(Doubt.UNREAD)
                unread += 1
                if self.unread or unread == _NOTHING:
                    self.unread += 1
                    return None
                continue
            self.unread = 0
            if answer.length and not answer.wanted.newest_first:
                return answer
            if answer.length or anchor or answer.total:
                self._doubt(Doubt.EMPTY)
                nothing = 0
                continue
            nothing += 1
            if nothing == _NOTHING:
                return replace(answer, wanted=Wanted(span))
        return None

    def _without_answer(self, span: Span) -> tuple[Window | None, list[Span]]:
        """Close a span that gave no answer, or halve it: one bad row must not hide the others."""
        if 0 < self.unread <= _UNREAD and span.since < span.until:
            middle = (span.since + span.until) // 2
            return None, [Span(span.since, middle), Span(middle + 1, span.until)]
        held = _Held(span, Views(), 0, self.calls)
        self.calls = 0
        return self._close(held, self.wary), []

    def _from_the_top(self, answer: Answer) -> Sweep | None:
        """Look at what follows a short page, newest first; None if it is not the last page."""
        sweep = Sweep(newest_first=True)
        for _ in range(self.config.most_views):
            top = self._ask(Wanted(answer.wanted.span, newest_first=True))
            if top.length:
                break
            self._doubt(Doubt.EMPTY)
        sweep.add(top)
        if sum(time_of(row) > answer.last for row in top.rows.values()) > answer.flaws:
            self.short = True
            self._doubt(Doubt.SHORT)
            return None
        return sweep

    def _open(self, span: Span, answer: Answer) -> _Held:
        """Begin a window with the first rows of a page."""
        shown = {i: row for i, row in answer.rows.items() if within(row, span)}
        sweep = Sweep(
            newest_first=False,
            shown=shown,
            flaws=answer.flaws,
            shortfall=max(0, self.config.per_page - answer.length),
            unread=answer.unread,
            pages=1,
        )
        held = _Held(span, Views(), answer.total, 0)
        held.views.add(sweep, wary=bool(self.wary))
        self.unchecked += 1
        if answer.flaws or self.wary or self.unchecked > self.config.unchecked:
            self._verify(span, held.views)
            self.unchecked = 0
        held.calls, self.calls = self.calls, 0
        return held

    def _anchor(self, held: _Held) -> dict[str, VideoRecord]:
        """Choose the last rows of a window, at most so many that the next page goes on."""
        newest = sorted(held.views.rows.values(), key=time_of)[-self.config.overlap - 1 :]
        if not newest:
            return {}
        # The first of them may share its second with rows before it.
        first = time_of(newest[0])
        whole = [row for row in newest if time_of(row) > first or len(newest) <= 1]
        return {row.video_id: row for row in whole}

    def _confirm(
        self, held: _Held, answer: Answer | None, anchor: dict[str, VideoRecord]
    ) -> Window:
        """Hold a window against the first rows of the next page, which are its last."""
        if answer is not None and anchor:
            shown = {i for i, row in answer.rows.items() if within(row, held.span)}
            extra = shown - held.views.rows.keys()
            short = max(0, self.config.per_page - answer.length)
            lacks = len(answer.lacks(anchor)) > answer.flaws + short
            if extra or lacks:
                held.calls += self._recheck(held, lacks or len(extra) > held.views.slack)
        return self._close(held)

    def _recheck(self, held: _Held, contradicted: bool) -> int:
        calls, self.calls = self.calls, 0
        if contradicted:
            held.views.contradicted = True
            self._doubt(Doubt.DISAGREE)
        self._verify(held.span, held.views)
        spent, self.calls = self.calls, calls
        return spent

    def _end(self, span: Span, answer: Answer, top: Sweep | None) -> Window:
        """Close the last window, whose rows have to be shown from the other end too."""
        views, sweep = Views(), Sweep(newest_first=False)
        sweep.add(answer)
        views.add(sweep, wary=bool(self.wary))
        if top is not None:
            self._add(views, top)
        if not answer.length:
            views.agreed = True
        elif not views.agreed:
            self._verify(answer.wanted.span, views)
        held = _Held(span, views, answer.total, self.calls, splits=0)
        self.calls = 0
        return self._close(held)

    # One window.

    def _verify(self, span: Span, views: Views) -> None:
        """Look at a window in one order after the other until they agree."""
        while len(views.sweeps) < self.config.most_views and not self._settled(views):
            newest_first = not views.sweeps[-1].newest_first
            self._add(views, self._sweep(span, views, newest_first=newest_first))

    def _settled(self, views: Views) -> bool:
        return views.agreed and len(views.sweeps) > 1

    def _add(self, views: Views, sweep: Sweep) -> None:
        views.add(sweep, wary=bool(self.wary))
        if views.contradicted:
            self._doubt(Doubt.DISAGREE)

    def _sweep(self, span: Span, views: Views, *, newest_first: bool) -> Sweep:
        """Go through a window in one order until going on shows nothing new."""
        sweep, left, empty = Sweep(newest_first=newest_first), span, 0
        times = [time_of(row) for row in views.rows.values()] or [span.since]
        far = min(times) if newest_first else max(times)
        while True:
            answer = self._ask(Wanted(left, newest_first=newest_first))
            if not answer.length and views.rows and empty < self.config.most_views:
                self._doubt(Doubt.EMPTY)
                empty += 1
                continue
            new, last = sweep.add(answer), answer.last
            there = last <= far if newest_first else last >= far
            rest = Span(span.since, last) if newest_first else Span(last, span.until)
            if not new or rest == left or (there and answer.length < self.config.per_page):
                return sweep
            left = rest

    def _second(self, second: int, answer: Answer) -> Window:
        crowd = read_second(self._ask, second, self.config, wary=bool(self.wary))
        held = _Held(Span(second, second), crowd.views, answer.total, self.calls, crowd.splits)
        self.calls = 0
        return self._close(held, None if crowd.whole else Doubt.OUT_OF_REACH)

    def _close(self, held: _Held, doubt: Doubt | None = None) -> Window:
        views = held.views
        if views.contradicted:
            self.contradictions += 1
        records = [row for row in views.rows.values() if within(row, held.span)]
        rising, falling, both = views.captures()
        return Window(
            span=held.span,
            records=records,
            found=len(records),
            reported=held.reported,
            pages=sum(sweep.pages for sweep in views.sweeps if not sweep.newest_first),
            calls=held.calls,
            splits=held.splits,
            doubt=doubt or self._why_not(views),
            missing=views.missing,
            rising=rising,
            falling=falling,
            both=both,
        )

    def _why_not(self, views: Views) -> Doubt | None:
        if views.contradicted or self.contradictions >= _ENOUGH:
            return Doubt.DISAGREE
        if views.unread:
            return Doubt.UNREAD
        if views.agreed or (len(views.sweeps) == 1 and not views.slack and not self.wary):
            return None
        return Doubt.REPEATS if views.flaws else self.wary or Doubt.SHORT


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Join spans that follow each other."""
    joined: list[Span] = []
    for span in spans:
        if joined and span.since == joined[-1].until + 1:
            joined[-1] = Span(joined[-1].since, span.until)
        else:
            joined.append(span)
    return joined
