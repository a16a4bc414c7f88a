"""Flickr's API through flickrapi: one call at a time, within the budget, with errors that say why.

flickrapi signs and posts a call and parses the answer; it does not retry, loses the status and
the headers of an HTTP error, and would wait for ever. So it gets a session of its own, which looks
at every response before flickrapi does, and a timeout. What goes wrong becomes one of three:

    RejectedError     the answer is about this video: it is gone, or its owner keeps the file
    TransientError    trouble that may pass; `call_patiently` asks again, at the budget's pace
    ServiceError      a wrong key, no network, a certificate that nobody trusts: nothing will help

Cost: that of the calls. Sources: Flickr's list of error codes, and recorded
answers: a code means something else for each method, and an outage comes with HTTP 200.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias, TypeVar

import requests
from flickrapi import FlickrAPI
from flickrapi.exceptions import FlickrError

from tinyvideo.pipeline.errors import (
    FailCause,
    RejectedError,
    RejectReason,
    ServiceError,
    TransientError,
)
from tinyvideo.pipeline.hosts.guarded_network import guard
from tinyvideo.pipeline.hosts.request_budget import Budget, Host
from tinyvideo.pipeline.hosts.web import retry_after

Json: TypeAlias = dict[str, Any]

T = TypeVar("T")

TIMEOUT_S = 30
"""How long an answer may take, in seconds. Ours: a search over everything takes several."""

FIRST_TRIES, TRIES = 3, 10
"""How often a call is made before it is given up, at first, and once Flickr has answered: a wrong
set-up is told soon, a long crawl survives an outage. Ours."""

AGENT = "tinyvideo"
"""How we introduce ourselves; hosts throttle the unnamed sooner."""

SEARCH = "flickr.photos.search"

_LOOKS = 3
"""How often an answer that cannot be read is asked for again before it is passed over. Ours: it may
have come from a proxy."""

_TALKATIVE = ("flickrapi", "oauthlib", "requests_oauthlib")
"""Loggers that write down what is called and signed, with the key, where everything is logged."""

_OUTAGE = frozenset({0, 105, 106, 201})
"""Codes of every method by which Flickr says that it is not available just now."""

_SEARCH_OUTAGE = 10
"""The same, of the search only."""

_REFUSED = frozenset({95, 96, 97, 98, 99, 100, 111, 112, 116})
"""Codes that are about the caller and not about the call: the key, its signature, the method."""

_OF_A_VIDEO = {1: RejectReason.GONE, 2: RejectReason.NOT_PERMITTED}
"""What the codes 1 and 2 mean to a method that is asked about one video."""


class RefusedCallError(ServiceError):
    """Flickr does not take what one call asks for; others may be answered."""


@dataclass(slots=True)
class Flickr:
    """Flickr's API for one key."""

    api: FlickrAPI
    budget: Budget
    answered: bool = False
    """It has answered once, so the set-up is right."""

    sent: Callable[[str], None] = lambda method: None
    """What is told of each call as it is sent, whatever comes of it: its method."""

    def __repr__(self) -> str:
        return "Flickr()"  # that of flickrapi shows the key

    def call(self, method: str, **parameters: object) -> Json:
        """Call a method (`flickr.photos.search`) once; return its answer.

        Raises:
            RejectedError: the video that was asked about is gone, or its owner keeps the file.
            TransientError: another attempt may do.
            ServiceError: none will.
        """
        self.budget.acquire(Host.API)
        self.sent(method)
        try:
            answer = self.api.do_flickr_call(method, **parameters)
        except FlickrError as error:
            _explain(method, error)
        except requests.RequestException as error:
            _explain_transport(error)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise TransientError(FailCause.UNPARSABLE, f"{method}: no JSON: {error}") from error
        if not isinstance(answer, dict) or answer.get("stat") != "ok":
            raise TransientError(FailCause.UNPARSABLE, f"{method}: an answer of another form")
        self.answered = True
        return answer

    def call_patiently(
        self,
        method: str,
        read: Callable[[Json], T],
        unread: Callable[[TransientError], T] | None = None,
        **parameters: object,
    ) -> T:
        """Call a method until `read` can read its answer, or it has failed too often.

        `unread` makes something of an answer that stays unreadable while others can be read.

        Raises:
            RejectedError: as `call`.
            ServiceError: as `call`, or Flickr did not answer in `TRIES` tries.
        """
        tries = 0
        while True:
            try:
                return read(self.call(method, **parameters))
            except TransientError as error:
                tries += 1
                odd = error.cause is FailCause.UNPARSABLE and tries >= _LOOKS
                if unread is not None and odd and self._can_be_read():
                    return unread(error)
                if tries >= (TRIES if self.answered else FIRST_TRIES):
                    raise ServiceError(
                        f"Flickr does not answer, after {tries} tries: {error.detail}"
                    ) from error
                self._slow_down(error)

    def _can_be_read(self) -> bool:
        try:
            self.call("flickr.test.echo")
        except TransientError:
            return False
        return True

    def _slow_down(self, error: TransientError) -> None:
        busy = {FailCause.HTTP_429, FailCause.HTTP_5XX, FailCause.UNAVAILABLE, FailCause.NETWORK}
        if error.cause in busy:
            self.budget.penalize(Host.API, error.retry_after_s)


