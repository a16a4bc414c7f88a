"""The pictures of a row group, by one read and without a copy.

A loader spends its time in decoding JPEG, so nothing else may cost much. Arrow would copy the
pictures out of the page that they came in. Here the pages of the column `jpeg`, which
`storage.shards.shard_reader` writes uncompressed, are taken apart where they lie: a page is a
Thrift header and then, for each picture, its length in 4 bytes and its bytes. The check sum in the
header is compared, so a flipped byte is an error and no odd picture.

Cost: 6 ms of processor time for the 64 strips of a row group, 15 MB.

Source: the Parquet format, parquet.thrift (PageHeader) and Thrift's compact protocol.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from zlib_ng import zlib_ng

from tinyvideo.storage.objects import Store
from tinyvideo.storage.shards.shard_reader import ShardFile, open_shard
from tinyvideo.storage.shards.strip_columns import PICTURE
from tinyvideo.storage.storage_errors import DamagedRowsError, StorageError

Take: TypeAlias = Callable[[int], Any]
"""Returns a buffer of so many bytes, with any content: a bytearray, an array of uint8."""

_COLUMNS = (PICTURE, f"{PICTURE}.bytes")
"""What the pictures are called in shards of version 1 and 2."""

# Numbers of Thrift's types and of the fields of a page header.
_TRUE, _FALSE, _BINARY, _STRUCT = 1, 2, 8, 12
_INTEGERS = (3, 4, 5, 6)
_TYPE, _SIZE, _CRC, _DATA = 1, 3, 4, 5
_VALUES, _ENCODING = 1, 2
_DATA_PAGE, _PLAIN = 0, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSpans:
    """Where the pictures of one shard lie; arrays of (row groups,)."""

    start: npt.NDArray[np.int64]
    """First byte."""

    length: npt.NDArray[np.int64]
    """Bytes."""

    rows: npt.NDArray[np.int64]

    has_levels: bool
    """Whether each page begins with a list of what is there: version 2, where all is."""


def find_pictures(store: Store, key: str) -> PictureSpans:
    """Read from a shard's footer where its pictures lie.

    Raises:
        StorageError: the shard cannot be opened, or somebody else has packed its pictures.
    """
    with open_shard(ShardFile(store, key)) as file:
        # Not by `metadata.schema`, whose cycle keeps the footer until the collector runs.
        groups = [file.metadata.row_group(group) for group in range(file.num_row_groups)]
        names = [groups[0].column(n).path_in_schema for n in range(groups[0].num_columns)]
        numbers = [n for n, name in enumerate(names) if name in _COLUMNS]
        columns = [group.column(numbers[0]) for group in groups if numbers]
        has_levels = bool(numbers) and _may_be_null(file.schema_arrow, names[numbers[0]])
    packed = any(c.compression != "UNCOMPRESSED" or c.has_dictionary_page for c in columns)
    if not numbers or packed:
        raise StorageError(
            f"{store.name(key)} does not hold its pictures as tinyvideo writes them; "
            "have the shard made anew"
        )
    return PictureSpans(
        start=np.array([column.data_page_offset for column in columns], np.int64),
        length=np.array([column.total_compressed_size for column in columns], np.int64),
        rows=np.array([group.num_rows for group in groups], np.int64),
        has_levels=has_levels,
    )


def _may_be_null(schema: pa.Schema, path: str) -> bool:
    names = path.split(".")
    fields = [schema.field(names[0])]
    for name in names[1:]:
        fields.append(fields[-1].type.field(name))
    return any(field.nullable for field in fields)


def read_pictures(
    store: Store, key: str, spans: PictureSpans, row_group: int, take: Take = bytearray
) -> list[memoryview]:
    """Read all pictures of one row group, into memory from `take`; each is a view into that.

    Raises:
        StorageError: the shard is gone, has no such row group, or its bytes are damaged.
    """
    named = f"row group {row_group} of {store.name(key)}"
    if row_group >= len(spans.rows):
        raise StorageError(f"there is no {named}, which has {len(spans.rows)}")
    content = memoryview(take(int(spans.length[row_group])))
    store.fill(key, int(spans.start[row_group]), content)
    try:
        pictures = list(_take_apart(content, spans.has_levels))
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise DamagedRowsError(f"{named} is damaged: {error}") from error
    if len(pictures) != spans.rows[row_group]:
        raise DamagedRowsError(
            f"{named} is damaged: {len(pictures)} pictures in {spans.rows[row_group]} rows"
        )
    return pictures


def _take_apart(column: memoryview, has_levels: bool) -> Iterator[memoryview]:
    at = 0
    while at < len(column):
        header, at = _read_struct(column, at)
        page = column[at : at + header[_SIZE]]
        at += header[_SIZE]
        if header[_TYPE] != _DATA_PAGE or header[_DATA][_ENCODING] != _PLAIN:
            raise ValueError("it has a page of another kind than tinyvideo writes")
        if zlib_ng.crc32(page) != header[_CRC] % 2**32:  # a tenth of what Python's own takes
            raise ValueError("wrong check sum")
        yield from _split_page(page, header[_DATA][_VALUES], has_levels)


def _split_page(page: memoryview, count: int, has_levels: bool) -> Iterator[memoryview]:
    at = 4 + _length(page, 0) if has_levels else 0
    for _ in range(count):
        end = at + 4 + _length(page, at)
        yield page[at + 4 : end]
        at = end
    if at != len(page):
        raise ValueError(f"its {count} pictures take {at} of {len(page)} bytes")


def _length(page: memoryview, at: int) -> int:
    return int.from_bytes(page[at : at + 4], "little")


def _read_struct(data: memoryview, at: int) -> tuple[dict[int, Any], int]:
    fields: dict[int, Any] = {}
    number = 0
    while kind := data[at] & 15:
        delta = data[at] >> 4
        at += 1
        if delta:
            number += delta
        else:
            number, at = _read_signed(data, at)
        fields[number], at = _read_value(data, at, kind)
    return fields, at + 1


def _read_value(data: memoryview, at: int, kind: int) -> tuple[Any, int]:
    if kind in {_TRUE, _FALSE}:
        return kind == _TRUE, at
    if kind in _INTEGERS:
        return _read_signed(data, at)
    if kind == _STRUCT:
        return _read_struct(data, at)
    if kind == _BINARY:
        length, at = _read_unsigned(data, at)
        return data[at : at + length], at + length
    raise ValueError(f"its page header has a field of type {kind}")


def _read_signed(data: memoryview, at: int) -> tuple[int, int]:
    value, at = _read_unsigned(data, at)
    return (value >> 1) ^ -(value & 1), at


def _read_unsigned(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0  # seven bits per byte, the lowest first
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at
