"""Bad lines of a list: counted, and named by number in a file beside the catalog.

Cost: one write per bad line; the file is made with the first of them.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import IO

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class BadLines:
    """The bad lines of one list."""

    path: Path
    """Where they are named."""

    count: int = 0
    _file: IO[str] | None = None

    def __call__(self, number: int, what: str) -> None:
        """Name one more."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8", errors="backslashreplace")
        self.count += 1
        self._file.write(f"line {number}: {' '.join(what.split())}\n")

    def close(self) -> None:
        """Write all of them to disk, and say so."""
        if self._file is not None:
            self._file.close()
            logger.warning("%d lines are no videos: %s names each", self.count, self.path)


@contextmanager
def bad_lines_of(listing: str, work: Path, others: Sequence[BadLines] = ()) -> Iterator[BadLines]:
    """Collect the bad lines of a list for a block, in a file of the work folder.

    What an earlier run found there is gone then. A list that is called as one of the `others` gets
    a file of its own.
    """
    name = f"bad-lines-of-{Path(listing).name}"
    taken = {bad.path for bad in others}
    paths = (work / f"{name}{number}.txt" for number in chain([""], map(".{}".format, count(2))))
    path = next(path for path in paths if path not in taken)
    path.unlink(missing_ok=True)
    lines = BadLines(path)
    try:
        yield lines
    finally:
        lines.close()
