"""Whose an output is: a small object beside the shards names the one catalog that knows them.

    catalog.owner     {"id": "9f0c...", "catalog": "~/.tinyvideo/b/x/catalog.db on host", ...}

It is put only where none is, by the first catalog that works there; of two, one wins. Everything
that will write looks at it first, before a video is fetched, and a catalog that it does not name is
refused. An output of an older version has none: the catalog that knows all of its shards gets it.

Cost: one small read, 2 ms on S3; where there is none yet, a list of the shards.
"""

import json
import re
import socket
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from tinyvideo.pipeline.outside_json import parse_json
from tinyvideo.storage.catalog import Catalog, keys_in_rewrite
from tinyvideo.storage.database import is_url, name_of, transaction, write_fact
from tinyvideo.storage.objects import FolderStore, Store
from tinyvideo.storage.outputs.block_log import FOLDER, log_what_is_known
from tinyvideo.storage.storage_errors import GoneError, StorageError

MARK = "catalog.owner"
IDENTITY = "id"
"""Name of the fact of a catalog that tells it from all others."""

SHARD_KEY = re.compile(r"shards/shard-(?P<number>\d+)(?:-(?P<revision>\d+))?\.parquet")
"""What runs call their shards: by number, and by revision where one was written anew."""


class StrangerError(StorageError):
    """The output belongs to another catalog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerMark:
    id: str
    """That of the catalog."""

    catalog: str
    """Where it is, for people: without passwords, and without the name of a home folder."""

    since: str
    """ISO 8601, UTC."""


def read_mark(store: Store) -> OwnerMark | None:
    """Read whose an output is; None where nobody has said so.

    Raises:
        StorageError: the store cannot be read, or the mark is damaged.
    """
    try:
        told = parse_json(store.read(MARK))
        named = {name: told[name] for name in ("id", "catalog", "since")}
        if not all(isinstance(value, str) for value in named.values()):
            raise TypeError(f"{named!r:.200} are no texts")
        return OwnerMark(**named)
    except GoneError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f"{store.name(MARK)} does not say whose the output is ({error}); move it away, and the "
            "catalog that knows the shards gets another"
        ) from error


def claim(catalog: Catalog, store: Store) -> None:
    """See that an output is this catalog's; if it is nobody's, it becomes that.

    Raises:
        StrangerError: it is another's, or has shards that this catalog does not know.
        StorageError: the store or the catalog cannot be used.
    """
    mark = read_mark(store)
    if mark is None:
        refuse_unknown_shards(catalog, store)
        log_what_is_known(catalog.engine, store)
        mark = _mark_of(catalog, store, catalog.fact(IDENTITY, uuid.uuid4().hex))
        if _put_if_absent(store, mark):
            return
    refuse_stranger(catalog, store)


def refuse_stranger(catalog: Catalog, store: Store) -> None:
    """See that an output is no other catalog's.

    Raises:
        StrangerError: it is.
        StorageError: the store or the catalog cannot be used.
    """
    mark = read_mark(store)
    if mark is not None and mark.id != catalog.known_fact(IDENTITY):
        raise StrangerError(
            f"{store.address} belongs to another catalog, {mark.catalog} since "
            f"{mark.since[:10]}, and not to {shown(catalog, store)}: {_ways_out(store)}"
        )


def refuse_lost(store: Store, where: str) -> None:
    """See, where there is no catalog yet, that an output had none before.

    A folder that has nothing yet, and whose catalog lay in it, is free again.

    Raises:
        StrangerError: it had; nothing was made.
        StorageError: the store cannot be read.
    """
    mark = read_mark(store)
    if next(_numbered(store), None) is None:
        if mark is None:
            return
        if _was_inside(mark, store) and next(store.list(FOLDER), None) is None:
            store.delete(MARK)
            return
    what = f"belongs to the catalog {mark.catalog}" if mark else "has shards"
    raise StrangerError(
        f"{store.address} {what}, and there is no catalog in {where}: if it is lost, "
        f"'tinyvideo catalog rebuild --out {store.address}' makes it anew of the shards; if it is "
        "elsewhere, name it by TINYVIDEO_CATALOG; or choose another --out"
    )


def refuse_unknown_shards(catalog: Catalog, store: Store) -> None:
    """See that a catalog knows every shard that lies in its output.

    Raises:
        StrangerError: it does not: it is another's, or an old copy.
        StorageError: the store or the catalog cannot be used.
    """
    # Listed first: a shard is in the catalog before its file appears.
    keys = list(_numbered(store))
    known = {s.key for done in (True, False) for s in catalog.shards(committed=done)}
    known |= keys_in_rewrite(catalog.engine)
    strange = next((key for key in keys if key not in known), None)
    if strange is not None:
        raise StrangerError(
            f"{store.name(strange)} is not in the catalog {shown(catalog, store)}, so another "
            f"catalog has made it, or this is an old copy of one: {_ways_out(store)}"
        )


def take_over(catalog: Catalog, store: Store, settle: Callable[[sa.Connection], None]) -> None:
    """Make an output this catalog's, whosever it was; copies of this catalog have it no more.

    `settle` is called in the transaction that draws the catalog's new id.

    Raises:
        StorageError: the store or the catalog cannot be written.
    """
    mark = _mark_of(catalog, store, uuid.uuid4().hex)
    with transaction(catalog.engine, writes=True) as db:
        write_fact(db, IDENTITY, mark.id)
        settle(db)
    store.replace(MARK, json.dumps(asdict(mark)).encode())


def is_owner(catalog: Catalog, store: Store) -> bool:
    """Tell whether an output is marked as this catalog's.

    Raises:
        StorageError: the store or the catalog cannot be read.
    """
    mark = read_mark(store)
    return mark is not None and mark.id == catalog.known_fact(IDENTITY)


def shown(catalog: Catalog, store: Store) -> str:
    """Name a catalog for people who may sit at another machine."""
    name = name_of(catalog.engine.url)
    if is_url(name):
        return name
    path, home = Path(name).absolute(), Path.home()
    if isinstance(store, FolderStore) and path.parent == store.root.absolute():
        return path.name
    short = f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
    return f"{short} on {socket.gethostname()}"


def _was_inside(mark: OwnerMark, store: Store) -> bool:
    inside = isinstance(store, FolderStore) and "/" not in mark.catalog
    return inside and not store.exists(mark.catalog)


def _put_if_absent(store: Store, mark: OwnerMark) -> bool:
    with tempfile.NamedTemporaryFile("w", suffix=".owner") as file:
        file.write(json.dumps(asdict(mark)))
        file.flush()
        return store.put_if_absent(MARK, Path(file.name))


def _numbered(store: Store) -> Iterator[str]:
    return (key for key in store.list("shards") if SHARD_KEY.fullmatch(key))


def _mark_of(catalog: Catalog, store: Store, identity: str) -> OwnerMark:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return OwnerMark(id=identity, catalog=shown(catalog, store), since=now)


def _ways_out(store: Store) -> str:
    out = f"--out {store.address}"
    return (
        f"'tinyvideo catalog adopt {out}' takes it over on purpose, 'tinyvideo catalog rebuild "
        f"{out}' makes a catalog of the shards where that one is lost; or choose another --out"
    )
