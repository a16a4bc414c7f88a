"""Hold a shard against its checksums: is it broken, and where.

The file is read once, from the first byte to the last, in ranges. Each row group is compared with
its checksum in the footer, and the whole with the hash that the catalog has kept since the
commit, so that a damaged footer is found too: it is what is left when every row group is as it
was. Then the small columns are asked whether every strip has its 32 frames. Shards of version 1
have no checksums of row groups; there, Parquet's own of the pages have to do.

Cost: every byte is read once and hashed twice, 1.2 s of processor time per GB; 8 MB of memory.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from tinyvideo.pipeline.types import STRIP_FRAMES
from tinyvideo.storage.database import ShardRow
from tinyvideo.storage.objects import Store
from tinyvideo.storage.shards import (
    GroupChecksum,
    ShardFile,
    open_shard,
    read_checksums,
    read_table,
)
from tinyvideo.storage.storage_errors import GoneError, NewerError, StorageError

RANGE_BYTES = 8 * 2**20
"""Bytes that are read at once. Ours: large for a disk or a network, small for memory."""


class ShardState(StrEnum):
    """What can be said of a committed shard."""

    WHOLE = "whole"
    BROKEN = "broken"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardCheck:
    """What `check_shard` found."""

    key: str
    state: ShardState = ShardState.WHOLE
    row_groups: int = 0
    """How many there are; 0 where the footer cannot be read."""

    broken: tuple[int, ...] = ()
    """Numbers of the row groups that are not as they were written."""

    problems: tuple[str, ...] = ()
    """One sentence each; none of a whole shard."""

    @property
    def whole_groups(self) -> list[int]:
        """Number the row groups that are as they were written."""
        return [group for group in range(self.row_groups) if group not in self.broken]

    def as_dict(self) -> dict[str, Any]:
        """Lay it out for JSON."""
        return {
            "key": self.key,
            "state": self.state.value,
            "row_groups": self.row_groups,
            "broken_row_groups": list(self.broken),
            "problems": list(self.problems),
        }


def check_shard(store: Store, shard: ShardRow) -> ShardCheck:
    """Read every byte of a committed shard, and say what is wrong with it.

    Raises:
        NewerError: a newer tinyvideo has written the shard.
        StorageError: the storage cannot be read at all; no shard is to blame.
    """
    source = ShardFile(store, shard.key)
    try:
        size = store.size(shard.key)
    except GoneError as error:
        return ShardCheck(key=shard.key, state=ShardState.GONE, problems=(str(error),))
    lengths = () if size == shard.bytes else (_wrong_size(source, size, shard),)
    try:
        with open_shard(source) as file:
            found = _check_open(file, source, shard, size)
    except StorageError as error:
        if isinstance(error, NewerError) and store.sha256(shard.key) == shard.sha256:
            raise  # as it was committed: repair would put an older shard into its place
        found = ShardCheck(key=shard.key, problems=(f"the footer is damaged: {error}",))
    problems = (*lengths, *found.problems)
    return replace(
        found, problems=problems, state=ShardState.BROKEN if problems else ShardState.WHOLE
    )


def read_through(file: pq.ParquetFile, source: ShardFile, size: int) -> tuple[list[int], str]:
    """Read every byte of an open shard; return the broken row groups, and the hash of the file.

    Raises:
        StorageError: its checksums are damaged, or it cannot be read.
    """
    try:
        checksums = read_checksums(file.metadata.metadata or {})
    except (ValueError, TypeError) as error:
        raise StorageError(f"{source}: {error}") from error
    if checksums is None:
        return _broken_pages(file, source), source.store.sha256(source.key)
    return _broken_ranges(source, checksums, size)


def _check_open(file: pq.ParquetFile, source: ShardFile, shard: ShardRow, size: int) -> ShardCheck:
    broken, digest = read_through(file, source, size)
    found = ShardCheck(key=shard.key, row_groups=file.num_row_groups, broken=tuple(broken))
    problems = [f"row group {group} of {source} is damaged" for group in broken]
    if not broken and digest != shard.sha256:
        problems.append(
            f"{source} is not the file that was committed: its row groups are whole, so its footer "
            "is damaged or somebody else's"
        )
    if file.metadata.num_rows != shard.strips:
        strips = file.metadata.num_rows
        problems.append(f"{source} holds {strips} strips, the catalog says {shard.strips}")
    for group in found.whole_groups:
        problems += _short_strips(file, source, group)
    return replace(found, problems=tuple(problems))


def _broken_ranges(
    source: ShardFile, checksums: Sequence[GroupChecksum], size: int
) -> tuple[list[int], str]:
    """Hash the file as it is read back; return the row groups that differ, and the hash of all."""
    everything = hashlib.sha256()
    broken, position = [], 0
    for number, expected in enumerate(checksums):
        for content in _ranges(source, position, min(expected.start, size)):
            everything.update(content)
        group = hashlib.sha256()
        position = min(expected.start + expected.length, size)
        for content in _ranges(source, min(expected.start, size), position):
            group.update(content)
            everything.update(content)
        if group.hexdigest() != expected.sha256:
            broken.append(number)
    for content in _ranges(source, position, size):
        everything.update(content)
    return broken, everything.hexdigest()


def _ranges(source: ShardFile, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, RANGE_BYTES):
        yield source.store.read(source.key, at, min(RANGE_BYTES, end - at))


def _broken_pages(file: pq.ParquetFile, source: ShardFile) -> list[int]:
    broken = []
    for group in range(file.num_row_groups):
        try:
            read_table(file, source, group)
        except StorageError:
            broken.append(group)
    return broken


def _short_strips(file: pq.ParquetFile, source: ShardFile, group: int) -> Iterator[str]:
    table = read_table(file, source, group, ["strip_id", "frames"])
    for row in table.filter(pc.less(table["frames"], STRIP_FRAMES)).to_pylist():
        yield (
            f"strip {row['strip_id']} in row group {group} of {source} has {row['frames']} frames, "
            f"a strip has {STRIP_FRAMES}"
        )


def _wrong_size(source: ShardFile, size: int, shard: ShardRow) -> str:
    return f"{source} has {size} bytes, {shard.bytes} were committed"
