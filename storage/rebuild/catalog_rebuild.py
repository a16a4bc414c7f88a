"""A catalog out of shards: where it is lost, or where another one takes the output over.

    rebuild   there is none: the newest backup beside the shards, if there is one, and all that has
              come since; else shards alone. Blocks and takedowns come from their log
    adopt     there is one, which knows the shards of nobody, or not all: it takes in the rest

Both mark the output as theirs first, so that whoever had it writes nothing more, and enter one
shard per transaction. A catalog that is not whole says so, and nobody works with it. Killed
anywhere, the same call goes on: what was entered is passed over. In the end the books are
held against the shards.

Cost (`python -m benchmarks.parts.catalog_rebuilds`): 1,000,000 strips of 125,000 videos take 43 s
of processor time and 0.2 GB of memory, whatever the output holds; reading and hashing their bytes
2.6 s per GB, on up to four cores.
"""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa

from tinyvideo.storage.database import REWRITES, VIDEOS, ShardRow, transaction, write_fact
from tinyvideo.storage.objects import Store, in_order
from tinyvideo.storage.outputs import (
    SHARD_KEY,
    UNFINISHED,
    Output,
    OutputAddress,
    StrangerError,
    audited_books,
    is_owner,
    refuse_unknown_shards,
    take_over,
)
from tinyvideo.storage.rebuild.catalog_backup import put_back
from tinyvideo.storage.rebuild.enter_shard import enter_shard
from tinyvideo.storage.rebuild.even_shards import close_batches, even_out, settle_gone
from tinyvideo.storage.rebuild.logged_blocks import enter_what_is_blocked
from tinyvideo.storage.rebuild.shard_contents import (
    ShardContents,
    number_of,
    read_contents,
    revision_of,
)
from tinyvideo.storage.repair import finish_rewrites
from tinyvideo.storage.shards import ShardFile, shard_metadata
from tinyvideo.storage.storage_errors import NewerError, StorageError

MOST_AT_ONCE = 4
"""Shards that are hashed at once from a disk. Ours: few disks give more than four cores hash."""


@dataclass(slots=True, kw_only=True)
class Rebuilt:
    """What came of a rebuild."""

    backup: str = ""
    """Key of the backup that it began with; "" if with nothing."""

    entered: int = 0
    """Shards that were read and entered, by this call."""

    known: int = 0
    """Shards that the catalog had already: of a backup, or entered before a kill."""

    doubled: dict[str, int] = field(default_factory=dict)
    """Strips that other shards held, too, and that were taken out of these."""

    broken: list[str] = field(default_factory=list)
    """A sentence for each shard that is damaged."""

    books: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Lay it out for JSON."""
        return asdict(self)


OnShard = Callable[[int, int], None]
"""Hears how many of how many shards are looked at."""


def rebuild_catalog(
    place: OutputAddress, on_shard: OnShard, *, from_backup: bool = True
) -> Rebuilt:
    """Make the catalog of an output whose catalog is lost, and make the output its own.

    Raises:
        StorageError: there is a catalog that knows videos, or the store or the new one fails.
    """
    done = Rebuilt()
    if from_backup and not place.has_catalog():
        with place.open_work().locked():
            done.backup = put_back(place, place.open_store())
    with place.whosever(make=True) as output:
        _refuse_whole(output, place)
        _fill(output, "rebuild", done, on_shard)
    return done


def adopt_output(place: OutputAddress, on_shard: OnShard) -> Rebuilt:
    """Have the catalog that there is take over an output, with all shards that it does not know.

    Raises:
        StorageError: there is no catalog, or the store or the catalog fails.
    """
    if not place.has_catalog():
        raise StorageError(
            f"there is no catalog in {place.names['catalog']} that could adopt {place.address}; "
            "'tinyvideo catalog rebuild' makes one of the shards"
        )
    done = Rebuilt()
    with place.whosever() as output:
        if not output.catalog.known_fact(UNFINISHED) and _has_all(output):
            done.known = len(output.catalog.shards(committed=True))
            done.books = audited_books(output.catalog, output.store)
            return done
        _fill(output, output.catalog.known_fact(UNFINISHED) or "adopt", done, on_shard)
    return done


def _has_all(output: Output) -> bool:
    try:
        refuse_unknown_shards(output.catalog, output.store)
    except StrangerError:
        return False
    return is_owner(output.catalog, output.store)


def _refuse_whole(output: Output, place: OutputAddress) -> None:
    if output.catalog.known_fact(UNFINISHED):
        return
    with transaction(output.catalog.engine, writes=False) as db:
        some = db.scalar(sa.select(VIDEOS.c.video_id).limit(1))
    if some is not None:
        raise StorageError(
            f"there is a catalog in {place.names['catalog']}, and it knows videos: 'tinyvideo "
            "catalog adopt' has it take over the shards; move it away to make another instead"
        )


def _fill(output: Output, what: str, done: Rebuilt, on_shard: OnShard) -> None:
    catalog, store = output.catalog, output.store
    _begin(output, what)
    output.work.clear_temporary()
    finish_rewrites(output)  # of this call, before it was killed
    enter_what_is_blocked(output)
    newest = _newest_first(store)
    numbers = frozenset(newest)
    committed = {shard.key: shard for shard in catalog.shards(committed=True)}
    looked_at = in_order(
        store, lambda keys: _look(store, keys, committed), newest.values(), on_disk=_cores()
    )
    for number, look in enumerate(looked_at, 1):
        done.broken += look.problems
        done.known += look.contents is None and bool(look.key)
        if look.contents is not None:
            with transaction(catalog.engine, writes=True) as db:
                enter_shard(db, look.contents, numbers, look.older, catalog.clock())
            done.entered += 1
        on_shard(number, len(newest))
    done.doubled = even_out(output, catalog.clock())
    settle_gone(output)
    close_batches(output, catalog.clock())
    done.books = audited_books(catalog, store, recount=True)
    with transaction(catalog.engine, writes=True) as db:
        write_fact(db, UNFINISHED, "")


def _cores() -> int:
    return min(len(os.sched_getaffinity(0)), MOST_AT_ONCE)


def _begin(output: Output, what: str) -> None:
    """Say that the catalog is not whole, and mark the output as its own; if not done already."""

    def settle(db: sa.Connection) -> None:
        write_fact(db, UNFINISHED, what)
        # An old plan to write shards anew may be done long since: what lies there decides.
        db.execute(REWRITES.delete())

    if not (output.catalog.known_fact(UNFINISHED) and is_owner(output.catalog, output.store)):
        take_over(output.catalog, output.store, settle)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What was found under one number."""

    key: str = ""
    """Of the revision that counts; "" if none can be read."""

    contents: ShardContents | None = None
    """None where the catalog has it already, as it is."""

    older: dict[str, bool] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def _newest_first(store: Store) -> dict[int, list[str]]:
    """List the shards by number, the revisions of each from the newest on."""
    found: dict[int, list[str]] = {}
    for key in store.list("shards"):
        if SHARD_KEY.fullmatch(key):
            found.setdefault(number_of(key), []).append(key)
    return {n: sorted(found[n], key=revision_of, reverse=True) for n in sorted(found)}


def _look(store: Store, keys: list[str], committed: dict[str, ShardRow]) -> _Look:
    """Read the newest revision that can be read.

    Raises:
        NewerError: a newer tinyvideo has written it.
    """
    problems: list[str] = []
    for place, key in enumerate(keys):
        row = committed.get(key)
        try:
            if row is not None and len(keys) == 1 and _is_as_entered(store, row):
                return _Look(key=key)
            contents = read_contents(store, key, whole=True)
        except NewerError:
            raise
        except StorageError as error:
            if row is not None:  # `shards repair` knows what was in it
                return _Look(key=key, problems=[*problems, str(error)])
            problems.append(
                f"{error}; the catalog does not know what it held: move it away, and the next run "
                "makes its strips anew where the films are there"
            )
            continue
        problems += [
            f"row group {group} of {store.name(key)} is damaged; 'tinyvideo shards repair' makes "
            "it anew"
            for group in contents.broken
        ]
        older = {other: _can_be_read(store, other) for other in keys[place + 1 :]}
        return _Look(key=key, contents=contents, older=older, problems=problems)
    return _Look(problems=problems)


def _is_as_entered(store: Store, row: ShardRow) -> bool:
    if store.size(row.key) != row.bytes:
        return False
    return int(shard_metadata(ShardFile(store, row.key))["strips"]) == row.strips


def _can_be_read(store: Store, key: str) -> bool:
    try:
        read_contents(store, key, whole=False)
    except StorageError:
        return False
    return True
