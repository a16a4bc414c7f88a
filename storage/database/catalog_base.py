"""What every part of the catalog stands on: the database, the clock, and the version of the tables.

Cost: opening it costs what `storage.database.engine` says; a file of this version is only looked
at.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Self, TypeAlias, TypeVar

import sqlalchemy as sa

from tinyvideo.storage.database.counters import keep_counters
from tinyvideo.storage.database.engine import alone, empty_log, name_of, open_database, transaction
from tinyvideo.storage.database.migrations import migrate, stamp
from tinyvideo.storage.database.tables import FACTS, METADATA, VIDEOS
from tinyvideo.storage.storage_errors import StorageError

CATALOG_VERSION = 5
"""2 added what was taken down, 3 leases that end and what Flickr says of a video, 4 where it was
filmed, and indexes, 5 why a window is not proven, what was not understood, and when a source was
asked again. What has to be done to a catalog of an older version stands in
`storage.database.migrations`."""

BESIDE = frozenset({"budgets"})
"""Tables of others in the same database, which may be there before the catalog."""

_CHUNK = 500
"""Values in one `IN` list; SQLite before 3.32 takes 999 at most."""

T = TypeVar("T")

Clock: TypeAlias = Callable[[], datetime]
"""Says what time it is, in UTC."""


def now() -> datetime:
    """Read this machine's clock."""
    return datetime.now(UTC)


class CatalogBase:
    """A database with the tables of this version; any number of processes may have it open."""

    def __init__(self, engine: sa.Engine, clock: Clock = now) -> None:
        self._engine = engine
        self._clock = clock

    @classmethod
    def open(cls, address: str | Path, *, make: bool = True, clock: Clock = now) -> Self:
        """Open the catalog at a path or URL; it is made with its tables if it is missing.

        `clock` says what time it is for leases and postponements.

        Raises:
            StorageError: not a database, another program's, or one written by a newer version;
                or there is none, and it was not to be made.
        """
        ledger = cls(open_database(address), clock)
        try:
            ledger._prepare(make=make)
        except BaseException:
            ledger.close()
            raise
        return ledger

    @property
    def engine(self) -> sa.Engine:
        """The connections, for the modules that keep tables of their own beside these."""
        return self._engine

    @property
    def clock(self) -> Clock:
        """What says what time it is, for the same modules."""
        return self._clock

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def alone(self) -> AbstractContextManager[None]:
        """Be the only run that works with this catalog, beside the lock of the work folder.

        Raises:
            StorageError: another run works with it.
        """
        return alone(self._engine)

    def fact(self, name: str, value: str) -> str:
        """Return the stored value of `name`, which becomes `value` if there is none yet."""
        stored = self.known_fact(name)
        if stored is not None:
            return stored
        with self._write() as db:
            stored = read_fact(db, name)  # another process may have been faster
            if stored is None:
                db.execute(FACTS.insert().values(name=name, value=value))
            return value if stored is None else stored

    def known_fact(self, name: str) -> str | None:
        """Return the stored value of `name`; None if there is none yet."""
        with self._read() as db:
            return read_fact(db, name)

    def _prepare(self, *, make: bool) -> None:
        name = name_of(self._engine.url)
        with self._read() as db:
            tables = set(sa.inspect(db).get_table_names()) - BESIDE
        if not tables and not make:
            raise StorageError(f"there is no catalog in {name}; make one with 'tinyvideo run'")
        if not tables:
            with self._write() as db:
                METADATA.create_all(db)  # makes what no other process has made meanwhile
                keep_counters(db)
                stamp(db, CATALOG_VERSION)
            empty_log(self._engine)
        elif FACTS.name not in tables:
            raise StorageError(f"{name} is the database of another program, not a catalog")
        said = self.fact("version", str(CATALOG_VERSION))
        if not said.isdecimal():
            raise StorageError(f"{name} is damaged: its version is {said!r}; put back a copy of it")
        version = int(said)
        if version > CATALOG_VERSION:
            raise StorageError(
                f"{name} has catalog version {version}, this tinyvideo knows up to "
                f"{CATALOG_VERSION}; install a newer tinyvideo"
            )
        if version < CATALOG_VERSION:
            self._upgrade()

    def _upgrade(self) -> None:
        with self._write() as db:
            known = int(read_fact(db, "version") or CATALOG_VERSION)
            if known < CATALOG_VERSION:  # else another process was faster
                migrate(db, known)

    def _read(self) -> AbstractContextManager[sa.Connection]:
        return transaction(self._engine, writes=False)

    def _write(self, *, lasting: bool = True) -> AbstractContextManager[sa.Connection]:
        return transaction(self._engine, writes=True, lasting=lasting)


def read_fact(db: sa.Connection, name: str) -> str | None:
    """Read what is stored under a name."""
    return db.scalar(sa.select(FACTS.c.value).where(FACTS.c.name == name))


def write_fact(db: sa.Connection, name: str, value: str) -> None:
    """Store a value under a name, in the place of the last one."""
    db.execute(FACTS.delete().where(FACTS.c.name == name))
    db.execute(FACTS.insert().values(name=name, value=value))


def update_videos(db: sa.Connection, where: sa.ColumnElement[bool], **values: Any) -> int:
    """Change some videos; return how many they were."""
    return db.execute(VIDEOS.update().where(where).values(updated_at=now(), **values)).rowcount


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Cut into pieces that fit into one statement."""
    iterator = iter(items)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk
