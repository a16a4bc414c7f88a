"""Part files of single videos -> one committed shard, exactly once.

A worker leaves the strips of a video in `work/<video id>.parquet`. Packing enters the shard in the
catalog, joins the parts under a temporary name, reads every byte back, links the file to
its final key if that is free, holds what is there now against the catalog, and then marks shard
and videos as done in one transaction. After a crash at any point `finish_shards` brings it to
that end: the parts are deleted last. A part that is lost or damaged is no end of the run: its
video is curated again.

Cost: 2 ms per strip of 240 kB: the parts are read twice (to verify, to join), the shard is written
once and read twice (to verify, to hash).
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storage.catalog import Catalog, ShardRow
from storage.objects import FolderStore, StorageError, sha256_of
from storage.shard import shard_metadata, strips_by_video, verify_shard, write_shard

logger = logging.getLogger(__name__)

CATALOG_NAME = "catalog.db"
"""File name of the catalog in an output folder."""


def part_path(store: FolderStore, video_id: str) -> Path:
    """Name the file that holds the strips of one video until they are in a shard."""
    return store.path(f"work/{video_id}.parquet")


def pack(catalog: Catalog, store: FolderStore) -> str | None:
    """Commit the strips of all curated videos as one shard; return its key, None without any.

    Raises:
        StorageError: the shard cannot be written, or another file has its name.
    """
    strips = _with_parts(catalog, store, catalog.curated(shard_key=""))
    if not strips:
        return None
    key = catalog.begin_shard(list(strips))
    _commit(catalog, store, key, strips)
    return key


def finish_shards(catalog: Catalog, store: FolderStore) -> int:
    """Bring every shard that a killed process began to its end; return how many there were.

    Only for whoever holds the folder alone.

    Raises:
        StorageError: a shard cannot be written, or another file has its name.
    """
    begun = catalog.shards(committed=False)
    for shard in begun:
        strips = catalog.curated(shard_key=shard.key)
        if not store.path(shard.key).exists():
            strips = _with_parts(catalog, store, strips)
        if strips:
            _commit(catalog, store, shard.key, strips)
        else:
            catalog.drop_shard(shard.key)
    _delete_stale_parts(catalog, store)
    return len(begun)


def audit(catalog: Catalog, store: FolderStore) -> list[str]:
    """Hold the shards of the catalog against the files; one sentence per difference."""
    # Listed first: a shard is in the catalog before its file appears.
    files = [key for key in store.list("shards") if key.endswith(".parquet")]
    committed = catalog.shards(committed=True)
    known = {shard.key for shard in [*committed, *catalog.shards(committed=False)]}
    strangers = [f"{store.path(key)} is not in the catalog" for key in files if key not in known]
    return [*filter(None, (_difference(store, shard) for shard in committed)), *strangers]


def find_catalog(root: Path) -> Path:
    """Name the catalog of an output folder.

    Raises:
        StorageError: there is none.
    """
    path = root / CATALOG_NAME
    if not path.exists():
        raise StorageError(f"there is no catalog in {root}; make one with 'tinyvideo run'")
    return path


def read_books(root: Path) -> dict[str, Any]:
    """Count the books of an output folder, held against its files, laid out for JSON.

    Raises:
        StorageError: there is no catalog.
    """
    catalog = Catalog.open(find_catalog(root))
    try:
        return audited_books(catalog, FolderStore(root))
    finally:
        catalog.close()


def audited_books(catalog: Catalog, store: FolderStore) -> dict[str, Any]:
    """Count the books, with every contradiction and every difference from the files."""
    books = catalog.books()
    problems = [*books.problems, *audit(catalog, store)]
    return {**books.as_dict(), "balanced": not problems, "problems": problems}


def _difference(store: FolderStore, shard: ShardRow) -> str:
    path = store.path(shard.key)
    try:
        found = int(shard_metadata(path)["strips"])
    except StorageError as error:
        return str(error)
    if found != shard.strips:
        return f"{path} holds {found} strips, the catalog says {shard.strips}"
    size = path.stat().st_size
    return "" if size == shard.bytes else f"{path} has {size} bytes, {shard.bytes} were committed"


def _commit(catalog: Catalog, store: FolderStore, key: str, strips: Mapping[str, int]) -> None:
    final, total = store.path(key), sum(strips.values())
    if not final.exists():
        _publish(store, key, strips)
    _check_contents(final, key, strips)
    catalog.commit_shard(key, strips=total, size=final.stat().st_size, sha256=sha256_of(final))
    logger.info("committed %s: %d strips of %d videos", key, total, len(strips))
    for video_id in strips:
        part_path(store, video_id).unlink(missing_ok=True)


def _publish(store: FolderStore, key: str, strips: Mapping[str, int]) -> None:
    try:
        with store.temporary(".parquet") as path:
            write_shard(path, [part_path(store, i) for i in strips], {"tinyvideo.shard": key})
            verify_shard(path, sum(strips.values()))
            store.put_if_absent(key, path)
    except OSError as error:
        raise StorageError(
            f"cannot write {key} below {store.root}: {error.strerror or error}; "
            "its strips are safe, so make room and run again"
        ) from error


def _check_contents(path: Path, key: str, strips: Mapping[str, int]) -> None:
    # A file of that name need not be ours: shards outlive a catalog that somebody deleted.
    try:
        ours = shard_metadata(path).get("tinyvideo.shard") == key
        ours = ours and strips_by_video(path) == strips
    except StorageError as error:
        raise StorageError(f"a shard was to be put here, but {error}; move it away") from error
    if not ours:
        raise StorageError(
            f"{path} does not hold the strips that the catalog wants to put there; move it away, "
            "or choose another folder with --out"
        )


def _with_parts(catalog: Catalog, store: FolderStore, strips: Mapping[str, int]) -> dict[str, int]:
    lost = {video_id for video_id in strips if not _is_whole(store, video_id, strips[video_id])}
    if lost:
        logger.warning("the strips of %d videos are lost; they are curated again", len(lost))
        catalog.forget_clips(sorted(lost))
        for video_id in lost:
            part_path(store, video_id).unlink(missing_ok=True)
    return {video_id: count for video_id, count in strips.items() if video_id not in lost}


def _is_whole(store: FolderStore, video_id: str, strips: int) -> bool:
    try:
        verify_shard(part_path(store, video_id), strips)
    except StorageError as error:
        logger.warning("%s", error)
        return False
    return True


def _delete_stale_parts(catalog: Catalog, store: FolderStore) -> None:
    # Left over from a kill just after, or just before, a commit. Only what is named after a
    # video of ours goes: the folder may be one that a user works in.
    files = [path for path in store.path("work").glob("*") if path.is_file()]
    ours = {record.video_id for record in catalog.records([path.stem for path in files])}
    needed = {part_path(store, video_id) for video_id in catalog.curated()}
    for path in files:
        if path.stem in ours and path not in needed:
            path.unlink(missing_ok=True)
