"""Which addresses are addresses, and which numbers the whole network can reach."""

import pytest

from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.hosts.web_address import WebAddress, is_public

PUBLIC = ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
PRIVATE = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "198.18.0.1", "240.0.0.1",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
]  # fmt: skip


@pytest.mark.parametrize("number", PUBLIC)
def test_a_public_number_is_told(number):
    assert is_public(number)


@pytest.mark.parametrize("number", PRIVATE)
def test_a_private_number_is_told_in_whatever_it_is_wrapped(number):
    assert not is_public(number)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "FILE:///x", "ftp://a/b", "data:,x", "//a/b", "a.mp4", "http://", "http:///x",
     "http://a:x/b", "http://[::1/x", "http://a b/", "http://a/\nx", "http://a\\@b/", ""],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_refused(url):
    with pytest.raises(UnreadableError, match="no address"):
        WebAddress.of(url)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "[::1]", "localhost", "a.localhost",
     "LOCALHOST", "localhost.", "nas.local", "metadata.google.internal", "169.254.169.254"],
)  # fmt: skip
def test_what_is_written_as_private_is_refused_with_the_way_out(host):
    with pytest.raises(UnreadableError, match="TINYVIDEO_ALLOW_PRIVATE=true"):
        WebAddress.of(f"http://{host}/a.mp4").refuse_private()


def test_a_name_and_a_public_number_pass():
    for host in ("example.org", "notlocalhost", "1.1.1.1", "[2606:4700::1111]:8080"):
        WebAddress.of(f"https://{host}/a.mp4").refuse_private()
