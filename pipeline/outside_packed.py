"""Packed files from outside: bzip2, gzip or xz, told by their first bytes, read as a stream.

xz may ask for gigabytes to look back at, so it gets no more than a limit; the others take little.
All of them go on where the first of several streams ends, which compressors that use all cores
write.

Cost: that of the decompressor, on one core: 21 MB/s of bzip2.
"""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

MOST_XZ = 2**28
"""Memory for what xz may look back at, in bytes. `xz -9` needs a quarter of it."""

UNPACKING = (OSError, EOFError, zlib.error, lzma.LZMAError)
"""What reading a damaged one raises."""


def open_packed(path: Path) -> BinaryIO:
    """Open a file as what it holds; one that is not packed as it is.

    Raises:
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        start = file.read(6)
    for mark, opener in _OPENERS.items():
        if start.startswith(mark):
            return cast(BinaryIO, opener(path))
    return path.open("rb")


class _Xz(io.RawIOBase):
    """The bytes of an .xz file, of several streams perhaps, within a limit of memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._decoder = file, self._fresh()

    @staticmethod
    def _fresh() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_XZ)

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, room: Any, /) -> int:
        """Fill `room`; 0 at the end of the last stream."""
        while True:
            if self._decoder.eof:
                rest = self._decoder.unused_data.lstrip(b"\0") or self._file.read(2**16)
                if not rest.lstrip(b"\0"):
                    return 0
                self._decoder = self._fresh()
            else:
                rest = self._file.read(2**16) if self._decoder.needs_input else b""
                if not rest and self._decoder.needs_input:
                    raise EOFError("the compressed file ends before its end")
            content = self._decoder.decompress(rest, max_length=len(room))
            if content:
                room[: len(content)] = content
                return len(content)

    def close(self) -> None:
        """Close the file, too."""
        self._file.close()
        super().close()


_OPENERS: Mapping[bytes, Callable[[Path], object]] = {
    b"BZh": bz2.open,
    b"\x1f\x8b": gzip.open,
    b"\xfd7zXZ\0": lambda path: io.BufferedReader(_Xz(path.open("rb"))),
}
