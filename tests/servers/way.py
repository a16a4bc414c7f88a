"""A way to a server over loopback, which can be closed and opened again: an outage.

with way_to(prefect_url) as way:
    way.close()     # all connections end, and nobody is let in
    way.open()      # at the same address
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Way:
    """A way to a server, which can be closed."""

    def __init__(self, url: str) -> None:
        there = urlsplit(url)
        self._there = (there.hostname, there.port)
        self._lock = threading.Lock()  # who is let in while the way is being closed ends with it
        self._ends: list[socket.socket] = []
        self._here = ("127.0.0.1", 0)
        self.open()
        self.url = f"http://127.0.0.1:{self._here[1]}{there.path}"

    def open(self) -> None:
        """Let everybody in."""
        self._door = socket.create_server(self._here)
        self._here = self._door.getsockname()
        threading.Thread(target=self._let_in, args=[self._door], daemon=True).start()

    def close(self) -> None:
        """End all connections, and let nobody in any more."""
        with self._lock:
            for end in [self._door, *self._ends]:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self._ends.clear()

    def _let_in(self, door: socket.socket) -> None:
        with suppress(OSError):  # closed
            while True:
                self._join(door, door.accept()[0])

    def _join(self, door: socket.socket, here: socket.socket) -> None:
        with self._lock:
            if door.fileno() == -1:  # closed since somebody came
                here.close()
                return
            self._ends.append(here)
            there = socket.create_connection(self._there)
            self._ends.append(there)
        for one, other in ((here, there), (there, here)):
            threading.Thread(target=self._carry, args=[one, other], daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)


@contextmanager
def way_to(url: str) -> Iterator[Way]:
    """Yield a way to the server at `url`; it is closed at the end."""
    way = Way(url)
    try:
        yield way
    finally:
        way.close()
