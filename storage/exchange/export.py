"""Shards -> the formats of others: the released dataset's, WebDataset, MP4.

    tinyvideo     tinyvideo.tar with frames-stable-many/..., tinyvideo.txt, the list, and
                  origins.jsonl: for each path what the row says of its video
    webdataset    strips-000000.tar, ...: <strip id>.jpg and <strip id>.json, 4,096 of them each
    mp4           <strip id>.mp4, and origins.jsonl; H.264, lossy
    hub           data/NAME/train-00000.parquet, ..., and README.md, the card: `load_dataset(TO)`

A dataset goes out as train, validation and test, each in a folder of its own. JPEG are written byte
for byte. They do not compress further, so that tarballs are plain tar; who wants tar.bz2 runs bzip2
on them. The released layout names a video by its Flickr photo id; one of another source gets a
number of 17 digits made of its id. Every file appears whole, in a folder or on S3, which has to be
empty.

Cost: 0.5 ms per strip of 210 kB, 0.3 ms as WebDataset; as MP4 65 ms.
"""

import hashlib
import io
import itertools
import json
import math
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import pyarrow as pa

from tinyvideo.pipeline.strips import DEFAULT_FPS, decode_strip, write_mp4
from tinyvideo.pipeline.types import Frames
from tinyvideo.pipeline.video_id import VideoId
from tinyvideo.storage.datasets import Manifest, RowSelection, read_selection
from tinyvideo.storage.exchange.export_target import empty_target, new_file
from tinyvideo.storage.exchange.hub_card import Config, Rights, write_card
from tinyvideo.storage.exchange.released_format import FOLDER, StripName, name_of, parse_name
from tinyvideo.storage.objects import Store
from tinyvideo.storage.shards import (
    SCHEMA,
    ShardFile,
    ShardWriter,
    iterate_tables,
    open_shard,
    read_table,
)
from tinyvideo.storage.storage_errors import StorageError

Row: TypeAlias = dict[str, Any]

TAR_STRIPS = 4096
"""Strips in one tar or Parquet file. Ours: about 1 GB, as WebDataset's documentation has it."""

WITHOUT_PATHS = tuple(name for name in SCHEMA.names if name != "to_first")
"""Columns of formats whose documents would be ten times as large with the camera's path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What goes out together: all shards, or a split of a dataset."""

    split: str
    """Folder of its files; empty: none of its own."""

    rows: Iterable[Row]
    strips: int
    """How many there should be."""


def export_parts(
    parts: Sequence[Part], kind: str, store: Store, *, files: int = 0, name: str = "all"
) -> int:
    """Write parts in one of `FORMATS` into an empty store; return how many strips there were.

    `files` is how many tars or Parquet files each part becomes, 0: as many as they need. `name` is
    that of the dataset.

    Raises:
        StorageError: the store is not empty or cannot be written, or a strip cannot be decoded.
    """
    count = 0
    with empty_target(store):
        rights = Rights()
        for part in parts:
            folder = f"{part.split}/" if part.split else ""
            per_file = math.ceil(part.strips / files) if files else TAR_STRIPS
            where = Place(store, folder, max(per_file, 1), name, rights)
            count += FORMATS[kind](iter(part.rows), where)
        if kind == "hub":
            written = {part.split or "train": part.strips for part in parts if part.strips}
            patterns = {split: f"data/{name}/{split}-*.parquet" for split in written}
            write_card(store, name, [Config(name=name, files=patterns, strips=written)], rights)
    return count


def rows_of_shards(
    store: Store, keys: Iterable[str], columns: Sequence[str] = WITHOUT_PATHS
) -> Iterator[Row]:
    """Yield all rows of some shards, one row group in memory at a time.

    Raises:
        StorageError: a shard cannot be read.
    """
    for key in keys:
        for table in iterate_tables(ShardFile(store, key), columns):
            yield from table.to_pylist()


def rows_of_split(
    store: Store, manifest: Manifest, split: str, columns: Sequence[str] = WITHOUT_PATHS
) -> Iterator[Row]:
    """Yield the rows of a split, in the order of its shards; each row has its `split`.

    Row groups of which nothing was chosen are not read.

    Raises:
        StorageError: a shard cannot be read.
    """
    pieces = read_selection(store, manifest, split)
    for number, key in enumerate(manifest.shards):
        masks = _masks(pieces, number)
        if not masks:
            continue
        source = ShardFile(store, key)
        with open_shard(source) as file:
            for group, mask in masks.items():
                table = read_table(file, source, group, columns)
                rows = [row for row in range(len(table)) if mask >> row & 1]
                for row in table.take(pa.array(rows, pa.int64())).to_pylist():
                    yield {**row, "split": split}


def _masks(pieces: RowSelection, shard: int) -> dict[int, int]:
    ours = pieces.shard == shard
    groups, rows = pieces.row_group[ours].tolist(), pieces.rows[ours].tolist()
    return dict(zip(groups, rows, strict=True))


