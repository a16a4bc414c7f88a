"""Processes that outlive the command that started them, and can be told from strangers.

A process is started with a locked file open, which it keeps as long as it lives; beside it lies a
note with its number. A lock that can be had means that the process is gone, whoever has its number
now. The lock is not handed on to what the process starts in turn. psutil tells a process by number
and start time, which is no help with those that a version before this has started.

Cost: a system call to ask, 20 ms to start.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tinyvideo.flows.server.server_answers import START_LIMIT_S, ServerError

END_LIMIT_S = 60
"""Seconds that a process has to end after SIGTERM. Ours: a worker ends its runs first."""


class Processes:
    """The processes of one state folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only command that starts and ends processes here.

        Raises:
            ServerError: another one is at it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ServerError(
                    f"another 'tinyvideo up' or 'down' works in {self.folder}; wait for it"
                ) from error
            yield

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], note: object
    ) -> None:
        """Start a process, whose output goes into its log; the log before is kept beside it."""
        lock = self._lock_file(name)
        with suppress(FileNotFoundError):
            self.log(name).replace(self.folder / f"{name}.before.log")
        with lock.open("w") as held, self.log(name).open("wb") as log:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=self.folder,  # what lies in the folder of whoever calls `up` is no setting
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[held.fileno()],
                start_new_session=True,  # Ctrl-C here is not for it
            )
        self._note_file(name).write_text(json.dumps({"pid": process.pid, "note": note}))

    def wait_for(self, name: str, ready: Callable[[], bool]) -> None:
        """Wait until a process that was started is of use.

        Raises:
            ServerError: it has ended, or takes too long.
        """
        deadline = time.monotonic() + START_LIMIT_S
        while not ready():
            if not self._is_alive(name) or time.monotonic() > deadline:
                last = self.log(name).read_text(errors="replace").strip().splitlines()[-1:]
                self.end(name)
                raise ServerError(
                    f"the {name} did not start; the last line of its log {self.log(name)} is: "
                    f"{''.join(last)}"
                )
            time.sleep(0.2)

    def read_note(self, name: str) -> Any:
        """Read what was noted of a process that is alive; None if there is none."""
        if not self._is_alive(name):
            return None
        return json.loads(self._note_file(name).read_text())["note"]

    def running(self) -> list[str]:
        """Name the processes that are alive."""
        return [file.stem for file in self.folder.glob("*.alive") if self._is_alive(file.stem)]

    def ask(self, name: str) -> None:
        """Ask a process to end, and do not wait for it."""
        os.kill(int(json.loads(self._note_file(name).read_text())["pid"]), signal.SIGTERM)

    def end(self, name: str) -> None:
        """End a process, if it is alive: by SIGTERM, and by SIGKILL if that does not help."""
        if not self._is_alive(name):
            return
        pid = int(json.loads(self._note_file(name).read_text())["pid"])
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + END_LIMIT_S
        while self._is_alive(name) and time.monotonic() < deadline:
            _reap(pid)
            time.sleep(0.1)
        if self._is_alive(name):
            os.kill(pid, signal.SIGKILL)

    def log(self, name: str) -> Path:
        """Name the file with the output of a process."""
        return self.folder / f"{name}.log"

    def _is_alive(self, name: str) -> bool:
        try:
            with self._lock_file(name).open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def _lock_file(self, name: str) -> Path:
        return self.folder / f"{name}.alive"

    def _note_file(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def is_free(port: int) -> bool:
    """Tell whether nobody listens at a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _reap(pid: int) -> None:
    # Where the process is a child of this very one, its end must be taken note of.
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
