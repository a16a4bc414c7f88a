"""Version 2: what was taken down, and which shards were written anew."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the two tables."""
    op.create_table(
        "takedowns",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False, index=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("report", _TEXT, nullable=False),
    )
    op.create_table(
        "rewrites",
        sa.Column("old_key", _TEXT, primary_key=True),
        sa.Column("new_key", _TEXT, nullable=False),
        sa.Column("committed", sa.Boolean, nullable=False),
        sa.Column("sha256", _TEXT, nullable=False),
        sa.Column("same_places", sa.Boolean, nullable=False),
    )
