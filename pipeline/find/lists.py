"""Videos from a list: a file with an address per line, or a JSON object per line.

    https://example.org/a.mp4
    {"url": "https://example.org/b.mp4", "title": "B", "owner": "Ada", "license": "CC BY 4.0"}

An object may say `url`, `title`, `owner`, `owner_name`, `page_url`, `license`, `license_url` and
`tags`; whatever else it says is left alone. Addresses are https, http, s3 or file. The page of a
video on Flickr is the same video as one that a search has found. Empty lines and lines that
begin with # are passed over.

Cost: that of reading the file.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.find.folders import path_of
from tinyvideo.pipeline.hosts import WebAddress
from tinyvideo.pipeline.outside_json import parse_json
from tinyvideo.pipeline.types import VideoRecord

MOST_LINE = 2**20
"""Longest line that is read, in characters. Ours."""

SCHEMES = frozenset({"https", "http", "s3", "file"})
_WORDS = ("title", "owner", "owner_name", "page_url", "license", "license_url", "tags")
_FLICKR = re.compile(
    r"^https?://(?:www\.|secure\.)?flickr\.com/photos/[\w\-@]+/([0-9]{1,20})(?![0-9])"
)


def read_list(path: Path) -> Iterator[VideoRecord]:
    """Yield the videos of a list, in its order.

    Raises:
        UnreadableError: the file cannot be read, or a line is no address; the text says which.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(MOST_LINE), ""), 1):
                where = f"line {number} of {path}"
                if len(line) == MOST_LINE:
                    raise UnreadableError(f"{where} has more than {MOST_LINE} characters")
                text = line.strip()
                if text and not text.startswith("#"):
                    yield _read_line(text, where)
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableError(f"the list {path} cannot be read: {error}") from error


def _read_line(text: str, where: str) -> VideoRecord:
    entry: Any = {"url": text}
    if text.startswith("{"):
        try:
            entry = parse_json(text)
        except (ValueError, RecursionError) as error:
            raise UnreadableError(f"{where} is no JSON: {error}") from error
    url = entry.get("url")
    scheme, colon, rest = url.partition(":") if isinstance(url, str) else ("", "", "")
    if scheme.lower() not in SCHEMES or not colon:
        raise UnreadableError(f"{where} has no address of {', '.join(sorted(SCHEMES))}: {url!r}")
    url = f"{scheme.lower()}:{rest}"
    try:
        _check(url)
        return listed_video(url, entry)
    except (ValueError, UnreadableError) as error:
        raise UnreadableError(f"{where} has an address that cannot be used: {error}") from error


def _check(url: str) -> None:
    """See that an address can be one; whether something is there, comes out when it is opened.

    Raises:
        ValueError, UnreadableError: it cannot.
    """
    url.encode()  # half a character, which JSON can say, has no bytes
    if url.startswith("file:"):
        path_of(url)
    elif url.startswith("http"):
        WebAddress.of(url)


def listed_video(url: str, entry: Mapping[str, Any], source: str = "url") -> VideoRecord:
    """Describe the video at an address; its id depends on nothing but the address."""
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    record = VideoRecord(
        video_id=f"{source}-{name}", source=source, uri=url, title=Path(urlsplit(url).path).name
    )
    if match := _FLICKR.match(url):
        photo_id = match[1]
        record = replace(
            record, video_id=f"flickr-{photo_id}", uri=f"flickr:{photo_id}", page_url=url
        )
    words: dict[str, Any] = {name: str(entry[name]) for name in _WORDS if entry.get(name)}
    return replace(record, **words)
