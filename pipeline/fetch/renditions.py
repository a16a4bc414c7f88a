"""Which of the files of a Flickr video to take: the smallest that serves.

What the API lists for a video is a mixture: posters in JPEG, a player for Flash, and files of which
some say how large they are and some do not. A name says it for these. Files whose short side is
large enough come first, from the smallest up; then the others, from the largest down. A file that
is known to be withdrawn comes last, since nobody knows that of every video.

Cost: data only.
Source: recorded answers of flickr.photos.getSizes, 2024 and 2025.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

KNOWN_SIDES = {
    "100": 100,
    "288p": 288,
    "300": 169,
    "360p": 360,
    "700": 394,
    "720p": 720,
    "1080p": 1080,
    "appletv": 540,
    "iphone_wifi": 270,
    "mobile mp4": 270,
    "site mp4": 360,
    "hd mp4": 720,
}
"""Short side in pixels that a name stands for, of a film of 16:9, where the API does not say it."""

RETIRED = frozenset({"iphone_wifi", "mobile mp4"})
"""Names of files that the page host has answered 404 for in the last years."""


_MOST_PIXELS = 100_000
"""Above that a length is none."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """One file of a video."""

    label: str
    url: str
    short_side: int
    """In pixels; 0 where nobody says."""


def choose_renditions(sizes: Iterable[Mapping[str, Any]], short_side: int) -> list[Rendition]:
    """Order the files in the entries of `getSizes` by how well they serve; posters are left out.

    `short_side` is the least that is wanted, in pixels.
    """
    films = [film for film in map(_rendition, sizes) if film is not None]

    def rank(film: Rendition) -> tuple[bool, bool, int]:
        enough = film.short_side >= short_side
        retired = film.label.lower() in RETIRED
        return retired, not enough, film.short_side if enough else -film.short_side

    return sorted(films, key=rank)


def _rendition(size: Mapping[str, Any]) -> Rendition | None:
    url, label = str(size.get("source", "")), str(size.get("label", ""))
    if size.get("media") != "video" or not _is_file(url):
        return None
    sides = [_pixels(size.get(side)) for side in ("width", "height")]
    return Rendition(label, url, min(sides) or KNOWN_SIDES.get(label.lower(), 0))


def _is_file(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and not parts.path.endswith(".swf")


def _pixels(value: object) -> int:
    """Read a length in pixels, as `640`, `"640"` or `"640.0"`; 0 where it is none."""
    try:
        pixels = float(str(value))
    except ValueError:
        return 0
    return round(pixels) if 0 < pixels < _MOST_PIXELS else 0
