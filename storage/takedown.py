"""Take a video, or all videos of an owner, out of everything, and keep them out.

    ask         the request is entered, in the log beside the shards and in the catalog; from then
                on the name is blocked
    mark        what is in no shard leaves the books as taken down
    look up     which revisions of datasets hold the strips that will go; kept with the request
    rewrite     the touched shards, one after the other, without them (`storage.repair.rewrite`)
    finish      datasets get new revisions, old objects go, an audit line is written

Every step can be repeated, and a request that is not finished is found in its table: whoever comes
next, another takedown or a run, finishes it. Shards and datasets that hold nothing of it are not
touched. Checkpoints cannot be mended; those whose dataset held a strip are listed, and so are
those whose dataset has been replaced by an earlier takedown, because nobody can tell any more.

Cost: that of rewriting the touched shards, and the small columns of the datasets that name them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.batches import finish_shards, part_path
from tinyvideo.storage.catalog import (
    Takedown,
    TakedownKind,
    ask,
    mark_taken_down,
    matching,
    read_takedowns,
    save,
    write_audit,
)
from tinyvideo.storage.database import ACCEPTED, CLIPS, VIDEOS, transaction
from tinyvideo.storage.datasets import (
    dataset_lock,
    find_lineage,
    list_datasets,
    read_manifest,
)
from tinyvideo.storage.outputs import Output, log_takedown
from tinyvideo.storage.repair import finish_rewrites, rewrite_shard
from tinyvideo.storage.shards import ShardFile, iterate_rows
from tinyvideo.storage.storage_errors import StorageError, UnknownNameError


def take_down(
    output: Output, kind: TakedownKind, name: str, checkpoints: Mapping[str, str]
) -> Takedown:
    """Take `name` out of catalog, shards and datasets, and block it; finish what was left before.

    `checkpoints` gives the manifest's id by the path of every checkpoint that is known. Only for
    whoever holds the output alone.

    Raises:
        StorageError: the name is empty, a touched shard is damaged, or the storage fails. The
            block holds from the moment that the request is entered.
    """
    if not name.strip():
        raise StorageError("a takedown needs the id of a video, or the name of an owner")
    log_takedown(output, kind, name.strip())
    with dataset_lock(output):
        number = ask(output.catalog.engine, kind, name.strip())
    finished = {done.number: done for done in finish_takedowns(output, checkpoints)}
    return finished[number]


def preview(output: Output, kind: TakedownKind, name: str) -> dict[str, Any]:
    """Say what a takedown would take, and change nothing.

    Raises:
        UnknownNameError: nobody knows the name; with the owner who may be meant.
    """
    means = matching(kind, name)
    ids = sa.select(VIDEOS.c.video_id).where(means)
    strips = sa.select(sa.func.coalesce(sa.func.sum(CLIPS.c.count), 0)).where(
        CLIPS.c.video_id.in_(ids.where(VIDEOS.c.state == VideoState.SHARDED)),
        CLIPS.c.outcome == ACCEPTED,
    )
    with transaction(output.catalog.engine, writes=False) as db:
        videos = list(db.scalars(ids.order_by(VIDEOS.c.video_id)))
        if not videos:
            raise UnknownNameError(_unknown(db, kind, name))
        count = int(db.scalar(strips) or 0)
    shards = _in_shards(output, Takedown(number=0, kind=kind, name=name, requested_at=""))
    named = {each: read_manifest(output.store, each).shards for each in list_datasets(output.store)}
    return {
        "kind": kind.value,
        "name": name,
        "videos": videos,
        "strips": count,
        "shards": sorted(shards),
        "datasets": [each for each, keys in named.items() if set(keys) & set(shards)],
    }


def _unknown(db: sa.Connection, kind: TakedownKind, name: str) -> str:
    lower = sa.literal(name.lower(), VIDEOS.c.owner.type)
    like = sa.or_(
        sa.func.lower(VIDEOS.c.owner) == lower,
        sa.func.lower(VIDEOS.c.owner_name) == lower,
        VIDEOS.c.owner == f"{name}@N00",
    )
    meant = db.scalar(sa.select(VIDEOS.c.owner).where(like).limit(1)) if kind == "owner" else ""
    nearest = f"; did you mean --owner {meant}?" if meant else ""
    option = "--owner " if kind == "owner" else ""
    return (
        f"this output knows no {kind} {name!r}, so nothing has changed{nearest}; "
        f"'tinyvideo block {option}{name}' keeps it out in advance"
    )


def finish_takedowns(output: Output, checkpoints: Mapping[str, str]) -> list[Takedown]:
    """Finish every takedown that was asked for, in order; only for whoever holds the output alone.

    Raises:
        StorageError: a touched shard is damaged, or the storage fails.
    """
    finish_rewrites(output)
    finish_shards(output.catalog, output.store, output.work)
    unfinished = read_takedowns(output.catalog.engine, finished=False)
    return [_finish(output, asked, checkpoints) for asked in unfinished]


def _finish(output: Output, asked: Takedown, checkpoints: Mapping[str, str]) -> Takedown:
    in_shards = _in_shards(output, asked)
    if not asked.looked_up:
        asked = _mark_loose(output, _look_up(output, asked, in_shards, checkpoints))
    for key, video_ids in in_shards.items():
        asked = _rewrite(output, asked, key, frozenset(video_ids))
    finish_rewrites(output)
    done = replace(asked, finished_at=datetime.now(UTC).isoformat(timespec="seconds"))
    write_audit(output.catalog.engine, output.store, done)
    with transaction(output.catalog.engine, writes=True) as db:
        save(db, done)
    return done


def _in_shards(output: Output, asked: Takedown) -> dict[str, list[str]]:
    """List the ids of what is meant and lies in a shard, by the shard's key."""
    query = sa.select(VIDEOS.c.shard_key, VIDEOS.c.video_id).where(
        matching(asked.kind, asked.name), VIDEOS.c.state == VideoState.SHARDED
    )
    found: dict[str, list[str]] = {}
    with transaction(output.catalog.engine, writes=False) as db:
        for key, video_id in db.execute(query.order_by(*query.selected_columns)):
            found.setdefault(key, []).append(video_id)
    return found


