"""A batch while a run works on it: taken, renewed, and closed at the end.

    async with held_batch(place, token) as held:
        ...                       curate `held.video_ids`, then pack

The leases are renewed every minute, by a thread that nothing else holds up, with what became of the
videos so far, for the monitor. When the batch has been given to others meanwhile (this machine was
suspended, say), the work is stopped: whatever it would enter is refused anyway.

Cost: three transactions per batch and one per minute.
"""

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.batches import (
    Batch,
    BatchLostError,
    BatchRow,
    BatchState,
    clear_folders,
    close_batch,
    renew_batch,
    take_batch,
    videos_of,
    work_of,
)
from tinyvideo.storage.objects import FolderStore
from tinyvideo.storage.outputs import Output, OutputAddress
from tinyvideo.storage.storage_errors import BusyError, StorageError

logger = logging.getLogger(__name__)

T = TypeVar("T")

LEASE_S = 600
"""Seconds after which a batch that nobody renews is given to others. Ours: ten renewals."""

RENEW_S = 60

PATIENCE_S = 600
"""Seconds to wait for whoever is alone with the output. Ours: a takedown takes minutes."""


@dataclass(slots=True)
class LeasedBatch:
    output: Output
    batch: Batch
    work: FolderStore
    """Folder of its part files."""

    video_ids: list[str]
    """Those that are still to be curated."""

    outcomes: dict[str, int] = field(default_factory=dict)
    """Videos by what became of them, in earlier attempts too."""

    started: float = field(default_factory=time.monotonic)

    def count(self, outcome: str) -> None:
        """Note what became of one more video."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1


@asynccontextmanager
async def leased_batch(place: OutputAddress, token: str) -> AsyncIterator[LeasedBatch]:
    """Hold a batch for a block; at the block's end it is done, after an error it stays open.

    Raises:
        BatchLostError: the batch has ended, or was given to others.
        BusyError: somebody is alone with the output for too long, or works on the batch.
    """
    async with at_work(place) as output:
        row = await asyncio.to_thread(take_batch, output.catalog, token, worker_name(), LEASE_S)
        work = work_of(output.work, row.batch)
        # An earlier attempt on this machine, which is about to die, may hold it still.
        async with _patiently(work.locked):
            held = _hold(output, row, work)
            async with _renewed(held):
                yield held
        await asyncio.to_thread(
            close_batch, output.catalog, held.batch, BatchState.DONE, held.outcomes
        )
        clear_folders(output.catalog, output.work)


@asynccontextmanager
async def at_work(place: OutputAddress, *, make: bool = False) -> AsyncIterator[Output]:
    """Work at an output beside other runs; whoever is alone with it is waited for.

    Raises:
        BusyError: that takes too long.
    """
    async with _patiently(lambda: place.shared(make=make)) as output:
        yield output


def worker_name() -> str:
    """Name this process for people: machine and number."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _hold(output: Output, row: BatchRow, work: FolderStore) -> LeasedBatch:
    work.clear_temporary()
    video_ids = videos_of(output.catalog, row.batch.token, VideoState.LEASED)
    return LeasedBatch(output, row.batch, work, video_ids, dict(row.outcomes))


@asynccontextmanager
async def _patiently(hold: Callable[[], AbstractContextManager[T]]) -> AsyncIterator[T]:
    deadline = time.monotonic() + PATIENCE_S
    with ExitStack() as stack:
        while True:
            try:
                held = stack.enter_context(hold())
                break
            except BusyError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(1)
        yield held


@asynccontextmanager
async def _renewed(held: LeasedBatch) -> AsyncIterator[None]:
    """Renew the leases during the block, from a thread: packing may keep the loop busy for long.

    Raises:
        BatchLostError: the batch was given to others; the block is cancelled.
    """
    mine, loop = asyncio.current_task(), asyncio.get_running_loop()
    ended, lost = threading.Event(), False

    def stop() -> None:
        nonlocal lost
        if not ended.is_set() and mine is not None:
            lost = mine.cancel()

    def renew() -> None:
        while not ended.wait(RENEW_S):
            if not _renew(held):
                loop.call_soon_threadsafe(stop)
                return

    thread = threading.Thread(target=renew, name="renew", daemon=True)
    thread.start()
    try:
        yield
    except asyncio.CancelledError:
        if lost:
            raise BatchLostError(f"{held.batch.title} was given to others meanwhile") from None
        raise
    finally:
        ended.set()
        await asyncio.to_thread(thread.join)


def _renew(held: LeasedBatch) -> bool:
    """Renew the leases, if that can be done just now; False if the batch is lost."""
    try:
        renew_batch(held.output.catalog, held.batch, LEASE_S, dict(held.outcomes))
    except BatchLostError:
        return False
    except StorageError as error:  # the database may be back before the leases run out
        logger.warning("cannot renew %s: %s", held.batch.title, error)
    return True
