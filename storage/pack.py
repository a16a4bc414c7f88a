"""Part files of single videos -> one committed shard, exactly once.

A worker leaves the strips of a video in `work/<video id>.parquet`. Packing enters the shard in the
catalog, joins the parts under a temporary name, reads every byte back, links the file to
its final key if that is free, and then marks shard and videos as done in one transaction.
After a crash at any point `finish_shards` brings it to that end: the parts are deleted last.

Cost: the bytes are read twice and written once; about 2 ms per strip.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.types import VideoState
from storage.catalog import Catalog
from storage.objects import FolderStore, StorageError, sha256_of
from storage.shard import shard_metadata, verify_shard, write_shard

logger = logging.getLogger(__name__)

CATALOG_NAME = "catalog.db"
"""File name of the catalog in an output folder."""


def part_path(store: FolderStore, video_id: str) -> Path:
    """Name the file that holds the strips of one video until they are in a shard."""
    return store.path(f"work/{video_id}.parquet")


def pack(catalog: Catalog, store: FolderStore) -> str | None:
    """Commit the strips of all curated videos as one shard; return its key, None without any."""
    loose = [v.record.video_id for v in catalog.videos(VideoState.CURATED) if not v.shard_key]
    loose = _with_parts(catalog, store, loose)
    if not loose:
        return None
    key = catalog.begin_shard(loose)
    _commit(catalog, store, key, loose)
    return key


def finish_shards(catalog: Catalog, store: FolderStore) -> int:
    """Bring every shard that a killed process began to its end; return how many there were."""
    begun = catalog.shards(committed=False)
    for shard in begun:
        members = [v for v in catalog.videos(VideoState.CURATED) if v.shard_key == shard.key]
        ids = [member.record.video_id for member in members]
        if not store.path(shard.key).exists():
            ids = _with_parts(catalog, store, ids)
        if ids:
            _commit(catalog, store, shard.key, ids)
        else:
            catalog.drop_shard(shard.key)
    _delete_stale_parts(catalog, store)
    return len(begun)


def audit(catalog: Catalog, store: FolderStore) -> list[str]:
    """Hold the committed shards of the catalog against the files; one sentence per difference."""
    problems = []
    for shard in catalog.shards(committed=True):
        try:
            found = int(shard_metadata(store.path(shard.key))["strips"])
        except StorageError as error:
            problems.append(str(error))
            continue
        if found != shard.strips:
            problems.append(f"{shard.key} holds {found} strips, the catalog says {shard.strips}")
    return problems


def read_books(root: Path) -> dict[str, Any]:
    """Count the books of an output folder, held against its files, laid out for JSON.

    Raises:
        StorageError: there is no catalog.
    """
    path = root / CATALOG_NAME
    if not path.exists():
        raise StorageError(f"there is no catalog in {root}; make one with 'tinyvideo run'")
    catalog = Catalog.open(path)
    try:
        return audited_books(catalog, FolderStore(root))
    finally:
        catalog.close()


def audited_books(catalog: Catalog, store: FolderStore) -> dict[str, Any]:
    """Count the books, with every contradiction and every difference from the files."""
    books = catalog.books()
    problems = [*books.problems, *audit(catalog, store)]
    return {**books.as_dict(), "balanced": not problems, "problems": problems}


def _commit(catalog: Catalog, store: FolderStore, key: str, video_ids: Sequence[str]) -> None:
    final = store.path(key)
    if not final.exists():
        parts = [part_path(store, video_id) for video_id in video_ids]
        with store.temporary(".parquet") as path:
            strips = write_shard(path, parts, {"tinyvideo.shard": key})
            verify_shard(path, strips)
            store.put_if_absent(key, path)
    entries = shard_metadata(final)
    if entries.get("tinyvideo.shard") != key:
        raise StorageError(f"{final} is another file than the catalog expects; move it away")
    catalog.commit_shard(
        key, strips=int(entries["strips"]), size=final.stat().st_size, sha256=sha256_of(final)
    )
    logger.info("committed %s: %s strips of %d videos", key, entries["strips"], len(video_ids))
    for video_id in video_ids:
        part_path(store, video_id).unlink(missing_ok=True)


def _with_parts(catalog: Catalog, store: FolderStore, video_ids: list[str]) -> list[str]:
    lost = [i for i in video_ids if not part_path(store, i).exists()]
    if lost:
        logger.warning("the strips of %d videos are gone; they are curated again", len(lost))
        catalog.forget_clips(lost)
    return [i for i in video_ids if i not in set(lost)]


def _delete_stale_parts(catalog: Catalog, store: FolderStore) -> None:
    # A part without a curated video is left over from a kill just after, or just before, a commit.
    curated = {v.record.video_id for v in catalog.videos(VideoState.CURATED)}
    for path in store.path("work").glob("*.parquet"):
        if path.stem not in curated:
            path.unlink(missing_ok=True)