def _look_up(
    output: Output,
    asked: Takedown,
    in_shards: Mapping[str, Sequence[str]],
    checkpoints: Mapping[str, str],
) -> Takedown:
    lineage = find_lineage(output.store, in_shards)
    return replace(
        asked,
        datasets=lineage.datasets,
        manifests=lineage.holding,
        checkpoints=tuple(p for p, made_of in checkpoints.items() if made_of in lineage.holding),
        uncertain_checkpoints=tuple(
            path
            for path, made_of in checkpoints.items()
            if in_shards and made_of not in lineage.all
        ),
        looked_up=True,
    )


def _mark_loose(output: Output, asked: Takedown) -> Takedown:
    means = matching(asked.kind, asked.name)
    query = sa.select(VIDEOS.c.video_id).where(means).order_by(VIDEOS.c.video_id)
    loose = query.where(VIDEOS.c.state != VideoState.SHARDED)
    with transaction(output.catalog.engine, writes=True) as db:
        asked = replace(asked, videos=tuple(db.scalars(query)))
        video_ids = list(db.scalars(loose))
        mark_taken_down(db, video_ids, _reason(asked))
        save(db, asked)
    for video_id in video_ids:
        part_path(output.work, video_id).unlink(missing_ok=True)
    return asked


def _rewrite(output: Output, asked: Takedown, key: str, gone: frozenset[str]) -> Takedown:
    (shard,) = [row for row in output.catalog.shards(committed=True) if row.key == key]
    removed = 0

    def others() -> Iterator[dict[str, Any]]:
        nonlocal removed
        for row in iterate_rows(ShardFile(output.store, key)):
            if row["video_id"] in gone:
                removed += 1
            else:
                yield row

    def settle(db: sa.Connection, new_key: str) -> None:
        nonlocal asked
        mark_taken_down(db, sorted(gone), _reason(asked))
        shards = {**asked.shards, key: new_key}
        asked = replace(asked, shards=shards, strips=asked.strips + removed)
        save(db, asked)

    try:
        rewrite_shard(output, shard, others(), settle)
    except StorageError as error:
        raise StorageError(
            f"{asked.name} is blocked, but not yet out of {output.store.name(key)}: {error}; "
            "if the shard is broken, 'tinyvideo shards repair' comes first; then run this again"
        ) from error
    return asked


def _reason(asked: Takedown) -> str:
    return f"takedown {asked.number} of {asked.kind} {asked.name}"
