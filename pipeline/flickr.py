"""The Flickr API through flickrapi: one call, paced, and every way to fail told apart.

flickrapi signs and posts; what it leaves open is done here. It loses the headers of an answer that
is no answer (Retry-After), so statuses are looked at before it sees them. It waits for ever, so
there is a limit. The same code of the API means different things in different methods, so they are
judged together. Transient troubles are raised and not tried again here: the next attempt may
belong to another worker.

Cost: 3 ms per call beside the network; 0.2 s once for the import of flickrapi.
Source: Flickr's descriptions of its methods, recorded answers, and flickrapi 2.4.0, as tried.
"""

import logging
from collections.abc import Mapping
from typing import Any

import requests
from flickrapi import FlickrAPI
from flickrapi.exceptions import FlickrError

from pipeline.budget import Budget, Host
from pipeline.errors import FailCause, RejectedError, RejectReason, ServiceError, TransientError
from pipeline.web import WithdrawnError, check_status, explained

REST = "https://api.flickr.com/services/rest/"

_AWAY = frozenset({0, 10, 105, 106, 201})
"""Codes for a service that is not available just now; 10 only of a search."""

_REFUSED = frozenset({95, 96, 97, 98, 99, 100, 111, 112, 116})
"""Codes for a caller whom the service will never serve as things are."""

_OF_VIDEOS = {
    ("flickr.photos.getInfo", 1): RejectReason.GONE,
    ("flickr.photos.getSizes", 1): RejectReason.GONE,
    ("flickr.photos.getSizes", 2): RejectReason.NOT_PERMITTED,
    ("flickr.video.getStreamInfo", 1): RejectReason.GONE,
    ("flickr.video.getStreamInfo", 2): RejectReason.NOT_PERMITTED,
}


class FlickrClient:
    """Calls the API with one key; a thread may have one of its own."""

    def __init__(
        self,
        key: str,
        secret: str,
        budget: Budget,
        session: requests.Session,
        timeout_s: float = 30,
    ) -> None:
        """Prepare calls; `session` knows the proxy and whom to trust, and is this client's alone.

        Raises:
            ServiceError: there is no key or no secret.
        """
        if not (key and secret):
            raise ServiceError(
                "Flickr wants a key: set FLICKR_API_KEY and FLICKR_API_SECRET; they are given at "
                "https://www.flickr.com/services/apps/create/"
            )
        for name in ("flickrapi", "oauthlib", "requests_oauthlib"):
            # They log whole answers as errors, and keys and signatures for debugging.
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._budget = budget
        session.hooks["response"] = [self._check]
        self._flickr = FlickrAPI(
            key, secret, format="parsed-json", store_token=False, timeout=timeout_s
        )
        self._flickr.flickr_oauth.session = session

    def __repr__(self) -> str:
        return "FlickrClient()"

    def __call__(self, method: str, /, **params: object) -> Mapping[str, Any]:
        """Call `flickr.` + `method` and return the answer.

        Raises:
            RejectedError: the video that is asked about cannot be had.
            TransientError: the service or the way to it is in trouble.
            ServiceError: the key, the certificate or the question is not accepted.
        """
        name = f"flickr.{method}"
        self._budget.acquire(Host.API)
        try:
            with explained(REST):
                answer = self._flickr.do_flickr_call(name, **params)
        except FlickrError as error:
            raise judge(name, error) from None  # its own traceback shows the whole answer
        except (ValueError, AttributeError) as error:
            detail = f"{name} was not answered in JSON: {error}"
            raise TransientError(FailCause.UNPARSABLE, detail) from error
        if not isinstance(answer, dict):
            raise TransientError(FailCause.UNPARSABLE, f"{name} was answered {answer!r}")
        return answer

    def _check(self, answer: requests.Response, **_: object) -> None:
        if answer.status_code == 401:
            raise ServiceError(
                "Flickr does not accept the signature: look at FLICKR_API_SECRET, and at the clock "
                "of this machine"
            )
        try:
            check_status(answer.status_code, answer.headers, Host.API, self._budget, REST)
        except WithdrawnError as error:
            raise TransientError(FailCause.UNAVAILABLE, str(error)) from error


def judge(method: str, error: FlickrError) -> Exception:
    """Say what a code means in the answer of a method."""
    code, text = error.code, str(error).removeprefix("Error: ")
    if (method, code) in _OF_VIDEOS:
        return RejectedError(_OF_VIDEOS[method, code], f"{method}: {text}")
    if code in _AWAY and (code != 10 or method == "flickr.photos.search"):
        return TransientError(FailCause.UNAVAILABLE, f"{method}: {text} (code {code})")
    if code in _REFUSED:
        return ServiceError(f"Flickr refuses {method}: {text}; look at FLICKR_API_KEY")
    return ServiceError(f"Flickr refuses {method}: {text} (code {code})")


def check_service(client: FlickrClient) -> None:
    """See, by one call, that the key is accepted, before a run is begun.

    Raises:
        ServiceError: it is not, or Flickr cannot be reached.
    """
    try:
        client("test.echo")
    except TransientError as error:
        if error.cause is FailCause.NETWORK:
            raise ServiceError(
                f"Flickr cannot be reached: {error.detail}; look at the network, and at HTTPS_PROXY"
            ) from error
