"""A broken or missing shard -> a whole one, out of what is left of it and its videos curated again.

    plan      which videos are whole in the shard: all their strips lie in row groups that are as
              they were written; the others are lost, all of each
    restore   rows of the former, and part files of the latter, make the shard anew
    give up   where that cannot be: its videos are pending again, and datasets drop its rows

The same videos, the same code and the same configuration give the same bytes, and then the shard is
put back under its own name, by one replacement that readers see before or after. Nothing else
changes. Where the bytes differ (another version of pyarrow, a shard of an older schema), it comes
under a new key, and catalog and datasets turn to it (`rewrite`); a video that was taken down
meanwhile is left out. Nothing is changed before a whole shard is there.

Cost: 0.7 ms of processor time per strip of 240 kB, read one row group at a time, and the bytes of
one shard in memory; curating again comes on top.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tinyvideo.pipeline.outside_json import parse_json
from tinyvideo.pipeline.types import VideoRecord, VideoState
from tinyvideo.storage.catalog import blocked_videos, mark_taken_down
from tinyvideo.storage.database import ACCEPTED, CLIPS, VIDEOS, ShardRow, transaction
from tinyvideo.storage.objects import sha256_of
from tinyvideo.storage.outputs import Output
from tinyvideo.storage.repair.rewrite import finish_rewrites, rewrite_shard, write_rows
from tinyvideo.storage.repair.verify import ShardCheck
from tinyvideo.storage.shards import (
    MADE_BY_KEY,
    ShardFile,
    iterate_rows,
    open_shard,
    read_table,
    shard_metadata,
    verify_shard,
)
from tinyvideo.storage.storage_errors import StorageError

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairPlan:
    """What is to be done about one broken shard."""

    shard: ShardRow
    check: ShardCheck
    strips: dict[str, int]
    """Strips of each of its videos, as the catalog has them."""

    kept: frozenset[str]
    """Ids of the videos all of whose strips are whole."""

    lost: tuple[VideoRecord, ...]
    """Videos to curate again."""

    blocked: frozenset[str]
    """Ids of videos that were taken down, and are not put back."""

    made_by: tuple[tuple[str, str], ...]
    """(Pipeline version, configuration hash) of its rows; empty where the file cannot say."""


def plan_repair(output: Output, shard: ShardRow, check: ShardCheck) -> RepairPlan:
    """Find out what is left of a shard that `check` has found broken or gone.

    Raises:
        StorageError: the storage or the catalog cannot be read.
    """
    strips = _strips_of(output, shard.key)
    records = output.catalog.records(list(strips))
    blocked = _blocked(output, records)
    source = ShardFile(output.store, shard.key)
    left = _strips_left(source, check)
    kept = frozenset(i for i, count in strips.items() if left.get(i) == count) - blocked
    plan = RepairPlan(
        shard=shard,
        check=check,
        strips=strips,
        kept=kept,
        lost=tuple(r for r in records if r.video_id not in kept | blocked),
        blocked=blocked,
        made_by=_made_by(source, check),
    )
    if check.broken or not plan.kept or _is_ours(output, plan):
        return plan
    # No row group is broken, and yet it is another file: whose rows these are, nobody knows.
    lost = tuple(record for record in records if record.video_id not in blocked)
    return replace(plan, kept=frozenset(), lost=lost)


def rows_of(output: Output, plan: RepairPlan, parts: Mapping[str, Path]) -> Iterator[Row]:
    """Yield the rows of the shard, by video id, as packing had them."""
    lost = sorted(parts)
    kept = groupby(_kept_rows(output, plan), lambda row: str(row["video_id"]))
    for video_id, rows in kept:
        while lost and lost[0] < video_id:
            yield from iterate_rows(parts[lost.pop(0)])
        yield from rows
    for video_id in lost:
        yield from iterate_rows(parts[video_id])


def _kept_rows(output: Output, plan: RepairPlan) -> Iterator[Row]:
    if not plan.kept:
        return
    source = ShardFile(output.store, plan.shard.key)
    with open_shard(source) as file:
        for group in plan.check.whole_groups:
            for row in read_table(file, source, group).to_pylist():
                if row["video_id"] in plan.kept:
                    yield row


def _is_ours(output: Output, plan: RepairPlan) -> bool:
    with output.work.temporary(".parquet") as path:
        write_rows(path, plan.shard.key, rows_of(output, plan, {}))
        return sha256_of(path) == plan.shard.sha256


def _blocked(output: Output, records: Sequence[VideoRecord]) -> frozenset[str]:
    rows = [{"video_id": r.video_id, "source": r.source, "owner": r.owner} for r in records]
    with transaction(output.catalog.engine, writes=False) as db:
        return frozenset(blocked_videos(db, rows))


def _strips_of(output: Output, key: str) -> dict[str, int]:
    clips = sa.and_(CLIPS.c.video_id == VIDEOS.c.video_id, CLIPS.c.outcome == ACCEPTED)
    query = sa.select(VIDEOS.c.video_id, CLIPS.c.count).join(CLIPS, clips)
    with transaction(output.catalog.engine, writes=False) as db:
        rows = db.execute(query.where(VIDEOS.c.shard_key == key)).all()
    return {str(video_id): int(count) for video_id, count in sorted(rows)}


def _strips_left(source: ShardFile, check: ShardCheck) -> dict[str, int]:
    left: dict[str, int] = {}
    if not check.whole_groups:
        return left
    with open_shard(source) as file:
        for group in check.whole_groups:
            for video_id in read_table(file, source, group, ["video_id"])["video_id"].to_pylist():
                left[video_id] = left.get(video_id, 0) + 1
    return left


def _made_by(source: ShardFile, check: ShardCheck) -> tuple[tuple[str, str], ...]:
    if not check.row_groups:
        return ()
    try:
        entry = parse_json(shard_metadata(source).get(MADE_BY_KEY, "[]"))
        found = {(str(version), str(named)) for version, named in entry}
    except (ValueError, TypeError) as error:
        raise StorageError(
            f"the footer of {source.key} does not say what made the shard: {error}; it is damaged"
        ) from error
    if not found and check.whole_groups:  # version 1 says it in its rows only
        with open_shard(source) as file:
            for group in check.whole_groups:
                rows = read_table(file, source, group, ["pipeline_version", "config_hash"])
                found |= {(r["pipeline_version"], r["config_hash"]) for r in rows.to_pylist()}
    return tuple(sorted(found))


def restore_shard(output: Output, plan: RepairPlan, parts: Mapping[str, Path]) -> str:
    """Make a shard anew, with `parts` for its lost videos, and put it in its place.

    Returns its key, which is a new one if its bytes are not what they were; "" if all its videos
    were taken down.

    Raises:
        StorageError: a part does not hold as many strips as were lost, taken down strips cannot be
            told from others any more, or the storage cannot be written.
    """
    finish_rewrites(output)  # what was left half done would be in the way
    for record in plan.lost:
        _verify_part(plan, record, parts[record.video_id])
    if not plan.blocked and _put_back(output, plan, parts):
        return plan.shard.key
    if plan.blocked:
        _check_places(output, plan)

    def settle(db: sa.Connection, _key: str) -> None:
        mark_taken_down(db, sorted(plan.blocked), "taken down before its shard was repaired")

    rows, same = rows_of(output, plan, parts), not plan.blocked
    key = rewrite_shard(output, plan.shard, rows, settle, same_places=same)
    finish_rewrites(output)
    return key


def give_up(output: Output, plan: RepairPlan) -> None:
    """Forget a shard that cannot be restored: its videos are pending, datasets drop its rows.

    Raises:
        StorageError: the storage cannot be written.
    """

    def settle(db: sa.Connection, _key: str) -> None:
        mark_taken_down(db, sorted(plan.blocked), "taken down before its shard was given up")
        videos = sa.select(VIDEOS.c.video_id).where(VIDEOS.c.shard_key == plan.shard.key)
        db.execute(CLIPS.delete().where(CLIPS.c.video_id.in_(videos)))
        pending = {"state": VideoState.PENDING, "shard_key": "", "attempts": 0}
        db.execute(VIDEOS.update().where(VIDEOS.c.shard_key == plan.shard.key).values(pending))

    finish_rewrites(output)
    rewrite_shard(output, plan.shard, [], settle, same_places=True)
    finish_rewrites(output)


def _verify_part(plan: RepairPlan, record: VideoRecord, part: Path) -> None:
    """Read the strips of a video that was curated again.

    Raises:
        StorageError: they are not as many as before.
    """
    try:
        verify_shard(part, plan.strips[record.video_id])
    except StorageError as error:
        raise StorageError(
            f"{record.title or record.video_id} does not give the {plan.strips[record.video_id]} "
            f"strips that it gave before ({error}); its source, or the program, has changed"
        ) from error


def _put_back(output: Output, plan: RepairPlan, parts: Mapping[str, Path]) -> bool:
    key = plan.shard.key
    with output.work.temporary(".parquet") as path:
        write_rows(path, key, rows_of(output, plan, parts))
        if sha256_of(path) != plan.shard.sha256:
            return False
        output.store.replace(key, path.read_bytes())
    if output.store.sha256(key) != plan.shard.sha256:
        raise StorageError(f"{output.store.name(key)} does not read back as it was written")
    return True


def _check_places(output: Output, plan: RepairPlan) -> None:
    # Datasets learn from the old object which rows were whose.
    source = ShardFile(output.store, plan.shard.key)
    try:
        with open_shard(source) as file:
            for group in range(file.num_row_groups):
                read_table(file, source, group, ["strip_id", "video_id"])
    except StorageError as error:
        raise StorageError(
            f"{source} held strips of videos that were taken down, and cannot say any more which "
            f"rows these were ({error}); give it up with --give-up, and its other videos are "
            "curated again by the next run"
        ) from error
