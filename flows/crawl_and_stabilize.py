"""The flow `crawl-and-stabilize`: everything from a source of videos to committed shards.

    tidy up -> find videos -> a batch, make-shard, the next batch ... -> check the books

Started from a deployment, every batch is a flow run of its own on the workers of the pool, so that
Prefect's page shows each shard; otherwise they are done here, one after the other. The catalog
decides what is left to do, so that running the flow again after a crash, or with more videos in the
folder, does just what is missing; and any number of crawls may work with one catalog.

Cost: finding costs about 1 ms per video; the rest is `make-shard`.
"""

import asyncio
from typing import Any
from uuid import UUID

from prefect import flow, get_run_logger
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.runtime import deployment, flow_run
from prefect.states import Completed

from tinyvideo.flows.fan_out import FanOut, work_here
from tinyvideo.flows.monitor import Board, CrawlMonitor
from tinyvideo.flows.run_options import AS_SET, RunOptions
from tinyvideo.flows.run_start import over_defaults, wait_for_turn
from tinyvideo.flows.settings import read_settings
from tinyvideo.flows.sources import find_videos
from tinyvideo.flows.upkeep import close_books, enter_config, finish_open_takedowns
from tinyvideo.flows.workers import at_work
from tinyvideo.storage.batches import finish_shards, recover
from tinyvideo.storage.catalog import BooksError, begin_pace
from tinyvideo.storage.films import RawFolder
from tinyvideo.storage.outputs import (
    Output,
    OutputAddress,
    audited_books,
    refuse_unknown_shards,
)
from tinyvideo.storage.repair import finish_rewrites
from tinyvideo.storage.storage_errors import BusyError, StorageError


def run_name() -> str:
    """Name the flow run after what it crawls: "crawl · folder beaches"."""
    options = flow_run.parameters.get("options") or {}
    label = RunOptions.model_validate(options).label
    return " · ".join(filter(None, ["crawl", label]))


@flow(name="crawl-and-stabilize", flow_run_name=run_name, validate_parameters=True)
async def crawl_and_stabilize(options: RunOptions = AS_SET) -> dict[str, Any] | State[Any]:
    """Find videos, stabilize them and write shards; return the books, and which lines were bad.

    A run of a schedule that comes while an older one is at work ends at once, as cancelled.

    Args:
        options: Where the videos are, where the strips go, how hard to work.

    Raises:
        BooksError: what was found is not what became of it.
        FanOutError: batch after batch fails.
        ServerError: the deployment `make-shard` is unknown.
        ServiceError: Flickr refuses us, or does not answer.
        StorageError: the output cannot be used.
        UnreadableError: a source cannot be read.
    """
    if (ended := await wait_for_turn()) is not None:
        return ended
    options = (await over_defaults(options)).with_addresses()
    place = options.place
    place.probe()
    tidy_up(place)
    async with at_work(place, make=True) as output, get_client() as client:
        prepare(output, options)
        # In a thread: it may take hours, and leases have to be renewed meanwhile.
        found = await asyncio.to_thread(find_videos, output.catalog, options, lambda _: None)
        get_run_logger().info("%d new videos in %s", found.new, options.label)
        board = Board(client, _own_run(), place.address)
        monitor = CrawlMonitor(board, output.catalog)
        await hand_out(output, options, client, monitor)
        books = await asyncio.to_thread(audited_books, output.catalog, output.store, recount=True)
        await monitor.close(books)
        await asyncio.to_thread(close_books, output)
    if bad := found.told_of_bad_lines():
        books["bad_lines"] = bad
    return with_what_waits(balanced(books))


def tidy_up(place: OutputAddress) -> None:
    """Finish what killed runs have left, unless other runs are at work: theirs is under way.

    Raises:
        StorageError: the output cannot be used.
    """
    try:
        with place.alone(make=True) as output:
            output.work.clear_temporary()
            output.store.abort_stale()
            batches = recover(output)
            returned = output.catalog.give_back()
            begin_pace(output.catalog.engine)
            finish_rewrites(output)
            shards = finish_shards(output.catalog, output.store, output.work)
            finish_open_takedowns(output)
            if not read_settings().keep_raw:
                RawFolder(output.work).drop_ended(output.catalog)
    except BusyError as error:
        get_run_logger().info("not alone, so nothing is tidied up: %s", error)
        return
    if batches or returned or shards:
        get_run_logger().info(
            "took up %d batches, %d videos and %d shards of killed runs", batches, returned, shards
        )


def prepare(output: Output, options: RunOptions) -> None:
    """See that the work can be done with these settings.

    Raises:
        StorageError: the output holds strips that were made with other settings, or shards that
            another catalog has made.
        WeightsError: the Places365 weights cannot be used.
    """
    logger, catalog = get_run_logger(), output.catalog
    refuse_unknown_shards(catalog, output.store)
    if options.places_weights is not None:
        from tinyvideo.models.scenes import load_places  # noqa: PLC0415  loads torch, which takes seconds

        load_places(options.places_weights)  # once in here, before every worker stumbles over it
    if other := enter_config(catalog, options.curation()):
        raise StorageError(
            f"{options.out} holds strips of {other}; choose another --out, or the settings of the "
            f"first run: 'tinyvideo config --out {options.out}' prints them for --config"
        )
    if options.retry_failed:
        logger.info("%d failed videos are tried again", catalog.reopen_failed())


async def hand_out(
    output: Output, options: RunOptions, client: PrefectClient, monitor: CrawlMonitor
) -> None:
    """Have every video that is due made into a shard: by workers, or here.

    Raises:
        FanOutError, ServerError, StorageError: as `flows.fan_out` says.
    """
    if deployment.id is None:
        await work_here(output, options, options.label, monitor.show)
    else:
        fan_out = FanOut(client, output, options, options.label)
        await fan_out.hand_out(monitor.show, _own_run())


def balanced(books: dict[str, Any]) -> dict[str, Any]:
    """Return the books if they balance.

    Raises:
        BooksError: with every difference.
    """
    if not books["balanced"]:
        raise BooksError("the books do not balance: " + "; ".join(books["problems"]))
    return books


def with_what_waits(books: dict[str, Any]) -> dict[str, Any] | State[Any]:
    """Say in the state of a run on a pool what it leaves to the next one."""
    pending = books["videos"]["pending"]
    if not pending or deployment.id is None:
        return books
    return Completed(
        data=books,
        message=f"{pending} videos are pending, of shards that were cancelled: the next crawl "
        "takes them up",
    )


def _own_run() -> UUID | None:
    return UUID(flow_run.id) if flow_run.id else None
