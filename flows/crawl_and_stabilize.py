"""The flow `crawl-and-stabilize`: everything from a source of videos to committed shards.

    find videos -> lease a batch -> make-shard -> next batch ... -> check the books

The catalog decides what is left to do, so that running the flow again after a crash, or with more
videos in the folder, does just what is missing. One run at a time works on an output.

Cost: finding costs about 1 ms per video; the rest is `make-shard`.
"""

from typing import Any

from prefect import flow, get_run_logger

from flows.make_shard import make_shard
from flows.options import RunOptions
from flows.settings import config_hash
from flows.takedown import finish_open_takedowns
from pipeline.sources import scan_folder
from storage.books import BooksError
from storage.catalog import Catalog
from storage.objects import StorageError, Store
from storage.output import Output
from storage.pack import audited_books, finish_shards
from storage.rewrite import finish_rewrites

AS_SET = RunOptions.model_validate({})
"""All as the settings of the worker have it."""


@flow(name="crawl-and-stabilize", validate_parameters=True)
async def crawl_and_stabilize(options: RunOptions = AS_SET) -> dict[str, Any]:
    """Find videos, stabilize them and write shards; return the books.

    Args:
        options: Where the videos are, where the strips go, how hard to work.

    Raises:
        BooksError: what was found is not what became of it.
        StorageError: the output cannot be used.
        UnreadableError: the source folder cannot be read.
    """
    options = options.with_addresses()
    place = options.place
    place.probe()
    with place.alone(make=True) as output:
        prepare(output, options)
        while batch := output.catalog.lease(options.batch_videos):
            await make_shard([record.video_id for record in batch], options)
        return check_books(output.catalog, output.store)


def prepare(output: Output, options: RunOptions) -> None:
    """Finish what an earlier run left, and enter what is new in the folder.

    Raises:
        StorageError: the output holds strips that were made with other settings.
        WeightsError: the Places365 weights cannot be used.
    """
    logger, catalog = get_run_logger(), output.catalog
    if options.places_weights is not None:
        from models.places import load_places  # noqa: PLC0415  loads torch, which takes seconds

        load_places(options.places_weights)  # once in here, before every worker stumbles over it
    named = config_hash(options.curation())
    before = catalog.fact("config_hash", named)
    if before != named:
        raise StorageError(
            f"{options.out} holds strips of configuration {before}, now it is {named}; "
            "choose another --out, or the settings of the first run"
        )
    output.work.clear_temporary()
    output.store.abort_stale()
    returned = catalog.give_back()
    finish_rewrites(output)
    finished = finish_shards(catalog, output.store, output.work)
    finish_open_takedowns(output)
    if returned or finished:
        logger.info("took up %d videos and %d shards of an earlier run", returned, finished)
    if options.retry_failed:
        logger.info("%d failed videos are tried again", catalog.reopen_failed())
    if options.folder is not None:
        new = catalog.add(scan_folder(options.folder))
        logger.info("%d new videos in %s", new, options.folder)


def check_books(catalog: Catalog, store: Store) -> dict[str, Any]:
    """Balance the books, and hold the shards against the objects.

    Raises:
        BooksError: with every difference.
    """
    books = audited_books(catalog, store)
    if not books["balanced"]:
        raise BooksError("the books do not balance: " + "; ".join(books["problems"]))
    return books
