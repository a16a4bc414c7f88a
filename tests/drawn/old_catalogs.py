"""Catalogs as versions 1 and 2 made them, from a copy of their tables and not from today's."""

from pathlib import Path

import sqlalchemy as sa

from tinyvideo.storage.database.engine import open_database, transaction

_TABLES = {
    1: """
CREATE TABLE facts (name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name));
CREATE TABLE videos (
    video_id TEXT NOT NULL, source TEXT NOT NULL, uri TEXT NOT NULL, title TEXT NOT NULL,
    owner TEXT NOT NULL, page_url TEXT NOT NULL, license TEXT NOT NULL, state TEXT NOT NULL,
    reason TEXT NOT NULL, detail TEXT NOT NULL, attempts INTEGER NOT NULL,
    shard_key TEXT NOT NULL, found_at {moment} NOT NULL, updated_at {moment} NOT NULL,
    PRIMARY KEY (video_id));
CREATE INDEX ix_videos_shard_key ON videos (shard_key);
CREATE INDEX queue ON videos (state, found_at, video_id);
CREATE TABLE clips (
    video_id TEXT NOT NULL, outcome TEXT NOT NULL, count INTEGER NOT NULL,
    first_detail TEXT NOT NULL, PRIMARY KEY (video_id, outcome),
    FOREIGN KEY (video_id) REFERENCES videos (video_id));
CREATE TABLE shards (
    key TEXT NOT NULL, number INTEGER NOT NULL, committed BOOLEAN NOT NULL,
    strips INTEGER NOT NULL, bytes BIGINT NOT NULL, sha256 TEXT NOT NULL,
    updated_at {moment} NOT NULL, PRIMARY KEY (key), UNIQUE (number))""",
    2: """
CREATE TABLE takedowns (
    number {serial} NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    requested_at {moment} NOT NULL, finished_at {moment}, report TEXT NOT NULL,
    PRIMARY KEY (number));
CREATE INDEX ix_takedowns_name ON takedowns (name);
CREATE TABLE rewrites (
    old_key TEXT NOT NULL, new_key TEXT NOT NULL, committed BOOLEAN NOT NULL,
    sha256 TEXT NOT NULL, same_places BOOLEAN NOT NULL, PRIMARY KEY (old_key))""",
}

_TYPES = {
    "sqlite": {"moment": "DATETIME", "serial": "INTEGER"},
    "postgresql": {"moment": "TIMESTAMP WITH TIME ZONE", "serial": "SERIAL"},
}

_ROWS = """
INSERT INTO facts VALUES ('version', '{version}'), ('videos_found', '3');
INSERT INTO videos VALUES
    ('folder-a', 'folder', 'file:///a.mp4', 'a', 'Ada', '', 'CC0', 'pending', '', '', 0, '',
     '2026-01-02 03:04:05.000000', '2026-01-02 03:04:05.000000'),
    ('folder-b', 'folder', 'file:///b.mp4', 'b', '', '', '', 'leased', '', '', 1, '',
     '2026-01-01 03:04:05.000000', '2026-01-02 03:04:05.000000'),
    ('folder-c', 'folder', 'file:///c.mp4', 'c', '', '', '', 'rejected', 'flat', 'x', 1, '',
     '2026-01-01 03:04:05.000000', '2026-01-02 03:04:05.000000');
INSERT INTO clips VALUES ('folder-c', 'accepted', 0, ''), ('folder-c', 'flat', 2, 'black')"""


def write_old_catalog(address: str | Path, version: int) -> None:
    """Make a catalog with one video that is pending, one leased and one rejected."""
    engine = open_database(address)
    types = _TYPES[engine.dialect.name]
    scripts = [_TABLES[number].format(**types) for number in range(1, version + 1)]
    with transaction(engine, writes=True) as db:
        for statement in ";".join([*scripts, _ROWS.format(version=version)]).split(";"):
            db.execute(sa.text(statement.replace(":", "\\:")))
    engine.dispose()
