"""Objects in a folder or on S3: each appears whole or not at all, and is never overwritten.

folder         Objects in a folder: each appears whole or not at all, and a final one is never
               overwritten
ranges         A stored object as a file: seekable, and read in few large ranges
read_ahead     Go over many shards in their order, a few at once where each answer comes over a
               network
s3             Objects on S3: the same promises as a folder, over a network that fails
s3_errors      What S3 and boto3 say when something is wrong -> one sentence with the object and the
               way out
s3_get         Read an object from S3 as a stream that goes on where the connection broke
s3_put         Put an object on S3 only if nobody has its name, and know for sure who won
store_address  An address that somebody has typed -> a folder, or a bucket and a prefix: the one
               place for it
stores         Objects: where shards and manifests lie, in a folder or behind S3, and what holds for
               both
"""

from tinyvideo.storage.objects.folder import FolderStore, sha256_of, sync
from tinyvideo.storage.objects.read_ahead import in_order
from tinyvideo.storage.objects.s3_errors import is_missing, is_passing, sentence_of, status_of
from tinyvideo.storage.objects.s3_get import stream
from tinyvideo.storage.objects.store_address import (
    Bucket,
    bucket_of,
    has_scheme,
    is_remote,
    parse_address,
)
from tinyvideo.storage.objects.stores import Store, open_store

__all__ = [
    "Bucket",
    "FolderStore",
    "Store",
    "bucket_of",
    "has_scheme",
    "in_order",
    "is_missing",
    "is_passing",
    "is_remote",
    "open_store",
    "parse_address",
    "sentence_of",
    "sha256_of",
    "status_of",
    "stream",
    "sync",
]
