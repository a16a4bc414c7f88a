"""The released dataset as it is laid out: a tarball of JPEG strips, and a list of their names.

    frames-stable-many/videos2/3/2/1/4/7/1/6/7/4632147167.mp4/0000.jpg

A strip is named after the Flickr photo id of its video, whose last eight digits are folders, and
the number of the clip. The list has one such path per line, with or without the first folder, in
any column: text, CSV with or without quotes, tabs, paths of Windows, in UTF-8, 16 or 32. The
tarball is read as a stream, member by member, and never unpacked.

Cost: that of bz2, 21 MB/s on one core; one strip in memory, and 200 bytes per line of the list.

Source: Vondrick, Pirsiavash, Torralba, NIPS 2016: the released data, and the lists beside it.
"""

import logging
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.find import read_lines
from tinyvideo.pipeline.outside_packed import UNPACKING, open_packed
from tinyvideo.storage.storage_errors import StorageError

logger = logging.getLogger(__name__)

FOLDER = "frames-stable-many"
"""What everything in the tarball lies in."""

MOST_BYTES = 2**26
"""Largest strip that is read. Ours: theirs have 0.3 MB, and a file may claim anything."""

MOST_HEADER = 2**16
"""Largest header of a name, or of further facts, in bytes. Ours: names of files end at 4,096."""

MOST_LINE = 2**16
"""Longest line of a list, in characters."""

_BROKEN = (*UNPACKING, tarfile.TarError, ValueError, RecursionError)
"""What a damaged archive raises: the system, a decompressor, tarfile; numbers that are none."""

_HEADERS = frozenset(
    {
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
    }
)

_LISTED = re.compile(r"videos\d+/(?:\d/)*\d{1,18}\.mp4/\d{4,6}\.jpg", re.ASCII)
_NAME = re.compile(r"(?:.*/)?((videos\d+)/((?:\d/)*)(\d{1,18})\.mp4)/(\d{4,6})\.jpg", re.ASCII)


@dataclass(frozen=True, slots=True)
class StripName:
    """Where a strip stands."""

    video: str
    """Path of its video, such as `videos2/3/2/1/4/7/1/6/7/4632147167.mp4`."""

    photo_id: int
    index: int
    """Number of the clip within the video."""

    def __str__(self) -> str:
        return f"{self.video}/{self.index:04d}.jpg"


@dataclass(frozen=True, slots=True)
class Entry:
    """A strip of the tarball."""

    name: StripName
    jpeg: bytes
    """Nothing, if it claims to be larger than any strip is."""


@dataclass(slots=True)
class Archive:
    """What came out of a tarball besides strips."""

    counts: Counter[str] = field(default_factory=Counter)
    """Entries that are no strip, by reason."""

    problem: str = ""
    """Why the tarball ended early; empty if it did not."""


def parse_name(path: str) -> StripName | None:
    """Read the path of a strip; None if it is not of that form."""
    match = _NAME.fullmatch(path)
    if not match:
        return None
    folders = match[3].replace("/", "")
    if not match[4].endswith(folders):
        return None
    return StripName(match[1], int(match[4]), int(match[5]))


def name_of(photo_id: int, index: int, part: int = 1) -> StripName:
    """Name a strip as the released dataset does."""
    folders = "".join(f"{digit}/" for digit in str(photo_id)[-8:])
    return StripName(f"videos{part}/{folders}{photo_id}.mp4", photo_id, index)


def read_list(path: Path) -> tuple[set[tuple[int, int]], int]:
    """Read a list; return (photo id, clip) of each strip, and the number of lines that are none.

    Raises:
        StorageError: the file cannot be read, or names no strip at all.
    """
    listed: set[tuple[int, int]] = set()
    strange, first = 0, ""

    def note(number: int, what: str) -> None:
        nonlocal strange, first
        strange += 1
        first = first or f"line {number}: {what}"

    try:
        for number, line in read_lines(path, note):
            found = _LISTED.search(line.replace("\\", "/"))
            name = parse_name(found[0]) if found else None
            if name:
                listed.add((name.photo_id, name.index))
            elif line.strip() and not line.startswith("#"):
                strange += 1
                first = first or f"line {number} is {line.strip()[:80]!r}"
                strange -= number == 1 and not re.search(r"\d", line)  # names of columns
    except UnreadableError as error:
        raise StorageError(str(error)) from error
    if not listed:
        raise StorageError(
            f"the list {path} names no strip, such as {name_of(4632147167, 0)}: "
            f"{first or 'it is empty'}; leave --list out to take all strips of the archive"
        )
    return listed, strange


def iterate_strips(path: Path, archive: Archive, *, names_only: bool = False) -> Iterator[Entry]:
    """Yield the strips of a tarball, in its order; count everything else in `archive`.

    A tarball that is damaged or ends too early yields what comes before that, and `archive` has
    the `problem`. With `names_only`, no strip is read.

    Raises:
        StorageError: the file cannot be opened, or is no tarball at all.
    """
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(open_packed(path))
            tar = stack.enter_context(tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member))
        except _BROKEN as error:
            raise StorageError(f"{path} is not a tarball that can be read: {error}") from error
        try:
            while member := tar.next():
                tar.members.clear()  # type: ignore[attr-defined]  # it would keep them all
                name = _strip_name(member, archive)
                if name:
                    yield Entry(name, b"" if names_only else _read(tar, member))
        except _BROKEN as error:
            archive.problem = f"{path} is damaged or ends too early: {error}"
            if not names_only:
                logger.warning("%s", archive.problem)


class _Member(tarfile.TarInfo):
    """A member whose headers are read only if they have the size of headers.

    tarfile reads a name, or a list of holes, whole, whatever size it claims: a few megabytes, once
    decompressed, are gigabytes.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str | None, errors: str) -> "_Member":
        # Cut off between two members, tarfile takes it for whole.
        if not buf:
            raise tarfile.ReadError("it has no end mark")
        return super().frombuf(buf, encoding, errors)  # type: ignore[arg-type]

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _HEADERS and not 0 <= self.size <= MOST_HEADER:
            raise tarfile.ReadError(f"a header claims {self.size} bytes")
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("a sparse file is no strip")
        member: tarfile.TarInfo = super()._proc_member(tar)  # type: ignore[misc]
        return member

    def _proc_gnusparse_10(self, *_: object) -> None:
        raise tarfile.ReadError("a sparse file is no strip")


def _strip_name(member: tarfile.TarInfo, archive: Archive) -> StripName | None:
    if member.isdir():
        return None
    name = parse_name(member.name)
    if not member.isfile():
        archive.counts["not_a_file"] += 1
    elif not name:
        archive.counts["other_name"] += 1
    else:
        return name
    return None


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > MOST_BYTES:
        return b""
    file = tar.extractfile(member)
    content = file.read() if file else b""
    if len(content) < member.size:
        raise tarfile.ReadError(f"{member.name} is cut off")
    return content
