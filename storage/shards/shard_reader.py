"""One Parquet shard -> strips.

A shard is a Parquet file of `storage.shards.schema`, in row groups of at most 64 strips, about 15
MB each: small enough for dataset viewers and for reading one group at random, large enough to be
read in one go. It is read from a path, or, as a `ShardFile`, from a store, where a row group costs
one or two ranges. No more than one row group is ever in memory, and rows are those of the present
schema, whichever version has written them.

Cost, strips of 240 kB, in processor time: 0.1 ms to verify one, 6 ms for the pictures of a row
group.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from tinyvideo.storage.objects import FolderStore, Store
from tinyvideo.storage.shards.checksums import CHECKSUMS_KEY
from tinyvideo.storage.shards.schema import SCHEMA, SCHEMA_VERSION, VERSION_KEY
from tinyvideo.storage.shards.schema_versions import from_stored, stored_names
from tinyvideo.storage.shards.shard_writer import ShardWriter
from tinyvideo.storage.storage_errors import GoneError, NewerError, StorageError

DAMAGE = (pa.ArrowException, OSError, ValueError)
"""What pyarrow raises over wrong bytes: of its own, of the system, and of text decoding."""


@dataclass(frozen=True, slots=True)
class ShardFile:
    """A shard in a store, by its key."""

    store: Store
    key: str

    @property
    def name(self) -> str:
        """Name it in full, for messages."""
        return self.store.name(self.key)

    def __str__(self) -> str:
        return self.name


ShardSource: TypeAlias = ShardFile | Path
"""Where a shard lies; as text, its full name."""


def open_shard(shard: ShardSource) -> pq.ParquetFile:
    """Open a shard and check that it is one.

    Raises:
        StorageError: missing, not Parquet, not ours, or written by a newer version.
    """
    try:
        file = pq.ParquetFile(_bytes_of(shard), page_checksum_verification=True)
        version = (file.schema_arrow.metadata or {}).get(VERSION_KEY, b"")
    except (FileNotFoundError, GoneError) as error:
        raise GoneError(
            f"shard {shard} is gone; put it back, have it made anew with "
            "'tinyvideo shards repair', or make the strips anew in another folder"
        ) from error
    except DAMAGE as error:
        raise StorageError(
            f"{shard} is not a readable Parquet file: {' '.join(str(error).split()).rstrip('.')}; "
            "'tinyvideo shards repair' makes it anew"
        ) from error
    if not version.isdigit():
        file.close()
        raise StorageError(
            f"{shard} is Parquet, but not a tinyvideo shard; move it away, and if one of that name "
            "is missing then, 'tinyvideo shards repair' makes it anew"
        )
    if int(version) > SCHEMA_VERSION:
        file.close()
        raise NewerError(
            f"{shard} has schema version {int(version)}, this tinyvideo reads up to "
            f"{SCHEMA_VERSION}; install a newer tinyvideo"
        )
    return file


def read_table(
    file: pq.ParquetFile,
    shard: ShardSource,
    row_group: int,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """Read one row group of an open shard as `columns` of `SCHEMA`, all by default.

    Nothing is copied: pictures stay in the memory that they were read into.

    Raises:
        StorageError: there is no such row group, its bytes are damaged, or a column is missing.
    """
    names = SCHEMA.names if columns is None else list(columns)
    stored = _read_group(file, shard, row_group, stored_names(names, file.schema_arrow))
    try:
        return from_stored(stored, names)
    except (pa.ArrowException, KeyError) as error:
        raise StorageError(
            f"row group {row_group} of {shard} is damaged, or was not written by tinyvideo: {error}"
        ) from error


def iterate_tables(shard: ShardSource, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yield each row group of a shard as `columns` of `SCHEMA`, all by default.

    Raises:
        StorageError: the shard cannot be opened, or its bytes are damaged.
    """
    with open_shard(shard) as file:
        for group in range(file.num_row_groups):
            yield read_table(file, shard, group, columns)


def iterate_groups(
    shard: ShardSource, columns: Sequence[str] | None = None
) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a shard, one row group after the other.

    Raises:
        StorageError: the shard cannot be opened, or its bytes are damaged.
    """
    for table in iterate_tables(shard, columns):
        yield table.to_pylist()


def iterate_rows(
    shard: ShardSource, columns: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a shard in order, one row group in memory at a time.

    Raises:
        StorageError: the shard cannot be opened, or its bytes are damaged.
    """
    for rows in iterate_groups(shard, columns):
        yield from rows


def read_rows(
    shard: ShardSource, row_group: int, rows: Sequence[int], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Read some rows of one row group, in the order of `rows`.

    Raises:
        StorageError: the shard cannot be opened, has no such rows, or its bytes are damaged.
    """
    with open_shard(shard) as file:
        table = read_table(file, shard, row_group, columns)
    try:
        return list(table.take(pa.array(rows, pa.int64())).to_pylist())
    except pa.ArrowIndexError as error:
        raise StorageError(
            f"row group {row_group} of {shard} has {len(table)} rows: {error}"
        ) from error


def write_shard(path: Path, parts: Iterable[ShardSource], metadata: Mapping[str, str]) -> int:
    """Join part files, one per video, into one shard; return the number of strips.

    Raises:
        StorageError: a part cannot be read.
    """
    with ShardWriter(path, metadata) as writer:
        for part in parts:
            for row in iterate_rows(part):
                writer.add(row)
    return writer.count


def verify_shard(shard: ShardSource, strips: int) -> None:
    """Read every page of a shard against its checksum; Parquet's own headers have none.

    Raises:
        StorageError: a page is damaged, or the number of rows is not `strips`.
    """
    with open_shard(shard) as file:
        groups = range(file.num_row_groups)
        found = sum(len(_read_group(file, shard, group, None)) for group in groups)
    if found != strips:
        raise StorageError(f"{shard} holds {found} strips, {strips} were written")


def shard_metadata(shard: ShardSource) -> dict[str, str]:
    """Read the `tinyvideo.*` entries of a shard's footer, and its number of strips.

    Raises:
        StorageError: the shard cannot be opened.
    """
    with open_shard(shard) as file:
        entries = file.metadata.metadata or {}
        ours = {
            k.decode(): v.decode(errors="replace")
            for k, v in entries.items()
            if k.startswith(b"tinyvideo.") and k != CHECKSUMS_KEY
        }
        return {**ours, "strips": str(file.metadata.num_rows)}


def strips_by_video(shard: ShardSource) -> dict[str, int]:
    """Count the strips of each video in a shard.

    Raises:
        StorageError: the shard cannot be opened, or its bytes are damaged.
    """
    return dict(Counter(row["video_id"] for row in iterate_rows(shard, ["video_id"])))


def _read_group(
    file: pq.ParquetFile, shard: ShardSource, row_group: int, names: list[str] | None
) -> pa.Table:
    try:
        return file.read_row_group(row_group, names)
    except DAMAGE as error:
        raise StorageError(f"row group {row_group} of {shard} is damaged: {error}") from error


def _bytes_of(shard: ShardSource) -> Any:
    if isinstance(shard, Path):
        return shard
    if isinstance(shard.store, FolderStore):
        return shard.store.path(shard.key)  # pyarrow closes what it has opened
    return shard.store.open(shard.key)
