"""How the catalog's SQLite file is opened, and what a transaction is.

A writing transaction has the file to itself from its beginning, a reading one sees the file as
it was at its first query. Errors of the file become `StorageError` here and nowhere else.

Cost: 4 to 8 ms to open a file that exists, 0.1 s to make one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from storage.objects import StorageError

BUSY_S = 30
"""How long a busy writer is waited for, in seconds. Ours: a transaction takes milliseconds."""


def open_sqlite(path: Path) -> sa.Engine:
    """Prepare connections to the SQLite file at `path`; none is made yet."""
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),  # as an object: any file name survives
        connect_args={"timeout": BUSY_S, "isolation_level": None},  # we begin, not the driver
    )
    sa.event.listen(engine, "connect", _use_write_ahead_log)
    sa.event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def transaction(engine: sa.Engine, *, writes: bool) -> Iterator[sa.Connection]:
    """Yield a connection whose changes are kept together, or not at all.

    Raises:
        StorageError: the file is damaged, locked, read-only or no database, or the disk is full.
    """
    try:
        with engine.execution_options(writes=writes).begin() as db:
            yield db
    except (sa.exc.IntegrityError, sa.exc.ProgrammingError):
        raise  # a bug of ours, not a fault of the file
    except sa.exc.DatabaseError as error:
        raise StorageError(
            f"{engine.url.database} is not a usable catalog: {error.orig}"
        ) from error


def _use_write_ahead_log(connection: Any, _record: object) -> None:
    # Readers (`tinyvideo status`, the progress bar) then never wait for the writer.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin(connection: sa.Connection) -> None:
    # Left to itself, the driver begins a transaction only at the first change: what was read
    # before it, another process may have changed by then, and two would lease one video.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
