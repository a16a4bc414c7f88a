"""Sums over millions of rows, kept up to date by the database itself: its triggers.

The books want to know how many videos are in which state and for which reason, and how many strips
they gave. Counting that anew takes seconds where there are two million videos, so every change of
a row changes the sums in the same transaction. No module can forget it, because none does it.

    kind          state       name         counts
    video         state       reason       videos
    strip         state                    accepted clips of videos in that state
    clip                      outcome      clips that were rejected
    shard_video   sharded     shard's key  videos that count as being in that shard
    shard_strip               shard's key  accepted clips of the videos of that shard

`recount` counts all of it from the rows, which must give the same.

Cost: one more statement per row that changes (SQLite), or per statement (PostgreSQL); reading the
sums takes what the number of shards says, a recount reads every row.
"""

from decimal import Decimal
from typing import TypeAlias

import sqlalchemy as sa

from tinyvideo.storage.database.column_types import DamagedError
from tinyvideo.storage.database.tables import TALLIES

Key: TypeAlias = tuple[str, str, str]
"""Kind, state and name of a sum."""

_OF_VIDEOS = """
    SELECT 'video' AS kind, state, reason AS name, sign AS n FROM {rows} AS r
    UNION ALL SELECT 'shard_video', state, shard_key, sign FROM {rows} AS r
        WHERE state = 'sharded'
    UNION ALL SELECT 'strip', r.state, '', c.count * r.sign FROM {rows} AS r
        JOIN clips AS c ON c.video_id = r.video_id WHERE c.outcome = 'accepted'
    UNION ALL SELECT 'shard_strip', '', r.shard_key, c.count * r.sign FROM {rows} AS r
        JOIN clips AS c ON c.video_id = r.video_id
        WHERE c.outcome = 'accepted' AND r.shard_key <> ''
"""
_OF_CLIPS = """
    SELECT 'clip' AS kind, '' AS state, outcome AS name, count * sign AS n FROM {rows} AS r
        WHERE outcome <> 'accepted'
    UNION ALL SELECT 'strip', v.state, '', r.count * r.sign FROM {rows} AS r
        JOIN videos AS v ON v.video_id = r.video_id WHERE r.outcome = 'accepted'
    UNION ALL SELECT 'shard_strip', '', v.shard_key, r.count * r.sign FROM {rows} AS r
        JOIN videos AS v ON v.video_id = r.video_id
        WHERE r.outcome = 'accepted' AND v.shard_key <> ''
"""
_ADD = """
    INSERT INTO tallies (kind, state, name, count)
    SELECT kind, state, name, sum(n) FROM ({sums}) AS changes
    GROUP BY kind, state, name HAVING sum(n) <> 0
    ON CONFLICT (kind, state, name) DO UPDATE SET count = tallies.count + excluded.count;
"""

_TABLES = {
    "videos": (("video_id", "state", "reason", "shard_key"), _OF_VIDEOS),
    "clips": (("video_id", "outcome", "count"), _OF_CLIPS),
}
"""The columns on which the sums depend, and how rows with a `sign` add to them."""

_SIDES = {"INSERT": {"new": 1}, "UPDATE": {"old": -1, "new": 1}, "DELETE": {"old": -1}}
"""Which rows a change takes away and adds."""


def keep_counters(db: sa.Connection) -> None:
    """Have the database keep the sums from now on, beginning with what the rows give."""
    make = _sqlite_triggers if db.dialect.name == "sqlite" else _postgres_triggers
    for statement in make():
        db.exec_driver_sql(statement)
    db.execute(TALLIES.delete())
    rows = [
        {"kind": kind, "state": state, "name": name, "count": count}
        for (kind, state, name), count in recount(db).items()
    ]
    if rows:
        db.execute(TALLIES.insert(), rows)


def read_counters(db: sa.Connection, kind: str = "") -> dict[Key, int]:
    """Read the sums that are not 0, all or those of one kind: most are of single shards."""
    query = sa.select(TALLIES).where(TALLIES.c.count != 0)
    if kind:
        query = query.where(TALLIES.c.kind == kind)
    return {(kind, state, name): int(count) for kind, state, name, count in db.execute(query)}


def recount(db: sa.Connection) -> dict[Key, int]:
    """Count everything from the rows of videos and clips."""
    videos = _OF_VIDEOS.format(rows="(SELECT videos.*, 1 AS sign FROM videos)")
    rejected = "SELECT 'clip', '', outcome, count FROM clips WHERE outcome <> 'accepted'"
    sums = f"{videos} UNION ALL {rejected}"
    query = f"SELECT kind, state, name, sum(n) FROM ({sums}) AS s GROUP BY kind, state, name"
    found = db.exec_driver_sql(query)
    counts = {(kind, state, name): count for kind, state, name, count in found if count}
    for key, count in counts.items():
        if not (all(isinstance(word, str) for word in key) and isinstance(count, int | Decimal)):
            raise DamagedError(f"it counts {count!r:.80} of {key!r:.80}")
    return {key: int(count) for key, count in counts.items()}


def find_differences(db: sa.Connection) -> list[str]:
    """Hold the kept sums against the rows; one sentence per difference."""
    kept, counted = read_counters(db), recount(db)
    return [
        f"the catalog keeps {kept.get(key, 0)} as the count of {' '.join(filter(None, key))}, its "
        f"rows give {counted.get(key, 0)}"
        for key in sorted(kept.keys() | counted.keys())
        if kept.get(key, 0) != counted.get(key, 0)
    ]


def _sqlite_triggers() -> list[str]:
    """One trigger per table and kind of change, for each row."""
    statements = []
    for table, (columns, sums) in _TABLES.items():
        changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)
        for change, sides in _SIDES.items():
            selects = (
                "SELECT " + ", ".join(f"{side}.{c} AS {c}" for c in columns) + f", {sign} AS sign"
                for side, sign in sides.items()
            )
            rows = f"({' UNION ALL '.join(selects)})"
            of, when = (f"OF {', '.join(columns)} ", f"WHEN {changed} ")
            only = change == "UPDATE"
            statements.append(
                f"CREATE TRIGGER IF NOT EXISTS tally_{table}_{change.lower()} AFTER {change} "
                f"{of if only else ''}ON {table} FOR EACH ROW {when if only else ''}"
                f"BEGIN {_ADD.format(sums=sums.format(rows=rows))} END"
            )
    return statements


def _postgres_triggers() -> list[str]:
    """One trigger per table and kind of change, for all rows of a statement at once."""
    statements = []
    for table, (columns, sums) in _TABLES.items():
        for change, sides in _SIDES.items():
            name = f"tally_{table}_{change.lower()}"
            selects = (
                f"SELECT {', '.join(columns)}, {sign} AS sign FROM {side}_rows"
                for side, sign in sides.items()
            )
            rows = f"({' UNION ALL '.join(selects)})"
            tables = " ".join(f"{side.upper()} TABLE AS {side}_rows" for side in sides)
            # Nothing is known of how many rows have changed: it must not read whole tables.
            statements += [
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
                "SET enable_hashjoin = off SET enable_mergejoin = off AS $$ BEGIN "
                f"{_ADD.format(sums=sums.format(rows=rows))} RETURN NULL; END $$",
                f"DROP TRIGGER IF EXISTS {name} ON {table}",
                f"CREATE TRIGGER {name} AFTER {change} ON {table} REFERENCING {tables} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
            ]
    return statements
