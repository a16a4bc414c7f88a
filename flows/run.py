"""`tinyvideo run`: the flow `crawl-and-stabilize` on a folder, with a server and progress bars.

Cost: what the flow costs, and some seconds for the private Prefect server.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from flows.console import GO_ON, Position, progress, say, show_books, show_facts, waiting
from flows.options import RunOptions
from flows.report.page import write_report
from flows.server import prefect_server
from flows.settings import Settings, read_settings
from pipeline.errors import ExpectedError
from storage.catalog import Catalog
from storage.objects import FolderStore
from storage.pack import CATALOG_NAME, find_catalog

T = TypeVar("T")


def run_folder(folder: Path, out: Path, *, keep_ui: bool, **changes: object) -> dict[str, Any]:
    """Stabilize the videos of `folder` into shards below `out`; return the books.

    Raises:
        ValidationError: an option or setting is out of range.
        StorageError, UnreadableError, ServerError: as their texts say.
    """
    settings = read_settings()
    options = RunOptions.of(settings, folder, out, **changes)
    check_free(options.out)
    with announced_server(options.out, settings, keep_ui=keep_ui):
        books = stabilize_all(options)
    show_books(books)
    show_facts(
        "where things are",
        {
            "shards": f"{options.out / 'shards'}  ({books['shards']} shards, {_mb(books)})",
            "catalog": options.out / CATALOG_NAME,
            "next": f"tinyvideo report --out {options.out}",
        },
    )
    return books


def check_free(out: Path) -> None:
    """Refuse, before a server is started for nothing, a folder that cannot be worked in.

    Raises:
        StorageError: it cannot be written, or another run works in it.
    """
    store = FolderStore(out)
    store.probe()
    with store.locked():
        return


@contextmanager
def announced_server(out: Path, settings: Settings, *, keep_ui: bool) -> Iterator[None]:
    """Have a Prefect server for the block, and say where its page is."""
    with ExitStack() as stack:
        with waiting("server", "Prefect starts"):
            context = prefect_server(out / "prefect", settings.prefect_api_url, keep=keep_ui)
            server = stack.enter_context(context)
        say(f"Prefect's page: {server.ui_url}")
        yield
    if keep_ui and server.guard_pid is not None:
        say(f"Prefect's page stays at {server.ui_url}; end it with: kill {server.guard_pid}")


def stabilize_all(options: RunOptions) -> dict[str, Any]:
    """Run the flow `crawl-and-stabilize` with a progress bar; return the books."""
    from flows.crawl_and_stabilize import crawl_and_stabilize  # noqa: PLC0415  after the server

    with progress("videos", catalog_position(options.catalog_path)):
        return run_flow(crawl_and_stabilize(options))


class StoppedError(ExpectedError):
    """The run was asked to end."""

    exit_code = 143  # as shells have it after SIGTERM


def run_flow(flow_run: Coroutine[Any, Any, T]) -> T:
    """Run a flow to its end; SIGTERM, which Prefect turns into an exception, is one sentence.

    Raises:
        StoppedError: this process was told to end.
    """
    from prefect.exceptions import TerminationSignal  # noqa: PLC0415  after the server

    try:
        return asyncio.run(flow_run)
    except TerminationSignal as error:
        raise StoppedError(GO_ON) from error


def show_page(out: Path) -> Path:
    """Write the page of an output folder, with a progress bar; return its path.

    Raises:
        StorageError: there is no catalog, or the folder cannot be written.
    """
    find_catalog(out)  # before the bar: without one there is nothing to wait for
    with waiting("page", "reads the shards"):
        return write_report(out)


def catalog_position(path: Path) -> Callable[[], Position]:
    """Read from the catalog how many of the found videos are done."""

    def read() -> Position:
        if not path.exists():
            return Position(0, None, "looking for videos")
        catalog = Catalog.open(path)
        try:
            done, found, strips = catalog.position()
        finally:
            catalog.close()
        return Position(done, found, f"{strips} strips")

    return read


def _mb(books: dict[str, Any]) -> str:
    return f"{books['strips']} strips, {books['bytes'] / 1e6:.1f} MB"
