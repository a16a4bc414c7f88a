"""The tables of the catalog, and the words in them that more than one module needs.

Cost: data only.
"""

from typing import Any

import sqlalchemy as sa

from tinyvideo.storage.database.column_types import BigWhole, Moment, Real, Text, Whole

ACCEPTED = "accepted"
"""What `clips.outcome` says of a window that became a strip; else it is the reason."""

VIDEOS_FOUND = "videos_found"
"""Name of the fact that counts what was ever entered: the left side of the books."""

CONFIG_HASH, CONFIG_VALUES = "config_hash", "config"
"""Names of the facts that say what the strips of an output are made with."""

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
    sa.Column("name", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
)
VIDEOS = sa.Table(
    "videos",
    METADATA,
    sa.Column("video_id", Text, primary_key=True),
    sa.Column("source", Text, nullable=False),
    sa.Column("uri", Text, nullable=False),
    sa.Column("title", Text, nullable=False),
    sa.Column("owner", Text, nullable=False),
    sa.Column("owner_name", Text, nullable=False, default=""),
    sa.Column("page_url", Text, nullable=False),
    sa.Column("license", Text, nullable=False),
    sa.Column("license_id", Text, nullable=False, default=""),
    sa.Column("license_url", Text, nullable=False, default=""),
    sa.Column("tags", Text, nullable=False, default=""),
    sa.Column("uploaded_at", BigWhole),
    sa.Column("taken_at", Text, nullable=False, default=""),
    sa.Column("views", BigWhole),
    sa.Column("latitude", Real),
    sa.Column("longitude", Real),
    sa.Column("secret", Text, nullable=False, default=""),
    sa.Column("state", Text, nullable=False),
    # Of a pending video: why its last attempt came to nothing.
    sa.Column("reason", Text, nullable=False, default=""),
    sa.Column("detail", Text, nullable=False, default=""),
    sa.Column("attempts", Whole, nullable=False, default=0),
    sa.Column("shard_key", Text, nullable=False, default=""),
    sa.Column("found_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    # When it was found, or later: nobody leases it before.
    sa.Column("next_try_at", Moment, nullable=False),
    # Who had it last, and until when nobody else may have it.
    sa.Column("holder", Text, nullable=False, default=""),
    sa.Column("leased_until", Moment),
    # When its source was last asked about it after it was found, and what it is now, if that
    # matters: gone, private, relicensed.
    sa.Column("asked_at", Moment),
    sa.Column("found_to_be", Text, nullable=False, default=""),
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
    sa.Column("at", Moment, nullable=False),
    sa.Column("what", Text, nullable=False),
    sa.Column("detail", Text, nullable=False, default=""),
)
"""What befell a video and no longer stands in its row: attempts that came to nothing."""

WINDOWS = sa.Table(
    "windows",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("query", Text, nullable=False),
    sa.Column("since", BigWhole, nullable=False),
    sa.Column("until", BigWhole, nullable=False),
    sa.Column("reported", BigWhole, nullable=False),
    sa.Column("found", Whole, nullable=False),
    sa.Column("missing", Whole, nullable=False),
    sa.Column("truncated", sa.Boolean, nullable=False),
    sa.Column("pages", Whole, nullable=False),
    sa.Column("calls", Whole, nullable=False),
    sa.Column("least_calls", Whole, nullable=False),
    sa.Column("splits", Whole, nullable=False),
    sa.Column("asked_at", Moment, nullable=False),
    sa.Column("doubt", Text, nullable=False, default=""),
    sa.Column("rising", Whole, nullable=False, default=0),
    sa.Column("falling", Whole, nullable=False, default=0),
    sa.Column("both_ways", Whole, nullable=False, default=0),
    sa.Index("walk", "query", "since"),
)
"""What a search has looked at: see `storage.catalog.search_coverage`."""

MISREAD = sa.Table(
    "misread",
    METADATA,
    sa.Column("why", Text, primary_key=True),
    sa.Column("count", BigWhole, nullable=False),
    sa.Column("first", Text, nullable=False),
    sa.Column("first_at", Moment, nullable=False),
    sa.Column("last_at", Moment, nullable=False),
)
"""Answers that were not understood: see `storage.catalog.misread_answers`."""

BLOCKS = sa.Table(
    "blocks",
    METADATA,
    sa.Column("kind", Text, primary_key=True),
    sa.Column("name", Text, primary_key=True),
    sa.Column("why", Text, nullable=False, default=""),
    sa.Column("at", Moment, nullable=False),
)
"""Ids and owners that are never to be fetched, beside those that were taken down."""

CLIPS = sa.Table(
    "clips",
    METADATA,
    sa.Column("video_id", sa.ForeignKey("videos.video_id"), primary_key=True),
    sa.Column("outcome", Text, primary_key=True),
    sa.Column("count", Whole, nullable=False),
    sa.Column("first_detail", Text, nullable=False, default=""),
)
TALLIES = sa.Table(
    "tallies",
    METADATA,
    sa.Column("kind", Text, primary_key=True),
    sa.Column("state", Text, primary_key=True),
    sa.Column("name", Text, primary_key=True),
    sa.Column("count", BigWhole, nullable=False),
)
"""Sums over the rows of videos and clips, kept by the database: see `storage.database.counters`."""

SHARDS = sa.Table(
    "shards",
    METADATA,
    sa.Column("key", Text, primary_key=True),
    sa.Column("number", Whole, nullable=False, unique=True),
    sa.Column("committed", sa.Boolean, nullable=False),
    sa.Column("strips", Whole, nullable=False, default=0),
    sa.Column("bytes", BigWhole, nullable=False, default=0),
    sa.Column("sha256", Text, nullable=False, default=""),
    sa.Column("updated_at", Moment, nullable=False),
)
TAKEDOWNS = sa.Table(
    "takedowns",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("kind", Text, nullable=False),
    sa.Column("name", Text, nullable=False, index=True),
    sa.Column("requested_at", Moment, nullable=False),
    sa.Column("finished_at", Moment),
    sa.Column("report", Text, nullable=False, default="{}"),
)
REWRITES = sa.Table(
    "rewrites",
    METADATA,
    sa.Column("old_key", Text, primary_key=True),
    sa.Column("new_key", Text, nullable=False),
    sa.Column("committed", sa.Boolean, nullable=False),
    sa.Column("sha256", Text, nullable=False, default=""),
    # The rows are where they were, or there are none: datasets need not read the old object.
    sa.Column("same_places", sa.Boolean, nullable=False, default=False),
)
BATCHES = sa.Table(
    "batches",
    METADATA,
    sa.Column("number", Whole, primary_key=True, autoincrement=False),
    sa.Column("token", Text, nullable=False, unique=True),
    sa.Column("label", Text, nullable=False, default=""),
    sa.Column("videos", Whole, nullable=False),
    sa.Column("state", Text, nullable=False, index=True),
    sa.Column("worker", Text, nullable=False, default=""),
    sa.Column("attempts", Whole, nullable=False, default=0),
    sa.Column("began_at", Moment, nullable=False),
    sa.Column("started_at", Moment),
    sa.Column("ended_at", Moment),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("strips", Whole, nullable=False, default=0),
    sa.Column("bytes", BigWhole, nullable=False, default=0),
    sa.Column("outcomes", Text, nullable=False, default="{}"),
)
