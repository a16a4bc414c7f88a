"""What several answers have shown of one span, and whether they agree.

Each answer is judged by itself (rows twice, rows that were not understood) and against what is
known (rows that it should have shown). An absence is *explained* where rows stand twice in place of
others, or where a page is short; it is a contradiction where the page is full and clean.

Cost: a few comparisons per row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from tinyvideo.pipeline.find.search_windows import Page, Span, Wanted, time_of
from tinyvideo.pipeline.types import VideoRecord


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, judged."""

    wanted: Wanted
    rows: Mapping[str, VideoRecord]
    """By id, those of the span that was asked for."""

    length: int
    """Rows that it had, whatever they were."""

    total: int
    unread: int
    in_order: bool

    @property
    def flaws(self) -> int:
        """Rows that were not understood, or that stand in place of others."""
        return self.length - len(self.rows)

    @property
    def last(self) -> int:
        """Second in which the page ends."""
        times = [time_of(row) for row in self.rows.values()]
        if not times:
            return self.wanted.span.since
        return min(times) if self.wanted.newest_first else max(times)

    def lacks(self, known: Mapping[str, VideoRecord]) -> set[str]:
        """List the known videos that it should have shown: those before the second it ends in."""
        span, last = self.wanted.span, self.last
        newest_first = self.wanted.newest_first
        reach = Span(last + 1, span.until) if newest_first else Span(span.since, last - 1)
        return {i for i, row in known.items() if within(row, reach)} - self.rows.keys()


def judge(wanted: Wanted, page: Page) -> Answer:
    """Judge an answer by itself."""
    rows = [row for row in page.rows if within(row, wanted.span)]
    distinct = {row.video_id: row for row in rows}
    times = [time_of(row) for row in rows]
    if wanted.newest_first:
        times.reverse()
    steps_back = sum(one > next_ for one, next_ in pairwise(times))
    repeats = len(page.rows) - len(distinct)
    return Answer(
        wanted=wanted,
        rows=distinct,
        length=len(page.rows) + page.unread,
        total=page.total,
        unread=page.unread,
        in_order=steps_back <= 2 * repeats,  # a row out of its place steps back twice at most
    )


def within(row: VideoRecord, span: Span) -> bool:
    """Tell whether something was uploaded in a span."""
    return span.since <= time_of(row) <= span.until


@dataclass(slots=True)
class Sweep:
    """What one order of sorting has shown of a window, from one end to the other."""

    newest_first: bool
    shown: dict[str, VideoRecord] = field(default_factory=dict)
    flaws: int = 0
    """Rows that stood in place of others, or were not understood."""

    shortfall: int = 0
    """Rows that its pages should have had beside."""

    unread: int = 0
    pages: int = 0
    ended: bool = True
    """It came to the other end; else there is more than can be seen."""

    @property
    def slack(self) -> int:
        """How many absences are explained."""
        return self.flaws + self.shortfall

    def add(self, answer: Answer) -> int:
        """Count an answer; return how many of its rows are new to the sweep."""
        new = len(answer.rows.keys() - self.shown.keys())
        self.shown |= answer.rows
        self.flaws += answer.flaws
        self.unread += answer.unread
        self.pages += 1
        return new


@dataclass(slots=True)
class Views:
    """The sweeps of one window, and whether they agree."""

    rows: dict[str, VideoRecord] = field(default_factory=dict)
    sweeps: list[Sweep] = field(default_factory=list)
    expected: int = 0
    """Most rows that a sweep should have shown."""

    contradicted: bool = False
    """Sweeps differ by more than their flaws explain."""

    agreed: bool = False
    """The last sweeps show the same, or differ by what their flaws explain."""

    def add(self, sweep: Sweep, *, wary: bool) -> None:
        """Hold one more sweep against those before it.

        `wary`: flaws excuse nothing, the last sweeps of both orders must show the same.
        """
        new = len(sweep.shown.keys() - self.rows.keys())
        lacking = len(self.rows.keys() - sweep.shown.keys())
        known_slack = min((each.slack for each in self.sweeps), default=0)
        if self.sweeps and (new > known_slack or lacking > sweep.slack):
            self.contradicted = True
        self.rows |= sweep.shown
        self.expected = max(self.expected, len(sweep.shown) + sweep.slack)
        self.sweeps.append(sweep)
        excused = (lacking or sweep.slack) == 0 or (new or known_slack) == 0
        by_number = len(self.rows) >= self.expected
        self.agreed = self._same() or (
            len(self.sweeps) > 1 and not wary and not self.contradicted and (excused or by_number)
        )

    def _same(self) -> bool:
        last = {sweep.newest_first: sweep for sweep in self.sweeps}.values()
        same = all(not sweep.flaws and sweep.shown.keys() == self.rows.keys() for sweep in last)
        return len(last) == 2 and same

    @property
    def unread(self) -> int:
        """Rows that even the best sweep did not understand."""
        return min((sweep.unread for sweep in self.sweeps), default=0)

    @property
    def flaws(self) -> int:
        """Rows that stood in place of others even in the best sweep."""
        return min((sweep.flaws for sweep in self.sweeps), default=0)

    @property
    def slack(self) -> int:
        """Absences that even the best sweep may have."""
        return min((sweep.slack for sweep in self.sweeps), default=0)

    @property
    def missing(self) -> int:
        """Videos that are not seen, as far as their number is known."""
        return 0 if self.agreed else max(0, self.expected - len(self.rows))

    def captures(self) -> tuple[int, int, int]:
        """Count what was seen with the oldest first, with the newest first, and in both orders."""
        first: dict[bool, set[str]] = {}
        for sweep in self.sweeps:
            first.setdefault(sweep.newest_first, set(sweep.shown))
        if len(first) < 2:
            return 0, 0, 0
        rising, falling = first[False], first[True]
        return len(rising), len(falling), len(rising & falling)
