"""Find videos: each source is a function that returns `Iterator[VideoRecord]`.

A record promises a name, not a readable file: what is known to be wrong with it stands in
`problem`, and everything else comes out when it is opened. Here is the folder; the others are
`pipeline.find.flickr_walk` (Flickr), `pipeline.find.yfcc`, `pipeline.find.lists` and
`storage.films.source_bucket`.

A film is known by the suffix of its name, or by its first bytes: cameras and downloads have many
suffixes, or none. What bears the suffix of something else (`OTHERS`) is not looked into.

Cost of `scan_folder`: 40 us per video, and as much for each file that is looked into. In memory are
only the entries of one folder and of those above it.

Source: RFC 8089 for `file:` addresses; the beginnings of files are those of FFmpeg's demuxers.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from tinyvideo.pipeline.errors import RejectReason, UnreadableError
from tinyvideo.pipeline.types import VideoRecord

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".360", ".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".insv", ".lrf",
    ".lrv", ".m1v", ".m2t", ".m2ts", ".m2v", ".m4v", ".mkv", ".mod", ".mov", ".mp4", ".mpe",
    ".mpeg", ".mpg", ".mpv", ".mts", ".mxf", ".ogm", ".ogv", ".qt", ".rm", ".rmvb", ".tod", ".ts",
    ".vob", ".webm", ".wmv",
})
OTHERS = frozenset({
    ".7z", ".aac", ".arw", ".ass", ".bmp", ".cr2", ".csv", ".db", ".dng", ".doc", ".docx", ".exe",
    ".flac", ".gif", ".gz", ".heic", ".htm", ".html", ".insp", ".jpeg", ".jpg", ".json", ".log",
    ".m4a", ".md", ".mp3", ".nef", ".npy", ".oga", ".ogg", ".parquet", ".pdf", ".png", ".ppt",
    ".pptx", ".py", ".srt", ".tar", ".thm", ".tif", ".tiff", ".txt", ".vtt", ".wav", ".webp",
    ".wma", ".xls", ".xlsx", ".xml", ".xz", ".yaml", ".yml", ".zip",
})
# fmt: on
"""Both in lower case. What a file really is, FFmpeg finds out; this only leaves out the rest."""

PREVIEWS = frozenset({".lrf", ".lrv"})
"""Suffixes of the small copies that GoPro, Insta360 and DJI keep beside their films."""

BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
"""Kinds of the first box of an MP4 or a MOV."""

STILLS = (b"heic", b"heix", b"mif1", b"avif", b"M4A ", b"M4B ", b"crx ")
"""Brands of pictures and of sound that are stored in such boxes."""

BEGINNINGS = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG-1 and MPEG-2 video
    b"0&\xb2u\x8ef\xcf\x11",  # ASF, WMV
    b"\x06\x0e+4",  # MXF
    b".RMF",
    b"\x1f\x07\x00",  # DV
)
LOOKED_AT = 1024
"""First bytes of a file that are looked at: five packets of a transport stream."""


def scan_folder(folder: Path, pattern: str = "") -> Iterator[VideoRecord]:
    """Walk `folder` and yield its videos, sorted by name within each folder.

    Links to folders are not followed, since they could lead in circles; names that begin with a
    dot are skipped. With a `pattern`, as `*.mov` or `GX*`, those files are taken whose name it
    fits, whatever they hold. A record has a `problem` where a link leads nowhere, a sub-folder may
    not be read, or a FIFO, socket or device bears the name of a video; it is `refused` where it is
    a camera's small copy of a film beside it.

    Raises:
        UnreadableError: `folder` itself cannot be read.
    """
    try:
        entries = sorted_entries(folder.resolve(strict=True))
    except (OSError, RuntimeError) as error:  # RuntimeError: a link loop, until Python 3.12
        raise UnreadableError(f"the folder of videos cannot be read: {error}") from error
    return walk(entries, pattern)


def walk(entries: list[os.DirEntry[str]], pattern: str = "") -> Iterator[VideoRecord]:
    """Yield the videos among `entries` and below, depth first.

    A stack instead of recursion: folders may be nested deeper than Python can recurse.
    """
    stack = [(iter(entries), films_of(entries))]
    while stack:
        entry = next(stack[-1][0], None)
        if entry is None:
            stack.pop()
            continue
        try:
            if entry.is_dir(follow_symlinks=False):
                below = sorted_entries(entry.path)
                stack.append((iter(below), films_of(below)))
            elif is_wanted(entry, pattern):
                yield record(entry, is_preview=not pattern and is_preview(entry, stack[-1][1]))
        except OSError as error:
            yield record(entry, str(error))


def films_of(entries: Sequence[os.DirEntry[str]]) -> frozenset[str]:
    """List what films among `entries` a camera's preview may belong to, by their numbers."""
    names = (Path(entry.name) for entry in entries)
    return frozenset(
        number_of(name.stem)
        for name in names
        if name.suffix.lower() in VIDEO_SUFFIXES - PREVIEWS and not name.stem.startswith("LRV_")
    )


