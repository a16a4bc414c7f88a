"""Videos from a list: a file with an address per line, a JSON object per line, or CSV.

    https://example.org/a.mp4
    {"url": "https://example.org/b.mp4", "title": "B", "owner": "Ada", "license": "CC BY 4.0"}

An object, or a line of CSV below a line of names, may say `url`, `title`, `owner`, `owner_name`,
`page_url`, `license`, `license_url` and `tags`; whatever else it says is left alone. Addresses are
https, http, s3 or file. The page of a video on Flickr, in any of its addresses, is the same video
as one that a search has found. Empty lines and lines that begin with # are passed over; bad lines
are told by number and passed over too.

Rights: what is said of a license goes through the gate of `pipeline.hosts`; of a video on Flickr
it asks Flickr before it fetches.

Cost: 12 us per line.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.find.folders import path_of
from tinyvideo.pipeline.find.list_rows import Bad, read_rows
from tinyvideo.pipeline.hosts import WebAddress, refusal_of
from tinyvideo.pipeline.types import VideoRecord

SCHEMES = frozenset({"https", "http", "s3", "file"})
_WORDS = ("title", "owner", "owner_name", "page_url", "license", "license_url", "tags")
_OWN = ("s3:", "file:")
"""Addresses of what lies with the user."""

_FLICKR = re.compile(
    r"^https?://(?:www\.|secure\.|m\.|mobile\.)?flickr\.com/+"
    r"(?:#/)?(?:photos/[\w\-@.%]+/(?P<page>[0-9]{1,18})(?![0-9])"
    r"|video_download\.gne\?(?:[^#]*&)?id=(?P<download>[0-9]{1,18})(?![0-9])"
    r"|photo\.gne\?(?:[^#]*&)?(?:id|short)=(?P<photo>\w{1,18})(?!\w))",
    re.ASCII | re.IGNORECASE,
)
_SHORT = re.compile(r"^https?://(?:www\.)?flic\.kr/p/(?P<short>[1-9A-HJ-NP-Za-km-z]{1,12})(?!\w)")
_FILE = re.compile(
    r"^https?://(?:[\w-]+\.)*static\.?flickr\.com/(?:video/|[\w/]*/)?(?P<id>[0-9]{6,18})[_/]",
    re.ASCII | re.IGNORECASE,
)
_BASE58 = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
"""Digits of Flickr's short addresses."""


def read_list(
    path: Path, *, any_license: bool = False, bad: Bad = lambda number, what: None
) -> Iterator[VideoRecord]:
    """Yield the videos of a list, in its order; `bad` is told of every line that is none.

    Raises:
        UnreadableError: the file cannot be read.
    """
    yield from list_videos_of(read_rows(path, bad), any_license=any_license, bad=bad)


def list_videos_of(
    rows: Iterable[tuple[int, Mapping[str, Any]]], *, any_license: bool, bad: Bad
) -> Iterator[VideoRecord]:
    """Yield the videos that numbered rows name; `bad` is told of every row that names none."""
    for number, entry in rows:
        try:
            yield listed_video(_address(entry.get("url")), entry, any_license=any_license)
        except (ValueError, UnreadableError) as error:
            bad(number, str(error))


def _address(url: object) -> str:
    """Read an address; whether something is there, comes out when it is opened.

    Raises:
        ValueError, UnreadableError: it can be none.
    """
    scheme, colon, rest = url.strip().partition(":") if isinstance(url, str) else ("", "", "")
    if scheme.lower() not in SCHEMES or not colon:
        raise ValueError(f"it has no address of {', '.join(sorted(SCHEMES))}: {str(url)[:200]!r}")
    address = f"{scheme.lower()}:{rest}"
    address.encode()  # half a character, which JSON can say, has no bytes
    if scheme.lower() == "file":
        path_of(address)
    elif scheme.lower() != "s3":
        WebAddress.of(address)
    elif not urlsplit(address).hostname:
        raise ValueError(f"its address has no bucket: {address[:200]!r}")
    return address


def listed_video(
    url: str, entry: Mapping[str, Any], source: str = "url", *, any_license: bool = False
) -> VideoRecord:
    """Describe the video at an address; its id depends on nothing but the address."""
    photo_id = photo_of(url)
    words: dict[str, Any] = {name: str(entry[name]) for name in _WORDS if entry.get(name)}
    if photo_id:
        words.setdefault("page_url", url)
    if "title" not in words:
        words["title"] = PurePosixPath(urlsplit(url).path).name
    # Of what is on Flickr the license is asked for before it is fetched, where nothing is said.
    own = bool(photo_id) or url.startswith(_OWN)
    refused, problem = refusal_of(
        name=words.get("license", ""),
        url=words.get("license_url", ""),
        any_license=any_license,
        own=own,
    )
    return VideoRecord(
        video_id=f"flickr-{photo_id}" if photo_id else f"{source}-{_digest(url)}",
        source=source,
        uri=f"flickr:{photo_id}" if photo_id else url,
        refused=refused,
        problem=problem,
        **words,
    )


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def photo_of(url: str) -> str:
    """Read Flickr's number of a video out of any of its addresses; empty if it is none."""
    if match := _FLICKR.match(url):
        number = match["page"] or match["download"] or match["photo"]
        return number if number.isdecimal() else _from_base58(number)
    if match := _SHORT.match(url):
        return _from_base58(match["short"])
    if match := _FILE.match(url):
        return match["id"]
    return ""


def _from_base58(text: str) -> str:
    number = 0
    for digit in text:
        if digit not in _BASE58:
            return ""
        number = number * len(_BASE58) + _BASE58.index(digit)
    return str(number)
