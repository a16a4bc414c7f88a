"""A real PostgreSQL server for tests, on a Unix socket in a temporary folder.

`serve_postgres` runs one and ends it. Each test takes a database of its own.
"""

import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg


@dataclass(frozen=True, slots=True)
class Postgres:
    address: str
    """Of the database `postgres`, whose owner the tests are."""

    def new_database(self, options: str = "") -> str:
        """Make an empty database; return its address."""
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self.address, autocommit=True) as db:
            # Another language than that of Python's sorting.
            db.execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}".encode())
        return self.address.replace("/postgres?", f"/{name}?", 1)

    def execute(self, database: str, statement: str) -> list[tuple[object, ...]]:
        """Run one statement in a database; return its rows."""
        with psycopg.connect(database, autocommit=True) as db:
            cursor = db.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@contextmanager
def serve_postgres(folder: Path) -> Iterator[Postgres]:
    """Run a server until the block ends."""
    with warnings.catch_warnings(action="ignore"):  # of a user without a runtime folder
        import pgserver  # noqa: PLC0415
    server = pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield Postgres(server.get_uri())
    finally:
        server.cleanup()
