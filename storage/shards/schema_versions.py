"""Shards of every version -> the rows of today: the upgrade path of `storage.shards.schema`.

A file is never rewritten because the schema has grown. Columns that a file of an older version
lacks come as their defaults, as those of `pipeline.types.StabilizationFigures`; the picture comes
as plain bytes, however it is stored. Nothing is copied: the bytes stay where pyarrow has put them.

Cost: 0.7 ms per row group of 64 strips if all columns are wanted, 1 ms to write one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields

import pyarrow as pa
import pyarrow.compute as pc

from tinyvideo.pipeline.types import StabilizationFigures, StoredAs
from tinyvideo.storage.shards.schema import CROP_COLUMNS, OVERLAY_COLUMNS, PICTURE, SCHEMA, STORED

DEFAULTS: dict[str, str | float | None] = {
    **{
        field.name: field.default
        for field in fields(StabilizationFigures)
        if field.default is None or isinstance(field.default, str | float)
    },
    **dict.fromkeys((*CROP_COLUMNS, "overlay_share", *OVERLAY_COLUMNS)),
    **dict.fromkeys(field.name for field in fields(StoredAs)),
    **dict.fromkeys(("near_duplicate_group", "owner_name", "license_id", "license_url"), ""),
    "source_frames": None,
}
"""What versions 2 to 4 have added, and what stands there for a strip of an older one."""


def stored_names(columns: Iterable[str], stored: pa.Schema) -> list[str]:
    """Name what has to be read of a file so that `from_stored` can give these columns."""
    names = [name for name in columns if name in stored.names or name not in DEFAULTS]
    is_pair = PICTURE in stored.names and pa.types.is_struct(stored.field(PICTURE).type)
    return [f"{PICTURE}.bytes" if name == PICTURE and is_pair else name for name in names]


def from_stored(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Turn what was read of a file into `columns` of `SCHEMA`, in that order."""
    return pa.table(
        [_column(table, name) for name in columns],
        schema=pa.schema([SCHEMA.field(name) for name in columns]),
    )


def to_stored(rows: pa.Table) -> pa.Table:
    """Turn rows of `SCHEMA` into those of `STORED`; a picture is named after its strip.

    Raises:
        pa.ArrowInvalid: a row has no picture.
    """
    pictures = rows[PICTURE].combine_chunks()
    if pictures.null_count:
        raise pa.ArrowInvalid(f"{pictures.null_count} of {len(rows)} rows have no {PICTURE}")
    strip_ids = rows["strip_id"].combine_chunks()
    names = pc.binary_join_element_wise(strip_ids, ".jpg", "")
    pairs = pa.StructArray.from_arrays([pictures, names], ["bytes", "path"])
    number = rows.schema.get_field_index(PICTURE)
    return pa.table([*rows.columns[:number], pairs, *rows.columns[number + 1 :]], schema=STORED)


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names and name in DEFAULTS:
        default = pa.scalar(DEFAULTS[name], SCHEMA.field(name).type)
        return pa.chunked_array([pa.repeat(default, len(table))])
    column = table[name]
    if name == PICTURE and pa.types.is_struct(column.type):
        return pc.struct_field(column, "bytes")
    return column.cast(SCHEMA.field(name).type)
