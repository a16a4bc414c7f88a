"""No password is shown, whatever it is made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyvideo.pipeline.errors import ExpectedError
from tinyvideo.pipeline.fetch.ytdlp import OptionError, check_options
from tinyvideo.pipeline.masks import hide, masked, masked_address


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:s3cr3t@db/films", "postgresql://***@db/films"),
        ("postgresql://me:s3/cr3t@db/films", "postgresql://***@db/films"),
        ("postgresql://me:s3@cr3t@db/films", "postgresql://***@db/films"),
        (
            "postgresql://db/films?user=me&password=s3cr3t&x=1",
            "postgresql://db/films?user=me&password=***&x=1",
        ),
        ("http://t0ken@host/x", "http://***@host/x"),
        (
            "no answer at http://me:p@host:1/api; start it",
            "no answer at http://***@host:1/api; start it",
        ),
        # and what is none
        ("https://host/@user/film.mp4", "https://host/@user/film.mp4"),
        ("https://host:8080/@user/film.mp4", "https://host:8080/@user/film.mp4"),
        ("write to me@host.example", "write to me@host.example"),
        ("https://host/film?size=3", "https://host/film?size=3"),
    ],
)
def test_passwords_are_hidden_and_nothing_else(text, shown):
    assert masked(text) == shown


def test_an_address_without_a_scheme_is_masked_too():
    assert masked_address("me:s3cr3t@host:1") == "***@host:1"
    assert masked_address("/data/me@home") == "/data/me@home"


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=8))
def test_no_password_is_left_in_an_address(password):
    secret = f"Q{password}Q"
    assert secret not in masked_address(f"postgresql://me:{secret}@host/db")


def test_the_sentence_of_an_error_holds_no_password():
    assert str(ExpectedError("none at http://me:s3cr3t@host")) == "none at http://***@host"


@pytest.mark.parametrize(
    "address", ["http://me:s3cr/t99@host:1", "me:s3cr/t99@host:x", "x://me:s3cr@t99@host"]
)
def test_what_yt_dlp_says_of_a_proxy_holds_no_part_of_its_password(address):
    with pytest.raises(OptionError) as refused:
        check_options({"proxy": address})
        raise OptionError(hide(f"no port: {address}, 's3cr', 't99'", [address]))
    assert "s3cr" not in str(refused.value)
    assert "t99" not in str(refused.value)
