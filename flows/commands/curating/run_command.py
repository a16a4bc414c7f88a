"""`tinyvideo run`: the flow `crawl-and-stabilize`, with a server and progress bars.

Cost: what the flow costs, and some seconds for the private Prefect server.
"""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tinyvideo.flows.commands.source_options import require_videos
from tinyvideo.flows.terminal import (
    Position,
    code_of,
    progress,
    say,
    show_books,
    show_facts,
    waiting,
)

if TYPE_CHECKING:
    from tinyvideo.flows.run_options import RunOptions
    from tinyvideo.flows.settings import Settings
    from tinyvideo.storage.outputs import OutputAddress

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
        StorageError, UnreadableError, WeightsError, ServerError: as their texts say. All but the
            last are told before a server is started.
    """
    from tinyvideo.flows.run_options import RunOptions
    from tinyvideo.flows.settings import read_settings
    from tinyvideo.flows.sources import check_settings, check_sources, require_key
    from tinyvideo.flows.which_output import output_at

    settings = read_settings()
    options = RunOptions.of(settings, folder, output_at(out).address, **changes)
    place = options.place
    if options.search is not None:
        require_key(settings)
    if options.waiting_only and (books := books_without_work(options)):
        return books
    if options.elsewhere:
        check_settings(settings, allow_private=options.allow_private)
    check_sources(options)
    require_videos(options)
    if options.places_weights is not None:
        from tinyvideo.models.scenes import load_places  # loads torch, which the flow needs anyway

        load_places(options.places_weights)
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


def books_without_work(options: "RunOptions") -> dict[str, Any] | None:
    """Say so, and return the books, where no video of the catalog waits; None where one does.

    Raises:
        StorageError: there is no catalog.
    """
    from tinyvideo.storage.outputs import read_books

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


def check_free(place: "OutputAddress") -> None:
    """Refuse, before a server is started for nothing, a place that cannot be worked at.

    Raises:
        StorageError: it cannot be written, or somebody is alone with it: a takedown, say.
    """
    place.probe()
    with place.shared(make=True):
        return


@contextmanager
def announced_server(work: Path, settings: "Settings", *, keep_ui: bool) -> Iterator[None]:
    """Have a Prefect server for the block, and say where its page is."""
    from tinyvideo.flows.server import password_for, prefect_server

    private = settings.prefect_api_url is None
    with ExitStack() as stack:
        with waiting("server", "Prefect starts"):
            context = prefect_server(
                work / "prefect",
                settings.prefect_api_url,
                keep=keep_ui,
                password=settings.server_password if private else password_for(settings),
            )
            server = stack.enter_context(context)
        kept = server.password_file
        asks = f" opens once; later the page asks for what is in {kept}" if kept else ""
        say(f"Prefect's page: {server.way_in}{asks}")
        yield
    if keep_ui and server.guard_pid is not None:
        say(f"Prefect's page stays at {server.way_in}; end it with: kill {server.guard_pid}")


def stabilize_all(options: "RunOptions") -> dict[str, Any]:
    """Run the flow `crawl-and-stabilize` with a progress bar; return the books."""
    from tinyvideo.flows.crawl_and_stabilize import crawl_and_stabilize  # after the server

    with progress("videos", catalog_position(options.place)):
        # A state comes of a run on a pool only, which this is none of.
        return run_flow(cast("Coroutine[Any, Any, dict[str, Any]]", crawl_and_stabilize(options)))


def run_flow(flow_run: Coroutine[Any, Any, T]) -> T:
    """Run a flow to its end.

    Raises:
        SystemExit: this process was told to end by SIGTERM, which Prefect has its own name for.
    """
    import asyncio

    from prefect.exceptions import TerminationSignal  # after the server

    try:
        return asyncio.run(flow_run)
    except TerminationSignal as error:
        raise SystemExit(code_of(error.signal)) from error


def show_page(place: "OutputAddress") -> Path:
    """Write the page of an output, with a progress bar; return its path.

    Raises:
        StorageError: there is no catalog, or the work folder cannot be written.
    """
    from tinyvideo.flows.report import write_report
    from tinyvideo.flows.upkeep import config_in_force

    with place.open() as output:  # before the bar: without one there is nothing to wait for
        config = config_in_force(output.catalog)
    with waiting("page", "reads the shards"):
        return write_report(place, config)


def catalog_position(place: "OutputAddress") -> Callable[[], Position]:
    """Read from the catalog how many of the found videos are done."""
    from tinyvideo.storage.storage_errors import StorageError

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
