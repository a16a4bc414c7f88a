"""Worker processes for the videos of a batch, and what their deaths mean.

`pebble` spawns the processes, hands out videos and can kill a process that takes too long. A killed
or crashed worker is replaced; the video it had is recorded as failed, with the cause. The pool of
`concurrent.futures` has no limit of time, and breaks as a whole when one of its processes dies.

Cost: about 1 ms per video beside the work itself.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import TimeoutError as LimitReached
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TypeAlias

from pebble import ProcessExpired, ProcessPool

from tinyvideo.flows.terminal import unheard_by_children
from tinyvideo.flows.workers.limited_calls import death_of, spawned_pool
from tinyvideo.flows.workers.video_worker import (
    Outcome,
    WorkerConfig,
    curate_video,
    failed,
    prepare_worker,
    take_remains,
)
from tinyvideo.pipeline.errors import FailCause
from tinyvideo.pipeline.types import Film, VideoRecord

Work: TypeAlias = Callable[..., Outcome]
"""What a worker process does with a video, and the path of its film if that was fetched."""


@dataclass(frozen=True, slots=True)
class Supply:
    """Where films come from that are not on this machine."""

    bring: Callable[[VideoRecord], Awaitable[Film | Outcome | None]]
    """Fetches a film, or says what became of the video instead; None: it is here anyway."""

    room: int
    """How many videos may be fetched, or wait, beside those that are being curated."""


async def curate_videos(
    records: Sequence[VideoRecord],
    config: WorkerConfig,
    *,
    workers: int,
    limit_s: float,
    work: Work = curate_video,
    supply: Supply | None = None,
) -> AsyncIterator[tuple[VideoRecord, Outcome]]:
    """Yield every video with what became of it, in the order in which they finish.

    Films are fetched by `supply` while others are curated, and never more than there is room for.
    """
    with unheard_by_children():
        resource_tracker.ensure_running()  # else it dies with its terminal, and is missed
    pool = spawned_pool(min(workers, len(records)), prepare_worker, config)
    with unheard_by_children():
        pool.active  # noqa: B018  starts its threads, which start its processes
    room = asyncio.Semaphore(len(records) if supply is None else workers + supply.room)

    async def one(record: VideoRecord) -> tuple[VideoRecord, Outcome]:
        async with room:
            film = None if supply is None else await supply.bring(record)
            if isinstance(film, Outcome):
                return record, film
            now = record if film is None else film.record
            args = (now,) if film is None else (now, film.path)
            return now, await _curate(pool, work, args, config, limit_s)

    tasks = [asyncio.create_task(one(record)) for record in records]
    try:
        for finished in asyncio.as_completed(tasks):
            yield await finished
    finally:
        for task in tasks:
            task.cancel()
        pool.stop()
        await asyncio.to_thread(pool.join)


async def _curate(
    pool: ProcessPool,
    work: Work,
    args: tuple[VideoRecord] | tuple[VideoRecord, Path],
    config: WorkerConfig,
    limit_s: float,
) -> Outcome:
    record, future = args[0], pool.schedule(work, args=args, timeout=limit_s)
    try:
        return await asyncio.wrap_future(future)
    except LimitReached:
        take_remains(config.out, record.video_id)
        return failed(FailCause.TIMEOUT, f"not done after {limit_s:.0f} s")
    except ProcessExpired as error:
        return _explain_death(record, config, error)


def _explain_death(record: VideoRecord, config: WorkerConfig, error: ProcessExpired) -> Outcome:
    where = take_remains(config.out, record.video_id)
    if where:
        limit = f"no window of frames came within {config.window_limit_s:.0f} s"
        return failed(FailCause.TIMEOUT, f"{limit}; the process was at:\n{where}")
    return failed(FailCause.CRASH, death_of(error))
