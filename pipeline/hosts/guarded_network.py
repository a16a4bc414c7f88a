"""Connections to strangers that cannot end in a private network, whatever names and redirects say.

A name is resolved here, every number that it has is judged, and the connection goes to that very
number: who answers another one the second time wins nothing. Every redirect is judged before it is
followed. Behind a proxy it is the proxy that resolves and connects; then only what is written can
be judged here, and the rest is for the proxy to forbid.

Cost: a look-up of a name, which a connection needs anyway.
"""

import socket
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urljoin

import requests
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NameResolutionError, NewConnectionError

from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.hosts.web_address import WebAddress, is_public, private


def guard(session: requests.Session) -> None:
    """Have a session refuse private places, by its adapters and at each redirect.

    Requests of it raise `UnreadableError` where they lead to one. A proxy is the operator's, and
    may be where it likes.
    """
    adapters: Iterable[Any] = session.adapters.values()
    for adapter in adapters:
        adapter.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
    session.hooks["response"].append(_judge_redirect)


def _judge_redirect(answer: requests.Response, **_: object) -> None:
    if not answer.is_redirect:
        return
    try:
        WebAddress.of(urljoin(answer.url, answer.headers["location"])).refuse_private()
    except UnreadableError:
        answer.close()
        raise


class _Guarded(HTTPConnection):
    """Connects to the numbers that were judged, one after the other."""

    def _new_conn(self) -> socket.socket:
        name, trouble = self._dns_host, None
        try:
            for number in self._numbers(name):
                self._dns_host = number
                try:
                    return super()._new_conn()
                except NewConnectionError as error:  # the next one may do
                    trouble = error
        finally:
            self._dns_host = name  # what the certificate is held against
        raise trouble or NewConnectionError(self, f"{name} has no address")

    def _numbers(self, name: str) -> Iterator[str]:
        try:
            found = socket.getaddrinfo(name, self.port or 0, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            failed = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(name, self, failed) from error
        numbers = [str(entry[4][0]) for entry in found]
        for number in numbers:  # all before the first: none of them may be private
            if not is_public(number):
                raise private(name, number)
        yield from numbers


class _GuardedTls(_Guarded, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls: Any = _Guarded


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls: Any = _GuardedTls
