"""Worker processes for the videos of a batch, and what their deaths mean.

`pebble` spawns the processes, hands out videos and can kill a process that takes too long. A
killed or crashed worker is replaced; the video it had is recorded as failed, with the cause.

Cost: about 1 ms per video beside the work itself.
"""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import TimeoutError as LimitReached
from signal import Signals
from typing import TypeAlias

from pebble import ProcessExpired, ProcessPool

from flows.worker import Outcome, WorkerConfig, curate_video, failed, prepare_worker, take_remains
from pipeline.errors import FailCause
from pipeline.types import VideoRecord

Work: TypeAlias = Callable[[VideoRecord], Outcome]
"""What a worker process does with a video."""


async def curate_videos(
    records: Sequence[VideoRecord],
    config: WorkerConfig,
    *,
    workers: int,
    limit_s: float,
    work: Work = curate_video,
) -> AsyncIterator[tuple[VideoRecord, Outcome]]:
    """Yield every video with what became of it, in the order in which they finish."""
    pool = ProcessPool(
        max_workers=min(workers, len(records)),
        initializer=prepare_worker,
        initargs=[config],
        # A forked child would inherit locks that OpenCV's and torch's threads hold.
        context=multiprocessing.get_context("spawn"),
    )
    try:
        tasks = [
            asyncio.create_task(_one(pool, work, record, config, limit_s)) for record in records
        ]
        for finished in asyncio.as_completed(tasks):
            yield await finished
    finally:
        pool.stop()
        await asyncio.to_thread(pool.join)


async def _one(
    pool: ProcessPool, work: Work, record: VideoRecord, config: WorkerConfig, limit_s: float
) -> tuple[VideoRecord, Outcome]:
    future = pool.schedule(work, args=[record], timeout=limit_s)
    try:
        return record, await asyncio.wrap_future(future)
    except LimitReached:
        take_remains(config.out, record.video_id)
        return record, failed(FailCause.TIMEOUT, f"not done after {limit_s:.0f} s")
    except ProcessExpired as error:
        return record, _explain_death(record, config, error)


def _explain_death(record: VideoRecord, config: WorkerConfig, error: ProcessExpired) -> Outcome:
    where = take_remains(config.out, record.video_id)
    if where:
        limit = f"no window of frames came within {config.window_limit_s:.0f} s"
        return failed(FailCause.TIMEOUT, f"{limit}; the process was at:\n{where}")
    code = error.exitcode
    by = Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
    return failed(FailCause.CRASH, f"the worker process ended with {by}")
