"""One Parquet file of strips: its columns, how it is written, read and checked.

checksums        A checksum for every row group of a shard, so that damage has a place
columns          The small columns of a shard, in chunks of whole row groups: never a picture
picture_bytes    The pictures of a row group, by one read and without a copy
schema           The Arrow schema of a shard's rows: one row is one strip, and everything that
                 is known of it
schema_versions  Shards of every version -> the rows of today: the upgrade path of
                 `storage.shards.schema`
shard_reader     One Parquet shard -> strips
shard_writer     Rows of strips -> a Parquet file of `storage.shards.schema.STORED`
strip_columns    The columns of a strip: name, type, unit and meaning of each, and what null says
                 there
"""

from tinyvideo.storage.shards.checksums import GroupChecksum, read_checksums
from tinyvideo.storage.shards.columns import Rows, iterate_columns
from tinyvideo.storage.shards.picture_bytes import PictureSpans, Take, find_pictures, read_pictures
from tinyvideo.storage.shards.schema import SCHEMA, SCHEMA_VERSION, crop_of, hashed, row_of
from tinyvideo.storage.shards.shard_reader import (
    ShardFile,
    iterate_groups,
    iterate_rows,
    iterate_tables,
    open_shard,
    read_rows,
    read_table,
    shard_metadata,
    strips_by_video,
    verify_shard,
    write_shard,
)
from tinyvideo.storage.shards.shard_writer import MADE_BY_KEY, ShardWriter
from tinyvideo.storage.shards.strip_columns import CROP_COLUMNS, HASH, PICTURE, described

__all__ = [
    "CROP_COLUMNS",
    "HASH",
    "MADE_BY_KEY",
    "PICTURE",
    "SCHEMA",
    "SCHEMA_VERSION",
    "GroupChecksum",
    "PictureSpans",
    "Rows",
    "ShardFile",
    "ShardWriter",
    "Take",
    "crop_of",
    "described",
    "find_pictures",
    "hashed",
    "iterate_columns",
    "iterate_groups",
    "iterate_rows",
    "iterate_tables",
    "open_shard",
    "read_checksums",
    "read_pictures",
    "read_rows",
    "read_table",
    "row_of",
    "shard_metadata",
    "strips_by_video",
    "verify_shard",
    "write_shard",
]
