"""Strips -> one Parquet shard, and back.

A shard is a Parquet file of `storage.schema.SCHEMA`, in row groups of at most 64 strips, about
15 MB each: small enough for dataset viewers and for reading one group at random, large enough
to be read in one go. JPEG does not compress further, so that column is stored as it is.
Rows are written as they come; no more than one row group is ever in memory.

Cost, strips of 240 kB: 0.4 ms to write one, 0.2 ms to verify one; 15 ms for the pictures of a row
group.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from storage.objects import StorageError
from storage.schema import SCHEMA, SCHEMA_VERSION

ROW_GROUP_STRIPS = 64
"""Ours: Hugging Face's viewer refuses groups over 286 MiB, and a reader holds a whole one."""

_COLUMNS = (
    *(field.name for field in SCHEMA if field.name not in {"jpeg", "to_first", "scenes"}),
    "to_first.list.element",
    "scenes.list.element.scene",
    "scenes.list.element.probability",
)
"""What is neither JPEG nor a list itself, by the names that Parquet knows it by."""

_DAMAGE = (pa.ArrowException, OSError, ValueError)
"""What pyarrow raises over wrong bytes: of its own, of the system, and of text decoding."""


class ShardWriter:
    """Write rows to a Parquet file of `SCHEMA`, as a context manager."""

    def __init__(self, path: Path, metadata: Mapping[str, str] | None = None) -> None:
        extra = {**SCHEMA.metadata, **{k.encode(): v.encode() for k, v in (metadata or {}).items()}}
        schema = SCHEMA.with_metadata(extra)
        self._writer = pq.ParquetWriter(
            path,
            schema,
            compression={**dict.fromkeys(_COLUMNS, "zstd"), "jpeg": "none"},
            write_statistics=list(_COLUMNS),  # least and greatest: of pictures they say nothing
            use_dictionary=["source", "license", "owner", "scene_model", "config_hash"],
            write_page_checksum=True,
        )
        self._schema = schema
        self._rows: list[Mapping[str, Any]] = []
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._writer.close()

    def add(self, row: Mapping[str, Any]) -> None:
        """Append one row; a full row group goes to disk."""
        self._rows.append(row)
        self.count += 1
        if len(self._rows) == ROW_GROUP_STRIPS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []


def open_shard(path: Path) -> pq.ParquetFile:
    """Open a shard and check that it is one.

    Raises:
        StorageError: missing, not Parquet, not ours, or written by a newer version.
    """
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        version = (file.schema_arrow.metadata or {}).get(b"tinyvideo.schema_version", b"")
    except FileNotFoundError as error:
        raise StorageError(
            f"shard {path} is gone; put it back, or make the strips anew in another folder"
        ) from error
    except _DAMAGE as error:
        raise StorageError(f"{path} is not a readable Parquet file: {error}") from error
    if not version.isdigit():
        file.close()
        raise StorageError(f"{path} is Parquet, but not a tinyvideo shard")
    if int(version) > SCHEMA_VERSION:
        file.close()
        raise StorageError(
            f"{path} has schema version {int(version)}, this tinyvideo reads up to "
            f"{SCHEMA_VERSION}; install a newer tinyvideo"
        )
    return file


def iterate_groups(
    path: Path, columns: Sequence[str] | None = None
) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a shard, one row group after the other.

    Raises:
        StorageError: the shard cannot be opened, or its bytes are damaged.
    """
    with open_shard(path) as file:
        for group in range(file.num_row_groups):
            yield _read_group(file, path, group, columns).to_pylist()


def iterate_rows(path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a shard in order, one row group in memory at a time.

    Raises:
        StorageError: the shard cannot be opened, or its bytes are damaged.
    """
    for rows in iterate_groups(path, columns):
        yield from rows


def read_rows(
    path: Path, row_group: int, rows: Sequence[int], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Read some rows of one row group, in the order of `rows`.

    Raises:
        StorageError: the shard cannot be opened, has no such rows, or its bytes are damaged.
    """
    with open_shard(path) as file:
        table = _read_group(file, path, row_group, columns)
    try:
        return list(table.take(pa.array(rows, pa.int64())).to_pylist())
    except pa.ArrowIndexError as error:
        raise StorageError(
            f"row group {row_group} of {path} has {len(table)} rows: {error}"
        ) from error


def write_shard(path: Path, parts: Iterable[Path], metadata: Mapping[str, str]) -> int:
    """Join part files, one per video, into one shard; return the number of strips.

    Raises:
        StorageError: a part cannot be read.
    """
    with ShardWriter(path, metadata) as writer:
        for part in parts:
            for row in iterate_rows(part):
                writer.add(row)
    return writer.count


def verify_shard(path: Path, strips: int) -> None:
    """Read every page of a shard against its checksum; Parquet's own headers have none.

    Raises:
        StorageError: a page is damaged, or the number of rows is not `strips`.
    """
    with open_shard(path) as file:
        groups = range(file.num_row_groups)
        found = sum(len(_read_group(file, path, group)) for group in groups)
    if found != strips:
        raise StorageError(f"{path} holds {found} strips, {strips} were written")


def shard_metadata(path: Path) -> dict[str, str]:
    """Read the `tinyvideo.*` entries of a shard's schema metadata, and its number of strips.

    Raises:
        StorageError: the shard cannot be opened.
    """
    with open_shard(path) as file:
        entries = file.schema_arrow.metadata or {}
        ours = {
            k.decode(): v.decode(errors="replace")
            for k, v in entries.items()
            if k.startswith(b"tinyvideo.")
        }
        return {**ours, "strips": str(file.metadata.num_rows)}


def strips_by_video(path: Path) -> dict[str, int]:
    """Count the strips of each video in a shard.

    Raises:
        StorageError: the shard cannot be opened, or its bytes are damaged.
    """
    return dict(Counter(row["video_id"] for row in iterate_rows(path, ["video_id"])))


def _read_group(
    file: pq.ParquetFile, path: Path, group: int, columns: Sequence[str] | None = None
) -> pa.Table:
    try:
        return file.read_row_group(group, columns=None if columns is None else list(columns))
    except _DAMAGE as error:
        raise StorageError(f"row group {group} of {path} is damaged: {error}") from error
