"""A shard that lies in the store -> rows of the catalog, in one transaction: all of it or nothing.

The shard is the truth. Its videos are sharded, whatever the catalog knew of them; those that the
catalog had in it, and it holds no more, wait again, or were taken down. A video that another shard
holds already stays there: the second copy is looked at when all shards are known
(`storage.rebuild.even_shards`). Entering a shard twice changes nothing.

Cost: 0.3 ms per new video in a SQLite file, with reading its rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog import (
    TakedownKind,
    blocked_videos,
    count_found,
    mark_taken_down,
    note,
)
from tinyvideo.storage.database import (
    ACCEPTED,
    CLIPS,
    CONFIG_HASH,
    CONFIG_VALUES,
    FACTS,
    REWRITES,
    SHARDS,
    TAKEDOWNS,
    VIDEOS,
    chunks,
    read_fact,
    row_of_video,
    update_videos,
    write_fact,
)
from tinyvideo.storage.rebuild.shard_contents import ShardContents, number_of

TAKEN = "taken down, and not in its shard any more"


def enter_shard(
    db: sa.Connection,
    found: ShardContents,
    numbers: frozenset[int],
    older: Mapping[str, bool],
    moment: datetime,
) -> None:
    """Enter a shard and its videos as they are in the store.

    `numbers` are those of all shards that are there. `older` names earlier revisions of this one
    that still lie there, and whether they can be read: datasets turn from them to this one.
    """
    before = _enter_row(db, found, moment)
    _drop_missing(db, found, before)
    known = known_homes(db, list(found.records))
    elsewhere = {i for i, key in known.items() if _is_elsewhere(key, found.number, numbers)}
    enter_videos(db, found, set(found.records) - elsewhere, known, moment)
    _reopen_takedowns(db, found, moment)
    _remember_config(db, found)
    for key, readable in older.items():
        _supersede(db, key, found, readable=readable)


def enter_videos(
    db: sa.Connection,
    found: ShardContents,
    video_ids: Iterable[str],
    known: Mapping[str, str],
    moment: datetime,
) -> None:
    """Have some videos of a shard be in it, new or `known`, each with its strips."""
    mine = sorted(video_ids)
    fresh = [video_id for video_id in mine if video_id not in known]
    home = {"state": VideoState.SHARDED.value, "shard_key": found.key}
    if fresh:
        rows = [{**row_of_video(found.records[i], moment), **home} for i in fresh]
        db.execute(VIDEOS.insert(), rows)
        count_found(db, len(fresh))
        note(db, fresh, moment, "rebuilt", f"all that is known of it is what {found.key} says")
    for chunk in chunks(video_id for video_id in mine if video_id in known):
        ids = VIDEOS.c.video_id.in_(chunk)
        update_videos(db, ids, **home, reason="", detail="", holder="", leased_until=None)
    for chunk in chunks(mine):
        of_chunk = CLIPS.c.video_id.in_(chunk)
        db.execute(CLIPS.delete().where(of_chunk, CLIPS.c.outcome == ACCEPTED))
    counts = [{"video_id": i, "outcome": ACCEPTED, "count": found.strips[i]} for i in mine]
    if counts:
        db.execute(CLIPS.insert(), counts)


def forget_strips(db: sa.Connection, video_ids: Sequence[str]) -> None:
    """Have videos wait again whose strips are in no shard, or be out if they were taken down."""
    rows: list[dict[str, Any]] = []
    for chunk in chunks(video_ids):
        columns = (VIDEOS.c.video_id, VIDEOS.c.source, VIDEOS.c.owner)
        query = sa.select(*columns).where(VIDEOS.c.video_id.in_(chunk))
        rows += [dict(row) for row in db.execute(query).mappings()]
    taken = blocked_videos(db, rows)
    mark_taken_down(db, sorted(taken), TAKEN)
    for chunk in chunks(row["video_id"] for row in rows if row["video_id"] not in taken):
        db.execute(CLIPS.delete().where(CLIPS.c.video_id.in_(chunk)))
        again = {"state": VideoState.PENDING, "shard_key": "", "attempts": 0}
        update_videos(db, VIDEOS.c.video_id.in_(chunk), **again)


def known_homes(db: sa.Connection, video_ids: Sequence[str]) -> dict[str, str]:
    """Say of the videos that the catalog knows in which shard they are; "" if in none."""
    columns = (VIDEOS.c.video_id, VIDEOS.c.state, VIDEOS.c.shard_key)
    found: dict[str, str] = {}
    for chunk in chunks(video_ids):
        for video_id, state, key in db.execute(
            sa.select(*columns).where(VIDEOS.c.video_id.in_(chunk))
        ):
            found[video_id] = key if state == VideoState.SHARDED else ""
    return found


def _enter_row(db: sa.Connection, found: ShardContents, moment: datetime) -> str:
    """Enter the shard's own row; return the key that it had, "" if it is new."""
    same = SHARDS.c.number == found.number
    before = db.scalar(sa.select(SHARDS.c.key).where(same))
    values = {
        "key": found.key,
        "committed": True,
        "strips": sum(found.strips.values()),
        "bytes": found.bytes,
        "sha256": found.sha256,
        "updated_at": moment,
    }
    if before is None:
        db.execute(SHARDS.insert().values(number=found.number, **values))
    else:
        db.execute(SHARDS.update().where(same).values(**values))
    return before or ""


def _drop_missing(db: sa.Connection, found: ShardContents, before: str) -> None:
    keys = {found.key, before} - {""}
    held = db.scalars(sa.select(VIDEOS.c.video_id).where(VIDEOS.c.shard_key.in_(keys)))
    forget_strips(db, [video_id for video_id in held if video_id not in found.records])


def _is_elsewhere(key: str, number: int, numbers: frozenset[int]) -> bool:
    return bool(key) and number_of(key) != number and number_of(key) in numbers


def _reopen_takedowns(db: sa.Connection, found: ShardContents, moment: datetime) -> None:
    # What was taken down and is in a shard all the same goes again: an old copy was put back.
    rows = [
        {"video_id": r.video_id, "source": r.source, "owner": r.owner}
        for r in found.records.values()
    ]
    taken = blocked_videos(db, rows)
    if not taken:
        return
    query = sa.select(TAKEDOWNS.c.kind, TAKEDOWNS.c.name).where(TAKEDOWNS.c.finished_at.is_(None))
    asked = {(kind, name) for kind, name in db.execute(query)}
    for video_id in sorted(taken):
        owner = (TakedownKind.OWNER, found.records[video_id].owner)
        names = {(TakedownKind.VIDEO, n) for n in (video_id, video_id.partition("-")[2])}
        if not asked & {owner, *names}:
            row = {"kind": TakedownKind.VIDEO, "name": video_id, "requested_at": moment}
            db.execute(TAKEDOWNS.insert().values(row))


def _remember_config(db: sa.Connection, found: ShardContents) -> None:
    before = read_fact(db, CONFIG_HASH)
    if not found.config_hash or before == found.config_hash:
        return
    db.execute(FACTS.delete().where(FACTS.c.name == CONFIG_VALUES))
    write_fact(db, CONFIG_HASH, found.config_hash)


def _supersede(db: sa.Connection, key: str, found: ShardContents, *, readable: bool) -> None:
    """Have datasets turn from an earlier revision, and its object deleted, as after a rewrite."""
    entry = {"old_key": key, "new_key": found.key, "committed": True, "sha256": found.sha256}
    db.execute(REWRITES.delete().where(REWRITES.c.old_key == key))
    db.execute(REWRITES.insert().values(**entry, same_places=not readable))
