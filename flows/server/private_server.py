"""A private Prefect server, for whoever has none: started on a free loopback port, and ended.

Its database lies in the output folder, so that nothing outside is touched. Prefect's own stand-in,
the ephemeral server, loses task runs and has no page to look at. The server is a child of a small
guard process, `python -m tinyvideo.flows.server.private_server`, which reads its standard
input: when that closes, because tinyvideo ended or was killed, the guard ends the server. One line
on it, `keep`, tells the guard to stay. The kernel could end the server by itself (`prctl`), but on
Linux only, and as soon as the thread that started it ends.

It asks for a password, which lies beside its database (`flows.server.server_password`), and
answers to its own names and pages only (`flows.server.locked_server`).

Cost: 8 to 27 s until the first start answers (its tables are made), 4 to 9 s later; 250 MB.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from tinyvideo.flows.server.server_answers import (
    START_LIMIT_S,
    ServerError,
    answers,
    require_server,
)
from tinyvideo.flows.server.server_password import (
    PASSWORD_FILE,
    keep_password,
    log_in_link,
    read_password,
    server_environment,
)

ROOM_MB = 16
"""Room that a server's database and log need at a start. Ours: 5 MB, and some to spare."""

OR_PRIVATE = "start it, or unset PREFECT_API_URL to have a private one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    api_url: str
    guard_pid: int | None
    """None for a server that somebody else runs."""

    password: str = field(default="", repr=False)
    """USER:PASSWORD; an empty one for a server that asks for none."""

    password_file: Path | None = None
    """Where the password of one of ours lies."""

    @property
    def ui_url(self) -> str:
        """Where a browser finds it."""
        return self.api_url.removesuffix("/api")

    @property
    def way_in(self) -> str:
        """What to open in a browser: for one of ours a link that logs it in, once."""
        return log_in_link(self.ui_url, self.password) if self.password_file else self.ui_url


@contextmanager
def prefect_server(
    home: Path, api_url: str | None, *, keep: bool, password: str = ""
) -> Iterator[Server]:
    """Yield a server: the one at `api_url`, one that was kept in `home`, or a new private one.

    This process reports to it until it ends. A private server ends with the block unless `keep`.
    `password` is what the server asks for; a private one that is told none has a random one.

    Raises:
        ServerError: no server answers.
    """
    home.mkdir(parents=True, exist_ok=True)
    use_home(home)
    if api_url is not None:
        require_server(api_url, password, otherwise=OR_PRIVATE)
        yield _use(Server(api_url=api_url, guard_pid=None, password=password))
        return
    kept = _read_kept(home)
    if kept is not None:
        yield _use(kept)
        return
    guard, server = _start(home, keep_password(home, password))
    try:
        yield _use(server)
    finally:
        send_what_is_left()  # also after an error: Prefect would go on trying without a server
        _leave(guard, server, home, keep=keep)


def use_home(home: Path) -> None:
    """Make Prefect in this process, and in those it starts, write below `home` only."""
    os.environ.update(
        PREFECT_HOME=str(home),
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
        PREFECT_CLIENT_MAX_RETRIES="8",
        PREFECT_LOGGING_SETTINGS_PATH=logging_file(),
        # The page shows the log of every run; the terminal belongs to the progress bar.
        PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL="CRITICAL",
    )


def logging_file() -> str:
    """Name the file that Prefect has its logging from.

    Else a `prefect.toml` or a `.env` in the current folder could name one; what it names is run.
    """
    package = find_spec("prefect")
    if package is None or package.origin is None:
        raise ServerError("Prefect is not installed; install tinyvideo anew")
    return str(Path(package.origin).parent / "logging" / "logging.yml")


def send_what_is_left() -> None:
    """Wait until the events and log lines of finished flows have reached the server."""
    from prefect.events.worker import EventsWorker  # noqa: PLC0415  reads its home when imported
    from prefect.logging.handlers import APILogHandler  # noqa: PLC0415

    EventsWorker.drain_all(timeout=20)
    APILogHandler().flush()


def free_port() -> int:
    """Ask the operating system for a loopback port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _use(server: Server) -> Server:
    os.environ["PREFECT_API_URL"] = server.api_url
    os.environ.pop("PREFECT_API_AUTH_STRING", None)
    if server.password:
        os.environ["PREFECT_API_AUTH_STRING"] = server.password
    return server


def _start(home: Path, password: str) -> tuple[subprocess.Popen[bytes], Server]:
    port = free_port()
    home = home.absolute()  # the server runs in it: what lies in our folder is no setting of its
    log = home / "server.log"
    with log.open("ab") as file:
        guard = subprocess.Popen(
            [sys.executable, "-P", "-m", "tinyvideo.flows.server.private_server"],
            env=_environment(port, password),
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            start_new_session=True,  # Ctrl-C goes to tinyvideo, which then ends the server itself
        )
    server = _ours(home, f"http://127.0.0.1:{port}/api", guard.pid, password)
    deadline = time.monotonic() + START_LIMIT_S
    while not answers(server.api_url):
        if guard.poll() is not None or time.monotonic() > deadline:
            _stop(guard)
            free_mb = shutil.disk_usage(home).free >> 20
            left = f": {home} has room for {free_mb} MB" if free_mb < ROOM_MB else ""
            raise ServerError(f"the private Prefect server did not start{left}; its log is {log}")
        time.sleep(0.2)
    return guard, server


def _ours(home: Path, api_url: str, guard_pid: int, password: str) -> Server:
    return Server(
        api_url=api_url,
        guard_pid=guard_pid,
        password=password,
        password_file=home.absolute() / PASSWORD_FILE if password else None,
    )


def _environment(port: int, password: str) -> dict[str, str]:
    environment = {
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",  # how long one who writes waits for another
        "PREFECT_UI_URL": f"http://127.0.0.1:{port}",  # of the links that it sends
        **os.environ,
        **server_environment(port, password),
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",  # its log says what it complains of
        "PREFECT_SERVER_UI_API_URL": "/api",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    }
    environment.pop("PREFECT_API_URL", None)
    return environment


def _leave(guard: subprocess.Popen[bytes], server: Server, home: Path, *, keep: bool) -> None:
    if not keep or guard.poll() is not None or guard.stdin is None:
        _stop(guard)
        return
    guard.stdin.write(b"keep\n")
    guard.stdin.close()
    note = {"api_url": server.api_url, "guard_pid": guard.pid}
    (home / "server.json").write_text(json.dumps(note))


def _stop(guard: subprocess.Popen[bytes]) -> None:
    if guard.stdin is not None:
        guard.stdin.close()
    try:
        guard.wait(timeout=20)
    except subprocess.TimeoutExpired:
        guard.kill()
        guard.wait()


def _read_kept(home: Path) -> Server | None:
    try:
        note = json.loads((home / "server.json").read_text())
    except (OSError, ValueError):
        return None
    if not answers(note["api_url"]):
        return None
    return _ours(home, note["api_url"], note["guard_pid"], read_password(home))


def guard() -> None:
    """Run a server, as the environment has it, until standard input closes or says `keep`."""
    server = subprocess.Popen(
        [sys.executable, "-P", "-m", "tinyvideo.flows.server.locked_server"],
        stdin=subprocess.DEVNULL,
    )
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    threading.Thread(target=_end_with_input, args=[server], daemon=True).start()
    server.wait()


def _end_with_input(server: subprocess.Popen[bytes]) -> None:
    if sys.stdin.readline().strip() == "keep":
        return
    server.terminate()
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == "__main__":
    guard()