# -- formats ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part goes, and how it is cut."""

    store: Store
    folder: str
    per_file: int
    name: str
    rights: Rights
    """Filled in by formats that have a card."""


def _tinyvideo(rows: Iterator[Row], to: Place) -> int:
    count = 0
    with (
        new_file(to.store, f"{to.folder}tinyvideo.txt") as names_path,
        new_file(to.store, f"{to.folder}origins.jsonl") as origins_path,
        new_file(to.store, f"{to.folder}tinyvideo.tar") as path,
        names_path.open("wb") as names,
        origins_path.open("wb") as origins,
        tarfile.open(path, mode="w") as tar,
    ):
        for row in rows:
            name = released_name(row)
            _add(tar, f"{FOLDER}/{name}", row["jpeg"])
            names.write(f"{name}\n".encode())
            origins.write(_json(row, path=str(name)) + b"\n")
            count += 1
    return count


def _batches(rows: Iterator[Row], size: int) -> Iterator[Iterator[Row]]:
    while (first := next(rows, None)) is not None:
        yield itertools.chain([first], itertools.islice(rows, size - 1))


def _webdataset(rows: Iterator[Row], to: Place) -> int:
    count = 0
    for number, batch in enumerate(_batches(rows, to.per_file)):
        key = f"{to.folder}strips-{number:06d}.tar"
        with new_file(to.store, key) as path, tarfile.open(path, mode="w") as tar:
            for row in batch:
                name = _strip_id(row)
                _add(tar, f"{name}.jpg", row["jpeg"])
                _add(tar, f"{name}.json", _json(row))
                count += 1
    return count


def _hub(rows: Iterator[Row], to: Place) -> int:
    count = 0
    split = to.folder.rstrip("/") or "train"
    for number, batch in enumerate(_batches(rows, to.per_file)):
        key = f"data/{to.name}/{split}-{number:05d}.parquet"
        with new_file(to.store, key) as path, ShardWriter(path) as writer:
            for row in batch:
                writer.add({name: row[name] for name in SCHEMA.names})
                to.rights.licenses[row["license"] or "", row["license_url"] or ""] += 1
                to.rights.owners[row["owner_name"] or row["owner"] or "unknown"] += 1
                count += 1
    return count


def _mp4(rows: Iterator[Row], to: Place) -> int:
    count = 0
    with (
        new_file(to.store, f"{to.folder}origins.jsonl") as origins_path,
        origins_path.open("wb") as origins,
    ):
        for row in rows:
            name = f"{_strip_id(row)}.mp4"
            fps = Fraction(row["fps"]).limit_denominator(1001) if row["fps"] else DEFAULT_FPS
            with new_file(to.store, f"{to.folder}{name}") as path:
                write_mp4(path, _decode(row), fps)
            origins.write(_json(row, path=name) + b"\n")
            count += 1
    return count


FORMATS: Mapping[str, Callable[[Iterator[Row], Place], int]] = {
    "tinyvideo": _tinyvideo,
    "webdataset": _webdataset,
    "mp4": _mp4,
    "hub": _hub,
}

CUT = ("webdataset", "hub")
"""Formats that are cut into files of so many strips."""


def _strip_id(row: Row) -> str:
    # It names a file here, and wherever the tarball is unpacked.
    try:
        return VideoId(str(row["strip_id"]))
    except ValueError as error:
        raise StorageError(
            f"a shard is damaged, or was not written by tinyvideo: {error}"
        ) from error


def released_name(row: Row) -> StripName:
    """Name a strip as the released dataset does: as it was named there, or by its photo id."""
    place = (row["uri"] or "").removeprefix("tinyvideo:")
    given = parse_name(f"{place}/{row['clip_index']:04d}.jpg")
    if given and row["source"] == "tinyvideo":
        return given
    number = re.fullmatch(r"(?:flickr|yfcc100m)-(\d{1,18})", row["video_id"])
    if number:
        return name_of(int(number[1]), row["clip_index"])
    digest = hashlib.sha256(row["video_id"].encode()).digest()
    return name_of(10**16 + int.from_bytes(digest[:8], "big") % 10**16, row["clip_index"])


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    tar.addfile(entry, io.BytesIO(content))


def _json(row: Row, **more: str) -> bytes:
    known = {**more, **row}
    del known["jpeg"]
    for name, value in known.items():
        if isinstance(value, float) and not math.isfinite(value):
            known[name] = None  # JSON has no word for it
        elif isinstance(value, bytes):  # a hash
            known[name] = value.hex()
    return json.dumps(known, ensure_ascii=False).encode()


def _decode(row: Row) -> Frames:
    try:
        return decode_strip(row["jpeg"])
    except ValueError as error:
        raise StorageError(f"strip {row['strip_id']} cannot be decoded: {error}") from error
