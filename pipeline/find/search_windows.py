"""What a walk through a search asks for, gets and tells: spans, pages, windows, and doubts.

Cost: data only.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
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
    unread: int = 0
    """Rows that were not understood; each may be a video."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one call asks for: a page of what was uploaded in a span, the oldest first."""

    span: Span
    page: int = 1
    license_: str = ""
    """Flickr's number of the one license that is wanted; empty: all of the query."""

    newest_first: bool = False


Ask: TypeAlias = Callable[[Wanted], Page]


class Doubt(StrEnum):
    """Why a window is not proven; the first of several counts."""

    OUT_OF_REACH = "out_of_reach"
    """One second holds more than can be seen."""

    DISAGREE = "disagree"
    """Answers to the same question show different videos, as replicas do."""

    EMPTY = "empty"
    """Answers were empty where there is something."""

    SHORT = "short"
    """Pages had fewer rows than they should, and no two views agree."""

    REPEATS = "repeats"
    """Rows stand twice, in place of others that were never seen."""

    UNREAD = "unread"
    """Rows were not understood: `tinyvideo failures` shows them."""

    TOTAL = "total"
    """The total is above what was seen, by more than totals are known to be."""

    OLDER = "older"
    """An older version looked at it, from one end only."""

    OLD = "old"
    """It was proven, so long ago that it is asked for again."""

    NEWEST = "newest"
    """Uploaded so shortly before the call that the search may not know all of it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkConfig:
    per_page: int = 500
    """Rows of a full page. Theirs."""

    cap: int = 4_000
    """Results of a search that can be seen. Theirs."""

    most_views: int = 5
    """How often a window is looked at before it is left unproven. Ours."""

    overlap: int = 16
    """Rows of one page with which the next begins, so that each answer is held against the one
    before. Ours: 3 % more calls, and four of five replicas that lack a tenth are seen at once."""

    unchecked: int = 9
    """Windows in a row that are seen from one end only, while all goes well. Ours: a tenth more
    calls."""

    total_error: float = 0.25
    """By which share a total may be too high; more than that says that something was not shown.
    Ours, above the fifth that was seen."""

    licenses: tuple[str, ...] = ()
    """Of the query; a second that overflows is read license by license."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span that was looked at, and what is known of it."""

    span: Span
    records: Sequence[VideoRecord]
    """What was uploaded in the span, each once; empty if the window is only told anew."""

    found: int
    """How many that are."""

    reported: int
    """The total that came with its page: of everything from the beginning of the span on."""

    pages: int
    calls: int
    splits: int
    """How often it had to be cut: by time, or by license."""

    doubt: Doubt | None = None
    """Why it is not proven."""

    missing: int = 0
    """Videos that it has and that were never seen, as far as they are known by number."""

    rising: int = 0
    falling: int = 0
    both: int = 0
    """Videos seen with the oldest first, with the newest first, and in both orders; all are 0 where
    it was seen in one order only."""

    @property
    def proven(self) -> bool:
        """Everything in it was seen, by the definition in docs/concepts/proven.md."""
        return self.doubt is None

    @property
    def truncated(self) -> bool:
        """It has more than can be seen."""
        return self.doubt is Doubt.OUT_OF_REACH


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


def time_of(row: VideoRecord) -> int:
    """Second of upload."""
    return row.uploaded_at or 0
