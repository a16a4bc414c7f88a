"""What searches have looked at, window by window, and what share of it is proven complete.

A window is entered when its videos are: what a killed run had not entered was not looked at, and
is asked for again. A window of a search is not asked for twice once it is proven, so that a
second crawl asks for what is new, for windows that are in doubt, and for nothing else; one that
holds more than can be seen is asked for again only if it is reopened. Searches show an upload some
time after it was made, so what was uploaded in the last days before a call is never proven by it.

Cost: one transaction per window.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tinyvideo.pipeline.find import (
    Doubt,
    Estimate,
    Span,
    Window,
    least_calls,
    likely_missing,
    subtract,
)
from tinyvideo.storage.database import FACTS, WINDOWS, add_count, count_of, now, transaction

LAG_S = 3 * 86_400
"""How long the index of a search may lag, in seconds: what was uploaded in so many before a call is
asked for again. Ours: most uploads are found in minutes, some in days."""

_CALLS = "calls of "
"""Before the name of a search, in the name of the fact that counts its calls."""

_PROVEN = WINDOWS.c.doubt == ""


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

    doubts: dict[str, int]
    """How many windows are not proven for which reason: see `pipeline.find.Doubt`."""

    likely: Estimate | None
    """How many videos are likely missing, beside those that are out of reach; None where nothing
    was seen from both ends."""

    calls: int
    least_calls: int
    """How many calls prove as much at least: every row once, and a look from the other end."""

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


def settled_until(asked_at: datetime) -> int:
    """Say up to which second of upload an answer of this moment can be final."""
    return int(asked_at.timestamp()) - LAG_S


def enter_window(
    engine: sa.Engine, query: str, window: Window, per_page: int, asked_at: datetime
) -> None:
    """Record that a window was looked at, in place of what was recorded of its span before.

    Raises:
        StorageError: the database cannot be used.
    """
    since, until = window.span.since, min(window.span.until, int(asked_at.timestamp()))
    if until < since:
        return
    overlapping = sa.and_(
        WINDOWS.c.query == query, WINDOWS.c.since <= until, WINDOWS.c.until >= since
    )
    newest = until > settled_until(asked_at)
    with transaction(engine, writes=True) as db:
        spent = db.scalar(sa.select(sa.func.sum(WINDOWS.c.calls)).where(overlapping)) or 0
        db.execute(WINDOWS.delete().where(overlapping))
        row = {
            "query": query,
            "since": since,
            "until": until,
            "reported": window.reported,
            "found": window.found,
            "missing": window.missing,
            "truncated": window.truncated,
            "pages": window.pages,
            "calls": window.calls + int(spent),
            "least_calls": max(1, -(-window.found // per_page)),
            "splits": window.splits,
            "asked_at": asked_at,
            "doubt": window.doubt or (Doubt.NEWEST.value if newest else ""),
            "rising": window.rising,
            "falling": window.falling,
            "both_ways": window.both,
        }
        db.execute(WINDOWS.insert().values(**row))


def count_call(engine: sa.Engine, query: str) -> None:
    """Count a call of a search as it is sent, whatever comes of it.

    Raises:
        StorageError: the database cannot be used.
    """
    with transaction(engine, writes=True, lasting=False) as db:
        add_count(db, _CALLS + query, 1)


def left_to_ask(engine: sa.Engine, query: str, span: Span, settled: int) -> list[Span]:
    """List what of a span has to be asked for: what was not looked at, and what is in doubt.

    What lies before and after the second `settled` is listed apart, since only what lies before
    can be proven.

    Raises:
        StorageError: the database cannot be used.
    """
    done = sa.or_(_PROVEN, WINDOWS.c.truncated)
    spans = sa.select(WINDOWS.c.since, WINDOWS.c.until).where(WINDOWS.c.query == query, done)
    with transaction(engine, writes=False) as db:
        left = subtract(span, [Span(*row) for row in db.execute(spans)])
    parts = (
        (Span(s.since, min(s.until, settled)), Span(max(s.since, settled + 1), s.until))
        for s in left
    )
    return [part for pair in parts for part in pair if part.since <= part.until]


def proven_spans(engine: sa.Engine, query: str) -> list[Span]:
    """List what of a search is proven.

    Raises:
        StorageError: the database cannot be used.
    """
    spans = sa.select(WINDOWS.c.since, WINDOWS.c.until).where(WINDOWS.c.query == query, _PROVEN)
    with transaction(engine, writes=False) as db:
        return [Span(*row) for row in db.execute(spans.order_by("since"))]


def reopen(engine: sa.Engine) -> int:
    """Have the next crawl ask for every window again that is not proven; return how many are.

    Raises:
        StorageError: the database cannot be used.
    """
    with transaction(engine, writes=True) as db:
        return db.execute(WINDOWS.delete().where(~_PROVEN)).rowcount


def refresh(engine: sa.Engine, older_than: timedelta) -> int:
    """Have the next crawl ask again for what was proven so long ago; return how many windows.

    What was uploaded with an old date, made public, tagged or licensed anew since is found then.

    Raises:
        StorageError: the database cannot be used.
    """
    old = sa.and_(_PROVEN, WINDOWS.c.asked_at <= now() - older_than)
    with transaction(engine, writes=True) as db:
        return db.execute(WINDOWS.update().where(old).values(doubt=Doubt.OLD.value)).rowcount


def summarize(engine: sa.Engine) -> list[Coverage]:
    """Sum up every search, by name.

    Raises:
        StorageError: the database cannot be used.
    """
    rows: dict[str, list[sa.RowMapping]] = {}
    with transaction(engine, writes=False) as db:
        for row in db.execute(sa.select(WINDOWS).order_by("query", "since")).mappings():
            rows.setdefault(row["query"], []).append(row)
        told = sa.select(FACTS.c.name, FACTS.c.value).where(FACTS.c.name.startswith(_CALLS))
        sent = {name: count_of(name, text) for name, text in db.execute(told)}
    return [_sum_up(name, windows, sent.get(_CALLS + name)) for name, windows in rows.items()]


def _sum_up(query: str, windows: list[sa.RowMapping], sent: int | None) -> Coverage:
    # Windows that were lost to a kill have cost calls too.
    spans = [Span(row["since"], row["until"]) for row in windows]
    whole = Span(spans[0].since, max(span.until for span in spans))
    return Coverage(
        query=query,
        since=whole.since,
        until=whole.until,
        windows=len(windows),
        proven=sum(not row["doubt"] for row in windows),
        found=_total(windows, "found"),
        missing=_total(windows, "missing"),
        truncated=_total(windows, "truncated"),
        calls=sent or _total(windows, "calls"),
        least_calls=least_calls(_total(windows, "found"), query),
        gaps=subtract(whole, spans),
        doubts=dict(Counter(row["doubt"] for row in windows if row["doubt"]).most_common()),
        likely=likely_missing(
            _total(windows, "rising"),
            _total(windows, "falling"),
            _total(windows, "both_ways"),
            _total([row for row in windows if not row["falling"]], "found"),
        ),
    )


def _total(windows: Iterable[sa.RowMapping], name: str) -> int:
    return sum(int(row[name]) for row in windows)
