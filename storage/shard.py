"""Strips -> one Parquet shard, and back.

A shard is a Parquet file of `storage.schema.SCHEMA`, in row groups of at most 64 strips, about
6 MB each: small enough for dataset viewers and for reading one group at random, large enough
to be read in one go. JPEG does not compress further, so that column is stored as it is.
Rows are written as they come; no more than one row group is ever in memory.

Cost: about as long as copying the bytes; well under a millisecond per strip.
"""

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


class ShardWriter:
    """Write rows to a Parquet file of `SCHEMA`, as a context manager."""

    def __init__(self, path: Path, metadata: Mapping[str, str] | None = None) -> None:
        extra = {**SCHEMA.metadata, **{k.encode(): v.encode() for k, v in (metadata or {}).items()}}
        schema = SCHEMA.with_metadata(extra)
        compressed = {field.name: "zstd" for field in SCHEMA if field.name != "jpeg"}
        self._writer = pq.ParquetWriter(
            path,
            schema,
            compression={**compressed, "jpeg": "none"},
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
        if kind is None:
            self._flush()
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
    except FileNotFoundError as error:
        raise StorageError(f"shard {path} is gone") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise StorageError(f"{path} is not a readable Parquet file: {error}") from error
    version = (file.schema_arrow.metadata or {}).get(b"tinyvideo.schema_version")
    if version is None:
        raise StorageError(f"{path} is Parquet, but not a tinyvideo shard")
    if int(version) > SCHEMA_VERSION:
        raise StorageError(
            f"{path} has schema version {int(version)}, this tinyvideo reads up to "
            f"{SCHEMA_VERSION}; install a newer tinyvideo"
        )
    return file


def iterate_rows(path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a shard in order, one row group in memory at a time."""
    with open_shard(path) as file:
        for group in range(file.num_row_groups):
            yield from file.read_row_group(group, columns=columns).to_pylist()


def read_rows(
    path: Path, row_group: int, rows: Sequence[int], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Read some rows of one row group, in the order of `rows`.

    Raises:
        StorageError: the shard cannot be opened, or its bytes are damaged.
    """
    with open_shard(path) as file:
        try:
            table = file.read_row_group(row_group, columns=list(columns))
        except (pa.ArrowException, OSError) as error:
            raise StorageError(f"row group {row_group} of {path} is damaged: {error}") from error
        return list(table.take(pa.array(rows, pa.int64())).to_pylist())


def write_shard(path: Path, parts: Iterable[Path], metadata: Mapping[str, str]) -> int:
    """Join part files, one per video, into one shard; return the number of strips."""
    with ShardWriter(path, metadata) as writer:
        for part in parts:
            for row in iterate_rows(part):
                writer.add(row)
    return writer.count


def verify_shard(path: Path, strips: int) -> None:
    """Read every byte of a shard, with its page checksums.

    Raises:
        StorageError: a page is damaged, or the number of rows is not `strips`.
    """
    with open_shard(path) as file:
        found = 0
        for group in range(file.num_row_groups):
            try:
                found += len(file.read_row_group(group))
            except (pa.ArrowException, OSError) as error:
                raise StorageError(f"row group {group} of {path} is damaged: {error}") from error
    if found != strips:
        raise StorageError(f"{path} holds {found} strips, {strips} were written")


def shard_metadata(path: Path) -> dict[str, str]:
    """Read the `tinyvideo.*` entries of a shard's schema metadata, and its number of strips."""
    with open_shard(path) as file:
        entries = file.schema_arrow.metadata or {}
        ours = {k.decode(): v.decode() for k, v in entries.items() if k.startswith(b"tinyvideo.")}
        return {**ours, "strips": str(file.metadata.num_rows)}
