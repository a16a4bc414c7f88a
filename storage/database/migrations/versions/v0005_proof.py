"""Version 5: why a window is not proven, what nobody understood, when a source was asked again."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns and the table; windows of before were seen from one end, and say so."""
    op.add_column("windows", sa.Column("doubt", _TEXT, nullable=False, server_default=""))
    for name in ("rising", "falling", "both_ways"):
        op.add_column("windows", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    op.execute(sa.text("UPDATE windows SET doubt = 'older'"))
    op.execute(sa.text("UPDATE windows SET doubt = 'repeats' WHERE missing > 0"))
    op.execute(sa.text("UPDATE windows SET doubt = 'out_of_reach' WHERE truncated"))
    op.add_column("videos", sa.Column("asked_at", _MOMENT))
    op.add_column("videos", sa.Column("found_to_be", _TEXT, nullable=False, server_default=""))
    op.create_table(
        "misread",
        sa.Column("why", _TEXT, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("first", _TEXT, nullable=False),
        sa.Column("first_at", _MOMENT, nullable=False),
        sa.Column("last_at", _MOMENT, nullable=False),
    )
