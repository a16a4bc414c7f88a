"""Books that do not balance after all shards were entered -> books that do.

Two catalogs may have worked at one output, so that a video's strips are in two shards. They stay in
the one that was entered for it, which is the older one or what the catalog had, and leave the
other, which is written anew without them (`storage.repair.rewrite`). What is to be done is
read off the catalog: a shard whose videos gave fewer strips than it holds. So a kill loses none of
it, and what is even costs nothing.

Cost: one query; the small columns of uneven shards, and rewriting those.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog import blocked_videos, keys_in_rewrite, mark_taken_down
from tinyvideo.storage.database import (
    ACCEPTED,
    BATCHES,
    CLIPS,
    SHARDS,
    VIDEOS,
    ShardRow,
    transaction,
)
from tinyvideo.storage.outputs import Output
from tinyvideo.storage.rebuild.enter_shard import TAKEN, enter_videos, known_homes
from tinyvideo.storage.rebuild.shard_contents import read_contents
from tinyvideo.storage.repair import finish_rewrites, rewrite_shard
from tinyvideo.storage.shards import ShardFile, iterate_rows
from tinyvideo.storage.storage_errors import StorageError


def even_out(output: Output, moment: datetime) -> dict[str, int]:
    """Take strips that are in two shards out of the later one; return how many, by its key.

    Raises:
        StorageError: a shard cannot be read or written.
    """
    finish_rewrites(output)
    doubled: dict[str, int] = {}
    present = set(output.store.list("shards"))
    for shard in _uneven(output):
        if shard.key in present:
            doubled[shard.key] = _even(output, shard, moment)
            finish_rewrites(output)
    return {key: count for key, count in doubled.items() if count}


def settle_gone(output: Output) -> list[str]:
    """Forget shards that are gone because all in them was taken down; name those that are lost.

    Raises:
        StorageError: the catalog or the store cannot be used.
    """
    present = set(output.store.list("shards")) | keys_in_rewrite(output.catalog.engine)
    lost = []
    for shard in output.catalog.shards(committed=True):
        if shard.key not in present and not _is_taken_down(output, shard):
            lost.append(shard.key)
    return lost


def close_batches(output: Output, moment: datetime) -> None:
    """Have batches be done whose shards are committed: an old copy may have them as open."""
    done = sa.select(SHARDS.c.number).where(SHARDS.c.committed)
    is_open = BATCHES.c.state.in_(["waiting", "working"])
    with transaction(output.catalog.engine, writes=True) as db:
        mine = sa.and_(is_open, BATCHES.c.number.in_(done))
        db.execute(BATCHES.update().where(mine).values(state="done", ended_at=moment))


def _uneven(output: Output) -> list[ShardRow]:
    query = (
        sa.select(VIDEOS.c.shard_key, sa.func.sum(CLIPS.c.count))
        .join(CLIPS, CLIPS.c.video_id == VIDEOS.c.video_id)
        .where(VIDEOS.c.state == VideoState.SHARDED, CLIPS.c.outcome == ACCEPTED)
        .group_by(VIDEOS.c.shard_key)
    )
    with transaction(output.catalog.engine, writes=False) as db:
        given = {key: int(strips) for key, strips in db.execute(query)}
    committed = output.catalog.shards(committed=True)
    return [shard for shard in committed if given.get(shard.key, 0) != shard.strips]


def _even(output: Output, shard: ShardRow, moment: datetime) -> int:
    try:
        found = read_contents(output.store, shard.key, whole=False)
    except StorageError:
        return 0  # the books will say that it is damaged
    with transaction(output.catalog.engine, writes=True) as db:
        homes = known_homes(db, list(found.records))
        mine = {i for i in found.records if homes.get(i, "") in {"", shard.key}}
        enter_videos(db, found, mine, homes, moment)
    doubled = frozenset(found.records) - mine
    if doubled:
        rows = _without(ShardFile(output.store, shard.key), doubled)
        rewrite_shard(output, shard, rows, lambda _db, _key: None)
    return sum(found.strips[video_id] for video_id in doubled)


def _without(source: ShardFile, doubled: frozenset[str]) -> Iterator[dict[str, Any]]:
    return (row for row in iterate_rows(source) if row["video_id"] not in doubled)


def _is_taken_down(output: Output, shard: ShardRow) -> bool:
    query = sa.select(VIDEOS.c.video_id, VIDEOS.c.source, VIDEOS.c.owner)
    with transaction(output.catalog.engine, writes=True) as db:
        found = db.execute(query.where(VIDEOS.c.shard_key == shard.key)).mappings()
        rows = [dict(row) for row in found]
        ids = [row["video_id"] for row in rows]
        if len(blocked_videos(db, rows)) < len(ids):
            return False
        mark_taken_down(db, ids, TAKEN)
        db.execute(SHARDS.delete().where(SHARDS.c.key == shard.key))
    return True
