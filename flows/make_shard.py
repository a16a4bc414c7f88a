"""The flow `make-shard`: one batch of videos in, one Parquet shard out.

Videos are curated in worker processes; every outcome is entered in the catalog as it comes, and at
the end the strips of the batch are packed into one shard. No frame crosses a task border: the
flow takes ids and settings and returns counts. Killed at any moment, the next run finishes it.

Cost: Prefect's part is two task runs per batch, about 10 ms.
"""

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flows.options import RunOptions
from flows.pool import curate_videos
from flows.worker import Outcome, WorkerConfig
from pipeline.types import VideoRecord, VideoState
from storage.catalog import Catalog
from storage.pack import pack


@flow(name="make-shard", validate_parameters=True)
async def make_shard(video_ids: list[str], options: RunOptions) -> str | None:
    """Curate leased videos and commit their strips; return the shard's key, None without any."""
    await curate_batch(video_ids, options)
    return await commit_shard(options)


@task(name="curate-batch", cache_policy=NO_CACHE)
async def curate_batch(video_ids: list[str], options: RunOptions) -> dict[str, int]:
    """Curate the videos of a batch in worker processes; return how many ended in which state."""
    logger = get_run_logger()
    place = options.place
    catalog = place.open_catalog()
    config = WorkerConfig(
        out=place.work,
        places_weights=options.places_weights,
        memory_limit_mb=options.memory_limit_mb,
        window_limit_s=options.window_limit_s,
        curation=options.curation(),
    )
    ended: dict[str, int] = {}
    try:
        records = catalog.records(video_ids)
        outcomes = curate_videos(
            records, config, workers=options.workers or 1, limit_s=options.video_limit_s
        )
        async for record, outcome in outcomes:
            state = _enter(catalog, record, outcome)
            ended[state] = ended.get(state, 0) + 1
            logger.info("%s: %s %s", record.title, state, outcome.reason or outcome.counts)
    finally:
        catalog.close()
    return ended


@task(name="commit-shard", cache_policy=NO_CACHE)
async def commit_shard(options: RunOptions) -> str | None:
    """Pack everything that is curated into one shard; return its key, None without any."""
    with options.place.open() as output:
        return pack(output.catalog, output.store, output.work)


def _enter(catalog: Catalog, record: VideoRecord, outcome: Outcome) -> VideoState:
    if outcome.counts is not None:
        return catalog.enter_clips(record.video_id, outcome.counts)
    state = outcome.state or VideoState.FAILED
    catalog.settle(record.video_id, state, outcome.reason, outcome.detail)
    return state
