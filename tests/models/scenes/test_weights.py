"""Downloads come from a real server on the loopback, serving a file that the test made."""

import errno
import hashlib
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket

import pytest

from tinyvideo.models.scenes.weights import PublishedFile, WeightsError, fetch_places365

BODY = bytes(range(256)) * 10_000  # 2.56 MB, three pieces
NAME = "resnet18_places365.pth.tar"


class Server(ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = BODY
        self.announced = len(BODY)
        self.status = 200
        self.requests = 0

    def published(self):
        return PublishedFile(
            url=f"http://127.0.0.1:{self.server_port}/models/{NAME}",
            size=len(BODY),
            sha256=hashlib.sha256(BODY).hexdigest(),
        )


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(self.server.announced))
        self.end_headers()
        try:
            self.wfile.write(self.server.body)
        except ConnectionError:
            self.close_connection = True  # the client has seen enough

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetch(folder, published, **options):
    return fetch_places365(folder, published={"resnet18": published}, **options)


def test_downloads_once(server, tmp_path):
    seen = []
    folder = tmp_path / "new" / "folder"
    path = fetch(
        folder, server.published(), progress=lambda done, total: seen.append((done, total))
    )

    assert path == folder / NAME
    assert path.read_bytes() == BODY
    assert list(folder.iterdir()) == [path]
    assert seen == [(2**20, len(BODY)), (2 * 2**20, len(BODY)), (len(BODY), len(BODY))]

    assert fetch(folder, server.published()) == path
    assert server.requests == 1


@pytest.mark.parametrize("old", [BODY[:-1], BODY[:-1] + b"?"], ids=["short", "changed"])
def test_replaces_a_file_that_is_not_the_published_one(server, tmp_path, old):
    (tmp_path / NAME).write_bytes(old)
    assert fetch(tmp_path, server.published()).read_bytes() == BODY


def test_wrong_hash_names_both_and_leaves_nothing(server, tmp_path):
    server.body = b"?" + BODY[1:]
    found, wanted = hashlib.sha256(server.body).hexdigest(), server.published().sha256
    with pytest.raises(WeightsError, match=f"SHA-256 is {found}, published is {wanted}"):
        fetch(tmp_path, server.published())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "announced", "message"),
    [
        pytest.param(BODY[:99], len(BODY), "99 bytes came, 2560000 are", id="cut-off"),
        pytest.param(b"<html>", 6, "6 bytes came, 2560000 are", id="login-page"),
        pytest.param(BODY * 4, len(BODY) * 4, "more than 2560000 bytes came", id="too-long"),
    ],
)
def test_wrong_size_leaves_nothing(server, tmp_path, body, announced, message):
    server.body, server.announced = body, announced
    with pytest.raises(WeightsError, match=message):
        fetch(tmp_path, server.published())
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_never_ends_is_not_read_to_its_end(server, tmp_path):
    reads = []

    class Endless:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def read(self, amount, /):
            reads.append(amount)
            assert len(reads) < 9
            return bytes(amount)

    with pytest.raises(WeightsError, match="more than 2560000 bytes came"):
        fetch(tmp_path, server.published(), open_url=lambda _: Endless())
    assert len(reads) == 3  # 3 MB, where 2.56 MB were announced


def test_a_page_that_is_not_there_is_told_with_its_status(server, tmp_path):
    server.status = 404
    with pytest.raises(WeightsError, match=r"404.*set TINYVIDEO_PLACES_WEIGHTS to the file"):
        fetch(tmp_path, server.published())


def test_refused_connection_keeps_the_true_text(server, tmp_path):
    with socket() as unused:
        unused.bind(("127.0.0.1", 0))  # taken, and nobody listens: certainly refused
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/{NAME}"
        with pytest.raises(WeightsError, match=r"Connection refused.*TINYVIDEO_PLACES_WEIGHTS"):
            fetch(tmp_path, replace(server.published(), url=url))


def test_a_line_that_breaks_while_reading_is_told(server, tmp_path):
    class Broken:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def read(self, amount, /):
            raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    with pytest.raises(WeightsError, match=r"cannot download .*Connection reset by peer"):
        fetch(tmp_path, server.published(), open_url=lambda _: Broken())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_not_blamed_on_the_network(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WeightsError, match=f"cannot write .*{NAME}: Not a directory"):
        fetch(tmp_path / "file" / "below", server.published())
    assert server.requests == 0


def test_without_a_known_hash_nothing_is_downloaded(tmp_path):
    def open_url(url):
        raise AssertionError(f"{url} was opened")

    with pytest.raises(WeightsError, match=r"no checksum of Places365 resnet50.*_PLACES_WEIGHTS"):
        fetch_places365(tmp_path, "resnet50", open_url)
