"""Shards of every version -> the rows of today: the upgrade path of `storage.shards.schema`.

A file is never rewritten because the schema has grown. What a file of an older version lacks is
null, as is what it has NaN, -1, 0 or empty text for; its `uri` gives `source_file`, and is no path
any more. The picture comes as plain bytes, however it is stored. What a file of version 5 holds is
not copied: the bytes stay where pyarrow has put them.

Cost: 0.7 ms per row group of 64 strips if all columns are wanted, 1 ms to write one; of an older
version 1 ms more.
"""

from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from tinyvideo.storage.shards.schema import (
    SCHEMA,
    SEEN_TOGETHER,
    STORED,
    UNKNOWN,
    VERSION_KEY,
    public_uri,
    source_file_of,
)
from tinyvideo.storage.shards.strip_columns import PICTURE

SINCE_VERSION_1 = frozenset(
    {
        *("motion_model", "condition_number", "drift_px", "jitter_px", "residual_motion_px"),
        *("filled_share", "object_motion", "flicker", "near_duplicate_group"),
        *("owner_name", "license_id", "license_url"),
        *("crop_left", "crop_top", "crop_width", "crop_height"),
        *("overlay_share", "overlay_left", "overlay_top", "overlay_width", "overlay_height"),
        *("transfer", "primaries", "field_order", "interlaced_was", "source_frames"),
        *("still_share", "still_rim", "still_sides", "still_margin", "source_file"),
        "near_duplicate_hash",
    }
)
"""Columns that later versions have added: a file without them is old, not damaged."""

_NULLS_SINCE = 5
"""Version from which on a file has null for what is not known."""

_TOLD_BY = {**SEEN_TOGETHER, "source_file": "uri"}
"""Columns of today for which an older file has to be asked another one."""


def stored_names(columns: Iterable[str], stored: pa.Schema) -> list[str]:
    """Name what has to be read of a file so that `from_stored` can give these columns."""
    wanted = list(columns)
    if _is_old(stored):
        wanted += [_TOLD_BY[name] for name in wanted if name in _TOLD_BY]
    present = [name for name in wanted if name in stored.names or name not in SINCE_VERSION_1]
    is_pair = PICTURE in stored.names and pa.types.is_struct(stored.field(PICTURE).type)
    return [
        f"{PICTURE}.bytes" if name == PICTURE and is_pair else name
        for name in dict.fromkeys(present)
    ]


def from_stored(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Turn what was read of a file into `columns` of `SCHEMA`, in that order."""
    column = _old_column if _is_old(table.schema) else _column
    return pa.table(
        [column(table, name) for name in columns],
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


def _is_old(stored: pa.Schema) -> bool:
    version = (stored.metadata or {}).get(VERSION_KEY, b"")
    return version.isdigit() and int(version) < _NULLS_SINCE


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names and name in SINCE_VERSION_1:
        return pa.chunked_array([pa.nulls(len(table), SCHEMA.field(name).type)])
    column = table[name]
    if name == PICTURE and pa.types.is_struct(column.type):
        return pc.struct_field(column, "bytes")
    return column.cast(SCHEMA.field(name).type)


def _old_column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name == "source_file":
        return _mapped(table["uri"], source_file_of)
    column = _column(table, name)
    if name == "uri":
        return _mapped(column, public_uri)
    if name in SEEN_TOGETHER:
        known = pc.is_valid(_old_column(table, SEEN_TOGETHER[name]))
        return pc.if_else(known, column, pa.scalar(None, column.type))
    unknown = UNKNOWN.get(name)
    if pa.types.is_floating(column.type):
        unknown_here = pc.is_nan(column)
    elif SCHEMA.field(name).nullable and pa.types.is_string(column.type):
        unknown_here = pc.is_in(column, pa.array(["", *([unknown] if unknown else [])]))
    elif unknown is not None:
        unknown_here = pc.equal(column, unknown)
    else:
        return column
    return pc.if_else(pc.fill_null(unknown_here, False), pa.scalar(None, column.type), column)


def _mapped(uris: pa.ChunkedArray, change: Callable[[str], str | None]) -> pa.ChunkedArray:
    # Each address once: a row group has the strips of few videos.
    encoded = uris.combine_chunks().dictionary_encode()
    changed = pa.array([change(uri) for uri in encoded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([changed.take(encoded.indices)])
