"""What every test gets without asking: a clean environment, no network, no unexpected ERROR log.

* Settings of whoever runs the tests (TINYVIDEO_*, AWS_*, ...) are gone before the first module is
  imported, and HOME is a temporary folder. Subprocesses inherit both.
* NumPy and torch work with one thread, in subprocesses too: several processes share the cores, and
  a second thread would mostly spin until the first gets its turn.
* Connecting to anything but loopback and Unix sockets is refused, and fails the test even if the
  code under test swallows the refusal. Subprocesses are not watched.
* A record of level ERROR from our packages fails the test, unless it is marked `logs_error`; then
  the record has to come. `error_log` holds the records.
"""

import ipaddress
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.servers.postgres import Postgres, serve_postgres
from tests.servers.prefect_tables import SERVE, lay_tables
from tests.servers.seaweed import BUCKET, Seaweed, serve

SCRUBBED = ("TINYVIDEO_", "PREFECT_", "AWS_", "FLICKR_", "XDG_")
HOME = pytest.StashKey[str]()
PASSWORD = "tests:Pr3fect"
"""Of the server that tests share."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "logs_error: the test makes our code log an ERROR")
    config.addinivalue_line("markers", "long: kills at random moments, for minutes: make test-long")
    for name in [name for name in os.environ if name.startswith(SCRUBBED)]:
        del os.environ[name]
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["PREFECT_API_AUTH_STRING"] = PASSWORD
    config.stash[HOME] = os.environ["HOME"] = tempfile.mkdtemp(prefix="tinyvideo-home-")


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[HOME], ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def refused_addresses() -> Iterator[list[str]]:
    """Refuse every connection beyond loopback; the list names what was tried."""
    refused: list[str] = []

    def guard(connect: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(self: socket.socket, address: Any) -> Any:
            if self.family in {socket.AF_INET, socket.AF_INET6} and not is_loopback(address[0]):
                refused.append(str(address))
                raise ConnectionRefusedError(f"tests stay on this machine, not {address}")
            return connect(self, address)

        return guarded

    def lookup(host: str | bytes | None, *args: Any, **options: Any) -> Any:
        if host and not is_loopback(host):
            refused.append(str(host))
            raise socket.gaierror(socket.EAI_FAIL, f"tests stay on this machine, not {host!r}")
        return resolve(host, *args, **options)

    resolve = socket.getaddrinfo
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guard(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", guard(socket.socket.connect_ex))
        patch.setattr(socket, "getaddrinfo", lookup)
        yield refused


def is_loopback(host: str | bytes) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost"
    return address.is_loopback or address.is_unspecified


@pytest.fixture(autouse=True)
def no_network(refused_addresses: list[str]) -> Iterator[None]:
    refused_addresses.clear()
    yield
    assert not refused_addresses, f"the test reached for the network: {refused_addresses}"


@pytest.fixture(autouse=True)
def error_log(request: pytest.FixtureRequest) -> Iterator[list[logging.LogRecord]]:
    """Records of level ERROR and above that our packages log during the test."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = records.append  # type: ignore[method-assign]
    logger = logging.getLogger("tinyvideo")
    logger.addHandler(handler)
    yield records
    logger.removeHandler(handler)
    expected = request.node.get_closest_marker("logs_error") is not None
    messages = [record.getMessage() for record in records]
    assert expected or not messages, f"unexpected ERROR log: {messages}"
    assert messages or not expected, "marked logs_error, but there was no ERROR log"


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """A real S3 server, started by the first test that asks for it."""
    with serve(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture
def s3_address(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh address such as "s3://shards/5f0c...", which the environment gives the keys for."""
    for name, value in seaweed.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{uuid.uuid4().hex}"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A real PostgreSQL server, started by the first test that asks for it."""
    with serve_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def prefect_home(pytestconfig: pytest.Config) -> Callable[[Path], Path]:
    """A function that makes a folder the home of a Prefect server whose tables are there."""
    cache = pytestconfig.cache
    assert cache is not None
    return partial(lay_tables, cache.mkdir("prefect-tables"))


@pytest.fixture(scope="session")
def prefect_url(
    prefect_home: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Address of a Prefect server, started by the first test that asks for it: that costs 6 s."""
    home = prefect_home(tmp_path_factory.mktemp("prefect"))
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.communicate()


@pytest.fixture
def nobody() -> Iterator[tuple[Path, Callable[[], AbstractContextManager[None]]]]:
    """A folder that every user can reach, and a context in which this process is not root.

    Root may read everything, and the tests may run as root.
    """

    @contextmanager
    def without_rights() -> Iterator[None]:
        user = os.geteuid()
        if user != 0:
            yield
            return
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(user)

    with tempfile.TemporaryDirectory(prefix="tinyvideo-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with without_rights():
            reachable = os.access(folder, os.R_OK, effective_ids=True)
        if not reachable:
            pytest.skip(f"{folder} cannot be reached by another user")
        yield folder, without_rights
