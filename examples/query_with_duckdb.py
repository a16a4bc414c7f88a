"""Ask questions about strips in SQL: shards are Parquet files, so any program can read them.

    python examples/query_with_duckdb.py OUT PICTURE.jpg

`Output.shards` names the committed ones; what an interrupted run has left is not among them. The
picture of a strip is the column `jpeg`, a pair of `bytes` and `path`; a query that does not ask
for it reads a sixteenth of the file. For shards on S3, load DuckDB's extension `httpfs` first.
"""

import sys
from pathlib import Path

import duckdb

import tinyvideo as tv

db = duckdb.connect()
db.read_parquet(tv.open(sys.argv[1]).shards).create_view("strips")

owners = """
    SELECT owner, count(*) AS strips, round(avg(flicker), 2) AS flicker
    FROM strips GROUP BY owner ORDER BY strips DESC, owner LIMIT 10
"""
for owner, count, flicker in db.execute(owners).fetchall():
    print(f"{owner or 'nobody known'}: {count} strips, flicker {flicker}")

scenes = """
    SELECT tag.scene, count(*) AS strips
    FROM strips, unnest(scenes) AS tags(tag)
    WHERE tag.probability > 0.1 GROUP BY tag.scene ORDER BY strips DESC, tag.scene
"""
for scene, count in db.execute(scenes).fetchall():
    print(f"{scene}: {count} strips")

liveliest = """
    SELECT strip_id, jpeg.bytes FROM strips ORDER BY object_motion DESC, strip_id LIMIT 1
"""
for strip_id, picture in db.execute(liveliest).fetchall():
    Path(sys.argv[2]).write_bytes(picture)
    print(f"the liveliest strip is {strip_id}: 32 frames from top to bottom in {sys.argv[2]}")
