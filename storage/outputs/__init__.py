"""An output as a whole: where its parts lie, and whether they agree.

book_audit      The books of an output, held against its objects: does the catalog say what is
                there?
inventory       What shards there are, and what one of them holds, for people and programs
output_address  Where an output lies: the address of its shards, a local folder to work in, and
                its catalog
video_history   What became of single videos, and what to do about those that failed
"""

from tinyvideo.storage.outputs.book_audit import audited_books, read_books
from tinyvideo.storage.outputs.inventory import describe_shard, find_shard, list_shards
from tinyvideo.storage.outputs.output_address import Output, OutputAddress
from tinyvideo.storage.outputs.video_history import credits, explain, failures, retry

__all__ = [
    "Output",
    "OutputAddress",
    "audited_books",
    "credits",
    "describe_shard",
    "explain",
    "failures",
    "find_shard",
    "list_shards",
    "read_books",
    "retry",
]
