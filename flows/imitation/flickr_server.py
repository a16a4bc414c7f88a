"""The hosts of Flickr on loopback: an HTTPS proxy that answers itself, and its own log.

A client asks the proxy for `CONNECT www.flickr.com:443`, as it would ask that of a company, and
then speaks TLS with a certificate that our authority has signed for the real names. Who is who in
the log comes from the user name in the proxy's address. There is a thread per connection.

Cost: a thread per connection; what a request costs, `hosts.py` says.
"""

import logging
import socket
import ssl
import sys
import threading
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

from tinyvideo.flows.imitation.faults import Fault, FaultConfig, Kind
from tinyvideo.flows.imitation.host_answers import HOSTS, Hosts, Question, Reply, spoil
from tinyvideo.flows.imitation.population import Population
from tinyvideo.flows.imitation.rest_api import Api
from tinyvideo.flows.imitation.search_answers import SearchConfig

logger = logging.getLogger(__name__)

KEY, SECRET = "imitation0000000000000000000key0", "imitation-secret"
"""What a client has to call itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImitationConfig:
    search: SearchConfig = field(default_factory=SearchConfig)
    faults: FaultConfig = field(default_factory=FaultConfig)
    expired: bool = False
    """The certificate of the hosts ended yesterday."""

    signed_for_s: float = 180
    """How long the address of a film is valid. Theirs."""


@dataclass(frozen=True, slots=True)
class Request:
    """One line of the log."""

    time_s: float
    """When the request was read, on the clock `time.monotonic`."""

    kind: Kind
    method: str
    """Of the API, as `flickr.photos.search`; else `site_key`, `play`, `file` or `page`."""

    subject: str
    """The id of the video, or empty."""

    worker: str
    status: int
    fault: Fault | None


class Imitation:
    """A running imitation."""

    def __init__(self, population: Population, config: ImitationConfig, folder: Path) -> None:
        self.config = config
        api = Api(population, config.search, KEY)
        self.hosts = Hosts(population=population, api=api, signed_for_s=config.signed_for_s)
        self.log: list[Request] = []
        self.closing = threading.Event()
        self.authority = folder / "authority.pem"
        self.tls = _make_certificate(self.authority, expired=config.expired)
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = _Server(self)

    def environment(self, worker: str = "main") -> dict[str, str]:
        """Name the variables that lead a client here; `worker` is who it is in the log.

        They are more than two, since what this machine has set for itself must not come first.
        """
        address, here = self.proxy(worker), "127.0.0.1,localhost"
        proxies = {"HTTPS_PROXY": address, "https_proxy": address}
        trusted = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
        return {
            **proxies,
            **dict.fromkeys(("NO_PROXY", "no_proxy"), here),  # of a Prefect server, say
            **dict.fromkeys(trusted, str(self.authority)),
        }

    def proxy(self, worker: str) -> str:
        """Name the proxy, for a client that is `worker` in the log."""
        return f"http://{worker}:x@127.0.0.1:{self._server.server_port}"

    def times_asked(self, what: str) -> int:
        """Count how often something was asked for before, and this time too."""
        with self._lock:
            self._asked[what] += 1
            return self._asked[what] - 1

    def requests(self, method: str = "") -> list[Request]:
        """Read the log, all or one method of it."""
        return [request for request in list(self.log) if method in {"", request.method}]

    def start(self) -> None:
        """Begin to answer, in a thread."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop answering, and end connections that hang."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def imitate_flickr(
    population: Population, folder: Path, config: ImitationConfig | None = None
) -> Iterator[Imitation]:
    """Run an imitation for the block; its authority's certificate is written to `folder`."""
    imitation = Imitation(population, config or ImitationConfig(), folder)
    imitation.start()
    try:
        yield imitation
    finally:
        imitation.close()


def most_in(requests: Sequence[Request], seconds: float = 1.0) -> int:
    """Count the requests in the fullest window of a length, wherever it begins."""
    times = sorted(request.time_s for request in requests)
    first, most = 0, 0
    for last, moment in enumerate(times):
        while moment - times[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def _make_certificate(authority: Path, *, expired: bool) -> ssl.SSLContext:
    ca = trustme.CA()
    authority.parent.mkdir(parents=True, exist_ok=True)
    ca.cert_pem.write_to_path(str(authority))
    now = datetime.now(UTC)
    end = now - timedelta(days=1) if expired else now + timedelta(days=30)
    # Ten years back, so that `end` is later than the beginning in any case.
    certificate = ca.issue_cert(*HOSTS, not_before=now - timedelta(days=3650), not_after=end)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, imitation: Imitation) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.imitation = imitation

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over clients that give up in the middle: they are what this is for."""
        if not isinstance(sys.exception(), OSError):
            logger.exception("the imitation has failed")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    host = ""
    worker = ""

    def do_CONNECT(self) -> None:
        """Become the host that the client wants to talk to."""
        self.host = self.path.partition(":")[0]
        if self.host not in HOSTS:
            self.send_error(502, f"there is nothing but Flickr here, not {self.host}")
            return
        told = self.headers.get("Proxy-Authorization", "").removeprefix("Basic ")
        self.worker = b64decode(told).decode(errors="replace").partition(":")[0]
        self.send_response(200, "Connection established")
        self.end_headers()
        self.connection = self.server.imitation.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.close_connection = self.connection.makefile("rb"), False
        self.wfile = self.connection.makefile("wb")

    def do_GET(self) -> None:
        """Answer as the host that was asked for."""
        self._answer("")

    def do_POST(self) -> None:
        """Answer a form; only the API has some."""
        length = int(self.headers.get("Content-Length") or 0)
        self._answer(self.rfile.read(length).decode())

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: there is a log of our own."""

    def _answer(self, form: str) -> None:
        now, imitation = time.monotonic(), self.server.imitation
        if self.host not in HOSTS:
            self.send_error(400, "this is a proxy for HTTPS")
            return
        question = Question.of(self.host, self.path, form, dict(self.headers))
        asked = imitation.times_asked(question.named)
        reply = imitation.hosts.reply(question, asked)
        fault = imitation.config.faults.choose(question.kind, question.named, asked)
        if fault is not None:
            reply = spoil(reply, fault, imitation.config.faults)
        imitation.log.append(
            Request(
                time_s=now,
                kind=question.kind,
                method=question.method,
                subject=question.subject,
                worker=self.worker,
                status=reply.status,
                fault=fault,
            )
        )
        self._send(reply, fault)

    def _send(self, reply: Reply, fault: Fault | None) -> None:
        hang_s = self.server.imitation.config.faults.hang_s
        if fault in {Fault.HANG, Fault.RESET}:
            self.close_connection = True
            if fault is Fault.HANG:
                self._wait(hang_s)
            return
        cut = fault in {Fault.TRUNCATED, Fault.STALLED} and reply.status in {200, 206}
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if cut else reply.body)
        self.wfile.flush()
        if cut:
            self.close_connection = True
            if fault is Fault.STALLED:
                self._wait(hang_s)

    def _wait(self, seconds: float) -> None:
        """Wait until the client gives up, at most so long."""
        self.connection.settimeout(0.1)
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.server.imitation.closing.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def finish(self) -> None:
        """End the connection, whatever state it is in."""
        with suppress(OSError, ValueError):
            self.wfile.flush()
        with suppress(OSError, ValueError):
            self.connection.shutdown(socket.SHUT_RDWR)
        with suppress(OSError, ValueError):
            self.connection.close()
