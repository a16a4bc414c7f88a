"""Alembic's part of the catalog: what makes the tables of an older version those of today.

A new catalog gets its tables from `tables` at once. One of an older version goes through
`versions/`, a file per version, inside the transaction that found it: killed in between, it is
as it was. The number of the version stands in the facts too, where programs look that
are older than Alembic's part in this, and refuse what is newer than they are.

The steps are Alembic's, with its operations. Ours is what it does not know: the versions from
before it came, and that fact.

Cost: Alembic is imported only where something has to be done.
"""

from pathlib import Path

import sqlalchemy as sa

from tinyvideo.storage.database.tables import FACTS, REVISION


def migrate(db: sa.Connection, known: int) -> None:
    """Bring the tables from version `known` to the newest, in the transaction of `db`."""
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    if not sa.inspect(db).has_table(REVISION.name):  # versions 1 and 2 were kept without Alembic
        REVISION.create(db)
        stamp(db, known)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = db
    command.upgrade(config, "head")
    _set_fact(db, int(db.scalar(sa.select(REVISION.c.version_num)) or known))


def stamp(db: sa.Connection, version: int) -> None:
    """Say that the tables are those of `version`, unless something is said already."""
    if db.scalar(sa.select(sa.func.count()).select_from(REVISION)) == 0:
        db.execute(REVISION.insert().values(version_num=f"{version:04d}"))


def _set_fact(db: sa.Connection, version: int) -> None:
    db.execute(FACTS.update().where(FACTS.c.name == "version").values(value=str(version)))
