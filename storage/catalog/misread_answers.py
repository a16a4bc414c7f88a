"""Answers that nobody understood: how often each kind came, and the beginning of the first.

They stop no crawl. What they were about is not known, so the window of a search in which one
came is not proven.

Cost: one transaction per answer that was not understood.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tinyvideo.storage.database import MISREAD, now, transaction

KEPT = 2_048
"""Bytes of the first answer of a kind that are kept. Ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misread:
    """One kind of answer that was not understood."""

    why: str
    """What is wrong with it."""

    count: int
    first: str
    """The beginning of the first one."""

    first_at: datetime
    last_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """Lay it out for JSON."""
        times = {"first_at": self.first_at.isoformat(), "last_at": self.last_at.isoformat()}
        return {**asdict(self), **times}


def keep_misread(engine: sa.Engine, why: str, text: str) -> None:
    """Count an answer that was not understood, and keep the beginning of the first of its kind.

    Raises:
        StorageError: the database cannot be used.
    """
    same, moment = MISREAD.c.why == why, now()
    with transaction(engine, writes=True) as db:
        seen = MISREAD.update().where(same).values(count=MISREAD.c.count + 1, last_at=moment)
        if not db.execute(seen).rowcount:
            first = text.encode(errors="replace")[:KEPT].decode(errors="ignore").replace("\0", "")
            row = {"why": why, "count": 1, "first": first, "first_at": moment, "last_at": moment}
            db.execute(MISREAD.insert().values(**row))


def list_misread(engine: sa.Engine) -> list[Misread]:
    """List what was not understood, the most frequent first.

    Raises:
        StorageError: the database cannot be used.
    """
    rows = sa.select(MISREAD).order_by(MISREAD.c.count.desc(), MISREAD.c.why)
    with transaction(engine, writes=False) as db:
        return [Misread(**row) for row in db.execute(rows).mappings()]
