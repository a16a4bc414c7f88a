"""A stored object as a file: seekable, and read in few large ranges.

Parquet reads a footer, then column after column, most of them small and side by side. Every read
that is not in the window fetches at least `ahead` bytes; a larger one fetches just what it wants,
and leaves the window as it is.

fsspec's file with its read-ahead cache would do in half of the lines. Tried on one shard, it asks
as often for columns and rows, and once more for a footer of over 64 kB, as its window never reaches
back; its other caches ask up to three times as often, or keep all that was read.

Cost: one request per window; the memory of one window, and of what is asked for.
"""

import io
from collections.abc import Callable
from typing import Any


class RangeFile(io.RawIOBase):
    """A read-only file of `size` bytes, over a function (start, length) -> bytes."""

    def __init__(self, read: Callable[[int, int], bytes], size: int, ahead: int) -> None:
        self._read, self._size, self._ahead = read, size, ahead
        self._position = 0
        self._window, self._window_start = b"", 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read from anywhere."""
        return True

    def tell(self) -> int:
        """Return the position, in bytes from the start."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position, counted from the start, the position or the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Read `size` bytes, fewer only at the end; all that follow by default."""
        left = max(self._size - self._position, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        content = self._fetch(self._position, wanted) if wanted else b""
        self._position += len(content)
        return content

    def readall(self) -> bytes:
        """Read all that follow."""
        return self.read()

    def readinto(self, buffer: Any, /) -> int:
        """Read into `buffer`; return how many bytes there were."""
        view = memoryview(buffer).cast("B")
        content = self.read(len(view))
        view[: len(content)] = content
        return len(content)

    def _fetch(self, start: int, length: int) -> bytes:
        offset = start - self._window_start
        if offset >= 0 and offset + length <= len(self._window):
            return self._window[offset : offset + length]
        if length >= self._ahead:
            return self._read(start, length)
        # At the end of the file the window reaches back, not ahead.
        first = min(start, max(self._size - self._ahead, 0))
        self._window = self._read(first, min(self._ahead, self._size - first))
        self._window_start = first
        return self._window[start - first : start - first + length]
