"""What searches have looked at, window by window, and what share of it is proven complete.

A window is entered when its videos are: what a killed run had not entered was not looked at, and
is asked for again. A window of a search is never asked for twice once it is proven, so that a
second crawl asks for what is new, for windows that were short, and for nothing else; one that holds
more than can be seen is asked for again only if it is reopened. Searches show an upload some time
after it was made, so the last hour before a call counts as not looked at.

Cost: one transaction per window.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tinyvideo.pipeline.find import Span, Window, subtract
from tinyvideo.storage.database import WINDOWS, transaction

SETTLED_S = 3600
"""How long before a call its answer is final, in seconds. Ours: uploads are indexed in minutes."""

_PROVEN = sa.and_(WINDOWS.c.missing == 0, ~WINDOWS.c.truncated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How completely one search was walked through, as far as it was."""

    query: str
    since: int
    until: int
    """First and last second that were looked at."""

    windows: int
    proven: int
    """Windows of which everything was seen."""

    found: int
    """Videos that were seen, each once."""

    missing: int
    """Videos that pages were short of, at least."""

    truncated: int
    """Windows of one second that hold more than can be seen."""

    calls: int
    least_calls: int
    """How many calls would have done, had every page been right."""

    gaps: list[Span]
    """What was not looked at between the first and the last second."""

    @property
    def share(self) -> float:
        """Share of the videos that we know of which was seen, 0 to 1."""
        known = self.found + self.missing
        return self.found / known if known else 1.0

    @property
    def complete(self) -> bool:
        """Everything is proven."""
        return self.proven == self.windows and not self.gaps

    def as_dict(self) -> dict[str, Any]:
        """Lay it out for JSON."""
        return {**asdict(self), "share": self.share, "complete": self.complete}


def enter_window(
    engine: sa.Engine, query: str, window: Window, per_page: int, asked_at: datetime
) -> None:
    """Record that a window was looked at, in place of what was recorded of its span before.

    Raises:
        StorageError: the database cannot be used.
    """
    until = min(window.span.until, int(asked_at.timestamp()) - SETTLED_S)
    if until < window.span.since:
        return
    same = WINDOWS.c.query == query
    overlapping = sa.and_(
        same, WINDOWS.c.since <= window.span.until, WINDOWS.c.until >= window.span.since
    )
    with transaction(engine, writes=True) as db:
        spent = db.scalar(sa.select(sa.func.sum(WINDOWS.c.calls)).where(overlapping)) or 0
        db.execute(WINDOWS.delete().where(overlapping))
        row = {
            "query": query,
            "since": window.span.since,
            "until": until,
            "reported": window.reported,
            "found": sum((record.uploaded_at or 0) <= until for record in window.records),
            "missing": window.missing,
            "truncated": window.truncated,
            "pages": window.pages,
            "calls": window.calls + int(spent),
            "least_calls": window.least_calls(per_page),
            "splits": window.splits,
            "asked_at": asked_at,
        }
        db.execute(WINDOWS.insert().values(**row))


def left_to_ask(engine: sa.Engine, query: str, span: Span) -> list[Span]:
    """List what of a span has to be asked for: what was not looked at, and what was short.

    Raises:
        StorageError: the database cannot be used.
    """
    done = sa.or_(_PROVEN, WINDOWS.c.truncated)
    spans = sa.select(WINDOWS.c.since, WINDOWS.c.until).where(WINDOWS.c.query == query, done)
    with transaction(engine, writes=False) as db:
        return subtract(span, [Span(*row) for row in db.execute(spans)])


def reopen(engine: sa.Engine) -> int:
    """Have the next crawl ask for every window again that is not proven; return how many are.

    Raises:
        StorageError: the database cannot be used.
    """
    with transaction(engine, writes=True) as db:
        return db.execute(WINDOWS.delete().where(~_PROVEN)).rowcount


def summarize(engine: sa.Engine) -> list[Coverage]:
    """Sum up every search, by name.

    Raises:
        StorageError: the database cannot be used.
    """
    rows: dict[str, list[sa.RowMapping]] = {}
    with transaction(engine, writes=False) as db:
        for row in db.execute(sa.select(WINDOWS).order_by("query", "since")).mappings():
            rows.setdefault(row["query"], []).append(row)
    return [_sum_up(query, windows) for query, windows in rows.items()]


def _sum_up(query: str, windows: list[sa.RowMapping]) -> Coverage:
    spans = [Span(row["since"], row["until"]) for row in windows]
    whole = Span(spans[0].since, max(span.until for span in spans))
    return Coverage(
        query=query,
        since=whole.since,
        until=whole.until,
        windows=len(windows),
        proven=sum(not (row["missing"] or row["truncated"]) for row in windows),
        found=_total(windows, "found"),
        missing=_total(windows, "missing"),
        truncated=_total(windows, "truncated"),
        calls=_total(windows, "calls"),
        least_calls=_total(windows, "least_calls"),
        gaps=subtract(whole, spans),
    )


def _total(windows: Iterable[sa.RowMapping], name: str) -> int:
    return sum(int(row[name]) for row in windows)
