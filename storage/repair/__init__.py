"""A committed shard that is broken or must change -> another one under a new key.

dataset_repoint  Turn datasets from shards that cannot be read any more to their replacements,
                 or to nothing
restore          A broken or missing shard -> a whole one, out of what is left of it and its
                 videos curated again
rewrite          A committed shard -> another one with other rows: under a new key, so that
                 readers see either
schema_upgrade   A shard of an older version of the schema -> the same rows as of today, under a
                 new key
verify           Hold a shard against its checksums: is it broken, and where
"""

from tinyvideo.storage.repair.restore import RepairPlan, give_up, plan_repair, restore_shard
from tinyvideo.storage.repair.rewrite import finish_rewrites, rewrite_shard
from tinyvideo.storage.repair.schema_upgrade import upgrade_shard
from tinyvideo.storage.repair.verify import (
    ShardCheck,
    ShardState,
    check_shard,
    read_through,
)

__all__ = [
    "RepairPlan",
    "ShardCheck",
    "ShardState",
    "check_shard",
    "finish_rewrites",
    "give_up",
    "plan_repair",
    "read_through",
    "restore_shard",
    "rewrite_shard",
    "upgrade_shard",
]
