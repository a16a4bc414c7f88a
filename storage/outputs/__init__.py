"""An output as a whole: where its parts lie, whose it is, and whether they agree.

block_log       The log of blocks and takedowns, beside the shards: what a lost catalog must not
                bring back
book_audit      The books of an output, held against its objects: does the catalog say what is
                there?
inventory       What shards there are, and what one of them holds, for people and programs
output_address  Where an output lies: the address of its shards, a local folder to work in, and
                its catalog
owner_mark      Whose an output is: a small object beside the shards names the one catalog that
                knows them
video_history   What became of single videos, and what to do about those that failed
"""

from tinyvideo.storage.outputs.block_log import (
    LogEntry,
    Said,
    block,
    log_takedown,
    read_log,
    unblock,
)
from tinyvideo.storage.outputs.book_audit import audited_books, read_books
from tinyvideo.storage.outputs.inventory import describe_shard, find_shard, list_shards
from tinyvideo.storage.outputs.output_address import (
    ADDRESS,
    UNFINISHED,
    Output,
    OutputAddress,
)
from tinyvideo.storage.outputs.owner_mark import (
    IDENTITY,
    SHARD_KEY,
    StrangerError,
    is_owner,
    read_mark,
    refuse_stranger,
    refuse_unknown_shards,
    take_over,
)
from tinyvideo.storage.outputs.video_history import credits, explain, failures, retry

__all__ = [
    "ADDRESS",
    "IDENTITY",
    "SHARD_KEY",
    "UNFINISHED",
    "LogEntry",
    "Output",
    "OutputAddress",
    "Said",
    "StrangerError",
    "audited_books",
    "block",
    "credits",
    "describe_shard",
    "explain",
    "failures",
    "find_shard",
    "is_owner",
    "list_shards",
    "log_takedown",
    "read_books",
    "read_log",
    "read_mark",
    "refuse_stranger",
    "refuse_unknown_shards",
    "retry",
    "take_over",
    "unblock",
]
