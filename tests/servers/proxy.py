"""A faulty network in front of a real S3 server: an HTTP proxy that breaks what it is told to.

    with faulty(seaweed.endpoint) as proxy:
        proxy.plan(Fault.LOSE_ANSWER, "PUT")     # the next PUT succeeds, and nobody hears of it
        proxy.plan(Fault.SLOW_DOWN, "GET", times=2)

Planned faults meet the next requests of their method, in order; all others go through.
"""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}


class Fault(Enum):
    """What happens to a request."""

    ERROR_500 = auto()
    SLOW_DOWN = auto()
    """503, the way S3 says that it has too much to do."""

    STALL = auto()
    """No answer, on a connection that stays open."""

    CUT_REQUEST = auto()
    """The connection ends in the middle of the body; the server sees nothing."""

    CUT_ANSWER = auto()
    """The server does it; the connection ends in the middle of the answer's body."""

    LOSE_ANSWER = auto()
    """The server does it; the connection ends without an answer."""

    FLIP_REQUEST = auto()
    """One bit of the body that goes up is turned."""

    FLIP_ANSWER = auto()
    """One bit of the body that comes down is turned."""


@dataclass(slots=True)
class Plan:
    """What is still to go wrong, and what was asked for."""

    upstream: str
    faults: list[tuple[Fault, str, str]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    """Requests by method."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    def take(self, method: str, path: str) -> Fault | None:
        """Take the first fault that is meant for such a request."""
        with self.lock:
            self.seen[method] += 1
            for entry in self.faults:
                fault, its_method, part = entry
                if its_method == method and part in path:
                    self.faults.remove(entry)
                    return fault
        return None


@dataclass(frozen=True, slots=True)
class Proxy:
    endpoint: str
    _plan: Plan

    def plan(self, fault: Fault, method: str, times: int = 1, path: str = "") -> None:
        """Let the next `times` requests of a method fail whose path and query contain `path`."""
        with self._plan.lock:
            self._plan.faults += [(fault, method, path)] * times

    @property
    def left(self) -> int:
        """Count the planned faults that have not met a request."""
        return len(self._plan.faults)

    @property
    def seen(self) -> Counter[str]:
        """Count the requests by method."""
        return self._plan.seen


@contextmanager
def faulty(upstream: str) -> Iterator[Proxy]:
    """Run a proxy in front of `upstream`, such as http://127.0.0.1:8333, until the block ends."""
    plan = Plan(upstream=urlsplit(upstream).netloc)

    class Handler(_Handler):
        its_plan = plan

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield Proxy(f"http://127.0.0.1:{server.server_port}", plan)
        finally:
            plan.over.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    its_plan: Plan

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # the client has given up
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep the terminal clean."""

    def serve(self) -> None:
        fault = self.its_plan.take(self.command, self.path)
        length = int(self.headers.get("Content-Length", 0))
        if fault is Fault.CUT_REQUEST:
            self.rfile.read(length // 2)
            self.close_connection = True
            return
        body = self.rfile.read(length)
        if fault is Fault.STALL:
            self.its_plan.over.wait(60)
            self.close_connection = True
        elif fault is Fault.ERROR_500:
            self.refuse(500, "InternalError")
        elif fault is Fault.SLOW_DOWN:
            self.refuse(503, "SlowDown")
        else:
            self.forward(fault, flipped(body) if fault is Fault.FLIP_REQUEST else body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = serve  # noqa: N815

    def refuse(self, status: int, code: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>planned</Message></Error>".encode()
        self.answer(status, {"Content-Type": "application/xml"}, text)

    def forward(self, fault: Fault | None, body: bytes) -> None:
        # The Host header goes on unchanged: it is part of what the client has signed.
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
        with closing(HTTPConnection(self.its_plan.upstream, timeout=60)) as upstream:
            upstream.request(self.command, self.path, body=body, headers=headers)
            answer = upstream.getresponse()
            content, status, answered = answer.read(), answer.status, dict(answer.getheaders())
        if fault is Fault.LOSE_ANSWER:
            self.close_connection = True
            return
        if fault is Fault.FLIP_ANSWER:
            content = flipped(content)
        self.answer(status, answered, content, cut=fault is Fault.CUT_ANSWER)

    def answer(
        self, status: int, headers: Mapping[str, str], content: bytes, *, cut: bool = False
    ) -> None:
        length = headers.get("Content-Length", len(content))  # of a HEAD, that of no body
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(length if self.command == "HEAD" else len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = cut or self.close_connection


def flipped(content: bytes) -> bytes:
    """Turn one bit in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
