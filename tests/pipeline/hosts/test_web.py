"""What servers say, and what of it may be shown."""

from types import SimpleNamespace

import pytest

from tests.flickr.worlds import Unpaced
from tinyvideo.pipeline.errors import FailCause, TransientError
from tinyvideo.pipeline.hosts.web import resolve, retry_after, without_ticket


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": " 0 "}, 0),
        ({"Retry-After": "²"}, None),
        ({"Retry-After": "٣"}, None),
        (
            {
                "Date": "Wed, 25 Nov 2026 10:00:00 -0000",
                "Retry-After": "Wed, 25 Nov 2026 10:01:30 GMT",
            },
            90,  # -0000 names no zone
        ),
        (
            {
                "Date": "Wed, 25 Nov 2026 10:00:00 GMT",
                "Retry-After": "Wed, 25 Nov 2026 10:01:30 GMT",
            },
            90,  # by the host's clock, whatever ours says
        ),
        ({"Retry-After": "Wed, 25 Nov 2026 10:01:30 GMT"}, None),
        ({"Date": "Wed, 25 Nov 2026 10:00:00 GMT", "Retry-After": "soon"}, None),
        (
            {
                "Date": "Wed, 25 Nov 2026 10:00:00 GMT",
                "Retry-After": "Wed, 25 Nov 2026 09:00:00 GMT",
            },
            0,
        ),
    ],
)
def test_how_long_a_host_wants_to_be_left_alone(headers, seconds):
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "https://live.staticflickr.com/video/1/0123456789/360p.mp4?s=eyJpIjox",
            "https://live.staticflickr.com/video/1/.../360p.mp4",
        ),
        (
            "https://www.flickr.com/photos/1@N00/1/play/360p/0123456789/",
            "https://www.flickr.com/photos/1@N00/1/play/360p/.../",
        ),
        ("https://example.com/film.mp4", "https://example.com/film.mp4"),
    ],
)
def test_no_signature_and_no_secret_is_shown(url, shown):
    assert without_ticket(url) == shown


@pytest.mark.parametrize("target", ["https://[bad/", "https://", "//x", "", "file:///etc/passwd"])
def test_a_redirect_to_no_film_is_trouble_that_may_pass(target):
    answer = SimpleNamespace(status_code=302, headers={"Location": target})
    session = SimpleNamespace(get=lambda url, **_: answer)
    with pytest.raises(TransientError) as caught:
        resolve(session, "https://www.flickr.com/x", Unpaced(), 1)
    assert caught.value.cause is FailCause.UNPARSABLE
