"""Which licenses Flickr knows, and which of them let anybody make strips of a video.

Flickr numbers its licenses and adds some now and then (Creative Commons 4.0 came in June 2025), so
the table is read from it where that is possible, and the shipped one is for the rest. A license is
judged by its address: Creative Commons without "no derivatives", the public domain, works of the
United States government, and the commons of museums. Whatever we do not know is not allowed.

Cost: one call per crawl. Source: `flickr.photos.licenses.getInfo`, recorded in June 2025.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_CC = "https://creativecommons.org"

_ALLOWED = re.compile(
    r"\s*(https?:)?//(www\.)?(creativecommons\.org/(licenses/by(-nc)?(-sa)?/|publicdomain/(zero|mark)/)"
    r"|flickr\.com/commons/usage|usa\.gov/(government-)?copyright)",
    re.IGNORECASE,
)
"""Addresses of licenses that allow derivatives; no address with `-nd` fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """One line of Flickr's table."""

    number: str
    """As Flickr counts them; `0` is all rights reserved."""

    name: str
    url: str

    @property
    def allows_derivatives(self) -> bool:
        """Tell whether strips may be made of what is under it."""
        return bool(_ALLOWED.match(self.url))


def _shipped() -> Iterable[License]:
    rows = (
        ("0", "All Rights Reserved", "https://www.flickrhelp.com/hc/en-us/articles/10710266545556"),
        ("7", "No known copyright restrictions", "https://www.flickr.com/commons/usage/"),
        ("8", "United States Government Work", "https://www.usa.gov/government-copyright"),
        ("9", "Public Domain Dedication (CC0)", f"{_CC}/publicdomain/zero/1.0/"),
        ("10", "Public Domain Mark", f"{_CC}/publicdomain/mark/1.0/"),
    )
    old = ("by-nc-sa", "by-nc", "by-nc-nd", "by", "by-sa", "by-nd")
    new = ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd")
    creative = [
        *((number, kind, "2.0") for number, kind in enumerate(old, 1)),
        *((number, kind, "4.0") for number, kind in enumerate(new, 11)),
    ]
    for number, name, url in rows:
        yield License(number=number, name=name, url=url)
    for count, kind, version in creative:
        url = f"{_CC}/licenses/{kind}/{version}/"
        yield License(number=str(count), name=f"CC {kind.upper()} {version}", url=url)


SHIPPED: Mapping[str, License] = {license_.number: license_ for license_ in _shipped()}
"""By number, as of June 2025."""


def parse_licenses(answer: Mapping[str, Any]) -> dict[str, License]:
    """Read the answer of `flickr.photos.licenses.getInfo`; numbers come as text or as numbers.

    Raises:
        ValueError: it has another form.
    """
    try:
        rows = answer["licenses"]["license"]
        found = [
            License(number=str(row["id"]), name=str(row["name"]), url=str(row.get("url") or ""))
            for row in rows
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a table of licenses of another form: {error!r}") from error
    return {license_.number: license_ for license_ in found}


def allowed_numbers(table: Mapping[str, License]) -> tuple[str, ...]:
    """List the licenses that allow derivatives, by number."""
    found = (number for number, license_ in table.items() if license_.allows_derivatives)
    return tuple(sorted(found, key=lambda number: (len(number), number)))


def license_of(url: str, table: Mapping[str, License] = SHIPPED) -> License | None:
    """Find a license by its address, with or without `www`, `https` and a last slash."""
    wanted = _bare(url)
    return next((entry for entry in table.values() if _bare(entry.url) == wanted), None)


def _bare(url: str) -> str:
    return re.sub(r"^https?://(www\.)?", "", url.strip().lower()).rstrip("/")
