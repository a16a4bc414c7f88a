"""Videos that share a shard, and how their strips become one that is committed once.

batch_table   Batches: videos that are to share a shard, under one name, whoever makes it
commit_batch  The strips of a batch -> its shard, once; and what to do about a batch whose run
              is lost
commit_shard  Part files of single videos -> one committed shard, exactly once
"""

from tinyvideo.storage.batches.batch_table import (
    Batch,
    BatchLostError,
    BatchRow,
    BatchState,
    Left,
    batch_counts,
    begin_batch,
    clear_folders,
    close_batch,
    ended_as,
    is_open,
    keep_waiting,
    latest_batches,
    open_batches,
    renew_batch,
    take_batch,
    videos_of,
    what_is_left,
    work_of,
)
from tinyvideo.storage.batches.commit_batch import (
    blame,
    pack_batch,
    reclaim,
    reclaim_expired,
    recover,
)
from tinyvideo.storage.batches.commit_shard import finish_shards, pack, part_path

__all__ = [
    "Batch",
    "BatchLostError",
    "BatchRow",
    "BatchState",
    "Left",
    "batch_counts",
    "begin_batch",
    "blame",
    "clear_folders",
    "close_batch",
    "ended_as",
    "finish_shards",
    "is_open",
    "keep_waiting",
    "latest_batches",
    "open_batches",
    "pack",
    "pack_batch",
    "part_path",
    "reclaim",
    "reclaim_expired",
    "recover",
    "renew_batch",
    "take_batch",
    "videos_of",
    "what_is_left",
    "work_of",
]
