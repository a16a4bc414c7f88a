"""How the catalog's database is opened, and what a transaction is.

A catalog's address is a path, for a SQLite file, or `postgresql://USER@HOST/DATABASE`. Whichever it
is, a writing transaction has the database to itself from its beginning, and a reading one sees it
as it was at its first query. SQLite has one writer anyway; in PostgreSQL writers queue for an
advisory lock, since what they read decides what they write. A SQLite file on a medium that cannot
be written can be read. Errors of the database become `StorageError` here and nowhere else, and no
password gets into one.

Cost: 4 to 8 ms to open a SQLite file that exists, 0.1 s to make one; 40 ms and 0.8 s for PostgreSQL
on the same machine, where a writing transaction takes 1 ms longer than in a file.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tinyvideo.pipeline.errors import install_extra
from tinyvideo.storage.database.column_types import DamagedError
from tinyvideo.storage.storage_errors import BusyError, StorageError

BUSY_S = 30
"""How long a busy writer is waited for, in seconds. Ours: a transaction takes milliseconds."""

CONNECT_S = 10
"""How long a PostgreSQL server may take to answer, in seconds."""

_LOOK_MS = 4
"""How long SQLite may wait by itself for a writer, in milliseconds. Ours: it looks three times
meanwhile, after 1, 2 and 1 ms."""

_SQLITE = "sqlite:///"

_WRITERS, _RUN = 0x71D0_0001, 0x71D0_0002
"""Numbers of the advisory locks, of writers and of a run. Ours; they hold within one database."""

_REFUSED = ("42501", "25006")
"""SQLSTATE of missing privileges, and of a database that is read-only."""


def open_database(address: str | Path) -> sa.Engine:
    """Prepare connections to the database at `address`; none is made yet.

    Raises:
        StorageError: the address is no URL of PostgreSQL, or its driver is not installed.
    """
    if is_url(address):
        return _open_postgres(str(address))
    file = Path(name_of(address))
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(file)),  # as an object: any file name survives
        connect_args={"timeout": BUSY_S, "isolation_level": None},  # we begin, not the driver
    )
    if file.exists() and not os.access(file.parent, os.W_OK, effective_ids=True):
        sa.event.listen(engine, "do_connect", _read_only)
    else:
        sa.event.listen(engine, "connect", _use_write_ahead_log)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def is_url(address: str | Path) -> bool:
    """Tell the address of a database server from that of a file."""
    return not isinstance(address, Path) and "://" in address.removeprefix(_SQLITE)


def name_of(address: str | Path | sa.URL) -> str:
    """Name a database for messages: its path, or its URL without user and password."""
    if isinstance(address, sa.URL) and address.get_backend_name() == "sqlite":
        return address.database or ""
    if not isinstance(address, sa.URL) and not is_url(address):
        return str(address).removeprefix(_SQLITE)
    url = address if isinstance(address, sa.URL) else _parse(str(address))
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{url.host or url.query.get('host', '')}{port}/{url.database or ''}"


@contextmanager
def transaction(
    engine: sa.Engine, *, writes: bool, lasting: bool = True
) -> Iterator[sa.Connection]:
    """Yield a connection whose changes are kept together, or not at all.

    Changes that are not `lasting` survive every crash of a process, but may be undone when the
    machine loses its power: enough for a lease, and it waits for no disk.

    Raises:
        StorageError: the database is damaged, locked, read-only, full, gone or none.
    """
    options = {"writes": writes, "lasting": lasting}
    with _explained(engine), engine.execution_options(**options).begin() as db:
        yield db


def empty_log(engine: sa.Engine) -> None:
    """Write what the log of a SQLite file holds into the file; a server does that by itself."""
    if engine.dialect.name == "sqlite":
        with _explained(engine), engine.connect() as db:
            db.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def alone(engine: sa.Engine, *, shared: bool = False) -> Iterator[None]:
    """Hold a PostgreSQL database as its only run, or beside others that share it.

    The server frees it when the connection ends. For a SQLite file the folder's lock does that.

    Raises:
        BusyError: another run holds it.
        StorageError: it does not answer.
    """
    if engine.dialect.name == "sqlite":
        yield
        return
    with _explained(engine):
        keeper = engine.execution_options(isolation_level="AUTOCOMMIT").connect()
    with keeper:
        with _explained(engine):
            take = sa.func.pg_try_advisory_lock_shared if shared else sa.func.pg_try_advisory_lock
            held = keeper.scalar(sa.select(take(_RUN)))
        if not held:
            raise BusyError(
                f"another run works with the catalog {name_of(engine.url)}; wait for it, or choose "
                "another TINYVIDEO_CATALOG"
            )
        try:
            yield
        finally:
            # Said aloud, since a server notices the end of a connection only some time later.
            with suppress(sa.exc.DatabaseError):  # a connection that is gone holds nothing
                keeper.execute(sa.select(sa.func.pg_advisory_unlock_all()))
            keeper.invalidate()


@contextmanager
def _explained(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    except (sa.exc.IntegrityError, sa.exc.ProgrammingError) as error:
        if getattr(error.orig, "sqlstate", "") not in _REFUSED:
            raise  # a bug of ours, not a fault of the database
        raise _unusable(engine, error) from error
    except sa.exc.DatabaseError as error:
        raise _unusable(engine, error) from error
    except UnicodeDecodeError as error:  # also of what SQLite says of a damaged file
        raise _damaged(engine, "a text in it is none") from error
    except DamagedError as error:
        raise _damaged(engine, str(error)) from error


def _damaged(engine: sa.Engine, why: str) -> StorageError:
    return StorageError(f"{name_of(engine.url)} is not a usable catalog: {why}; {_PUT_BACK}")


def _unusable(engine: sa.Engine, error: sa.exc.DBAPIError) -> StorageError:
    cause = " ".join(str(error.orig).split())
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # what is above tells kinds apart
    way_out = f"; {_WAYS_OUT[code]}" if code in _WAYS_OUT else ""
    return StorageError(f"{name_of(engine.url)} is not a usable catalog: {cause}{way_out}")


_PUT_BACK = (
    "it is damaged: put back a copy of it, or move it away, and 'tinyvideo catalog rebuild' makes "
    "another of the shards, or 'sqlite3 OLD .recover | sqlite3 NEW' saves what can be read"
)

_WAYS_OUT = {
    sqlite3.SQLITE_CORRUPT: _PUT_BACK,
    sqlite3.SQLITE_NOTADB: _PUT_BACK,
    sqlite3.SQLITE_FULL: "make room on its disk",
    sqlite3.SQLITE_IOERR: "make room on its disk, or see whether the disk is well",
    sqlite3.SQLITE_READONLY: "mend its permissions, or work on a copy of the folder",
    sqlite3.SQLITE_CANTOPEN: "mend its permissions, or work on a copy of the folder",
    sqlite3.SQLITE_BUSY: "another program writes to it; try again when that has ended",
}
"""What can be done about an error of SQLite, by its code."""


def _read_only(_dialect: object, _record: object, args: list[Any], options: dict[str, Any]) -> None:
    # Without a log beside it, SQLite wants to make one, unless it is told that nobody can write.
    log = Path(f"{args[0]}-wal")
    args[0] = f"{Path(args[0]).absolute().as_uri()}?mode=ro{'' if log.exists() else '&immutable=1'}"
    options["uri"] = True


def _use_write_ahead_log(connection: Any, _record: object) -> None:
    # Readers (`tinyvideo status`, the progress bar) then never wait for the writer.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: sa.Connection) -> None:
    # Left to itself, the driver begins a transaction only at the first change: what was read
    # before it, another process may have changed by then, and two would lease one video.
    if connection.get_execution_options().get("writes", False):
        _begin_writing(connection)
    else:
        connection.exec_driver_sql("BEGIN")


def _begin_writing(connection: sa.Connection) -> None:
    """Wait for the other writers, looking often: SQLite itself looks ever more seldom.

    Whoever has waited for long would then wait longest, seconds where others write all the time.
    """
    raw, deadline = connection.connection.cursor(), time.monotonic() + BUSY_S
    lasting = connection.get_execution_options().get("lasting", True)
    raw.execute(f"PRAGMA synchronous = {'FULL' if lasting else 'NORMAL'}")
    raw.execute(f"PRAGMA busy_timeout = {_LOOK_MS}")
    try:
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                return
            except sa.exc.OperationalError as error:
                busy = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > deadline:
                    raise
    finally:
        raw.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000}")


def _open_postgres(address: str) -> sa.Engine:
    try:
        engine = sa.create_engine(
            _parse(address),
            connect_args={"connect_timeout": CONNECT_S},
            pool_pre_ping=True,  # the server may have been started anew meanwhile
        )
    except ModuleNotFoundError as error:
        raise StorageError(
            f"a catalog in PostgreSQL needs its driver: {install_extra('postgres')}"
        ) from error
    sa.event.listen(engine, "connect", _refuse_bytes, insert=True)  # before SQLAlchemy's own look
    sa.event.listen(engine, "begin", _begin_postgres)
    return engine


def _refuse_bytes(connection: Any, _record: object) -> None:
    if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
        raise StorageError(
            f"the database {connection.info.dbname} has the encoding SQL_ASCII, in which a text is "
            "any bytes; make one with: CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )


def _begin_postgres(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if "writes" not in options:
        return
    if not options["writes"]:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return
    if not options.get("lasting", True):
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_S}s'")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")


def _parse(address: str) -> sa.URL:
    # Neither the text nor the parser's complaint may be shown: a password stands in there.
    try:
        url = sa.make_url(address)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise StorageError(f"the address of the catalog cannot be read; {_FORM}") from error
    if url.drivername not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise StorageError(f"{url.drivername}:// is no catalog; {_FORM}")
    if "@" in (url.host or ""):  # what the parser takes for a host is a part of the password
        raise StorageError(f"an @ in the password of the catalog is written %40; {_FORM}")
    return url.set(drivername="postgresql+psycopg")


_FORM = "TINYVIDEO_CATALOG is a path, or postgresql://USER:PASSWORD@HOST/DATABASE"
