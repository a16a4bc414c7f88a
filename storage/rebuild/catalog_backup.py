"""A copy of the catalog beside the shards: `backups/catalog-TIME-SHA256.db.gz`.

SQLite's own backup copies the database at one moment, with what its write-ahead log holds, while
others write. The copy is looked through, compressed, put under a name that nobody has, and read
back; the one before it stays. Where nothing has changed since the newest, nothing is written. A
catalog in PostgreSQL is for pg_dump.

A backup that is put back is no owner of anything, and not whole: `storage.rebuild.catalog_rebuild`
holds it against the shards first.

Cost, 125,000 videos: 7 MB of a file of 70 MB; 10 s where much else goes on.
"""

import gzip
import hashlib
import logging
import re
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from tinyvideo.storage.catalog import Catalog
from tinyvideo.storage.database import (
    CATALOG_VERSION,
    FACTS,
    is_url,
    name_of,
    transaction,
    write_fact,
)
from tinyvideo.storage.objects import Store, sha256_of, sync
from tinyvideo.storage.outputs import ADDRESS, IDENTITY, UNFINISHED, Output, OutputAddress
from tinyvideo.storage.storage_errors import NewerError, StorageError

logger = logging.getLogger(__name__)

FOLDER = "backups"
KEPT = 2
"""Backups that stay: the newest, and the one before it."""

_NAME = re.compile(rf"{FOLDER}/catalog-\d{{8}}T\d{{12}}-(?P<sha256>[0-9a-f]{{64}})\.db\.gz")
_CHUNK = 2**20


def back_up_catalog(output: Output, *, kept: int = KEPT) -> str:
    """Copy the catalog to the store; return the key of the newest backup.

    As many as `kept` stay: after a takedown only the newest, as older ones name what is gone.

    Raises:
        StorageError: it is kept by a server, is damaged, or the store cannot be written.
    """
    engine, store = output.catalog.engine, output.store
    if engine.dialect.name != "sqlite":
        raise StorageError(
            f"the catalog {name_of(engine.url)} is kept by PostgreSQL: back it up with 'pg_dump', "
            "or with what keeps that server; 'tinyvideo catalog rebuild' makes it anew of the "
            "shards without"
        )
    with output.work.temporary(".db.gz") as packed:
        with output.work.temporary(".db") as copy:
            _copy(engine, copy)
            _pack(copy, packed)
        sha256, before = sha256_of(packed), list_backups(store)
        if before and _sha256_in(before[-1]) == sha256:
            _drop(store, before[:-kept])
            return before[-1]
        key = f"{FOLDER}/catalog-{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{sha256}.db.gz"
        store.put_if_absent(key, packed)
    if store.sha256(key) != sha256:
        store.delete(key)
        raise StorageError(f"{store.name(key)} does not read back as it was written; run again")
    _drop(store, [*before, key][:-kept])
    return key


def _drop(store: Store, keys: Sequence[str]) -> None:
    for key in keys:
        store.delete(key)


def list_backups(store: Store) -> list[str]:
    """List the keys of the backups, the oldest first.

    Raises:
        StorageError: the store cannot be read.
    """
    return [key for key in store.list(FOLDER) if _NAME.fullmatch(key)]


def put_back(place: OutputAddress, store: Store) -> str:
    """Make the newest backup that is whole the catalog; return its key, "" where there is none.

    Only where there is no catalog, and for whoever holds the work folder.

    Raises:
        NewerError: a newer tinyvideo has written it.
        StorageError: the store cannot be read, or the folder not be written.
    """
    target = Path(name_of(place.catalog))
    draft = target.with_name(f"{target.name}.back")
    for key in reversed([] if is_url(place.catalog) else list_backups(store)):
        _clear(draft)
        try:
            _unpack(store, key, draft)
            _make_unfinished(draft)
        except NewerError:
            raise
        except StorageError as error:
            logger.warning("%s cannot be used: %s", store.name(key), error)
            continue
        finally:
            _clear(draft, but=draft)
        sync(draft)
        _clear(target)  # the log of a file that is gone would be played into this one
        draft.rename(target)
        sync(target.parent)
        return key
    _clear(draft)
    return ""


def _copy(engine: sa.Engine, copy: Path) -> None:
    with engine.connect() as db, closing(sqlite3.connect(copy)) as target:
        source = db.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        try:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
            target.execute("VACUUM")  # what was deleted lies in free pages still
            found = target.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            raise StorageError(f"cannot back up {name_of(engine.url)}: {error}") from error
    if found != "ok":
        raise StorageError(
            f"{name_of(engine.url)} is damaged, so it was not backed up: {found}; move it away, "
            "and 'tinyvideo catalog rebuild' makes another of the last backup and the shards"
        )


def _pack(copy: Path, packed: Path) -> None:
    # Without the time, so that equal catalogs give equal bytes.
    with (
        copy.open("rb") as source,
        packed.open("wb") as file,
        gzip.GzipFile("", "wb", 1, file, mtime=0) as target,
    ):
        shutil.copyfileobj(source, target, _CHUNK)


def _unpack(store: Store, key: str, draft: Path) -> None:
    hashed = hashlib.sha256()
    draft.parent.mkdir(parents=True, exist_ok=True)
    packed = draft.with_name(f"{draft.name}.gz")
    with store.open(key) as source, packed.open("wb") as file:
        while content := source.read(_CHUNK):
            hashed.update(content)
            file.write(content)
    if hashed.hexdigest() != _sha256_in(key):
        raise StorageError("it is not as it was written")
    with gzip.open(packed) as unpacked, draft.open("wb") as target:
        shutil.copyfileobj(unpacked, target, _CHUNK)


def _make_unfinished(draft: Path) -> None:
    """Have nobody use the copy before it was held against the shards."""
    try:
        with closing(sqlite3.connect(draft)) as db:
            (version,) = db.execute("SELECT value FROM facts WHERE name = 'version'").fetchone()
    except (sqlite3.Error, TypeError) as error:
        raise StorageError(f"it is no catalog: {error}") from error
    if int(version) > CATALOG_VERSION:
        raise NewerError(
            f"the backup has catalog version {version}, this tinyvideo knows up to "
            f"{CATALOG_VERSION}; install a newer tinyvideo, or rebuild with --no-backup"
        )
    catalog = Catalog.open(draft, make=False)
    try:
        with transaction(catalog.engine, writes=True) as db:
            mine = FACTS.c.name.in_([IDENTITY, ADDRESS])  # the bucket may have been moved since
            db.execute(FACTS.delete().where(mine))
            write_fact(db, UNFINISHED, "rebuild")
        with catalog.engine.connect() as raw:
            raw.connection.cursor().execute("PRAGMA journal_mode=DELETE")
    finally:
        catalog.close()


def _clear(draft: Path, but: Path | None = None) -> None:
    for ending in ("", ".gz", "-wal", "-shm", "-journal"):
        path = draft.with_name(f"{draft.name}{ending}")
        if path != but:
            path.unlink(missing_ok=True)


def _sha256_in(key: str) -> str:
    found = _NAME.fullmatch(key)
    return found["sha256"] if found else ""
