"""The tables of the catalog, and the words in them that more than one module needs.

Cost: data only.
"""

from typing import Any

import sqlalchemy as sa

ACCEPTED = "accepted"
"""What `clips.outcome` says of a window that became a strip; else it is the reason."""

VIDEOS_FOUND = "videos_found"
"""Name of the fact that counts what was ever entered: the left side of the books."""

_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
"""Sorted by code points, as in SQLite and Python, whatever the language of the server."""

_IS_LEASED = sa.text("state = 'leased'")
_ONLY_LEASED: dict[str, Any] = {"sqlite_where": _IS_LEASED, "postgresql_where": _IS_LEASED}

METADATA = sa.MetaData()
REVISION = sa.Table(
    "alembic_version",
    METADATA,
    sa.Column("version_num", sa.String(32), primary_key=True),
)
"""Where Alembic keeps the version of the tables."""

FACTS = sa.Table(
    "facts",
    METADATA,
    sa.Column("name", _TEXT, primary_key=True),
    sa.Column("value", _TEXT, nullable=False),
)
VIDEOS = sa.Table(
    "videos",
    METADATA,
    sa.Column("video_id", _TEXT, primary_key=True),
    sa.Column("source", _TEXT, nullable=False),
    sa.Column("uri", _TEXT, nullable=False),
    sa.Column("title", _TEXT, nullable=False),
    sa.Column("owner", _TEXT, nullable=False),
    sa.Column("owner_name", _TEXT, nullable=False, default=""),
    sa.Column("page_url", _TEXT, nullable=False),
    sa.Column("license", _TEXT, nullable=False),
    sa.Column("license_id", _TEXT, nullable=False, default=""),
    sa.Column("license_url", _TEXT, nullable=False, default=""),
    sa.Column("tags", _TEXT, nullable=False, default=""),
    sa.Column("uploaded_at", sa.BigInteger),
    sa.Column("taken_at", _TEXT, nullable=False, default=""),
    sa.Column("views", sa.BigInteger),
    sa.Column("latitude", sa.Double),
    sa.Column("longitude", sa.Double),
    sa.Column("secret", _TEXT, nullable=False, default=""),
    sa.Column("state", _TEXT, nullable=False),
    # Of a pending video: why its last attempt came to nothing.
    sa.Column("reason", _TEXT, nullable=False, default=""),
    sa.Column("detail", _TEXT, nullable=False, default=""),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("shard_key", _TEXT, nullable=False, default=""),
    sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    # When it was found, or later: nobody leases it before.
    sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
    # Who had it last, and until when nobody else may have it.
    sa.Column("holder", _TEXT, nullable=False, default=""),
    sa.Column("leased_until", sa.DateTime(timezone=True)),
    # When its source was last asked about it after it was found, and what it is now, if that
    # matters: gone, private, relicensed.
    sa.Column("asked_at", sa.DateTime(timezone=True)),
    sa.Column("found_to_be", _TEXT, nullable=False, default=""),
    # In the order in which a lease takes them, so that it reads no more rows than it takes.
    sa.Index("queue", "state", "next_try_at", "video_id"),
    # Nearly all videos have no shard, or are sharded: neither column alone narrows it down.
    sa.Index("members", "shard_key", "state"),
    # Only of what is leased: some thousand rows, whatever the catalog holds.
    sa.Index("holders", "state", "holder", **_ONLY_LEASED),
    sa.Index("endings", "state", "leased_until", **_ONLY_LEASED),
)
EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("video_id", sa.ForeignKey("videos.video_id"), nullable=False, index=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("what", _TEXT, nullable=False),
    sa.Column("detail", _TEXT, nullable=False, default=""),
)
"""What befell a video and no longer stands in its row: attempts that came to nothing."""

WINDOWS = sa.Table(
    "windows",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("query", _TEXT, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("reported", sa.BigInteger, nullable=False),
    sa.Column("found", sa.Integer, nullable=False),
    sa.Column("missing", sa.Integer, nullable=False),
    sa.Column("truncated", sa.Boolean, nullable=False),
    sa.Column("pages", sa.Integer, nullable=False),
    sa.Column("calls", sa.Integer, nullable=False),
    sa.Column("least_calls", sa.Integer, nullable=False),
    sa.Column("splits", sa.Integer, nullable=False),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("doubt", _TEXT, nullable=False, default=""),
    sa.Column("rising", sa.Integer, nullable=False, default=0),
    sa.Column("falling", sa.Integer, nullable=False, default=0),
    sa.Column("both_ways", sa.Integer, nullable=False, default=0),
    sa.Index("walk", "query", "since"),
)
"""What a search has looked at: see `storage.catalog.search_coverage`."""

MISREAD = sa.Table(
    "misread",
    METADATA,
    sa.Column("why", _TEXT, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("first", _TEXT, nullable=False),
    sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
)
"""Answers that were not understood: see `storage.catalog.misread_answers`."""

BLOCKS = sa.Table(
    "blocks",
    METADATA,
    sa.Column("kind", _TEXT, primary_key=True),
    sa.Column("name", _TEXT, primary_key=True),
    sa.Column("why", _TEXT, nullable=False, default=""),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)
"""Ids and owners that are never to be fetched, beside those that were taken down."""

CLIPS = sa.Table(
    "clips",
    METADATA,
    sa.Column("video_id", sa.ForeignKey("videos.video_id"), primary_key=True),
    sa.Column("outcome", _TEXT, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("first_detail", _TEXT, nullable=False, default=""),
)
TALLIES = sa.Table(
    "tallies",
    METADATA,
    sa.Column("kind", _TEXT, primary_key=True),
    sa.Column("state", _TEXT, primary_key=True),
    sa.Column("name", _TEXT, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
)
"""Sums over the rows of videos and clips, kept by the database: see `storage.database.counters`."""

SHARDS = sa.Table(
    "shards",
    METADATA,
    sa.Column("key", _TEXT, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False, unique=True),
    sa.Column("committed", sa.Boolean, nullable=False),
    sa.Column("strips", sa.Integer, nullable=False, default=0),
    sa.Column("bytes", sa.BigInteger, nullable=False, default=0),
    sa.Column("sha256", _TEXT, nullable=False, default=""),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
)
TAKEDOWNS = sa.Table(
    "takedowns",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("kind", _TEXT, nullable=False),
    sa.Column("name", _TEXT, nullable=False, index=True),
    sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("report", _TEXT, nullable=False, default="{}"),
)
REWRITES = sa.Table(
    "rewrites",
    METADATA,
    sa.Column("old_key", _TEXT, primary_key=True),
    sa.Column("new_key", _TEXT, nullable=False),
    sa.Column("committed", sa.Boolean, nullable=False),
    sa.Column("sha256", _TEXT, nullable=False, default=""),
    # The rows are where they were, or there are none: datasets need not read the old object.
    sa.Column("same_places", sa.Boolean, nullable=False, default=False),
)
BATCHES = sa.Table(
    "batches",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("token", _TEXT, nullable=False, unique=True),
    sa.Column("label", _TEXT, nullable=False, default=""),
    sa.Column("videos", sa.Integer, nullable=False),
    sa.Column("state", _TEXT, nullable=False, index=True),
    sa.Column("worker", _TEXT, nullable=False, default=""),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True)),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("strips", sa.Integer, nullable=False, default=0),
    sa.Column("bytes", sa.BigInteger, nullable=False, default=0),
    sa.Column("outcomes", _TEXT, nullable=False, default="{}"),
)
