"""Shards that are restored, takedowns that are finished, and thresholds that are kept.

books_closed      What every command does that has changed shards: the card is written, the
                  catalog backed up
finish_takedowns  What a takedown touches beside storage: checkpoints, and the page
made_with         What the strips of an output are made with: one configuration, which its
                  catalog remembers
restore_shard     `tinyvideo shards repair`: a broken shard is made anew, its lost videos
                  curated again
"""

from tinyvideo.flows.upkeep.books_closed import close_books, keep_backup
from tinyvideo.flows.upkeep.finish_takedowns import (
    finish_open_takedowns,
    known_checkpoints,
    remove_page,
)
from tinyvideo.flows.upkeep.made_with import config_in_force, enter_config, remembered_config
from tinyvideo.flows.upkeep.restore_shard import SCRATCH, RepairOptions, repair_shard

__all__ = [
    "SCRATCH",
    "RepairOptions",
    "close_books",
    "config_in_force",
    "enter_config",
    "finish_open_takedowns",
    "keep_backup",
    "known_checkpoints",
    "remembered_config",
    "remove_page",
    "repair_shard",
]
