"""What is shown of a secret: `***`.

SQLAlchemy masks an address that it can read, and takes the first @ for the end of a password. Here
no text has to be an address: whatever stands where a password would, up to the last @ of the word,
is hidden, and so is the value of a parameter whose name says that it is secret.

Cost: 3 us per sentence.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote

SECRET = re.compile(
    r"key|secret|passw|passphrase|token|credential|signature|auth|proxy|notify|ytdlp|cookie", re.I
)
"""Names of settings, options and parameters whose value nobody else has to see."""

_USER = re.compile(r"(://)(?!USER:PASSWORD@HOST/)(?:[^/\s:@]*:(?!\d+/)\S*|[^/\s:@]+)@")
"""What our own sentences say of the form of an address is no secret."""

_PARAMETER = re.compile(r"([?&;]([\w.%-]+)=)([^&;\s'\"<>]+)")
_SHORTEST = 3
"""Letters of a part of a password that is looked for by itself."""


def masked(text: str) -> str:
    """Hide in a text the users and passwords of addresses, and their secret parameters."""
    if "://" not in text and "=" not in text:
        return text
    return _PARAMETER.sub(_without_value, _USER.sub(r"\1***@", text))


def masked_address(address: str) -> str:
    """Hide user and password of an address, also of one that has no scheme: "me:secret@host"."""
    shown = masked(address)
    return re.sub(r"^[^/\s:@]+:.*@", "***@", shown) if "://" not in shown else shown


def hide(text: str, addresses: Iterable[str]) -> str:
    """Hide in a text the passwords of these addresses, wherever and in whatever parts they stand.

    Libraries that cannot read an address complain of a part of it: "no port: 'secr'".
    """
    for part in sorted({part for each in addresses for part in _parts(each)}, key=len)[::-1]:
        text = text.replace(part, "***")
    return masked(text)


def _parts(address: str) -> set[str]:
    user, at, _ = address.rpartition("@")
    _, colon, password = (
        user.partition("://")[2].partition(":") if "://" in user else (user.partition(":"))
    )
    if not (at and colon):
        return set()
    whole = {user + at, password, unquote(password)}
    parts = {part for each in whole - {user + at} for part in re.split(r"[/?#:@\[\]]", each)}
    return whole | {part for part in parts if len(part) >= _SHORTEST}


def _without_value(found: re.Match[str]) -> str:
    return f"{found[1]}***" if SECRET.search(found[2]) else found[0]
