"""Shards that tests build datasets of, and what the training loader would see of those."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.drawn.strip_rows import draw_record, draw_strip
from tinyvideo.pipeline.types import Strip
from tinyvideo.storage.datasets.manifest import Manifest, read_selection
from tinyvideo.storage.datasets.row_selection import unpack
from tinyvideo.storage.datasets.strip_query import DatasetConfig
from tinyvideo.storage.objects.stores import Store
from tinyvideo.storage.shards.schema import row_of
from tinyvideo.storage.shards.shard_reader import ShardFile, iterate_groups
from tinyvideo.storage.shards.shard_writer import ShardWriter

ALL_FOR_TRAINING = DatasetConfig(validation=0, test=0)
HALVES = DatasetConfig(validation=0.25, test=0.25)


def write_shard(root: Path, name: str, videos: Sequence[tuple[str, int]]) -> str:
    """Write a shard with one video of some strips per (owner, strips); return its key."""
    rows = (
        row_of(
            draw_record(number, video_id=f"{Path(name).stem}-{number}", owner=owner),
            draw_strip(index),
            "0.1.0",
            "c0ffee",
        )
        for number, (owner, strips) in enumerate(videos)
        for index in range(strips)
    )
    return write_rows(root, name, rows)


def write_tagged(root: Path, strips: Sequence[Strip], **changes: Any) -> str:
    """Write the strips of one video as `tagged.parquet`."""
    record = draw_record(**changes)
    rows = (row_of(record, strip, "0.1.0", "c0ffee") for strip in strips)
    return write_rows(root, "tagged.parquet", rows)


def write_rows(root: Path, name: str, rows: Iterable[dict[str, Any]]) -> str:
    path = root / name
    path.parent.mkdir(exist_ok=True, parents=True)
    with ShardWriter(path) as writer:
        for row in rows:
            writer.add(row)
    return name


def chosen(store: Store, manifest: Manifest, split: str, column: str) -> list[Any]:
    """Read a column of the rows of a split, in the order of its pieces."""
    pieces = read_selection(store, manifest, split)
    found = []
    for piece in range(len(pieces)):
        key = manifest.shards[pieces.shard[piece]]
        groups = list(iterate_groups(ShardFile(store, key), [column]))
        rows = groups[pieces.row_group[piece]]
        bits = int(pieces.rows[piece])
        taken = [row[column] for number, row in enumerate(rows) if bits >> number & 1]
        assert len(taken) == bits.bit_count() == pieces.count[piece]
        found += taken
    assert len(found) == len(unpack(pieces)[0]) == manifest.counts[split]
    return found
