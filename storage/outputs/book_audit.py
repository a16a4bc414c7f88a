"""The books of an output, held against its objects: does the catalog say what is there?

Cost: a listing of the shards; on a local disk, of up to `READ_SHARDS`, their footers, 1 ms each.
"""

from pathlib import Path
from typing import Any

from tinyvideo.storage.catalog import Catalog, keys_in_rewrite
from tinyvideo.storage.database import ShardRow
from tinyvideo.storage.objects import Store, is_remote
from tinyvideo.storage.outputs.output_address import OutputAddress
from tinyvideo.storage.shards import ShardFile, shard_metadata
from tinyvideo.storage.storage_errors import StorageError

READ_SHARDS = 500
"""Shards whose footers are read to audit the books; a footer takes 1 ms."""


def audit(catalog: Catalog, store: Store) -> list[str]:
    """Hold the shards of the catalog against the objects; one sentence per difference.

    On S3, and of more shards than `READ_SHARDS`, only their sizes, which listing gives away;
    `tinyvideo shards verify` reads them.
    """
    # Listed first: a shard is in the catalog before its file appears.
    sizes = {key: size for key, size in store.sizes("shards") if key.endswith(".parquet")}
    committed = catalog.shards(committed=True)
    known = {shard.key for shard in [*committed, *catalog.shards(committed=False)]}
    known |= keys_in_rewrite(catalog.engine)
    strangers = [f"{store.name(key)} is not in the catalog" for key in sizes if key not in known]
    read_all = len(committed) <= READ_SHARDS and not is_remote(store.address)
    suspects = (s for s in committed if read_all or sizes.get(s.key) != s.bytes)
    return [*filter(None, (_difference(store, shard) for shard in suspects)), *strangers]


def read_books(place: OutputAddress | Path) -> dict[str, Any]:
    """Count the books of an output, held against its objects, laid out for JSON.

    Raises:
        StorageError: there is no catalog.
    """
    with OutputAddress.at(place).open() as output:
        return audited_books(output.catalog, output.store)


def audited_books(catalog: Catalog, store: Store, *, recount: bool = False) -> dict[str, Any]:
    """Count the books, with every contradiction and every difference from the objects.

    With `recount` the sums that the catalog keeps are held against its rows.
    """
    books = catalog.books(recount=recount)
    problems = [*books.problems, *audit(catalog, store)]
    return {**books.as_dict(), "balanced": not problems, "problems": problems}


def _difference(store: Store, shard: ShardRow) -> str:
    try:
        found = int(shard_metadata(ShardFile(store, shard.key))["strips"])
        size = store.size(shard.key)
    except StorageError as error:
        return str(error)
    name = store.name(shard.key)
    if found != shard.strips:
        return f"{name} holds {found} strips, the catalog says {shard.strips}"
    return "" if size == shard.bytes else f"{name} has {size} bytes, {shard.bytes} were committed"