def is_preview(entry: os.DirEntry[str], films: frozenset[str]) -> bool:
    """Tell whether `entry` is the small copy of one of `films`, which lie beside it."""
    name = Path(entry.name)
    small = name.suffix.lower() in PREVIEWS or name.stem.startswith("LRV_")
    return small and number_of(name.stem) in films


def number_of(stem: str) -> str:
    """Strip what names the kind: GL010123 is the preview of GX010123, LRV_7_01 that of VID_7_01."""
    for prefix in ("LRV_", "VID_", "GL", "GX", "GH"):
        if stem.startswith(prefix):
            return stem.removeprefix(prefix)
    return stem


def sorted_entries(folder: Path | str) -> list[os.DirEntry[str]]:
    """List what is in `folder` and not hidden, sorted by the bytes of the names.

    Raises:
        OSError: `folder` cannot be read.
    """
    with os.scandir(folder) as entries:
        visible = (entry for entry in entries if not entry.name.startswith("."))
        return sorted(visible, key=lambda entry: os.fsencode(entry.name))


def is_wanted(entry: os.DirEntry[str], pattern: str = "") -> bool:
    """Tell whether `entry` is a video, by the pattern, its suffix or its first bytes.

    Raises:
        OSError: It bears the name of one, but is a link to nowhere or no regular file; or it cannot
            be looked into.
    """
    suffix = Path(entry.name).suffix.lower()
    named = fnmatch(entry.name, pattern) if pattern else suffix in VIDEO_SUFFIXES
    if not named and (pattern or suffix in OTHERS):
        return False
    try:
        mode = entry.stat().st_mode
    except OSError:
        if named:
            raise
        return False
    if stat.S_ISREG(mode):
        return named or begins_like_film(Path(entry.path))
    if named and not stat.S_ISDIR(mode):
        raise OSError(f"not a regular file: {entry.path!r}")
    return False


def begins_like_film(path: Path) -> bool:
    """Tell by its first bytes whether the regular file at `path` may be a film.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(LOOKED_AT)
    if head[4:8] in BOXES:
        return head[8:12] not in STILLS
    if head[:4] == b"RIFF":
        return head[8:12] == b"AVI "
    if head[:4] == b"OggS":
        return b"theora" in head or b"video" in head
    return head.startswith(BEGINNINGS) or is_transport_stream(head)


def is_transport_stream(head: bytes) -> bool:
    """Tell whether packets of 188 bytes follow each other, or of 192 with a time before each."""
    return any(
        len(head) >= 4 * size and all(head[start + n * size] == 0x47 for n in range(4))
        for size, start in ((188, 0), (192, 4))
    )


def record(entry: os.DirEntry[str], problem: str = "", *, is_preview: bool = False) -> VideoRecord:
    """Describe `entry`; the id depends on nothing but where it is."""
    uri = Path(entry.path).as_uri()
    return VideoRecord(
        video_id=f"folder-{hashlib.sha256(uri.encode()).hexdigest()[:16]}",
        source="folder",
        uri=uri,
        title=os.fsencode(entry.name).decode(errors="backslashreplace"),
        problem=problem,
        refused=RejectReason.PREVIEW if is_preview else None,
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
