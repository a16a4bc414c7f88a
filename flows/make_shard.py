"""The flow `make-shard`: one batch of videos in, one Parquet shard out.

Videos are curated in worker processes; every outcome is entered in the catalog as it comes, and at
the end the strips of the batch are packed into one shard. No frame crosses a task border: the
flow takes ids and settings and returns counts. Killed at any moment, the next run finishes it.

Cost: Prefect's part is two task runs per batch, about 10 ms.
"""

from pathlib import Path
from uuid import UUID

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from flows.attempts import refuse_hopeless_attempt, refuse_other_version
from flows.board import Board
from flows.held_batch import HeldBatch, held_batch
from flows.monitor import ShardMonitor
from flows.options import AS_SET, RunOptions
from flows.pool import curate_videos
from flows.worker import Outcome, WorkerConfig
from pipeline.types import VideoRecord, VideoState
from storage.batches import BatchLostError
from storage.catalog import Catalog, LeaseLostError
from storage.pack_batch import pack_batch
from storage.rows import verdict_of

SHARDED, ELSEWHERE = "sharded", "done elsewhere"
"""What becomes of a video that gives a strip, and of one that another run was faster with."""


@flow(name="make-shard", validate_parameters=True)
async def make_shard(batch: str, options: RunOptions = AS_SET, version: str = "") -> str | None:
    """Curate the videos of a batch and commit their strips; return the shard's key, if any.

    Args:
        batch: Name of the batch in the catalog; crawl-and-stabilize draws it.
        options: As crawl-and-stabilize was told.
        version: Version of tinyvideo that the worker must have; empty: any.

    Raises:
        VersionError, AttemptsError: as `flows.attempts` says.
        StorageError: the output cannot be used.
    """
    refuse_other_version(version)
    refuse_hopeless_attempt()
    options = options.with_addresses().with_machine()
    try:
        async with held_batch(options.place, batch) as held, get_client() as client:
            own_run = UUID(flow_run.id) if flow_run.id else None
            monitor = ShardMonitor(Board(client, own_run), held)
            if held.video_ids:
                await curate_batch(held, options, monitor)
            key = await commit_shard(held)
            await monitor.close(key)
            return key
    except BatchLostError as error:  # others do it, or have done it: nothing is wrong
        get_run_logger().warning("nothing to do: %s", error)
        return None


@task(name="curate-batch", cache_policy=NO_CACHE)
async def curate_batch(
    held: HeldBatch, options: RunOptions, monitor: ShardMonitor
) -> dict[str, int]:
    """Curate the videos of a batch in worker processes; return how many ended how."""
    logger, catalog = get_run_logger(), held.output.catalog
    config = worker_config(held.work.root, options)
    outcomes = curate_videos(
        catalog.records(held.video_ids),
        config,
        workers=options.workers or 1,
        limit_s=options.video_limit_s,
    )
    async for record, outcome in outcomes:
        ended = _enter(catalog, record, outcome, held.batch.token)
        held.count(ended)
        logger.info("%s: %s", record.title, ended)
        await monitor.show()
    return held.outcomes


@task(name="commit-shard", cache_policy=NO_CACHE)
async def commit_shard(held: HeldBatch) -> str | None:
    """Pack what is curated of the batch into its shard; return its key, None without any."""
    output = held.output
    return pack_batch(output.catalog, output.store, held.work, held.batch)


def worker_config(work: Path, options: RunOptions) -> WorkerConfig:
    """Lay out what the worker processes are told; part files go below `work`."""
    return WorkerConfig(
        out=work,
        places_weights=options.places_weights,
        memory_limit_mb=options.memory_limit_mb,
        window_limit_s=options.window_limit_s,
        curation=options.curation(),
    )


def _enter(catalog: Catalog, record: VideoRecord, outcome: Outcome, holder: str) -> str:
    try:
        return _enter_as(catalog, record, outcome, holder)
    except LeaseLostError:  # a later attempt at this batch was faster
        return ELSEWHERE


def _enter_as(catalog: Catalog, record: VideoRecord, outcome: Outcome, holder: str) -> str:
    if outcome.counts is not None:
        state = catalog.enter_clips(record.video_id, outcome.counts, holder=holder)
        return (
            SHARDED if state is VideoState.CURATED else f"{state}: {verdict_of(outcome.counts)[1]}"
        )
    state = outcome.state or VideoState.FAILED
    catalog.settle(record.video_id, state, outcome.reason, outcome.detail, holder=holder)
    return f"{state}: {outcome.reason}"
