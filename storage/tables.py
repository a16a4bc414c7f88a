"""The tables of the catalog, and the words in them that more than one module needs.

Cost: data only.
"""

import sqlalchemy as sa

ACCEPTED = "accepted"
"""What `clips.outcome` says of a window that became a strip; else it is the reason."""

VIDEOS_FOUND = "videos_found"
"""Name of the fact that counts what was ever entered: the left side of the books."""

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
    sa.Column("state", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False, default=""),
    sa.Column("detail", sa.String, nullable=False, default=""),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("shard_key", sa.String, nullable=False, default="", index=True),
    sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    # In the order in which a lease takes them, so that it reads no more rows than it takes.
    sa.Index("queue", "state", "found_at", "video_id"),
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
