"""Does a Prefect server answer, and does it let us in: a sentence where it does not.

Asked with the standard library, so that a command can say what is wrong before it imports Prefect,
whose own client tries for two minutes and then shows a traceback.

Cost: one or two requests, 5 ms.
"""

import base64
import json
import urllib.error
import urllib.request
from typing import Any

from tinyvideo.pipeline.errors import ExpectedError

START_LIMIT_S = 240
"""Seconds until a server that is started answers. Ours: ten times what a start takes on a busy
machine; one that has died is noticed at once."""

TIMEOUT_S = 30
"""Ours: an idle server answers in milliseconds, one on a machine that is overloaded in seconds."""


class ServerError(ExpectedError):
    """The Prefect server cannot be used; the text says why and what to do."""


def answers(api_url: str, timeout_s: float = TIMEOUT_S) -> bool:
    """Tell whether a Prefect server is there; it says so to anybody."""
    try:
        with _open(f"{api_url}/health", "", timeout_s) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def require_server(api_url: str, password: str = "", *, otherwise: str) -> None:
    """See that the server at `api_url` answers, and takes `password` (user:password).

    `otherwise` is what to do where none answers.

    Raises:
        ServerError: it does not.
    """
    if not answers(api_url):
        raise ServerError(f"no Prefect server answers at {api_url}; {otherwise}")
    try:
        ask(api_url, "/admin/version", password)
    except urllib.error.HTTPError as error:
        if error.code not in {401, 403}:
            raise ServerError(f"{api_url} answers {error.code} {error.reason}") from error
        known = "refuses the user and password in" if password else "wants a user and password:"
        raise ServerError(
            f"{api_url} {known} PREFECT_API_AUTH_STRING=USER:PASSWORD; the machine on which "
            "'tinyvideo up' started it has them in ~/.tinyvideo/up/password"
        ) from error
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise ServerError(f"{api_url} is no Prefect server that can be used: {error}") from error


def asks_for_password(api_url: str) -> bool:
    """Tell whether a server that answers refuses those who know no password."""
    try:
        ask(api_url, "/admin/version")
    except urllib.error.HTTPError as error:
        return error.code in {401, 403}
    except (urllib.error.URLError, OSError, ValueError):
        return False
    return False


def ask(api_url: str, path: str, password: str = "") -> Any:
    """Get a JSON document from the server.

    Raises:
        HTTPError, URLError, OSError, ValueError: as urllib and json have them.
    """
    with _open(f"{api_url}{path}", password) as answer:
        return json.load(answer)


def _open(url: str, password: str, timeout_s: float = TIMEOUT_S) -> Any:
    request = urllib.request.Request(url)
    if password:
        token = base64.b64encode(password.encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    return urllib.request.urlopen(request, timeout=timeout_s)
