"""The flow `make-shard`: one batch of videos in, one Parquet shard out.

Videos are curated in worker processes, while those that are elsewhere are fetched; every outcome is
entered in the catalog as it comes, and at the end the strips of the batch are packed into one
shard. No frame crosses a task border: the flow takes ids and settings and returns counts. Killed at
any moment, the next run finishes it, and fetches nothing again that was whole.

Cost: Prefect's part is two task runs per batch, about 10 ms.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.runtime import deployment, flow_run
from prefect.states import Failed

from tinyvideo.flows.machine import LOST_BATCH
from tinyvideo.flows.monitor import Board, ShardMonitor
from tinyvideo.flows.run_options import AS_SET, RunOptions
from tinyvideo.flows.run_start import refuse_hopeless_attempt, refuse_other_version
from tinyvideo.flows.settings import read_settings
from tinyvideo.flows.sources import Fetching, fetching, is_elsewhere
from tinyvideo.flows.workers import (
    LeasedBatch,
    Limits,
    Outcome,
    Supply,
    WorkerConfig,
    curate_videos,
    leased_batch,
)
from tinyvideo.pipeline.errors import FailCause
from tinyvideo.pipeline.types import VideoRecord, VideoState
from tinyvideo.storage.batches import BatchLostError, BatchState, ended_as, pack_batch
from tinyvideo.storage.catalog import (
    Answer,
    Catalog,
    LeaseLostError,
    enter_rights,
    states_of,
)
from tinyvideo.storage.database import verdict_of

SHARDED, ELSEWHERE = "sharded", "done elsewhere"
"""What becomes of a video that gives a strip, and of one that another run was faster with."""

POSTPONED = "postponed"
"""What becomes of a video that could not be fetched now."""

LONGEST_WAIT_S = 6 * 3600
"""Longest time until a video is tried again, in seconds. Ours: outages end within a day."""


@flow(name="make-shard", validate_parameters=True)
async def make_shard(
    batch: str, options: RunOptions = AS_SET, version: str = ""
) -> str | State[Any] | None:
    """Curate the videos of a batch and commit their strips; return the shard's key, if any.

    Args:
        batch: Name of the batch in the catalog; crawl-and-stabilize draws it.
        options: As crawl-and-stabilize was told.
        version: Version of tinyvideo that the worker must have; empty: any.

    Raises:
        VersionError, AttemptsError: as `flows.run_start.attempts` says.
        StorageError: the output cannot be used.
    """
    refuse_other_version(version)
    refuse_hopeless_attempt()
    options = options.with_addresses().with_machine()
    try:
        async with leased_batch(options.place, batch) as held, get_client() as client:
            own_run = UUID(flow_run.id) if flow_run.id else None
            monitor = ShardMonitor(Board(client, own_run, options.place.address), held)
            if held.video_ids and options.engine == "process":
                await curate_batch(held, options, monitor)
            elif held.video_ids:  # what a task is given goes to the nodes with it, and this is open
                await curate_batch.fn(held, options, monitor)
            key = await commit_shard(held)
            await monitor.close(key)
            return key
    except BatchLostError as error:
        get_run_logger().warning("nothing to do: %s", error)
        return None if deployment.id is None else _without_batch(options, batch, str(error))


def _without_batch(options: RunOptions, batch: str, reason: str) -> State[Any] | None:
    """Say how a run ends that has no batch: well, if the batch is done, whoever has done it.

    Not otherwise: somebody may have cancelled it, and asks for it again on Prefect's page.
    """
    catalog = options.place.open_catalog(make=False)
    try:
        done = ended_as(catalog, batch) is BatchState.DONE
    finally:
        catalog.close()
    if done:
        return None
    return Failed(
        name=LOST_BATCH,
        message=f"{reason}; nothing was done here: a crawl takes its videos up again",
    )


@task(name="curate-batch", cache_policy=NO_CACHE)
async def curate_batch(
    held: LeasedBatch, options: RunOptions, monitor: ShardMonitor
) -> dict[str, int]:
    """Curate the videos of a batch in worker processes; return how many ended how."""
    logger, catalog = get_run_logger(), held.output.catalog
    config = worker_config(held.work.root, options)
    records = catalog.records(held.video_ids)
    with films_of(records, held, options) as films:
        if films is not None:
            await asyncio.to_thread(films.check, records)
        async for record, outcome in outcomes_of(records, config, options, films):
            ended = _enter(catalog, record, outcome, held.batch.token)
            asked = films is not None and films.settings.check_rights
            if asked and outcome.counts is not None and record.uri.startswith("flickr:"):
                # Flickr was asked before the film was fetched, and the strips say what it said.
                enter_rights(catalog.engine, Answer(video_id=record.video_id, record=record))
            held.count(ended)
            if films is not None and not ended.startswith(POSTPONED):
                films.release(record.video_id)
            logger.info("%s: %s", record.title, ended)
            await monitor.show()
    return held.outcomes


def outcomes_of(
    records: Sequence[VideoRecord],
    config: WorkerConfig,
    options: RunOptions,
    films: Fetching | None,
) -> AsyncIterator[tuple[VideoRecord, Outcome]]:
    """Have videos curated: here, or on a cluster those that every node can read.

    Raises:
        EngineError: the cluster cannot be used.
    """
    workers, limit_s = options.workers or 1, options.video_limit_s
    if options.engine == "process" or films is not None:
        supply = None if films is None else Supply(films.bring, films.room)
        return curate_videos(records, config, workers=workers, limit_s=limit_s, supply=supply)
    from tinyvideo.flows.cluster import curate_on_cluster  # noqa: PLC0415  its libraries are extras

    return curate_on_cluster(
        records,
        config,
        engine=options.engine,
        address=options.engine_address,
        workers=workers,
        limit_s=limit_s,
    )


@task(name="commit-shard", cache_policy=NO_CACHE)
async def commit_shard(held: LeasedBatch) -> str | None:
    """Pack what is curated of the batch into its shard; return its key, None without any."""
    output = held.output
    return pack_batch(output.catalog, output.store, held.work, held.batch)


def films_of(
    records: Sequence[VideoRecord], held: LeasedBatch, options: RunOptions
) -> AbstractContextManager[Fetching | None]:
    """Be ready to fetch films, where there are some to fetch."""
    if not any(map(is_elsewhere, records)):
        return nullcontext()
    work, any_license = held.output.work, options.any_license
    size = options.curation().strips.size
    limits = Limits(memory_mb=options.memory_limit_mb, time_s=options.window_limit_s)
    return fetching(
        options.place,
        work,
        size,
        limits,
        any_license=any_license,
        allow_private=options.allow_private,
    )


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
    if state is VideoState.PENDING:
        return _postpone(catalog, record, outcome, holder)
    catalog.settle(record.video_id, state, outcome.reason, outcome.detail, holder=holder)
    return f"{state}: {outcome.reason}"


def _postpone(catalog: Catalog, record: VideoRecord, outcome: Outcome, holder: str) -> str:
    """Have a video tried again later, the later the more often it was."""
    _, attempts = states_of(catalog, [record.video_id])[record.video_id]
    wait_s = min(read_settings().retry_wait_s * 2 ** max(0, attempts - 1), LONGEST_WAIT_S)
    due = datetime.now(UTC) + timedelta(seconds=max(wait_s, outcome.retry_after_s or 0))
    cause = FailCause(outcome.reason)
    state = catalog.postpone(record.video_id, cause, outcome.detail, due, holder=holder)
    return f"{POSTPONED if state is VideoState.PENDING else state}: {cause}"
