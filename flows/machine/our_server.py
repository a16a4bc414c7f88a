"""The server that `tinyvideo up` has started on this machine: where its files are, its password.

Commands that are told an address, and no password, find it here. It is sent to that server only,
and only while the process that we started is alive: another one at its port gets nothing.

Cost: a system call and two small files to read.
"""

from pathlib import Path

from tinyvideo.flows.machine.processes import Processes
from tinyvideo.flows.machine.server_password import read_password
from tinyvideo.flows.settings import Settings

SERVER = "server"
"""How its process is called."""


def state_folder(settings: Settings) -> Path:
    """Name the folder of the server's database, its password, the logs and the locks."""
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
