"""The lines of a list, whatever it is written in: text, JSON or CSV, in UTF-8, 16 or 32.

The encoding is told by the mark at the beginning (BOM), else it is UTF-8. A list is CSV if its
first line names the column `url`, separated by commas, semicolons or tabs. A line that cannot be
read is one bad line: it is told by its number, and the others are read.

Cost: 1.5 us per line; one line is in memory, of at most 1 MiB.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeAlias

from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.outside_json import parse_json

Bad: TypeAlias = Callable[[int, str], None]
"""What is told of a bad line: its number, from 1, and what is wrong with it."""

MOST_LINE = 2**20
"""Longest line that is read, in bytes. Ours."""

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
    try:
        with path.open("rb") as file:
            yield from _rows(_texts(file, bad), bad)
    except OSError as error:
        raise UnreadableError(f"the list {path} cannot be read: {error}") from error


def encoding_of(head: bytes) -> tuple[str, int]:
    """Tell the encoding of a text by its mark, and how many bytes the mark has."""
    return next(((name, len(mark)) for mark, name in _MARKS if head.startswith(mark)), ("utf-8", 0))


def open_text(path: Path) -> IO[str]:
    """Open a file of text in the encoding that its mark tells; the mark is not part of the text.

    Raises:
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        encoding, length = encoding_of(file.read(4))
    text = path.open(encoding=encoding, errors="replace")
    if length:
        text.read(1)
    return text


def _texts(file: IO[bytes], bad: Bad) -> Iterator[tuple[int, str]]:
    encoding, length = encoding_of(file.read(4))
    file.seek(length)
    if encoding == "utf-8":
        lines = iter(lambda: file.readline(MOST_LINE), b"")
        for number, line in enumerate(_whole(lines), 1):
            try:
                if len(line) >= MOST_LINE:
                    raise ValueError(f"it has more than {MOST_LINE} bytes")
                yield number, line.decode()
            except ValueError as error:
                bad(number, f"it cannot be read: {error}")
        return
    text = io.TextIOWrapper(file, encoding, errors="replace")
    try:
        for number, part in enumerate(iter(lambda: text.readline(MOST_LINE), ""), 1):
            if "\ufffd" in part:
                bad(number, f"it cannot be read as {encoding}")
            else:
                yield number, part
    finally:
        text.detach()  # whoever opened the file closes it


def _whole(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Join no line that is too long, but pass over the rest of it."""
    too_long = False
    for part in parts:
        if not too_long:
            yield part
        too_long = len(part) >= MOST_LINE and not part.endswith(b"\n")


def _rows(lines: Iterator[tuple[int, str]], bad: Bad) -> Iterator[tuple[int, Mapping[str, Any]]]:
    names: list[str] | None = None
    delimiter = ","
    for number, line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if names is None:
            names, delimiter = _header(text)
            if names:
                continue
        try:
            yield number, _words(text, names, delimiter)
        except (ValueError, RecursionError, csv.Error) as error:
            bad(number, f"it is no {'CSV' if names else 'JSON'}: {error}")


def _header(text: str) -> tuple[list[str], str]:
    for delimiter in ",;\t":
        names = [name.strip().lower() for name in next(csv.reader([text], delimiter=delimiter), [])]
        if "url" in names:
            return names, delimiter
    return [], ","


def _words(text: str, names: list[str], delimiter: str) -> Mapping[str, Any]:
    if names:
        fields = next(csv.reader([text], delimiter=delimiter, strict=True), [])
        if len(fields) > len(names):
            raise ValueError(f"it has {len(fields)} fields, the first line has {len(names)}")
        return dict(zip(names, (field.strip() for field in fields), strict=False))
    if not text.startswith("{"):
        return {"url": text}
    entry = parse_json(text)
    if not isinstance(entry, dict):
        raise ValueError("it is no object")
    return entry
