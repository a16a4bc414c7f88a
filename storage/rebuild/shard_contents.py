"""What a shard says of itself and of its videos: all that a catalog can learn from it.

Its small columns give each video's rights and strips, as of the present schema, whichever version
has written them. Every byte is read once, held against the checksums of the row groups, and hashed,
as a commit does. What no row knows is lost: tags, when a video was filmed, where on a disk it lay,
and every video and window that gave no strip.

Cost: 2.6 s of processor time per GB; the small columns 4 us per strip. In memory are the videos of
one shard.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from tinyvideo.pipeline.types import VideoRecord
from tinyvideo.storage.objects import Store
from tinyvideo.storage.outputs import SHARD_KEY
from tinyvideo.storage.repair import read_through
from tinyvideo.storage.shards import ShardFile, iterate_columns, open_shard
from tinyvideo.storage.storage_errors import StorageError

_OF_RECORD = (
    *("video_id", "source", "uri", "page_url", "owner", "title", "owner_name"),
    *("license", "license_id", "license_url"),
)
_IMPORTED = "tinyvideo"
"""Source of strips that were imported; they were made with other settings than the output's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardContents:
    """One shard, as it lies in the store."""

    key: str
    bytes: int = 0
    sha256: str = ""
    """Empty where its bytes were not asked for."""

    broken: tuple[int, ...] = ()
    """Row groups that are not as they were written; their small columns can be read."""

    records: dict[str, VideoRecord] = field(default_factory=dict)
    """By id."""

    strips: Counter[str] = field(default_factory=Counter)
    """By id of the video."""

    config_hash: str = ""
    """What its strips were made with; empty where they were imported."""

    @property
    def number(self) -> int:
        """Number it, as its catalog did."""
        return number_of(self.key)


def number_of(key: str) -> int:
    """Read the number of a shard out of its key; 0 where it has none."""
    found = SHARD_KEY.fullmatch(key)
    return int(found["number"]) if found else 0


def revision_of(key: str) -> int:
    """Read how often a shard was written anew; 1 is the first."""
    found = SHARD_KEY.fullmatch(key)
    return int(found["revision"] or 1) if found else 0


def read_contents(store: Store, key: str, *, whole: bool) -> ShardContents:
    """Read what a shard holds; `whole` reads and hashes its bytes, too.

    Raises:
        NewerError: a newer tinyvideo has written it.
        StorageError: its footer or its small columns are damaged, or it holds what no run writes.
    """
    source = ShardFile(store, key)
    size, digest, broken = store.size(key), "", list[int]()
    if whole:
        with open_shard(source) as file:
            broken, digest = read_through(file, source, size)
    found = ShardContents(key=key, bytes=size, sha256=digest, broken=tuple(broken))
    seen, strip_ids, hashes = 0, set[str](), [""]
    for rows in iterate_columns(source, [*_OF_RECORD, "strip_id", "config_hash"]):
        _add(found, rows.table)
        seen += len(rows.table)
        strip_ids.update(rows.table["strip_id"].to_pylist())
        hashes.append(_config_hash(rows.table))
    if len(strip_ids) != seen:
        raise StorageError(f"{source} holds {seen - len(strip_ids)} strips twice; move it away")
    return replace(found, config_hash=next(filter(None, reversed(hashes)), ""))


def _add(found: ShardContents, table: pa.Table) -> None:
    first: dict[str, int] = {}
    ids = table["video_id"].to_pylist()
    for number, video_id in enumerate(ids):
        first.setdefault(video_id, number)
    found.strips.update(ids)
    names = [name for name in _OF_RECORD if name in table.column_names]
    for row in table.select(names).take(pa.array(first.values(), pa.int64())).to_pylist():
        if row["video_id"] not in found.records:
            found.records[row["video_id"]] = _record_of(found.key, row)


def _record_of(key: str, row: dict[str, Any]) -> VideoRecord:
    try:
        return VideoRecord(**row)
    except (ValueError, TypeError) as error:
        raise StorageError(
            f"{key} names a video that is none: {error}; it was not written by tinyvideo: move it "
            "away"
        ) from error


def _config_hash(table: pa.Table) -> str:
    pairs = zip(table["source"].to_pylist(), table["config_hash"].to_pylist(), strict=True)
    return next((named for source, named in pairs if source != _IMPORTED), "")
