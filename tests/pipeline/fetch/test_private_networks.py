"""Fetching from a server on loopback, which stands for every server of a private network."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from tests.drawn.films import texture, write_video
from tests.flickr.clients import fast_budget
from tinyvideo.pipeline.errors import RejectedError, RejectReason, TransientError, UnreadableError
from tinyvideo.pipeline.fetch.film_download import DownloadConfig, Sources, download
from tinyvideo.pipeline.fetch.ytdlp import Fetcher, OptionError, check_options
from tinyvideo.pipeline.hosts import open_session
from tinyvideo.pipeline.types import VideoRecord


class Server(ThreadingHTTPServer):
    """Serves what `pages` has: bytes, or the address of a redirect."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages, self.asked = {}, []

    @property
    def base(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        page = self.server.pages.get(self.path)
        if isinstance(page, str):
            self.send_response(302)
            self.send_header("Location", page)
            self.end_headers()
            return
        self.send_response(200 if page else 404)
        self.send_header("Content-Length", str(len(page or b"")))
        self.end_headers()
        self.wfile.write(page or b"")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    film = tmp_path_factory.mktemp("film") / "a.mp4"
    write_video(film, np.stack([texture(1)] * 40))
    with Server() as server:
        server.pages["/a.mp4"] = film.read_bytes()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _fresh(server):
    server.asked.clear()


def bring(url, folder, *, allow_private=False, **options):
    fetcher = Fetcher(
        budget=fast_budget(), timeout_s=5, allow_private=allow_private, options=options
    )
    session = open_session(allow_private=allow_private)
    record = VideoRecord(video_id="url-1", source="url", uri=url)
    return download(
        record, folder, Sources(fetcher=fetcher, api=None, session=session), DownloadConfig()
    )


def test_a_server_of_ones_own_is_asked_if_that_is_allowed(server, tmp_path):
    server.pages["/moved"] = f"{server.base}/a.mp4"

    film = bring(f"{server.base}/moved", tmp_path, allow_private=True)

    assert film.path.read_bytes() == server.pages["/a.mp4"]
    assert server.asked == ["/moved", "/a.mp4"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]"])
def test_else_it_is_not_and_the_sentence_says_how(server, tmp_path, host):
    with pytest.raises(UnreadableError, match=r"private network.*--allow-private"):
        bring(f"http://{host}:{server.server_port}/a.mp4", tmp_path)

    assert not server.asked


def names(monkeypatch, answers):
    """Answer for the name strange.example, one list of numbers after the other."""
    real, given = socket.getaddrinfo, iter(answers)

    def answer(host, port, *args, **kwargs):
        if host != "strange.example":
            return real(host, port, *args, **kwargs)
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, (number, port)) for number in next(given)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.mark.parametrize("numbers", [["127.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["169.254.169.254"]])
def test_a_name_that_leads_inside_is_refused(server, tmp_path, monkeypatch, numbers):
    names(monkeypatch, [numbers])

    with pytest.raises(UnreadableError, match=r"strange\.example \(.*\) is in a private network"):
        bring(f"http://strange.example:{server.server_port}/a.mp4", tmp_path)

    assert not server.asked


def test_the_number_that_was_judged_is_the_one_that_is_asked(server, tmp_path, monkeypatch):
    # A name that changes between the look and the connection: the second answer is never heard.
    names(monkeypatch, [["1.1.1.1"], ["127.0.0.1"], ["127.0.0.1"]])
    asked = []

    def connect(address, *_, **__):
        asked.append(address[0])
        raise ConnectionRefusedError("nobody is there")

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    with pytest.raises(TransientError, match="nobody is there"):
        bring("http://strange.example/a.mp4", tmp_path)

    assert asked == ["1.1.1.1"]


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:1/x", "//127.0.0.1:1/x", "http://[::1]/", "file:///etc/passwd", "ftp://a/b"],
)
def test_a_redirect_that_leads_inside_is_not_followed(server, tmp_path, monkeypatch, target):
    # The first server stands for one outside: only its number is taken for public.
    monkeypatch.setattr("tinyvideo.pipeline.hosts.guarded_network.is_public", lambda number: True)
    names(monkeypatch, [["127.0.0.1"]])
    server.pages["/evil"] = target

    with pytest.raises(UnreadableError, match=r"private network|no address of http"):
        bring(f"http://strange.example:{server.server_port}/evil", tmp_path)

    assert server.asked == ["/evil"]


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{base}/a.mp4\n#EXT-X-ENDLIST\n"
MANIFEST = '<?xml version="1.0"?><MPD><Period><BaseURL>{base}/a.mp4</BaseURL></Period></MPD>'


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.m3u8", PLAYLIST), ("a.m3u8?x=.mp4", PLAYLIST), ("a.mpd", MANIFEST), ("b.mp4", PLAYLIST),
     ("c.f4m", MANIFEST), ("d.mp4", "ffconcat version 1.0\nfile '{base}/a.mp4'\n")],
)  # fmt: skip
def test_a_playlist_is_no_film_and_nothing_of_it_is_asked_for(server, tmp_path, name, text):
    server.pages[f"/{name}"] = text.format(base=server.base).encode()

    with pytest.raises((RejectedError, TransientError)) as caught:
        bring(f"{server.base}/{name}", tmp_path, allow_private=True)

    if isinstance(caught.value, RejectedError):
        assert caught.value.reason is RejectReason.NOT_A_VIDEO
    assert server.asked == [f"/{name}"]


@pytest.mark.parametrize("option", ["external_downloader", "enable_file_urls"])
def test_an_option_that_goes_past_the_guard_needs_the_word_for_it(option):
    with pytest.raises(OptionError, match=f"{option}.*TINYVIDEO_ALLOW_PRIVATE"):
        check_options({option: "curl"})
    check_options({option: "curl"}, allow_private=True)