def flickr_client(
    api_key: str,
    budget: Budget,
    *,
    secret: str = "",
    session: requests.Session | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Flickr:
    """Prepare calls with a key; nothing is asked yet, and nothing is written to disk."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    api = FlickrAPI(
        api_key, secret, format="parsed-json", store_token=False, cache=False, timeout=timeout_s
    )
    session = session or open_session()
    session.hooks["response"].append(check_status)
    api.flickr_oauth.session = session  # else one that all of this process share
    return Flickr(api, budget)


class Session(requests.Session):
    """A session whose own proxy and certificates come before those of the environment."""

    def merge_environment_settings(self, *args: Any, **settings: Any) -> Any:
        """As in requests, which lets HTTPS_PROXY and REQUESTS_CA_BUNDLE win."""
        merged = super().merge_environment_settings(*args, **settings)
        own = {"proxies": self.proxies, "verify": isinstance(self.verify, str) and self.verify}
        return {**merged, **{name: value for name, value in own.items() if value}}


def open_session(
    proxy: str = "", authority: str = "", *, allow_private: bool = False
) -> requests.Session:
    """Prepare HTTPS requests by the way that the environment names, or by a proxy of our own.

    `authority` is a file of certificates to trust instead of the usual ones. Private networks are
    out of reach, unless `allow_private`.
    """
    session = Session()
    if not allow_private:
        guard(session)
    session.headers["User-Agent"] = AGENT
    if proxy:
        session.proxies = {"http": proxy, "https": proxy}
    if authority:
        session.verify = authority
    return session


def check_status(response: requests.Response, **_: object) -> None:
    """Refuse, as a hook of requests, what is no answer: flickrapi would lose status and headers.

    Raises:
        TransientError: HTTP 429 or 5xx, or anything else but 200.
        ServiceError: the key or its signature is refused.
    """
    status = response.status_code
    if status == 200 or response.is_redirect:
        return
    detail = f"HTTP {status} from {_host_of(response)}"
    if status in {401, 403, 407}:
        raise ServiceError(f"{detail}: the key, its secret or the proxy's password is refused")
    if status == 429:
        raise TransientError(FailCause.HTTP_429, detail, retry_after(response.headers))
    cause = FailCause.HTTP_5XX if status >= 500 else FailCause.UNPARSABLE
    raise TransientError(cause, detail, retry_after(response.headers))


def _explain(method: str, error: FlickrError) -> NoReturn:
    code = int(error.code) if re.fullmatch(r"-?[0-9]{1,9}", str(error.code)) else None
    text = str(error).removeprefix("Error: ")
    searching = method == SEARCH
    if code in _OUTAGE or (searching and code == _SEARCH_OUTAGE):
        raise TransientError(FailCause.UNAVAILABLE, f"{method}: {text}") from error
    if code in _REFUSED:
        raise ServiceError(f"Flickr refuses the key (TINYVIDEO_FLICKR_KEY): {text}") from error
    if not searching and code in _OF_A_VIDEO:
        raise RejectedError(_OF_A_VIDEO[code], text) from error
    if code is None:
        raise TransientError(FailCause.UNPARSABLE, f"{method}: {text}") from error
    raise RefusedCallError(f"Flickr refuses the call {method}: {text}") from error


def _explain_transport(error: requests.RequestException) -> NoReturn:
    text = " ".join(str(error).split())
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE" in text.upper():
        raise ServiceError(
            f"the certificate of api.flickr.com is not to be trusted: {_reason_of(text)}; where a "
            "company's proxy shows its own, SSL_CERT_FILE names the file of its authority"
        ) from error
    if isinstance(error, requests.Timeout):
        raise TransientError(FailCause.TIMEOUT, "api.flickr.com did not answer in time") from error
    raise TransientError(
        FailCause.NETWORK, f"api.flickr.com cannot be reached: {_reason_of(text)}"
    ) from error


def _reason_of(text: str) -> str:
    # "HTTPSConnectionPool(host=...): Max retries exceeded with url: ... (Caused by X('why'))", and
    # the why is another library's in turn: "Y("...: [Errno 111] Connection refused")".
    caused = text.partition("Caused by ")[2].removesuffix(")") or text
    why = re.search(r"(?:certificate verify failed: |\[Errno -?\d+\] )([^\"'()]*[^\"'() ])", caused)
    proxy = "the proxy: " if caused.startswith("ProxyError") else ""
    return f"{proxy}{why[1]}" if why else caused


def _host_of(response: requests.Response) -> str:
    return str(response.url).partition("://")[2].partition("/")[0]
