"""The rows of a catalog that has been at work for months, made up by the database itself.

Every value follows from the number of its video, in SQL that SQLite and PostgreSQL both understand.
The triggers that keep the sums are set aside meanwhile, and then count everything once.

Cost: 20 s per million videos in a SQLite file, with its clips.
"""

from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from tinyvideo.storage.database.counters import keep_counters
from tinyvideo.storage.database.engine import transaction
from tinyvideo.storage.outputs.output_address import OutputAddress

CHUNK = 100_000
PER_SHARD = 256
START_S = 1_767_225_600
"""The first was found on 1 January 2026, each of the others a millisecond later."""

LATE_S = 4_102_444_800
"""1 January 2100: not due for long."""

_MOMENT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', {s}, 'unixepoch')",
    "postgresql": "to_timestamp({s})",
}
_NUMBERS = """
    WITH RECURSIVE numbers(n) AS (
        SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {end}
    ), videos_drawn AS (
        SELECT n, n - n / 100 * 100 AS share, 'flickr-' || (10000000000 + n * 7) AS id,
            (n - n / 50000 * 50000) || '@N00' AS nsid
        FROM numbers
    )
"""
_VIDEOS = """
    INSERT INTO videos (video_id, source, uri, title, owner, owner_name, page_url, license,
        license_id, license_url, tags, uploaded_at, taken_at, secret, state, reason, detail,
        attempts, shard_key, found_at, updated_at, next_try_at, holder)
    {numbers}
    SELECT id, 'flickr', 'flickr:' || (10000000000 + n * 7), 'Beach ' || n, nsid, 'owner ' || nsid,
        'https://www.flickr.com/photos/' || nsid || '/' || n || '/', 'CC BY 2.0', '4',
        'https://creativecommons.org/licenses/by/2.0/', 'beach sea sun', 1400000000 + n * 30,
        '2014-03-01 12:00:00', '0123456789',
        CASE WHEN share < 60 THEN 'sharded' WHEN share < 80 THEN 'rejected'
            WHEN share < 82 THEN 'failed' WHEN share < 83 THEN 'curated' ELSE 'pending' END,
        CASE WHEN share BETWEEN 60 AND 66 THEN 'shot_cut' WHEN share BETWEEN 67 AND 72
            THEN 'too_short' WHEN share BETWEEN 73 AND 79 THEN 'gone'
            WHEN share IN (80, 81, 99) THEN 'http_429' ELSE '' END,
        CASE WHEN share BETWEEN 60 AND 81 THEN 'the figures' ELSE '' END,
        CASE WHEN share < 83 THEN 1 ELSE 0 END,
        CASE WHEN share < 60 THEN {key} ELSE '' END,
        {moment}, {moment}, CASE WHEN share = 99 THEN {late} ELSE {moment} END, 'a-run'
    FROM videos_drawn
"""
_CLIPS = """
    INSERT INTO clips (video_id, outcome, count, first_detail)
    {numbers}
    SELECT id, 'accepted', CASE WHEN share < 60 OR share = 82 THEN 3 ELSE 0 END, ''
        FROM videos_drawn WHERE share < 80 OR share = 82
    UNION ALL SELECT id, 'shot_cut', 7, 'at frame 9'
        FROM videos_drawn WHERE share < 80 OR share = 82
"""
_SHARDS = """
    INSERT INTO shards (key, number, committed, strips, bytes, sha256, updated_at)
    SELECT shard_key, min(found.number), 1 = 1, 3 * count(*), 1, '', min(updated_at)
    FROM (SELECT videos.*, CAST(substr(shard_key, 14, 6) AS INTEGER) AS number FROM videos
        WHERE state = 'sharded') AS found
    GROUP BY shard_key
"""


def enter_rows(place: OutputAddress, rows: int) -> None:
    """Make a catalog with videos, clips and shards, and a file of one byte for every shard."""
    with closing(place.open_catalog(make=True)) as catalog:
        engine = catalog.engine
        with transaction(engine, writes=True) as db:
            _set_counters_aside(db)
        for first in range(0, rows, CHUNK):
            with transaction(engine, writes=True) as db:
                for statement in (_VIDEOS, _CLIPS):
                    db.exec_driver_sql(_fill_in(statement, db, first, min(rows, first + CHUNK)))
        with transaction(engine, writes=True) as db:
            db.exec_driver_sql(_SHARDS)
            db.exec_driver_sql(f"INSERT INTO facts VALUES ('videos_found', '{rows}')")
            keep_counters(db)
        shards = catalog.shards(committed=True)
        if engine.dialect.name == "postgresql":  # a server does so by itself, some time later
            with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as db:
                db.execute(sa.text("VACUUM ANALYZE"))
    for shard in shards:
        path = Path(place.address, shard.key)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"-")


def _set_counters_aside(db: sa.Connection) -> None:
    for table in ("videos", "clips"):
        of = "" if db.dialect.name == "sqlite" else f" ON {table}"
        db.exec_driver_sql(f"DROP TRIGGER tally_{table}_insert{of}")


def _fill_in(statement: str, db: sa.Connection, first: int, end: int) -> str:
    moment = _MOMENT[db.dialect.name]
    number = f"substr(CAST(1000001 + n / {PER_SHARD} AS TEXT), 2)"
    return statement.format(
        numbers=_NUMBERS.format(first=first, end=end),
        moment=moment.format(s=f"{START_S} + n * 0.001"),
        late=moment.format(s=f"{LATE_S} + n * 0.001"),
        key=f"'shards/shard-' || {number} || '.parquet'",
    )
