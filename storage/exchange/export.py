"""Shards -> the formats of others: the released dataset's, WebDataset, MP4.

    tinyvideo     tinyvideo.tar with frames-stable-many/..., tinyvideo.txt, the list, and
                  origins.jsonl: for each path what the row says of its video
    webdataset    strips-000000.tar, ...: <strip id>.jpg and <strip id>.json, 4,096 of them each
    mp4           <strip id>.mp4, and origins.jsonl; H.264, lossy

JPEG are written byte for byte. They do not compress further, so that tarballs are plain tar; who
wants tar.bz2 runs bzip2 on them. The released layout names a video by its Flickr photo id;
one of another source gets a number of 17 digits made of its id. Every file appears whole, and an
output folder has to be empty.

Cost: 0.5 ms per strip of 210 kB, 0.3 ms as WebDataset; as MP4 65 ms.
"""

import hashlib
import io
import itertools
import json
import math
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, TypeAlias

import pyarrow as pa

from tinyvideo.pipeline.strips import DEFAULT_FPS, decode_strip, write_mp4
from tinyvideo.pipeline.types import Frames
from tinyvideo.pipeline.video_id import VideoId
from tinyvideo.storage.datasets import SPLITS, Manifest, RowSelection, read_selection
from tinyvideo.storage.exchange.released_format import FOLDER, StripName, name_of, parse_name
from tinyvideo.storage.objects import Store
from tinyvideo.storage.shards import ShardFile, iterate_tables
from tinyvideo.storage.storage_errors import StorageError

Row: TypeAlias = dict[str, Any]

TAR_STRIPS = 4096
"""Strips in one tar of WebDataset. Ours: about 1 GB, as their documentation has it."""


def export_rows(rows: Iterable[Row], kind: str, folder: Path) -> int:
    """Write rows in one of `FORMATS` into an empty folder; return how many there were.

    Raises:
        StorageError: the folder is not empty or cannot be written, or a strip cannot be decoded.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise StorageError(f"{folder} is not empty; choose another folder with --to")
        return FORMATS[kind](iter(rows), folder)
    except OSError as error:
        raise StorageError(
            f"cannot export to {folder}: {error.strerror or error}; make room or mend its "
            "permissions, or choose another folder with --to"
        ) from error


def rows_of_shards(store: Store, keys: Iterable[str]) -> Iterator[Row]:
    """Yield all rows of some shards, one row group in memory at a time.

    Raises:
        StorageError: a shard cannot be read.
    """
    for key in keys:
        for table in iterate_tables(ShardFile(store, key)):
            yield from table.drop_columns(["to_first"]).to_pylist()


def rows_of_dataset(
    store: Store, manifest: Manifest, splits: Iterable[str] = SPLITS
) -> Iterator[Row]:
    """Yield the rows of a dataset, in the order of its shards; each row has its `split`.

    Raises:
        StorageError: a shard cannot be read.
    """
    pieces = {split: read_selection(store, manifest, split) for split in splits}
    for number, key in enumerate(manifest.shards):
        masks = {split: _masks(pieces[split], number) for split in pieces}
        for group, table in enumerate(iterate_tables(ShardFile(store, key))):
            for split, mask in masks.items():
                rows = [row for row in range(len(table)) if mask.get(group, 0) >> row & 1]
                for row in (
                    table.drop_columns(["to_first"]).take(pa.array(rows, pa.int64())).to_pylist()
                ):
                    yield {**row, "split": split}


def _masks(pieces: RowSelection, shard: int) -> dict[int, int]:
    ours = pieces.shard == shard
    groups, rows = pieces.row_group[ours].tolist(), pieces.rows[ours].tolist()
    return dict(zip(groups, rows, strict=True))


# -- formats ---------------------------------------------------------------------------------


def _tinyvideo(rows: Iterator[Row], folder: Path) -> int:
    count = 0
    with (
        _appearing(folder / "tinyvideo.txt") as names,
        _appearing(folder / "origins.jsonl") as origins,
        _appearing(folder / "tinyvideo.tar") as file,
        tarfile.open(fileobj=file, mode="w") as tar,
    ):
        for row in rows:
            name = released_name(row)
            _add(tar, f"{FOLDER}/{name}", row["jpeg"])
            names.write(f"{name}\n".encode())
            origins.write(_json(row, path=str(name)) + b"\n")
            count += 1
    return count


def _webdataset(rows: Iterator[Row], folder: Path) -> int:
    count = 0
    for number in itertools.count():
        batch = itertools.islice(rows, TAR_STRIPS)
        first = next(batch, None)
        if first is None:
            return count
        path = folder / f"strips-{number:06d}.tar"
        with _appearing(path) as file, tarfile.open(fileobj=file, mode="w") as tar:
            for row in itertools.chain([first], batch):
                name = _strip_id(row)
                _add(tar, f"{name}.jpg", row["jpeg"])
                _add(tar, f"{name}.json", _json(row))
                count += 1
    return count


def _mp4(rows: Iterator[Row], folder: Path) -> int:
    count = 0
    with _appearing(folder / "origins.jsonl") as origins:
        for row in rows:
            name = f"{_strip_id(row)}.mp4"
            partial = folder / f".{name}.partial"
            fps = Fraction(row["fps"]).limit_denominator(1001) if row["fps"] else DEFAULT_FPS
            write_mp4(partial, _decode(row), fps)
            partial.rename(folder / name)
            origins.write(_json(row, path=name) + b"\n")
            count += 1
    return count


FORMATS: Mapping[str, Callable[[Iterator[Row], Path], int]] = {
    "tinyvideo": _tinyvideo,
    "webdataset": _webdataset,
    "mp4": _mp4,
}


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


@contextmanager
def _appearing(path: Path) -> Iterator[IO[bytes]]:
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        yield file
    partial.rename(path)


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
    return json.dumps(known, ensure_ascii=False).encode()


def _decode(row: Row) -> Frames:
    try:
        return decode_strip(row["jpeg"])
    except ValueError as error:
        raise StorageError(f"strip {row['strip_id']} cannot be decoded: {error}") from error
