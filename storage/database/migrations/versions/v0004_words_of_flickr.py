"""Version 4: when and where a video was filmed, its views; indexes for leases and for shards."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_LEASED = sa.text("state = 'leased'")


def upgrade() -> None:
    """Add the columns, and have one index for members of shards and two small ones for leases."""
    op.add_column("videos", sa.Column("taken_at", _TEXT, nullable=False, server_default=""))
    op.add_column("videos", sa.Column("views", sa.BigInteger))
    op.add_column("videos", sa.Column("latitude", sa.Double))
    op.add_column("videos", sa.Column("longitude", sa.Double))
    op.drop_index("ix_videos_shard_key", "videos", if_exists=True)
    op.create_index("members", "videos", ["shard_key", "state"])
    for name, column in (("holders", "holder"), ("endings", "leased_until")):
        op.create_index(
            name, "videos", ["state", column], sqlite_where=_LEASED, postgresql_where=_LEASED
        )
