"""Prefect's server behind a lock: deaf to every name and every page but its own.

    Host       numbers, `localhost`, this machine's name, or one of TINYVIDEO_SERVER_NAMES: a page
               whose own name is led to this address (DNS rebinding) gets no answer. Numbers are
               led nowhere, and have to pass: a container does not know the number it is called by
    Origin     where there is one, that of Host or one of those names: no other page can ask, by a
               WebSocket neither
    /log-in    takes the token of a printed link, once, and puts the password where Prefect's page
               looks for it. The token stands behind #, which is in no request and no log

Prefect's own `prefect server start` takes any Host, and has no way in but to type the password.
Else this is the same server, started in the same way; the password is Prefect's own check.

Cost: two look-ups per request, beside Prefect's milliseconds.
"""

import argparse
import base64
import ipaddress
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from tinyvideo.flows.server.server_database import wait_for_lock
from tinyvideo.flows.server.server_password import LOG_IN, Tokens
from tinyvideo.flows.settings import read_settings
from tinyvideo.pipeline.errors import ExpectedError

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

LOG_IN_PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Prefect</title>
<p>Logging in ...</p>
<script>
const token = location.hash.slice(1);
history.replaceState(null, "", "/log-in");
fetch("/log-in", {method: "POST", body: token}).then(async (answer) => {
  const text = await answer.text();
  if (!answer.ok) { document.querySelector("p").textContent = text; return; }
  localStorage.setItem("prefect-password", text);
  location.replace("/");
});
</script>
"""

USED_UP = (
    "This link has been used, or is older than ten minutes. 'tinyvideo up' prints a new one; or "
    "open / and type what is in the file of the password."
)

MOST_OF_A_TOKEN = 1000
"""Bytes of a token that are read. Ours are 86 long."""

_HEADERS = [
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
"""On every answer: no page may show ours inside itself, and have it clicked."""


class Locked:
    """An ASGI application that lets in whoever calls it by its own name, from its own page."""

    def __init__(self, app: App, tokens: Tokens, further_names: frozenset[str]) -> None:
        self._app = app
        self._tokens = tokens
        self._further = further_names
        self._names = further_names | {"localhost", socket.gethostname().lower()}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it; a WebSocket is a request, too."""
        if scope["type"] not in {"http", "websocket"}:  # the start and the end of the server
            await self._app(scope, receive, send)
        elif problem := self._problem(scope):
            await _refuse(scope, problem, send)
        elif scope["type"] == "http" and scope["path"] == LOG_IN:
            await self._log_in(scope, receive, send)
        else:
            await self._app(scope, receive, _with_headers(send))

    def _problem(self, scope: Message) -> str:
        hosts = _all_of(scope, b"host")
        host = hosts[0] if len(hosts) == 1 else ""
        if not self._is_ours(host):
            return (
                "this Prefect server does not go by that name; TINYVIDEO_SERVER_NAMES, set where "
                "the server is started, lists further names"
            )
        for origin in _all_of(scope, b"origin"):
            place = _place(origin)
            if place != host and _name_of(place) not in self._further:
                return "pages of other addresses may not use this Prefect server"
        return ""

    def _is_ours(self, host: str) -> bool:
        name = _name_of(host)
        return name in self._names or _is_number(name)

    async def _log_in(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await _answer(200, "text/html; charset=utf-8", LOG_IN_PAGE, send)
            return
        password = self._tokens.redeem(await _body(receive))
        if password:
            await _answer(200, "text/plain", base64.b64encode(password.encode()).decode(), send)
        else:
            await _answer(403, "text/plain", USED_UP, send)


def listed_names(listed: str) -> frozenset[str]:
    """Read the names of a setting, which have commas between them."""
    return frozenset(name.strip().lower() for name in listed.split(",") if name.strip())


def _all_of(scope: Message, wanted: bytes) -> list[str]:
    head: list[tuple[bytes, bytes]] = scope["headers"]
    return [value.decode("latin-1").lower() for name, value in head if name == wanted]


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _name_of(place: str) -> str:
    if "@" in place:  # a user has no place in Host or Origin
        return ""
    try:
        return urlsplit(f"//{place}").hostname or ""
    except ValueError:
        return ""


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _body(receive: Receive) -> str:
    body = bytearray()
    while len(body) <= MOST_OF_A_TOKEN:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body.decode("latin-1")
    return ""


async def _refuse(scope: Message, problem: str, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": problem})
    else:
        await _answer(403, "text/plain", problem, send)


async def _answer(status: int, kind: str, text: str, send: Send) -> None:
    headers = [(b"content-type", kind.encode()), (b"cache-control", b"no-store"), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


def _with_headers(send: Send) -> Send:
    async def send_more(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return send_more


def serve(host: str) -> None:
    """Be the server, as the environment has it, until SIGTERM.

    Raises:
        SystemExit: there is no password, or a setting cannot be used.
    """
    import uvicorn  # noqa: PLC0415  as all of Prefect: after the environment
    from prefect.server.api.server import create_app  # noqa: PLC0415
    from prefect.settings import get_current_settings  # noqa: PLC0415

    api = get_current_settings().server.api
    password = api.auth_string.get_secret_value() if api.auth_string else ""
    if not password:
        raise SystemExit("set PREFECT_SERVER_API_AUTH_STRING=USER:PASSWORD for the server")
    try:
        names = listed_names(read_settings().server_names)
    except ExpectedError as error:
        raise SystemExit(str(error)) from error
    wait_for_lock()
    uvicorn.run(
        Locked(create_app(final=True), Tokens(password), names),
        host=host,
        port=api.port,
        timeout_keep_alive=api.keepalive_timeout,
        log_level="warning",
    )


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="Prefect's server behind a lock.")
    options.add_argument("--host", default="127.0.0.1", help="address to listen at")
    serve(options.parse_args().host)
