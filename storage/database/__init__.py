"""What the catalog stands on: its tables, how they are opened, and how they grow older.

catalog_base  What every part of the catalog stands on: the database, the clock, and the version
              of the tables
column_types  Columns whose values are what they should be, or the catalog is damaged and says so
counters      Sums over millions of rows, kept up to date by the database itself: its triggers
engine        How the catalog's database is opened, and what a transaction is
row_types     Rows of the catalog's tables <-> the types of the pipeline
tables        The tables of the catalog, and the words in them that more than one module needs
migrations/   Alembic's part of the catalog: what makes the tables of an older version those of
              today
"""

from tinyvideo.storage.database.catalog_base import (
    CATALOG_VERSION,
    CatalogBase,
    add_count,
    chunks,
    count_of,
    now,
    read_count,
    read_fact,
    update_videos,
    write_fact,
)
from tinyvideo.storage.database.column_types import DamagedError, storable
from tinyvideo.storage.database.counters import Key, find_differences, read_counters
from tinyvideo.storage.database.engine import alone, is_url, name_of, open_database, transaction
from tinyvideo.storage.database.row_types import (
    RECORD_COLUMNS,
    VIDEO_COLUMNS,
    ShardRow,
    VideoRow,
    record_of,
    row_of_video,
    rows_of_clips,
    state_of,
    verdict_of,
    video_of,
)
from tinyvideo.storage.database.tables import (
    ACCEPTED,
    BATCHES,
    BLOCKS,
    CLIPS,
    CONFIG_HASH,
    CONFIG_VALUES,
    EVENTS,
    FACTS,
    MISREAD,
    REVISION,
    REWRITES,
    SHARDS,
    TAKEDOWNS,
    VIDEOS,
    VIDEOS_FOUND,
    WINDOWS,
)

__all__ = [
    "ACCEPTED",
    "BATCHES",
    "BLOCKS",
    "CATALOG_VERSION",
    "CLIPS",
    "CONFIG_HASH",
    "CONFIG_VALUES",
    "EVENTS",
    "FACTS",
    "MISREAD",
    "RECORD_COLUMNS",
    "REVISION",
    "REWRITES",
    "SHARDS",
    "TAKEDOWNS",
    "VIDEOS",
    "VIDEOS_FOUND",
    "VIDEO_COLUMNS",
    "WINDOWS",
    "CatalogBase",
    "DamagedError",
    "Key",
    "ShardRow",
    "VideoRow",
    "add_count",
    "alone",
    "chunks",
    "count_of",
    "find_differences",
    "is_url",
    "name_of",
    "now",
    "open_database",
    "read_count",
    "read_counters",
    "read_fact",
    "record_of",
    "row_of_video",
    "rows_of_clips",
    "state_of",
    "storable",
    "transaction",
    "update_videos",
    "verdict_of",
    "video_of",
    "write_fact",
]
