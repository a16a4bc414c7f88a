"""Version 3: leases that end, batches, times for the next try, a history, Flickr's own words.

Columns are added with a default that stays in the database, because SQLite cannot take it away
again without writing the table anew.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from tinyvideo.storage.database.counters import keep_counters

revision = "0003"
down_revision = "0002"

_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_MOMENT: sa.DateTime = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add columns to the videos, and the tables of what is new."""
    for name in ("owner_name", "license_id", "license_url", "tags", "secret", "holder"):
        _add(name, _TEXT, nullable=False, server_default="")
    _add("uploaded_at", sa.BigInteger)
    _add("leased_until", _MOMENT)
    _add("next_try_at", _MOMENT, nullable=False, server_default="1970-01-01 00:00:00")
    op.execute("UPDATE videos SET next_try_at = found_at")
    # A lease of version 2 ends when its run does: whoever upgrades a catalog is its only run.
    op.execute("UPDATE videos SET leased_until = found_at WHERE state = 'leased'")
    for index in ("queue", "ix_videos_state"):  # the first of version 1 had the latter
        op.drop_index(index, "videos", if_exists=True)
    op.create_index("queue", "videos", ["state", "next_try_at", "video_id"])
    op.create_table(
        "events",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("video_id", _TEXT, sa.ForeignKey("videos.video_id"), nullable=False, index=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("what", _TEXT, nullable=False),
        sa.Column("detail", _TEXT, nullable=False),
    )
    op.create_table(
        "windows",
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
        sa.Column("asked_at", _MOMENT, nullable=False),
    )
    op.create_index("walk", "windows", ["query", "since"])
    op.create_table(
        "blocks",
        sa.Column("kind", _TEXT, primary_key=True),
        sa.Column("name", _TEXT, primary_key=True),
        sa.Column("why", _TEXT, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
    )
    op.create_table(
        "tallies",
        sa.Column("kind", _TEXT, primary_key=True),
        sa.Column("state", _TEXT, primary_key=True),
        sa.Column("name", _TEXT, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    _add_batches()
    keep_counters(op.get_bind())


def _add_batches() -> None:
    op.create_table(
        "batches",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("token", _TEXT, nullable=False, unique=True),
        sa.Column("label", _TEXT, nullable=False),
        sa.Column("videos", sa.Integer, nullable=False),
        sa.Column("state", _TEXT, nullable=False, index=True),
        sa.Column("worker", _TEXT, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("began_at", _MOMENT, nullable=False),
        sa.Column("started_at", _MOMENT),
        sa.Column("ended_at", _MOMENT),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("strips", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("outcomes", _TEXT, nullable=False),
    )


def _add(name: str, kind: Any, **rest: Any) -> None:
    op.add_column("videos", sa.Column(name, kind, **rest))
