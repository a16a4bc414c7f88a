"""Find videos: each source is a function that returns `Iterator[VideoRecord]`.

A record promises a name, not a readable file: what is known to be wrong with it stands in
`problem`, and everything else comes out when it is opened. Here is the folder; the others are
`pipeline.find.flickr_walk` (Flickr), `pipeline.find.yfcc`, `pipeline.find.lists` and
`storage.films.source_bucket`.

Cost of `scan_folder`: 40 us per video; none is opened. In memory are only the entries of one
folder and of those above it.

Source: RFC 8089 for `file:` addresses.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.types import VideoRecord

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".m2t", ".m2ts", ".m2v",
    ".m4v", ".mkv", ".mov", ".mp4", ".mpe", ".mpeg", ".mpg", ".mpv", ".mts", ".mxf", ".ogm",
    ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv",
})
# fmt: on
"""In lower case. What a file really is, FFmpeg finds out; this only leaves out the rest."""


def scan_folder(folder: Path) -> Iterator[VideoRecord]:
    """Walk `folder` and yield its videos, sorted by name within each folder.

    Links to folders are not followed, since they could lead in circles; names that begin with a
    dot are skipped. A record has a `problem` where a link leads nowhere, a sub-folder may not be
    read, or a FIFO, socket or device bears the name of a video. Nothing is opened but folders.

    Raises:
        UnreadableError: `folder` itself cannot be read.
    """
    try:
        entries = sorted_entries(folder.resolve(strict=True))
    except (OSError, RuntimeError) as error:  # RuntimeError: a link loop, until Python 3.12
        raise UnreadableError(f"the folder of videos cannot be read: {error}") from error
    return walk(entries)


def walk(entries: list[os.DirEntry[str]]) -> Iterator[VideoRecord]:
    """Yield the videos among `entries` and below, depth first.

    A stack instead of recursion: folders may be nested deeper than Python can recurse.
    """
    stack = [iter(entries)]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
            continue
        try:
            if entry.is_dir(follow_symlinks=False):
                stack.append(iter(sorted_entries(entry.path)))
            elif is_video(entry):
                yield record(entry)
        except OSError as error:
            yield record(entry, str(error))


def sorted_entries(folder: Path | str) -> list[os.DirEntry[str]]:
    """List what is in `folder` and not hidden, sorted by the bytes of the names.

    Raises:
        OSError: `folder` cannot be read.
    """
    with os.scandir(folder) as entries:
        visible = (entry for entry in entries if not entry.name.startswith("."))
        return sorted(visible, key=lambda entry: os.fsencode(entry.name))


def is_video(entry: os.DirEntry[str]) -> bool:
    """Tell by its suffix whether `entry` is a video.

    Raises:
        OSError: It bears the name of one, but is a link to nowhere or no regular file.
    """
    if Path(entry.name).suffix.lower() not in VIDEO_SUFFIXES:
        return False
    mode = entry.stat().st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return stat.S_ISREG(mode)
    raise OSError(f"not a regular file: {entry.path!r}")


def record(entry: os.DirEntry[str], problem: str = "") -> VideoRecord:
    """Describe `entry`; the id depends on nothing but where it is."""
    uri = Path(entry.path).as_uri()
    return VideoRecord(
        video_id=f"folder-{hashlib.sha256(uri.encode()).hexdigest()[:16]}",
        source="folder",
        uri=uri,
        title=os.fsencode(entry.name).decode(errors="backslashreplace"),
        problem=problem,
    )


def path_of(uri: str) -> Path:
    """Return the path whose `as_uri()` is `uri`, whatever bytes it is made of.

    Raises:
        ValueError: `uri` is not the address of a local file.
    """
    parts = urlsplit(uri)
    local = parts.scheme == "file" and parts.netloc in {"", "localhost"}
    if not local or not parts.path.startswith("/") or parts.query or parts.fragment:
        raise ValueError(f"not the address of a local file: {uri!r}")
    return Path(os.fsdecode(unquote_to_bytes(parts.path)))
