"""The tables of the catalog, and how its SQLite file is opened.

Cost: data only; opening a file that exists takes a few milliseconds.
"""

from pathlib import Path
from typing import Any

import sqlalchemy as sa

METADATA = sa.MetaData()
FACTS = sa.Table(
    "facts",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)
VIDEOS = sa.Table(
    "videos",
    METADATA,
    sa.Column("video_id", sa.String, primary_key=True),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("uri", sa.String, nullable=False),
    sa.Column("title", sa.String, nullable=False),
    sa.Column("owner", sa.String, nullable=False),
    sa.Column("page_url", sa.String, nullable=False),
    sa.Column("license", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False, index=True),
    sa.Column("reason", sa.String, nullable=False, default=""),
    sa.Column("detail", sa.String, nullable=False, default=""),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("shard_key", sa.String, nullable=False, default="", index=True),
    sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
)
CLIPS = sa.Table(
    "clips",
    METADATA,
    sa.Column("video_id", sa.ForeignKey("videos.video_id"), primary_key=True),
    sa.Column("outcome", sa.String, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("first_detail", sa.String, nullable=False, default=""),
)
SHARDS = sa.Table(
    "shards",
    METADATA,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False, unique=True),
    sa.Column("committed", sa.Boolean, nullable=False),
    sa.Column("strips", sa.Integer, nullable=False, default=0),
    sa.Column("bytes", sa.BigInteger, nullable=False, default=0),
    sa.Column("sha256", sa.String, nullable=False, default=""),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
)


def open_sqlite(path: Path) -> sa.Engine:
    """Connect to the SQLite file at `path`; a busy writer is waited for up to 30 s."""
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),  # as an object: any file name survives
        connect_args={"timeout": 30},
    )
    sa.event.listen(engine, "connect", _use_write_ahead_log)
    return engine


def _use_write_ahead_log(connection: Any, _record: object) -> None:
    # Readers (`tinyvideo status`, the progress bar) then never wait for the writer.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")
