"""A broken or missing shard -> a whole one, out of what is left of it and its videos curated again.

    plan      which videos of the shard are whole in it, and which are lost (`repair_plan`)
    restore   rows of the former, and part files of the latter, make the shard anew
    give up   where that cannot be: its videos are pending again, and datasets drop its rows

The same videos, the same code and the same configuration give the same bytes, and then the shard is
put back under its own name, by one replacement that readers see before or after. Nothing else
changes. Where the bytes differ (another version of pyarrow, a shard of an older schema), it comes
under a new key, and catalog and datasets turn to it (`storage.repair.rewrite`); a video that was
taken down meanwhile is left out. Nothing is changed before a whole shard is there.

Cost: 0.7 ms of processor time per strip of 240 kB, and the bytes of one shard in memory; curating
again comes on top.
"""

from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from tinyvideo.pipeline.types import VideoRecord, VideoState
from tinyvideo.storage.catalog import mark_taken_down
from tinyvideo.storage.database import CLIPS, VIDEOS
from tinyvideo.storage.objects import sha256_of
from tinyvideo.storage.outputs import Output
from tinyvideo.storage.repair.repair_plan import RepairPlan, rows_of
from tinyvideo.storage.repair.rewrite import finish_rewrites, rewrite_shard, write_rows
from tinyvideo.storage.shards import ShardFile, open_shard, read_table, verify_shard
from tinyvideo.storage.storage_errors import StorageError


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
