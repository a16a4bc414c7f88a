"""The strips of a batch -> its shard, once; and what to do about a batch whose run is lost.

    pack_batch    commits the curated videos of a batch, or what an earlier attempt has begun
    reclaim       of a lost batch: a shard that is in its place is committed, the rest undone
    recover       the same for all batches, by whoever is alone with the output

Several runs, on several machines, do this at the same time in one catalog: each touches only the
videos of its own batch.

Cost: that of `storage.batches.commit_shard`.
"""

import logging
from contextlib import suppress

from tinyvideo.pipeline.errors import FailCause
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.batches.batch_table import (
    FOLDER,
    Batch,
    BatchState,
    assign,
    clear_folders,
    close_batch,
    expired_batches,
    is_open,
    open_batches,
    videos_of,
    work_of,
)
from tinyvideo.storage.batches.commit_shard import commit_parts, pack, with_parts
from tinyvideo.storage.catalog import Catalog
from tinyvideo.storage.objects import FolderStore, Store
from tinyvideo.storage.outputs import Output
from tinyvideo.storage.shards import ShardFile

logger = logging.getLogger(__name__)


def pack_batch(catalog: Catalog, store: Store, work: FolderStore, batch: Batch) -> str | None:
    """Commit the curated videos of a batch as its shard; return the key, None without any strip.

    `work` is the folder of the batch. Videos whose parts are lost are pending again.

    Raises:
        StorageError: the shard cannot be written, or another file has its name.
        BatchLostError: the batch was given to others.
    """
    strips = catalog.curated(shard_key=batch.key)  # of an attempt that was killed
    if not strips:
        mine = set(videos_of(catalog, batch.token, VideoState.CURATED))
        free = catalog.curated(shard_key="")
        strips = {video_id: free[video_id] for video_id in free if video_id in mine}
        strips = with_parts(catalog, work, strips)
        assign(catalog, batch, list(strips))
    elif not store.exists(batch.key):
        strips = with_parts(catalog, work, strips)
    if not strips:
        catalog.drop_shard(batch.key)
        return None
    commit_parts(catalog, ShardFile(store, batch.key), work, strips)
    return batch.key


def reclaim(output: Output, batch: Batch) -> None:
    """Undo a batch whose run is lost, except for a shard that is in its place already.

    One that has ended is left as it is. It is closed before its videos are taken back, so that a
    run that still lives can enter nothing in between; a kill just there is mended by `recover`.

    Raises:
        StorageError: the storage or the catalog cannot be used.
    """
    catalog, store = output.catalog, output.store
    if not is_open(catalog, batch):
        return
    work = work_of(output.work, batch)
    strips = catalog.curated(shard_key=batch.key)
    if strips and store.exists(batch.key):
        commit_parts(catalog, ShardFile(store, batch.key), work, strips)
    close_batch(catalog, batch, BatchState.LOST)
    left = videos_of(catalog, batch.token, VideoState.CURATED)
    catalog.forget_clips(left)
    catalog.drop_shard(batch.key)
    logger.info("took back %s: %d videos are curated again", batch.title, len(left))


def blame(output: Output, batch: Batch, detail: str) -> None:
    """Count an attempt against the videos that a batch still had when it ended for good.

    One of them may be why its process or machine went down; after some attempts they have failed.
    """
    catalog = output.catalog
    for video_id in videos_of(catalog, batch.token, VideoState.LEASED):
        catalog.postpone(video_id, FailCause.CRASH, detail, catalog.clock(), holder=batch.token)


def reclaim_expired(output: Output) -> int:
    """Undo the batches that nobody has renewed in time; return how many there were.

    Raises:
        StorageError: the storage or the catalog cannot be used.
    """
    expired = expired_batches(output.catalog)
    for batch in expired:
        reclaim(output, batch)
    return len(expired)


def recover(output: Output) -> int:
    """Bring every batch that is open to its end; return how many there were.

    What has been curated on this machine is kept, also by versions before there were batches; the
    rest is to be curated again. Only for whoever holds the output alone.

    Raises:
        StorageError: the storage or the catalog cannot be used.
    """
    rows = open_batches(output.catalog)
    for row in rows:
        key = pack_batch(output.catalog, output.store, work_of(output.work, row.batch), row.batch)
        state = BatchState.DONE if key else BatchState.LOST
        close_batch(output.catalog, row.batch, state, row.outcomes)
    pack(output.catalog, output.store, output.work)
    clear_folders(output.catalog, output.work)
    with suppress(OSError):  # a user may keep something in there
        output.work.path(FOLDER).rmdir()
    return len(rows)
