"""An address from outside, checked where it enters: http or https, a host, a port, and no more.

A list, an answer of Flickr or a redirect may name anything: a file of this machine, the router, the
service that tells a cloud machine its keys. What is written says little about where it leads, since
a name means what its owner's server answers at that moment; so the numbers are judged too, by
`is_public`, just before a connection is made (`pipeline.hosts.guarded_network`).

Cost: 3 us per address.
Source: the registries of IANA for special addresses, as `ipaddress` has them.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from tinyvideo.pipeline.errors import UnreadableError

_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_LOCAL_NAMES = ("localhost", ".localhost", ".local", ".internal", ".home.arpa")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

WAY_OUT = (
    "if it is a server of your own, --allow-private or TINYVIDEO_ALLOW_PRIVATE=true lets it be "
    "asked"
)


@dataclass(frozen=True, slots=True)
class WebAddress:
    """The address of a file on a web server."""

    url: str
    scheme: str
    host: str
    """A name, or a number without brackets, in lower case."""

    @classmethod
    def of(cls, url: str) -> Self:
        """Take an address apart.

        Raises:
            UnreadableError: it is none of http and https, or has no host.
        """
        named = url[:200]
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise UnreadableError(f"{named!r} is no address: {error}") from error
        if parts.scheme not in {"http", "https"}:
            raise UnreadableError(f"{named!r} is no address of http or https")
        if not host or _UNSAFE.search(url):
            raise UnreadableError(f"{named!r} is no address: a host and a path make one")
        return cls(url, parts.scheme, host.rstrip("."))

    def refuse_private(self) -> None:
        """Refuse what is private by what is written; a name may still lead to such a place.

        Raises:
            UnreadableError: with the way out.
        """
        number = _number_of(self.host)
        local = f".{self.host}".endswith(tuple(f".{n.lstrip('.')}" for n in _LOCAL_NAMES))
        if local or (number is not None and not is_public(number)):
            raise private(self.host, number or self.host)


def private(host: str, number: str) -> UnreadableError:
    """Say that a host is in a private network, and what to do about it."""
    where = host if host == number else f"{host} ({number})"
    return UnreadableError(f"{where} is in a private network, which lists may not reach; {WAY_OUT}")


def is_public(number: str) -> bool:
    """Tell a number that the whole network can reach from private, local and reserved ones.

    Raises:
        ValueError: it is no number.
    """
    address = ipaddress.ip_address(number.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner(address)
        if inner is not None:
            return is_public(str(inner))
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Find the IPv4 address that an IPv6 address only stands for."""
    if address in _NAT64 or int(address) >> 32 == 0:  # ::a.b.c.d, of an older time
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def _number_of(host: str) -> str | None:
    # The system also takes 127.1, 0x7f000001 and 2130706433 for numbers.
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeEncodeError):
        return None
