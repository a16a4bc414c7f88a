"""How often a host may be asked: the one thing that everybody who asks over a network needs.

A budget is an argument of the crawl and of the download, so that neither knows whether it is kept
in this process or shared by all workers of a deployment (`storage.catalog.request_accounts`). There
is one account per host and not per address, because that is how Flickr counts: its API per key, its
pages and its media each on their own.

Cost: an interface only.
"""

from enum import StrEnum
from typing import Protocol


class Host(StrEnum):
    """Whose account a request goes to."""

    API = "api"
    """api.flickr.com: 3,600 requests an hour for a key."""

    PAGES = "pages"
    """www.flickr.com, which redirects to media."""

    MEDIA = "media"
    """live.staticflickr.com, which throttles on its own."""


class Budget(Protocol):
    """Permission to ask a host."""

    def acquire(self, host: Host) -> None:
        """Return as soon as one more request to `host` is permitted; it counts as made."""

    def penalize(self, host: Host, retry_after_s: float | None) -> None:
        """Take note that `host` refused a request for being asked too often, or is in trouble.

        `retry_after_s` is how long it asked us to wait, None if it did not say.
        """
