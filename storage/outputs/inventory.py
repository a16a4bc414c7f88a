"""What shards there are, and what one of them holds, for people and programs.

Cost: for the list one look at the catalog and one question per object; for a single shard its
small columns.
"""

from collections import Counter
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from tinyvideo.storage.database import VIDEOS, ShardRow, transaction
from tinyvideo.storage.outputs.output_address import Output
from tinyvideo.storage.shards import (
    HASH,
    PICTURE,
    SCHEMA,
    ShardFile,
    iterate_rows,
    open_shard,
    read_checksums,
    shard_metadata,
    strips_by_video,
)
from tinyvideo.storage.storage_errors import GoneError, StorageError

_LONG = (PICTURE, HASH, "to_first")
"""Columns that nobody wants to see on a terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardLine:
    """One line of the list."""

    key: str
    strips: int
    videos: int
    bytes: int
    state: str
    """`committed`, or what a first look finds: `gone`, `wrong size`."""

    def as_dict(self) -> dict[str, Any]:
        """Lay it out for JSON."""
        return asdict(self)


def list_shards(output: Output) -> list[ShardLine]:
    """List the committed shards in the order in which they were made.

    Raises:
        StorageError: the catalog or the storage cannot be read.
    """
    videos = _count_videos(output)
    return [
        ShardLine(
            key=shard.key,
            strips=shard.strips,
            videos=videos.get(shard.key, 0),
            bytes=shard.bytes,
            state=_first_look(output, shard),
        )
        for shard in output.catalog.shards(committed=True)
    ]


def find_shard(output: Output, name: str) -> ShardRow:
    """Find a committed shard by its key, or by the last part of it with or without suffix.

    Raises:
        StorageError: there is none.
    """
    key = f"shards/{name.removeprefix('shards/').removesuffix('.parquet')}.parquet"
    for shard in output.catalog.shards(committed=True):
        if shard.key == key:
            return shard
    raise StorageError(
        f"{output.store.address} has no shard {name!r}; 'tinyvideo shards ls' lists them"
    )


def describe_shard(output: Output, shard: ShardRow, first_rows: int) -> dict[str, Any]:
    """Lay out what a shard says of itself, and its first rows without pictures, for JSON.

    Raises:
        StorageError: it is gone, or its small columns are damaged.
    """
    source = ShardFile(output.store, shard.key)
    columns = [name for name in SCHEMA.names if name not in _LONG]
    tags = [row["scenes"] for row in iterate_rows(source, ["scenes"])]
    return {
        **asdict(shard),
        "name": source.name,
        "metadata": shard_metadata(source),
        "videos": len(strips_by_video(source)),
        "scenes": dict(Counter(t[0]["scene"] if t else "" for t in tags).most_common()),
        "row_groups": _row_groups(source),
        "rows": list(islice(iterate_rows(source, columns), first_rows)),
    }


def _row_groups(source: ShardFile) -> list[dict[str, Any]]:
    with open_shard(source) as file:
        try:
            checksums = read_checksums(file.metadata.metadata or {}) or []
        except ValueError as error:
            raise StorageError(f"{source}: {error}") from error
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        sums = [checksum.sha256 for checksum in checksums] or [""] * len(groups)
        return [
            {"strips": group.num_rows, "bytes": group.total_byte_size, "sha256": sha256}
            for group, sha256 in zip(groups, sums, strict=True)
        ]


def _first_look(output: Output, shard: ShardRow) -> str:
    try:
        size = output.store.size(shard.key)
    except GoneError:
        return "gone"
    return "committed" if size == shard.bytes else "wrong size"


def _count_videos(output: Output) -> dict[str, int]:
    key = VIDEOS.c.shard_key
    query = sa.select(key, sa.func.count()).where(key != "").group_by(key)
    with transaction(output.catalog.engine, writes=False) as db:
        return {str(name): int(count) for name, count in db.execute(query)}
