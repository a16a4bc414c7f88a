"""The tables of a private Prefect server, made once by a first start and copied for the next ones.

Making them takes more processor time than all the rest of a start. The copy is kept in pytest's
cache, for one version of Prefect; processes of pytest-xdist wait for whoever makes it.

Cost: a first start, once; then 3 ms for each server.
"""

import fcntl
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

NAME = "prefect.db"
"""How Prefect calls the database in its home."""

SERVE = """
import os
import sys
from pathlib import Path
from tinyvideo.flows.server.private_server import prefect_server
password = os.environ.get("PREFECT_API_AUTH_STRING", "")
with prefect_server(Path(sys.argv[1]), None, keep=False, password=password) as server:
    print(server.api_url, flush=True)
    sys.stdin.read()
"""
"""A program that runs a server in the home that it is told, until its standard input closes."""


def lay_tables(cache: Path, home: Path) -> Path:
    """Put tables into a home that no server has used; return the home."""
    tables = cache / f"{version('prefect')}.db"
    with (cache / ".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not tables.exists():
            _make(tables)
    home.mkdir(parents=True, exist_ok=True)
    _copy(tables, home / NAME)
    return home


def _make(tables: Path) -> None:
    with tempfile.TemporaryDirectory() as home:
        subprocess.run(
            [sys.executable, "-c", SERVE, home],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        unfinished = tables.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        _copy(Path(home) / NAME, unfinished)
        unfinished.rename(tables)


def _copy(source: Path, target: Path) -> None:
    # Not the file alone: what was written last may lie in the log beside it.
    with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(target)) as here:
        there.backup(here)
