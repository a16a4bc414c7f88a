"""The rows of a list of addresses that is a Parquet file: the columns that a list may have.

Cost: 0.3 us per row; 10,000 rows are in memory.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tinyvideo.pipeline.errors import UnreadableError

MARK = b"PAR1"
"""How every Parquet file begins."""

_ROWS = 10_000
_TOLD = ("url", "title", "owner", "owner_name", "page_url", "license", "license_url", "tags")


def is_parquet(path: Path) -> bool:
    """Tell by its first bytes whether a file is Parquet.

    Raises:
        UnreadableError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(len(MARK)) == MARK
    except OSError as error:
        raise UnreadableError(f"the list {path} cannot be read: {error}") from error


def read_parquet_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the number, from 1, and the words of every row.

    Raises:
        UnreadableError: it cannot be read, or has no column `url`.
    """
    try:
        with pq.ParquetFile(path) as file:
            names = [name for name in _TOLD if name in file.schema_arrow.names]
            if "url" not in names:
                raise UnreadableError(f"the list {path} has no column url")
            number = 0
            for batch in file.iter_batches(_ROWS, columns=names):
                for number, row in enumerate(batch.to_pylist(), number + 1):  # noqa: B020
                    yield number, row
    except (OSError, pa.ArrowException) as error:
        raise UnreadableError(f"the list {path} cannot be read: {error}") from error
