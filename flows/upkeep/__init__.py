"""Shards that are restored, and takedowns that are finished.

finish_takedowns  What a takedown touches beside storage: checkpoints, and the page
restore_shard     `tinyvideo shards repair`: a broken shard is made anew, its lost videos
                  curated again
"""

from tinyvideo.flows.upkeep.finish_takedowns import (
    finish_open_takedowns,
    known_checkpoints,
    remove_page,
)
from tinyvideo.flows.upkeep.restore_shard import SCRATCH, RepairOptions, repair_shard

__all__ = [
    "SCRATCH",
    "RepairOptions",
    "finish_open_takedowns",
    "known_checkpoints",
    "remove_page",
    "repair_shard",
]
