"""What a web server says with a status -> an error of ours, and the one step before a film.

A page of Flickr redirects to the signed address of a file, which ends after three minutes. That
step is made by itself, so that both hosts are asked at their own pace, and it is known which of
them refused, and for how long.

urllib3 reads `Retry-After` as well, but holds a date against our clock, which may be wrong.

Cost: one request.
"""

import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests

from tinyvideo.pipeline.errors import FailCause, ServiceError, TransientError
from tinyvideo.pipeline.hosts.request_budget import Budget, Host

MEDIA_DOMAIN = ".staticflickr.com"
"""Where files of Flickr are; a redirect to elsewhere is not followed."""

GONE = frozenset({401, 404, 410, 451})
"""Statuses of a file that will not come back."""


_SECRET = re.compile(r"(?<=[/\w])/[0-9a-f]{10}(?=/|$)")
"""How a video's secret stands in the addresses of its files."""


class WithdrawnError(Exception):
    """This file is not there any more; another one of the same video may be."""


def resolve(session: requests.Session, url: str, budget: Budget, timeout_s: float) -> str:
    """Ask a page of Flickr where a file is now; return its signed address.

    Raises:
        WithdrawnError: there is no such file.
        TransientError: the host is in trouble, or did not answer with a redirect.
        ServiceError: the host is not who it says it is.
    """
    budget.acquire(Host.PAGES)
    with explained(url):
        answer = session.get(url, timeout=timeout_s, allow_redirects=False)
    check_status(answer.status_code, answer.headers, Host.PAGES, budget, url)
    target = answer.headers.get("Location", "")
    if not _is_media(target):
        detail = f"{without_ticket(url)} answered {answer.status_code} without a file's address"
        raise TransientError(FailCause.UNPARSABLE, detail)
    return target


def _is_media(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme == "https" and (parts.hostname or "").endswith(MEDIA_DOMAIN)
    except ValueError:
        return False


def check_status(
    status: int, headers: Mapping[str, str], host: Host, budget: Budget, url: str
) -> None:
    """Pass what is no error, and tell the budget where the host refuses to be asked.

    Raises:
        WithdrawnError, TransientError: by the status.
    """
    if status < 400:
        return
    detail = f"HTTP {status} from {without_ticket(url)}"
    retry_after_s = retry_after(headers)
    if status in GONE:
        raise WithdrawnError(detail)
    if status in {429, 503}:
        budget.penalize(host, retry_after_s)
    if status == 429:
        raise TransientError(FailCause.HTTP_429, detail, retry_after_s)
    if status == 403:
        raise TransientError(FailCause.HTTP_403, detail)
    if status >= 500:
        raise TransientError(FailCause.HTTP_5XX, detail, retry_after_s)
    raise WithdrawnError(detail)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read how many seconds a host asks us to wait, from a number or a date; None if it does not.

    A date is held against the host's own clock.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])  # thirty years are as good as more
    try:
        wait = _moment(text) - _moment(headers.get("Date", ""))
    except (ValueError, OverflowError):
        return None
    return max(0.0, wait.total_seconds())


def _moment(text: str) -> datetime:
    """Read a date of HTTP; one with -0000, which names no zone, is UTC as all of them are."""
    moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def without_ticket(url: str) -> str:
    """Name an address for messages, without the signature in its query and the video's secret."""
    return _SECRET.sub("/...", url.partition("?")[0])


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Translate what requests raises.

    Raises:
        TransientError, ServiceError: in the words of the network.
    """
    named = without_ticket(url)
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise distrusted(named, error) from error
    except requests.exceptions.Timeout as error:
        raise TransientError(FailCause.TIMEOUT, f"{named} did not answer in time") from error
    except requests.exceptions.RequestException as error:
        raise TransientError(FailCause.NETWORK, f"{named}: {root_of(error)}") from error


def distrusted(named: str, error: BaseException) -> ServiceError | TransientError:
    """Tell a certificate that is not trusted from a connection that broke."""
    cause = root_of(error)
    if not isinstance(cause, ssl.SSLCertVerificationError):
        return TransientError(FailCause.NETWORK, f"{named}: {cause}")
    return ServiceError(
        f"the certificate of {named} is not trusted: {cause.verify_message}; behind a company's "
        "proxy, name its authority in SSL_CERT_FILE, else look at the clock of this machine"
    )


def root_of(error: BaseException) -> BaseException:
    """Find what an error comes from: the operating system's words, and not three layers of them."""
    seen = {id(error)}
    while True:
        inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(inner, BaseException) and error.args:
            inner = next((part for part in error.args if isinstance(part, BaseException)), None)
        if not isinstance(inner, BaseException) or id(inner) in seen:
            return error
        seen.add(id(inner))
        error = inner
