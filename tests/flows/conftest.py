"""One Prefect server for all tests of this folder that run flows: a start costs 10 s."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVE = """
import sys
from pathlib import Path
from flows.server import prefect_server
with prefect_server(Path(sys.argv[1]), None, keep=False) as server:
    print(server.api_url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="session")
def prefect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running Prefect server."""
    home: Path = tmp_path_factory.mktemp("prefect")
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.communicate()
