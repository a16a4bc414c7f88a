"""`tinyvideo shards repair`: a broken shard is made anew, its lost videos curated again.

Videos are curated by the same workers as in a run, with the same limits, into part files of their
own. Rows of another version of tinyvideo, or of another configuration, are not mixed in: then, or
when a source is gone, one sentence says why the shard stays as it is. Killed at any moment,
nothing has changed or all has; the next call begins anew.

Cost: that of reading the shard, and of curating the videos that are lost in it.
"""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinyvideo.flows.settings import code_version, config_hash
from tinyvideo.flows.upkeep.made_with import enter_config
from tinyvideo.flows.workers import WorkerConfig, curate_videos
from tinyvideo.pipeline.find import path_of
from tinyvideo.pipeline.types import VideoRecord
from tinyvideo.storage.batches import part_path
from tinyvideo.storage.database import ShardRow
from tinyvideo.storage.objects import FolderStore
from tinyvideo.storage.outputs import Output
from tinyvideo.storage.repair import (
    RepairPlan,
    ShardState,
    check_shard,
    give_up,
    plan_repair,
    restore_shard,
)
from tinyvideo.storage.storage_errors import StorageError

SCRATCH = "tmp/repair"
"""Folder for part files, below the work folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairOptions:
    worker: WorkerConfig
    """How videos are curated; its folder is `SCRATCH`."""

    workers: int
    video_limit_s: float
    give_up: bool
    """Forget what cannot be restored: its videos are pending again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What became of one shard."""

    key: str
    state: str
    """`whole`, `repaired`, `given up`, or `broken` still."""

    new_key: str
    """Where its strips are now; "" if nowhere."""

    curated: int = 0
    """Videos that were curated again."""

    problem: str = ""
    """Why it is still broken."""

    def as_dict(self) -> dict[str, Any]:
        """Lay it out for JSON."""
        return asdict(self)


def repair_shard(
    output: Output,
    shard: ShardRow,
    options: RepairOptions,
    on_video: Callable[[int, int], None],
) -> Repair:
    """Bring a shard back if it is broken; only for whoever holds the output alone.

    `on_video` hears how many of how many videos are curated.

    Raises:
        StorageError: the storage or the catalog cannot be used at all.
    """
    check = check_shard(output.store, shard)
    if check.state is ShardState.WHOLE:
        return Repair(key=shard.key, state="whole", new_key=shard.key)
    plan = plan_repair(output, shard, check)
    scratch = FolderStore(output.work.path(SCRATCH))
    try:
        new_key = _restore(output, plan, options, scratch, on_video)
    except StorageError as error:
        if options.give_up:
            give_up(output, plan)
            return Repair(key=shard.key, state="given up", new_key="", problem=str(error))
        return Repair(key=shard.key, state="broken", new_key=shard.key, problem=str(error))
    finally:
        shutil.rmtree(scratch.root, ignore_errors=True)
    return Repair(key=shard.key, state="repaired", new_key=new_key, curated=len(plan.lost))


def check_sources(output: Output, plan: RepairPlan, options: RepairOptions) -> None:
    """See that curating the lost videos again would give what they gave before.

    Raises:
        StorageError: another version or configuration made them, or a source is gone.
    """
    here = (code_version(), config_hash(options.worker.curation))
    for version, named in plan.made_by:
        if version != here[0]:
            raise StorageError(
                f"{plan.shard.key} was made by tinyvideo {version}, this is {here[0]}; "
                f"repair it with that version"
            )
        if named != here[1]:
            other = f"configuration {named}, now it is {here[1]}"
            raise StorageError(_other_configuration(plan.shard.key, other))
    for record in plan.lost:
        _check_source(plan, record)
    if other := enter_config(output.catalog, options.worker.curation):
        raise StorageError(_other_configuration(plan.shard.key, other))


def _restore(
    output: Output,
    plan: RepairPlan,
    options: RepairOptions,
    scratch: FolderStore,
    on_video: Callable[[int, int], None],
) -> str:
    if plan.lost:
        check_sources(output, plan, options)
        shutil.rmtree(scratch.root, ignore_errors=True)  # of a call that was killed
        asyncio.run(_curate(plan.lost, options, on_video))
    parts = {record.video_id: part_path(scratch, record.video_id) for record in plan.lost}
    return restore_shard(output, plan, parts)


async def _curate(
    records: Sequence[VideoRecord], options: RepairOptions, on_video: Callable[[int, int], None]
) -> None:
    done = 0
    outcomes = curate_videos(
        records, options.worker, workers=options.workers, limit_s=options.video_limit_s
    )
    async for record, outcome in outcomes:
        if outcome.counts is None:
            raise StorageError(
                f"{record.title or record.video_id} cannot be curated again: {outcome.reason}: "
                f"{outcome.detail.strip().splitlines()[-1]}"
            )
        done += 1
        on_video(done, len(records))


def _check_source(plan: RepairPlan, record: VideoRecord) -> None:
    try:
        source: Path | None = path_of(record.uri)
    except ValueError:
        source = None
    if not record.uri:
        raise StorageError(
            f"{plan.shard.key} needs {record.title or record.video_id} to be curated again, and "
            "the catalog was made of shards, which do not say where a film lay: 'tinyvideo crawl "
            "--folder' of its folder tells that; or give the shard up with --give-up"
        )
    if source is None or not source.exists():
        raise StorageError(
            f"{plan.shard.key} needs {record.title or record.video_id} to be curated again, whose "
            f"source is gone: {record.uri}; put it back, or give the shard up with --give-up"
        )


def _other_configuration(key: str, other: str) -> str:
    return (
        f"{key} holds strips of {other}; repair it with the settings of the run that made it: "
        "--size, or the file that 'tinyvideo config --out' prints of this output, by --config"
    )
