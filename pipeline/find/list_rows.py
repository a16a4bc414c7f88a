"""The lines of a list, whatever it is written in: text, JSON or CSV, in UTF-8, 16 or 32.

The encoding is told by the mark at the beginning (BOM), else it is UTF-8. What is packed (gzip,
bzip2, xz) is unpacked as it is read. Lines end as on any system, old ones too. A list is CSV if its
first line names the column `url`, separated by commas, semicolons or tabs; a quoted title may go on
over further lines. A line that cannot be read is one bad line: it is told by its number, and the
others are read, also where a quote was never closed.

Cost: 2 us per line; one line is in memory, of at most 1 MiB.
"""

import codecs
import csv
import io
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias, cast

from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.outside_json import parse_json
from tinyvideo.pipeline.outside_packed import UNPACKING, open_packed

Bad: TypeAlias = Callable[[int, str], None]
"""What is told of a bad line: its number, from 1, and what is wrong with it."""

MOST_LINE = 2**20
"""Longest line that is read, in bytes. Ours."""

MOST_JOINED = 50
"""Lines over which a quoted field may go on. Ours."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins with the mark of UTF-16-LE
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_rows(path: Path, bad: Bad) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the number and the words of every line that says anything.

    Raises:
        UnreadableError: the file cannot be read.
    """
    yield from _rows(read_lines(path, bad), bad)


def read_lines(path: Path, bad: Bad) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of every line that is text; `bad` is told of the others.

    Raises:
        UnreadableError: the file cannot be read.
    """
    try:
        with _unpacked(path) as file:
            yield from _texts(file, bad)
    except UNPACKING as error:
        why = getattr(error, "strerror", None) or error
        raise UnreadableError(f"the list {path} cannot be read: {why}") from error


def encoding_of(head: bytes) -> tuple[str, int]:
    """Tell the encoding of a text by its mark, and how many bytes the mark has."""
    return next(((name, len(mark)) for mark, name in _MARKS if head.startswith(mark)), ("utf-8", 0))


def read_words(path: Path) -> list[str]:
    """Read a list of words, one per line, each once.

    Raises:
        UnreadableError: the file cannot be read, or is no text.
    """

    def refuse(number: int, what: str) -> None:
        raise UnreadableError(f"the list {path} cannot be read: line {number}: {what}")

    said = (text.strip() for _, text in read_lines(path, refuse))
    return list(dict.fromkeys(word for word in said if word and not word.startswith("#")))


@contextmanager
def _unpacked(path: Path) -> Iterator[io.BufferedReader]:
    with open_packed(path) as file:
        buffered = isinstance(file, io.BufferedReader)
        yield cast("io.BufferedReader", file if buffered else io.BufferedReader(cast(Any, file)))


def _texts(file: io.BufferedReader, bad: Bad) -> Iterator[tuple[int, str]]:
    encoding, length = encoding_of(file.peek(4)[:4])
    file.read(length)
    # A letter per byte at first: so lines are told apart, whatever is wrong with one of them.
    text = io.TextIOWrapper(file, "latin-1" if encoding == "utf-8" else encoding, errors="replace")
    parts = iter(lambda: text.readline(MOST_LINE), "")
    try:
        for number, part in enumerate(_whole(parts), 1):
            try:
                yield number, _read(part, encoding)
            except ValueError as error:
                bad(number, f"it cannot be read: {error}")
    finally:
        text.detach()  # whoever opened the file closes it


def _read(part: str, encoding: str) -> str:
    """Read a line.

    Raises:
        ValueError: it is too long, or not in that encoding.
    """
    if len(part) >= MOST_LINE:
        raise ValueError(f"it has more than {MOST_LINE} bytes")
    if encoding == "utf-8":
        return part.encode("latin-1").decode()
    if "\ufffd" in part:
        raise ValueError(f"it is not {encoding}")
    return part


def _whole(parts: Iterator[str]) -> Iterator[str]:
    """Join no line that is too long, but pass over the rest of it."""
    too_long = False
    for part in parts:
        if not too_long:
            yield part
        too_long = len(part) >= MOST_LINE and not part.endswith("\n")


def _rows(lines: Iterator[tuple[int, str]], bad: Bad) -> Iterator[tuple[int, Mapping[str, Any]]]:
    names: list[str] | None = None
    delimiter, ahead = ",", _Ahead(lines)
    for number, line in ahead:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if names is None:
            names, delimiter = _header(text)
            if names:
                continue
        if names:
            text = ahead.join(text, names, delimiter)
        try:
            yield number, _words(text, names, delimiter)
        except (ValueError, RecursionError, csv.Error) as error:
            bad(number, f"it is no {'CSV' if names else 'JSON'}: {error}")


@dataclass(slots=True)
class _Ahead:
    """Numbered lines, of which some may be looked at and given back."""

    lines: Iterator[tuple[int, str]]
    back: deque[tuple[int, str]] = field(default_factory=deque)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return self

    def __next__(self) -> tuple[int, str]:
        return self.back.popleft() if self.back else next(self.lines)

    def join(self, text: str, names: list[str], delimiter: str) -> str:
        """Join a line of CSV with those over which its last field goes on, if that one ends."""
        if not _is_open(text, delimiter):
            return text
        taken: list[tuple[int, str]] = []
        for number, line in islice(self, MOST_JOINED):
            taken.append((number, line))
            if _is_record(line, names, delimiter):  # a quote was forgotten before it
                break
            joined = "\n".join([text, *(part.rstrip("\r\n") for _, part in taken)])
            if not _is_open(joined, delimiter):
                return joined
        self.back.extendleft(reversed(taken))
        return text


def _is_open(text: str, delimiter: str) -> bool:
    """Tell whether a quoted field has not ended by the end of a text."""
    if text.count('"') % 2 == 0:
        return False
    try:
        next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        return "end of data" in str(error)
    return False


def _is_record(line: str, names: list[str], delimiter: str) -> bool:
    fields = _fields(line.strip(), delimiter)
    return len(fields) == len(names) and ":" in fields[names.index("url")]


def _header(text: str) -> tuple[list[str], str]:
    for delimiter in ",;\t":
        names = [name.strip().lower() for name in _fields(text, delimiter)]
        if "url" in names:
            return names, delimiter
    return [], ","


def _fields(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return []  # longer than a field may be: not a line of names


def _words(text: str, names: list[str], delimiter: str) -> Mapping[str, Any]:
    if names:
        fields = next(csv.reader([text], delimiter=delimiter, strict=True), [])
        if len(fields) > len(names):
            raise ValueError(f"it has {len(fields)} fields, the first line has {len(names)}")
        return dict(zip(names, (value.strip() for value in fields), strict=False))
    if not text.startswith("{"):
        return {"url": text}
    entry = parse_json(text)
    if not isinstance(entry, dict):
        raise ValueError("it is no object")
    return entry
