"""A shard of an older version of the schema -> the same rows as of today, under a new key.

tinyvideo reads older shards as those of today; other programs see what lies in the file. Pictures
keep their bytes, and datasets their rows. The hash for near duplicates, which older versions lack,
is made here.

Cost: that of `storage.repair.rewrite`, and 3 ms per strip to hash it; a look at the footer where
nothing is to be done.
"""

from tinyvideo.storage.database import ShardRow
from tinyvideo.storage.outputs import Output
from tinyvideo.storage.repair.rewrite import finish_rewrites, rewrite_shard
from tinyvideo.storage.shards import (
    SCHEMA_VERSION,
    ShardFile,
    hashed,
    iterate_rows,
    shard_metadata,
)


def upgrade_shard(output: Output, shard: ShardRow) -> str:
    """Write a committed shard anew if its schema is an older one; return the key it has then.

    For whoever holds the output alone. Killed anywhere, the next `finish_rewrites` goes on.

    Raises:
        StorageError: the shard is damaged, or the new one cannot be written.
    """
    source = ShardFile(output.store, shard.key)
    if int(shard_metadata(source)["tinyvideo.schema_version"]) >= SCHEMA_VERSION:
        return shard.key
    key = rewrite_shard(output, shard, map(hashed, iterate_rows(source)), lambda _db, _key: None)
    finish_rewrites(output)
    return key
