"""A PostgreSQL server as Debian has it, for Prefect: the one of PyPI lacks `pg_trgm`.

It refuses to run as root; there it runs as the user `nobody`.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tinyvideo.flows.server.private_server import free_port


def find_postgres() -> Path | None:
    """Name the folder of the newest PostgreSQL's programs; None where there is none."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda program: float(program.parts[-3]),
    )
    return found[-1].parent if found else None


@contextmanager
def serve_debian_postgres() -> Iterator[str]:
    """Run a server on a free loopback port; yield the URL of its database, as Prefect wants it."""
    programs = find_postgres()
    assert programs is not None
    port = free_port()
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    make = [programs / "initdb", "-D", data, "-U", "prefect", "--auth=trust", "--no-sync"]
    subprocess.run(make, user=user, cwd=folder, capture_output=True, check=True)
    here = ["-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, *here, "-c", "fsync=off"],
        user=user,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(programs, port)
        yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(programs: Path, port: int) -> None:
    ask = [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
    deadline = time.monotonic() + 60
    while subprocess.run(ask, capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, "PostgreSQL did not start within a minute"
        time.sleep(0.1)
