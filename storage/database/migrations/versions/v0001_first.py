"""Version 1: facts, videos, clips and shards; it was made by hand, before Alembic came."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Do nothing: whoever has this version has its tables."""
