"""Asking other people's servers: how often, in whose words, and under which license.

flickr_api      Flickr's API through flickrapi: one call at a time, within the budget, with
                errors that say why
guarded_network Connections to strangers that cannot end in a private network, whatever names and
                redirects say
licenses        Which licenses Flickr knows, and which of them let anybody make strips of a
                video
pace            How fast a host is asked: the arithmetic of one account, without a clock or a
                database
request_budget  How often a host may be asked: the one thing that everybody who asks over a
                network needs
rights          One gate for rights: every source asks it, in the same words, whether strips
                may be made
web_address     An address from outside, checked where it enters: http or https, a host, a port,
                and no more
web             What a web server says with a status -> an error of ours, and the one step
                before a film
"""

from tinyvideo.pipeline.hosts.flickr_api import (
    SEARCH,
    Flickr,
    Json,
    RefusedCallError,
    flickr_client,
    open_session,
)
from tinyvideo.pipeline.hosts.guarded_network import guard
from tinyvideo.pipeline.hosts.licenses import (
    SHIPPED,
    License,
    allowed_numbers,
    license_of,
    parse_licenses,
)
from tinyvideo.pipeline.hosts.pace import Account, Limit
from tinyvideo.pipeline.hosts.request_budget import Budget, Host
from tinyvideo.pipeline.hosts.rights import refusal_of
from tinyvideo.pipeline.hosts.web import (
    WithdrawnError,
    check_status,
    distrusted,
    resolve,
    without_ticket,
)
from tinyvideo.pipeline.hosts.web_address import WebAddress

__all__ = [
    "SEARCH",
    "SHIPPED",
    "Account",
    "Budget",
    "Flickr",
    "Host",
    "Json",
    "License",
    "Limit",
    "RefusedCallError",
    "WebAddress",
    "WithdrawnError",
    "allowed_numbers",
    "check_status",
    "distrusted",
    "flickr_client",
    "guard",
    "license_of",
    "open_session",
    "parse_licenses",
    "refusal_of",
    "resolve",
    "without_ticket",
]
