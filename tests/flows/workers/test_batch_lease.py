"""A batch is renewed whatever its run is busy with, and a run whose batch is lost stops."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.drawn.strip_rows import draw_record
from tinyvideo.flows.workers import batch_lease
from tinyvideo.storage.batches.batch_table import (
    Batch,
    BatchLostError,
    BatchState,
    begin_batch,
    close_batch,
    open_batches,
)
from tinyvideo.storage.outputs.output_address import Output, OutputAddress


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(batch_lease, "RENEW_S", 0.01)


@pytest.fixture
def output(tmp_path) -> Iterator[Output]:
    with OutputAddress.at(tmp_path).open(make=True) as output:
        output.catalog.add(draw_record(number) for number in range(3))
        yield output


@pytest.fixture
def batch(output) -> Batch:
    batch = begin_batch(output.catalog, 3, "drawn", 600)
    assert batch is not None
    return batch


def end_of(output: Output):
    return open_batches(output.catalog)[0].expires_at


def test_a_batch_is_renewed_while_the_loop_is_kept_busy(tmp_path, output, batch):
    async def work() -> None:
        async with batch_lease.leased_batch(OutputAddress.at(tmp_path), batch.token) as held:
            held.count("sharded")
            before = end_of(output)
            while end_of(output) == before:  # the loop is ours: only a thread can renew
                time.sleep(0.01)
            assert open_batches(output.catalog)[0].outcomes == {"sharded": 1}

    asyncio.run(work())
    assert open_batches(output.catalog) == []


def test_a_run_whose_batch_was_given_to_others_is_stopped(tmp_path, output, batch):
    async def work() -> None:
        async with batch_lease.leased_batch(OutputAddress.at(tmp_path), batch.token) as held:
            close_batch(output.catalog, held.batch, BatchState.LOST)
            await asyncio.sleep(600)

    with pytest.raises(BatchLostError, match="was given to others"):
        asyncio.run(work())
    assert output.catalog.lease(9) != []  # its videos wait for others
