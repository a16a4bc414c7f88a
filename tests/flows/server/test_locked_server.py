"""Prefect's server attacked from other names and other pages, also in a real browser."""

import base64
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from tests.servers.browser import Tab, find_chromium, opened_tab
from tests.servers.prefect_machine import basic
from tinyvideo.flows.server import locked_server, server_password
from tinyvideo.flows.server.locked_server import Locked, listed_names
from tinyvideo.flows.server.server_password import Tokens, log_in_link, make_token

CHROMIUM = find_chromium()
in_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on the PATH; on Debian: apt-get install chromium"
)

SOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "prefect",
}

IN_TIME = time.time() + 3600


@pytest.fixture
def password(prefect_url) -> str:
    return os.environ["PREFECT_API_AUTH_STRING"]


def asked(url: str, path: str, body: object = None, **head: str) -> tuple[int, str]:
    """Send a request with just these headers; return status and text."""
    there = urlsplit(url)
    connection = http.client.HTTPConnection(str(there.hostname), there.port, timeout=60)
    method, text = ("GET", None) if body is None else ("POST", json.dumps(body))
    if isinstance(body, str):
        text = body
    told = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in head.items()}}
    try:
        connection.request(method, f"{there.path}{path}", text, told)
        answer = connection.getresponse()
        return answer.status, "" if answer.status == 101 else answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("{host}", 200),
        ("localhost:{port}", 200),
        ("LOCALHOST", 200),
        ("[::1]:{port}", 200),
        ("192.168.1.7:9999", 200),  # through a tunnel: numbers are led nowhere
        (socket.gethostname(), 200),
        ("evil.example:{port}", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example:{port}", 403),
        ("evil.example@127.0.0.1", 403),
        ("127.0.0.1@evil.example", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_a_name_that_is_led_here_is_not_answered(prefect_url, host, status):
    there = urlsplit(prefect_url)
    named = host.format(host=there.netloc, port=there.port)
    for path in ("/api/health", "/", "/log-in", "/api/admin/version"):
        said = asked(f"http://{there.netloc}", path, Host=named, **basic())
        assert (path, said[0]) == (path, status)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1:1", "null", "file://", "http://[::1"]
)
def test_a_page_of_another_address_is_refused_even_with_the_password(prefect_url, origin):
    assert asked(prefect_url, "/admin/version", Origin=origin, **basic())[0] == 403
    assert asked(prefect_url, "/deployments/filter", {}, Origin=origin, **basic())[0] == 403
    assert asked(prefect_url, "/events/out", Origin=origin, **SOCKET)[0] == 403


def test_its_own_page_is_answered(prefect_url):
    own = f"http://{urlsplit(prefect_url).netloc}"
    assert asked(prefect_url, "/deployments/filter", {}, Origin=own, **basic())[0] == 200
    assert asked(prefect_url, "/events/out", Origin=own, **SOCKET)[0] == 101


def test_further_names_are_those_that_are_listed():
    names = listed_names(" Prefect, tv.example,")
    assert names == {"prefect", "tv.example"}
    locked = Locked(None, Tokens("a:b"), names)  # type: ignore[arg-type]

    def problem(host: bytes, *origins: bytes) -> str:
        head = [(b"host", host), *((b"origin", origin) for origin in origins)]
        return locked._problem({"headers": head})

    assert problem(b"prefect:4200") == problem(b"TV.example") == ""
    # A proxy that speaks TLS may call us by another name than the browser called it.
    assert problem(b"127.0.0.1:4200", b"https://tv.example") == ""
    assert "TINYVIDEO_SERVER_NAMES" in problem(b"nas:4200")
    assert "pages of other" in problem(b"prefect:4200", b"https://tv.example", b"http://evil.it")
    assert problem(b"prefect") == ""
    assert locked._problem({"headers": [(b"host", b"prefect"), (b"host", b"evil.it")]}) != ""


def test_a_token_is_good_once(prefect_url, password):
    there = prefect_url.removesuffix("/api")
    token = make_token(password, IN_TIME)
    assert password not in token
    status, told = asked(there, "/log-in", token)
    assert (status, base64.b64decode(told).decode()) == (200, password)
    assert asked(there, "/log-in", token)[0] == 403


@pytest.mark.parametrize(
    "token",
    [
        "",
        "..",
        "é",
        "9999999999.x",
        make_token("tests:guessed", IN_TIME),
        make_token("tests:Pr3fect", 1000),
        make_token("tests:Pr3fect", IN_TIME).replace(".", "9.", 1),
        "x" * 100_000,
    ],
    ids=["none", "dots", "accent", "unsealed", "of another", "old", "longer life", "long"],
)
def test_no_other_token_is_good(prefect_url, token):
    assert (
        asked(prefect_url.removesuffix("/api"), "/log-in", token.encode().decode("latin-1"))[0]
        == 403
    )
    assert Tokens("tests:Pr3fect").redeem(token) == ""


def test_the_page_of_log_in_names_the_way_out_and_holds_no_secret(password):
    assert password not in locked_server.LOG_IN_PAGE
    assert server_password.LOG_IN in locked_server.LOG_IN_PAGE
    assert "tinyvideo up" in locked_server.USED_UP


# -- in a browser ------------------------------------------------------------------------------


@contextmanager
def other_page() -> Iterator[str]:
    """Serve an empty page at an address of its own."""

    class Empty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def tab(tmp_path_factory) -> Iterator[Tab]:
    profile = tmp_path_factory.mktemp("profile")
    led_here = "--host-resolver-rules=MAP evil.example 127.0.0.1"
    assert CHROMIUM is not None
    with opened_tab(CHROMIUM, profile, led_here) as tab:
        yield tab


def becomes(tab: Tab, script: str) -> object:
    """Wait until an expression is something; return it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (value := tab.run(script)) not in (None, "", False):
            return value
        time.sleep(0.2)
    raise TimeoutError(f"{script} of {tab.run('location.href + document.body.innerText')}")


@in_chromium
def test_the_printed_link_logs_the_browser_in_and_only_once(tab, prefect_url, password):
    link = log_in_link(prefect_url.removesuffix("/api"), password)
    tab.open(link)
    becomes(tab, "location.pathname.includes('/dashboard')")
    becomes(tab, "document.body.innerText.includes('Logout')")
    assert tab.run("atob(localStorage.getItem('prefect-password'))") == password
    assert password not in tab.run("location.href")
    tab.run("localStorage.clear()")
    tab.open("about:blank")
    tab.open(link)
    becomes(tab, "document.body.innerText.includes('has been used')")
    assert tab.run("[localStorage.getItem('prefect-password'), location.hash]") == [None, ""]


@in_chromium
def test_the_page_of_a_stranger_learns_and_starts_nothing(tab, prefect_url, password):
    with other_page() as page:
        tab.open(page)
        assert tab.run("localStorage.length") == 0
        ws = prefect_url.replace("http", "ws")
        head = json.dumps({**basic(), "Content-Type": "application/json"})
        link = json.dumps(make_token(password, IN_TIME))
        tab.run(
            f"""
            window.told = {{}};
            const ask = (name, path, options) => fetch("{prefect_url}" + path, options)
              .then((answer) => answer.text(), (error) => "refused")
              .then((text) => {{ window.told[name] = text; }});
            ask("simple", "/deployments/filter", {{method: "POST", body: "{{}}"}});
            ask("with password", "/deployments/filter",
                {{method: "POST", body: "{{}}", headers: {head}}});
            ask("token", "/../log-in", {{method: "POST", body: {link}}});
            const socket = new WebSocket("{ws}/events/out", "prefect");
            socket.onopen = () => {{ window.told.socket = "opened"; }};
            socket.onerror = () => {{ window.told.socket = "refused"; }};
            """
        )
        becomes(tab, "Object.keys(window.told).length === 4")
        assert tab.run("[...new Set(Object.values(window.told))]") == ["refused"]


@in_chromium
def test_a_name_that_is_led_here_shows_nothing(tab, prefect_url, password):
    port = urlsplit(prefect_url).port
    tab.open(log_in_link(f"http://evil.example:{port}", password))
    assert "this Prefect server does not go by that name" in tab.run("document.body.innerText")
    assert tab.run("localStorage.length") == 0
