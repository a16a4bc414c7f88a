"""Part files of single videos -> one committed shard, exactly once.

A worker leaves the strips of a video in `work/<video id>.parquet` of the work folder. Packing
enters the shard in the catalog, joins the parts under a temporary name there, reads every byte
back, puts the file under its final key if that is free, hashes what the store returns for it, and
then marks shard and videos as done in one transaction. After a crash at any point `finish_shards`
brings it to that end: the parts are deleted last, and no pixel stays in the work folder. A part
that is lost or damaged is no end of the run: its video is curated again.

Cost: 4 ms per strip of 240 kB on two busy cores, 14 ms to S3 there: the parts are read twice (to
verify, to join), the shard is written once and read three times (to verify, to hash, to hash as the
store returns it).
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from tinyvideo.pipeline.video_id import VideoId
from tinyvideo.storage.catalog import Catalog
from tinyvideo.storage.objects import FolderStore, Store, sha256_of
from tinyvideo.storage.outputs import refuse_stranger
from tinyvideo.storage.shards import (
    ShardFile,
    shard_metadata,
    strips_by_video,
    verify_shard,
    write_shard,
)
from tinyvideo.storage.storage_errors import StorageError

logger = logging.getLogger(__name__)


def part_path(work: FolderStore, video_id: str) -> Path:
    """Name the file that holds the strips of one video until they are in a shard.

    Raises:
        StorageError: it would lie outside the work folder.
        ValueError: the id is none.
    """
    return work.path(f"work/{VideoId(video_id)}.parquet")


def pack(catalog: Catalog, store: Store, work: FolderStore | None = None) -> str | None:
    """Commit the strips of all curated videos as one shard; return its key, None without any.

    `work` holds the parts; without it, they are in the folder of `store` itself.

    Raises:
        StorageError: the shard cannot be written, or another file has its name.
    """
    work = work or _folder_of(store)
    strips = with_parts(catalog, work, catalog.curated(shard_key=""))
    if not strips:
        return None
    key = catalog.begin_shard(list(strips))
    commit_parts(catalog, ShardFile(store, key), work, strips)
    return key


def finish_shards(catalog: Catalog, store: Store, work: FolderStore | None = None) -> int:
    """Bring every shard that a killed process began to its end; return how many there were.

    Only for whoever holds the output alone.

    Raises:
        StorageError: a shard cannot be written, or another file has its name.
    """
    work = work or _folder_of(store)
    begun = catalog.shards(committed=False)
    for shard in begun:
        strips = catalog.curated(shard_key=shard.key)
        if not store.exists(shard.key):
            strips = with_parts(catalog, work, strips)
        if strips:
            commit_parts(catalog, ShardFile(store, shard.key), work, strips)
        else:
            catalog.drop_shard(shard.key)
    _delete_stale_parts(catalog, work)
    return len(begun)


def _folder_of(store: Store) -> FolderStore:
    if not isinstance(store, FolderStore):
        raise TypeError(f"{store.address} is not local, so its work folder must be named")
    return store


def commit_parts(
    catalog: Catalog, shard: ShardFile, work: FolderStore, strips: Mapping[str, int]
) -> None:
    """Put the parts of some videos together as a shard that was begun, and commit it.

    Raises:
        StorageError: the shard cannot be written, another file has its name, or it was given up
            meanwhile.
    """
    store, key, total = shard.store, shard.key, sum(strips.values())
    refuse_stranger(catalog, store)  # somebody may have adopted the output meanwhile
    written = "" if store.exists(key) else _publish(shard, work, strips)
    if not written:
        _check_contents(shard, strips)
    sha256 = store.sha256(key)
    if written and sha256 != written:
        store.delete(key)
        raise StorageError(
            f"{shard} does not read back as it was written, so it was deleted again; its strips "
            "are safe: run again, and see to the storage if this comes back"
        )
    _enter(catalog, shard, total, sha256)
    logger.info("committed %s: %d strips of %d videos", key, total, len(strips))
    for video_id in strips:
        part_path(work, video_id).unlink(missing_ok=True)


def _enter(catalog: Catalog, shard: ShardFile, strips: int, sha256: str) -> None:
    store, key = shard.store, shard.key
    try:
        catalog.commit_shard(key, strips=strips, size=store.size(key), sha256=sha256)
    except ValueError as error:  # its batch was given to others, who forgot the shard
        store.delete(key)
        raise StorageError(f"{shard} was given up while it was written; run again") from error


def _publish(shard: ShardFile, work: FolderStore, strips: Mapping[str, int]) -> str:
    """Put the parts together under the shard's key; return the hash, "" if the key is taken."""
    try:
        with work.temporary(".parquet") as path:
            parts = [part_path(work, video_id) for video_id in strips]
            write_shard(path, parts, {"tinyvideo.shard": shard.key})
            verify_shard(path, sum(strips.values()))
            sha256 = sha256_of(path)
            return sha256 if shard.store.put_if_absent(shard.key, path) else ""
    except OSError as error:
        raise StorageError(
            f"cannot write {shard.key} below {work.root}: {error.strerror or error}; "
            "its strips are safe, so make room and run again"
        ) from error


def _check_contents(shard: ShardFile, strips: Mapping[str, int]) -> None:
    # A file of that name need not be ours: shards outlive a catalog that somebody deleted.
    try:
        ours = shard_metadata(shard).get("tinyvideo.shard") == shard.key
        ours = ours and strips_by_video(shard) == strips
        if ours:
            verify_shard(shard, sum(strips.values()))
    except StorageError as error:
        raise StorageError(f"a shard was to be put here, but {error}; move it away") from error
    if not ours:
        raise StorageError(
            f"{shard} does not hold the strips that the catalog wants to put there; move it away, "
            "or choose another --out"
        )


def with_parts(catalog: Catalog, work: FolderStore, strips: Mapping[str, int]) -> dict[str, int]:
    """Keep the videos whose parts are whole; the others are to be curated again."""
    lost = {video_id for video_id in strips if not _is_whole(work, video_id, strips[video_id])}
    if lost:
        logger.warning("the strips of %d videos are lost; they are curated again", len(lost))
        catalog.forget_clips(sorted(lost))
        for video_id in lost:
            part_path(work, video_id).unlink(missing_ok=True)
    return {video_id: count for video_id, count in strips.items() if video_id not in lost}


def _is_whole(work: FolderStore, video_id: str, strips: int) -> bool:
    try:
        verify_shard(part_path(work, video_id), strips)
    except StorageError as error:
        logger.warning("%s", error)
        return False
    return True


def _delete_stale_parts(catalog: Catalog, work: FolderStore) -> None:
    # Left over from a kill just after, or just before, a commit. Only what is named after a
    # video of ours goes: the folder may be one that a user works in.
    files = [path for path in work.path("work").glob("*") if path.is_file()]
    ours = {record.video_id for record in catalog.records([path.stem for path in files])}
    needed = {part_path(work, video_id) for video_id in catalog.curated()}
    for path in files:
        if path.stem in ours and path not in needed:
            path.unlink(missing_ok=True)
