"""`tinyvideo run`: the flow `crawl-and-stabilize`, with a server and progress bars.

Cost: what the flow costs, and some seconds for the private Prefect server.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tinyvideo.flows.machine import prefect_server
from tinyvideo.flows.report import write_report
from tinyvideo.flows.run_options import RunOptions
from tinyvideo.flows.settings import Settings, read_settings
from tinyvideo.flows.sources import check_settings, require_key
from tinyvideo.flows.terminal import (
    Position,
    code_of,
    progress,
    say,
    show_books,
    show_facts,
    waiting,
)
from tinyvideo.flows.which_output import output_at
from tinyvideo.storage.outputs import OutputAddress, read_books
from tinyvideo.storage.storage_errors import StorageError

T = TypeVar("T")


def run_folder(
    folder: Path | None, out: str | Path, *, keep_ui: bool, **changes: object
) -> dict[str, Any]:
    """Stabilize the videos of `folder`, or of the sources in `changes`, into shards at `out`.

    With `waiting_only`, those that the catalog holds already. Return the books.

    Raises:
        ValidationError: an option or setting is out of range.
        SettingsError, OptionError: Flickr is to be searched without a key, or films are to be
            fetched with options that yt-dlp does not know.
        StorageError, UnreadableError, ServerError: as their texts say.
    """
    settings = read_settings()
    options = RunOptions.of(settings, folder, output_at(out).address, **changes)
    place = options.place
    if options.search is not None:
        require_key(settings)
    if options.waiting_only and (books := books_without_work(options)):
        return books
    if options.elsewhere:
        check_settings(settings)
    check_free(place)
    with announced_server(place.work, settings, keep_ui=keep_ui):
        books = stabilize_all(options)
    show_books(books)
    show_facts(
        "where things are",
        {
            "shards": f"{place.names['shards']}  ({books['shards']} shards, {_mb(books)})",
            "catalog": place.names["catalog"],
            "next": f"tinyvideo report --out {place.address}",
        },
    )
    return books


def books_without_work(options: RunOptions) -> dict[str, Any] | None:
    """Say so, and return the books, where no video of the catalog waits; None where one does.

    Raises:
        StorageError: there is no catalog.
    """
    books = read_books(options.place)
    videos = books["videos"]
    failed = sum(videos["failed"].values())
    if videos["pending"] or (failed and options.retry_failed) or not books["balanced"]:
        return None
    again = f", --retry-failed tries {failed} again that failed" if failed else ""
    say(
        f"No video waits at {options.place.address}; new ones come by --folder, --flickr, "
        f"--yfcc100m, --urls or --bucket{again}."
    )
    show_books(books)
    return books


def check_free(place: OutputAddress) -> None:
    """Refuse, before a server is started for nothing, a place that cannot be worked at.

    Raises:
        StorageError: it cannot be written, or somebody is alone with it: a takedown, say.
    """
    place.probe()
    with place.shared(make=True):
        return


@contextmanager
def announced_server(work: Path, settings: Settings, *, keep_ui: bool) -> Iterator[None]:
    """Have a Prefect server for the block, and say where its page is."""
    with ExitStack() as stack:
        with waiting("server", "Prefect starts"):
            context = prefect_server(
                work / "prefect",
                settings.prefect_api_url,
                keep=keep_ui,
                password=settings.prefect_password,
            )
            server = stack.enter_context(context)
        say(f"Prefect's page: {server.ui_url}")
        yield
    if keep_ui and server.guard_pid is not None:
        say(f"Prefect's page stays at {server.ui_url}; end it with: kill {server.guard_pid}")


def stabilize_all(options: RunOptions) -> dict[str, Any]:
    """Run the flow `crawl-and-stabilize` with a progress bar; return the books."""
    from tinyvideo.flows.crawl_and_stabilize import crawl_and_stabilize  # noqa: PLC0415  after the server

    with progress("videos", catalog_position(options.place)):
        return run_flow(crawl_and_stabilize(options))


def run_flow(flow_run: Coroutine[Any, Any, T]) -> T:
    """Run a flow to its end.

    Raises:
        SystemExit: this process was told to end by SIGTERM, which Prefect has its own name for.
    """
    from prefect.exceptions import TerminationSignal  # noqa: PLC0415  after the server

    try:
        return asyncio.run(flow_run)
    except TerminationSignal as error:
        raise SystemExit(code_of(error.signal)) from error


def show_page(place: OutputAddress) -> Path:
    """Write the page of an output, with a progress bar; return its path.

    Raises:
        StorageError: there is no catalog, or the work folder cannot be written.
    """
    place.open_catalog().close()  # before the bar: without one there is nothing to wait for
    with waiting("page", "reads the shards"):
        return write_report(place)


def catalog_position(place: OutputAddress) -> Callable[[], Position]:
    """Read from the catalog how many of the found videos are done."""

    def read() -> Position:
        try:
            catalog = place.open_catalog()
        except StorageError:
            return Position(0, None, "looking for videos")
        try:
            done, found, strips = catalog.position()
        finally:
            catalog.close()
        return Position(done, found, f"{strips} strips")

    return read


def _mb(books: dict[str, Any]) -> str:
    return f"{books['strips']} strips, {books['bytes'] / 1e6:.1f} MB"
