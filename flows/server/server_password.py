"""The password of a Prefect server that we start: random, in a file of its owner's, not elsewhere.

Who may speak to a Prefect server may read its secrets and start runs. Prefect's own default asks
nobody, and lets pages of every origin read its answers. Ours ask for USER:PASSWORD and name no
origin but their own. Processes are told by the environment, which only their owner can read; never
on a command line, which everybody can. Names and pages that are not its own get no answer
(`flows.server.locked_server`).

A browser is let in by a printed link with a token instead of the password. It is good once, and
for ten minutes: what is left of it in a history or a scrolled terminal opens nothing.

Commands that are told an address, and no password, find that of `up`'s server. It is sent to that
server only, and only while the process that we started is alive: another one at its port gets
nothing.

    STATE/up/password        of the server that `tinyvideo up` started
    WORK/prefect/password    of the private servers of an output

Cost: a system call and two small files to read.
"""

import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path

from tinyvideo.flows.server.processes import Processes
from tinyvideo.flows.settings import Settings

SERVER = "server"
"""How the process of `up`'s server is called."""

PASSWORD_FILE = "password"
USER = "tinyvideo"

OTHERS = 0o077
"""What group and others may do with a file."""

LOG_IN = "/log-in"
"""Path at which our servers take a token."""

TOKEN_LIFE_S = 600
"""Ours: time to open a browser, or to copy the link to another machine."""


def keep_password(folder: Path, given: str = "") -> str:
    """Return the password kept in `folder`: the one `given`, that of last time, or a new one.

    A file that others could read is not trusted: then it is a new one. The folder is closed to
    others: Prefect's database lies in it, with the secrets of blocks and the key that opens them.
    """
    folder.chmod(0o700)
    if given:
        _write(folder, given)
        return given
    known = read_password(folder)
    if known and not (folder / PASSWORD_FILE).stat().st_mode & OTHERS:
        return known
    made = f"{USER}:{secrets.token_urlsafe(24)}"
    _write(folder, made)
    return made


def read_password(folder: Path) -> str:
    """Return the password kept in `folder`; an empty one where there is none, or not for us."""
    try:
        return (folder / PASSWORD_FILE).read_text().strip()
    except OSError:
        return ""


def state_folder(settings: Settings) -> Path:
    """Name the folder of `up`'s server: its database, its password, the logs and the locks."""
    return settings.work.expanduser().absolute() / "up"


def password_for(settings: Settings) -> str:
    """Return the password for the server at PREFECT_API_URL: as it is set, or of `up`'s server."""
    if settings.prefect_password or settings.prefect_api_url is None:
        return settings.prefect_password
    processes = Processes(state_folder(settings))
    note = processes.read_note(SERVER)
    ours = note is not None and _plain(note["url"]) == _plain(settings.prefect_api_url)
    return read_password(processes.folder) if ours else ""


def _plain(url: str) -> str:
    return url.rstrip("/").replace("://localhost:", "://127.0.0.1:")


def server_environment(port: int, password: str) -> dict[str, str]:
    """Tell a server on `port` whom to answer: who knows the password, and pages of its own."""
    own = ",".join(f"http://{host}:{port}" for host in ("127.0.0.1", "localhost"))
    return {
        "PREFECT_SERVER_API_PORT": str(port),  # --port alone leaves the page asking port 4200
        "PREFECT_SERVER_API_AUTH_STRING": password,
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": own,
    }


def log_in_link(ui_url: str, password: str) -> str:
    """Make a link that logs a browser in, once, within ten minutes."""
    return f"{ui_url}{LOG_IN}#{make_token(password, time.time() + TOKEN_LIFE_S)}"


def make_token(password: str, until_s: float) -> str:
    """Make a token for a server with this password, good until a second of the epoch."""
    said = f"{int(until_s)}.{secrets.token_urlsafe(16)}"
    return f"{said}.{_seal(password, said)}"


class Tokens:
    """What a server knows of tokens: how its own are sealed, and which have been used."""

    def __init__(self, password: str) -> None:
        self._password = password
        self._used: dict[str, int] = {}
        """Tokens and when they would have ended."""

    def redeem(self, token: str) -> str:
        """Return the password for a token, which is then used up; for any other, an empty text."""
        said, _, seal = token.rpartition(".")
        expected = _seal(self._password, said)
        if not hmac.compare_digest(seal.encode(), expected.encode()):
            return ""
        now, until = time.time(), int(said.partition(".")[0])
        self._used = {known: end for known, end in self._used.items() if end > now}
        if until <= now or said in self._used:
            return ""
        self._used[said] = until
        return self._password


def _seal(password: str, said: str) -> str:
    return hmac.new(password.encode(), f"log-in {said}".encode(), hashlib.sha256).hexdigest()


def _write(folder: Path, password: str) -> None:
    # A file that is there may be a link, or be open to others: it is replaced, not written to.
    draft = folder / f".{PASSWORD_FILE}.{secrets.token_hex(4)}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(f"{password}\n")
    draft.replace(folder / PASSWORD_FILE)
