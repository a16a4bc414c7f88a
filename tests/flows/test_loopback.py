"""This machine is never asked through a proxy."""

import urllib.request

import pytest

from tinyvideo.flows.run_process import keep_loopback_direct

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, None),
        ({"HTTPS_PROXY": PROXY}, "127.0.0.1,localhost,::1"),
        ({"https_proxy": PROXY}, "127.0.0.1,localhost,::1"),
        ({"ALL_PROXY": PROXY, "NO_PROXY": "inner, localhost"}, "inner,localhost,127.0.0.1,::1"),
        ({"HTTP_PROXY": PROXY, "no_proxy": "*"}, None),
    ],
)
def test_a_proxy_that_is_set_is_not_for_this_machine(before, after, monkeypatch):
    environment = dict(before)
    keep_loopback_direct(environment)
    if after is None:
        assert environment == before
        return
    assert environment["NO_PROXY"] == environment["no_proxy"] == after
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert urllib.request.proxy_bypass("127.0.0.1:4200")
    assert not urllib.request.proxy_bypass("api.flickr.com")
