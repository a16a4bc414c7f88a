"""How fast a crawl goes: bytes fetched, videos per hour, and how long the rest will take.

What is counted stands in facts of the catalog, so that it is right for all machines together and
after any kill:

    bytes fetched, films fetched   sums since the catalog was made, of films that came whole
    pace                           verdicts of the last hour, by pieces of five minutes; each is
                                   counted in the transaction that enters it
    looking for videos since ...   one per crawl that looks for more: their number is not known

How long the rest will take is said only where that can be known: a batch is at work, nobody looks
for more videos, and enough of them have ended in the last hour. A run that was killed counts as at
work until its leases end, 10 minutes later; a search that was killed counts as looking until the
next run that is alone.

Cost: 1 to 2 ms of a busy core per verdict and per film that was fetched, beside the seconds that a
video takes. Reading takes seven small queries, none of which reads rows of videos: 4 ms, whatever
the catalog holds.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog.books import count_states
from tinyvideo.storage.database import (
    BATCHES,
    FACTS,
    CatalogBase,
    DamagedError,
    add_count,
    read_count,
    read_fact,
    transaction,
    write_fact,
)

HOUR_S, PIECE_S = 3600, 300
"""Over how long a pace is taken, and in which pieces, in seconds."""

FEWEST = 3
"""Videos that have to end before there is a pace. Ours: two say too little of a third."""

_BYTES, _FILMS, _PACE = "bytes fetched", "films fetched", "pace"
_LOOKING = "looking for videos "


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlPace:
    """How far a crawl has come, and how fast it goes."""

    films_fetched: int
    bytes_fetched: int
    """Of films that came whole, since the catalog was made."""

    videos_per_hour: float | None
    """Verdicts in the last hour, or since work began; None where nobody is at work."""

    waiting: int
    """Videos in the catalog that have no verdict yet."""

    looking_since: str | None
    """Since when more videos are looked for; None if nobody does."""

    seconds_left: int | None
    """How long the videos that wait take at this pace; None where that cannot be known."""

    def as_dict(self) -> dict[str, Any]:
        """Lay it out for JSON."""
        return asdict(self)


@dataclass(slots=True)
class _Recent:
    """Verdicts of the last hour."""

    since: float
    """Moment of the first one, which begins the count and is not counted."""

    pieces: dict[int, int] = field(default_factory=dict)
    """Verdicts by the moment at which each piece began."""

    def at(self, now: float) -> "_Recent":
        """Leave out pieces that had ended an hour before `now`."""
        oldest = now - HOUR_S - PIECE_S
        kept = {start: count for start, count in self.pieces.items() if start > oldest}
        return _Recent(max([self.since, *list(kept)[:1]]), kept)

    def per_hour(self, now: float) -> float | None:
        """Say how many end in an hour; None if too few have."""
        recent = self.at(now)
        count = sum(recent.pieces.values())
        return HOUR_S * count / (now - recent.since) if count >= FEWEST else None


def count_film(engine: sa.Engine, size: int) -> None:
    """Count a film of `size` bytes that came whole.

    Raises:
        StorageError: the database cannot be used.
    """
    with transaction(engine, writes=True, lasting=False) as db:
        add_count(db, _BYTES, size)
        add_count(db, _FILMS, 1)


def count_verdict(db: sa.Connection, moment: datetime) -> None:
    """Count a video that has ended, in the transaction that enters how."""
    now = moment.timestamp()
    known = _recent(db)
    recent = known.at(now) if known else None
    piece = int(now // PIECE_S * PIECE_S)
    if recent is None or not recent.pieces:
        recent = _Recent(now, {piece: 0})
    else:
        recent.pieces[piece] = recent.pieces.get(piece, 0) + 1
    pieces = dict(sorted(recent.pieces.items()))
    write_fact(db, _PACE, json.dumps({"since": recent.since, "pieces": pieces}))


@contextmanager
def looking(catalog: CatalogBase) -> Iterator[None]:
    """Say for a block that more videos are looked for.

    Raises:
        StorageError: the database cannot be used.
    """
    name = _LOOKING + uuid.uuid4().hex
    with transaction(catalog.engine, writes=True, lasting=False) as db:
        write_fact(db, name, catalog.clock().isoformat(timespec="seconds"))
    try:
        yield
    finally:
        with transaction(catalog.engine, writes=True, lasting=False) as db:
            db.execute(FACTS.delete().where(FACTS.c.name == name))


def begin_pace(engine: sa.Engine) -> None:
    """Forget, as a run that is alone, who looked for videos and how fast things went.

    Raises:
        StorageError: the database cannot be used.
    """
    with transaction(engine, writes=True) as db:
        db.execute(FACTS.delete().where(sa.or_(_is_looking(), FACTS.c.name == _PACE)))


def read_pace(catalog: CatalogBase) -> CrawlPace:
    """Say how far the crawl has come, and how fast it goes now.

    Raises:
        StorageError: the database cannot be used, or is damaged.
    """
    moment = catalog.clock()
    with transaction(catalog.engine, writes=False) as db:
        states, recent = count_states(db), _recent(db)
        looking_since = db.scalar(sa.select(sa.func.min(FACTS.c.value)).where(_is_looking()))
        films, size = read_count(db, _FILMS), read_count(db, _BYTES)
        at_work = _is_at_work(db, moment)
    waiting = states.get(VideoState.PENDING, 0) + states.get(VideoState.LEASED, 0)
    pace = recent.per_hour(moment.timestamp()) if recent and at_work else None
    known = pace is not None and looking_since is None
    return CrawlPace(
        films_fetched=films,
        bytes_fetched=size,
        videos_per_hour=None if pace is None else round(pace, 1),
        waiting=waiting,
        looking_since=looking_since,
        seconds_left=round(HOUR_S * waiting / pace) if pace and known else None,
    )


def _is_at_work(db: sa.Connection, moment: datetime) -> bool:
    is_open = BATCHES.c.state.in_(["waiting", "working"])
    query = sa.select(BATCHES.c.number).where(is_open, BATCHES.c.expires_at > moment)
    return db.execute(query.limit(1)).first() is not None


def _is_looking() -> sa.ColumnElement[bool]:
    return FACTS.c.name.startswith(_LOOKING)


def _recent(db: sa.Connection) -> _Recent | None:
    text = read_fact(db, _PACE)
    if text is None:
        return None
    try:
        told = json.loads(text)
        pieces = {int(start): int(count) for start, count in told["pieces"].items()}
        return _Recent(float(told["since"]), pieces)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DamagedError(f"its fact {_PACE!r} is {text!r:.80}") from error
