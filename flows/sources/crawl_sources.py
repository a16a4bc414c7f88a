"""Find videos and enter them in the catalog: from folders, lists, buckets, and by searching Flickr.

A search is walked through window by window (`pipeline.find.search_walk`). The videos of a window
are entered first and then the window itself, so that a run which is killed asks again for what was
not entered and for nothing else. Keys are read from the settings of this machine, here, and go no
further.

Cost: one call per 500 videos, at the budget's pace, and a transaction per window and 500 videos.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from tinyvideo.flows.run_options import WHOLE_PATH, RunOptions
from tinyvideo.flows.settings import Settings, SettingsError, read_settings
from tinyvideo.flows.sources.bad_lines import BadLines, bad_lines_of
from tinyvideo.flows.sources.fetch_films import check_authority
from tinyvideo.flows.sources.host_budget import limits_of, shared_budget
from tinyvideo.flows.which_output import output_at
from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.find import (
    Bad,
    Query,
    Span,
    Window,
    list_videos_of,
    read_licenses,
    read_list,
    read_yfcc100m,
    scan_folder,
    search_with,
    walk,
    walk_config,
)
from tinyvideo.pipeline.hosts import (
    SEARCH,
    Budget,
    Flickr,
    License,
    RefusedCallError,
    allowed_numbers,
    flickr_client,
    open_session,
)
from tinyvideo.pipeline.types import VideoRecord
from tinyvideo.storage.catalog import (
    Catalog,
    LocalAccounts,
    PacedBudget,
    count_call,
    enter_window,
    keep_misread,
    left_to_ask,
    looking,
    settled_until,
)
from tinyvideo.storage.films import is_parquet, list_videos, read_parquet_rows
from tinyvideo.storage.outputs import OutputAddress

logger = logging.getLogger(__name__)

NO_KEY = (
    "searching Flickr needs a key of its API in TINYVIDEO_FLICKR_KEY; "
    "https://www.flickr.com/services/apps/create/ gives one"
)

_CHUNK = 10_000
"""Videos after which a long list tells how far it is."""


@dataclass(slots=True)
class Finding:
    """How far a crawl has come."""

    found: int = 0
    """Videos that were seen, each as often as it was."""

    new: int = 0
    """Videos that the catalog did not know."""

    calls: int = 0
    query: str = ""
    bad_lines: list[BadLines] = field(default_factory=list)
    """Of each list that was read."""

    until: int = 0
    """Second of upload up to which the query was walked through."""

    def told_of_bad_lines(self) -> list[dict[str, Any]]:
        """Say of each list with bad lines how many it has, and which file names them."""
        return [
            {"count": bad.count, "named_in": str(bad.path)} for bad in self.bad_lines if bad.count
        ]


Tell = Callable[[Finding], None]


def find_videos(catalog: Catalog, options: RunOptions, tell: Tell) -> Finding:
    """Enter what is new in every source that the options name; `tell` how far it has come.

    Raises:
        ServiceError: Flickr refuses us, or does not answer.
        SettingsError: there is no key for Flickr.
        StorageError: a bucket, or the catalog, cannot be used.
        UnreadableError: a folder or list cannot be read.
    """
    finding = Finding()
    if options.search is not None:
        options.search.texts()  # a list that cannot be read is told before anybody is asked
    with looking(catalog):
        for records in _listed(options, finding):
            while chunk := list(islice(records, _CHUNK)):
                finding.found += len(chunk)
                finding.new += catalog.add(chunk)
                tell(finding)
        if options.search is not None:
            with flickr_of(options.place) as flickr:
                Search(catalog, flickr, options, finding, tell).walk_all()
    return finding


def _path(address: str) -> Path:
    path = Path(address).expanduser()
    if not path.is_absolute():
        raise SettingsError(f"the source {address}: {WHOLE_PATH}")
    return path


SOURCES: Mapping[str, Callable[[str, bool, Bad], Iterator[VideoRecord]]] = {
    "folder": lambda address, *_: scan_folder(_path(address)),
    "list": lambda address, any_license, bad: read_any_list(_path(address), any_license, bad),
    "yfcc100m": lambda address, any_license, _: read_yfcc100m(
        _path(address), any_license=any_license
    ),
    "bucket": lambda address, *_: list_videos(address),
}
"""What `--source NAME=ADDRESS` may say; the second argument tells whether every license is wanted,
the third takes the number of a line that is no video, and why.
A new source is a module of `pipeline.find` whose function yields records, its line in that room's
door, and a line here."""


def _parted(source: str) -> tuple[str, str]:
    name, _, address = source.partition("=")
    if name not in SOURCES or not address:
        raise SettingsError(
            f"--source is NAME=ADDRESS with a name of {', '.join(SOURCES)}, got {source!r}"
        )
    return name, address


def read_any_list(path: Path, any_license: bool, bad: Bad) -> Iterator[VideoRecord]:
    """Yield the videos of a list of any form; `bad` is told of every line that is none.

    Raises:
        UnreadableError: the file cannot be read.
    """
    if is_parquet(path):
        yield from list_videos_of(read_parquet_rows(path), any_license=any_license, bad=bad)
    else:
        yield from read_list(path, any_license=any_license, bad=bad)


def _listed(options: RunOptions, finding: Finding) -> Iterator[Iterator[VideoRecord]]:
    # A wrong name is told before anything is read.
    named = [_parted(source) for source in options.sources]
    if options.folder is not None:
        named.append(("folder", str(options.folder)))
    named += _listings(options)
    if options.bucket:
        named.append(("bucket", options.bucket))
    for name, address in named:
        with bad_lines_of(address, options.place.work, finding.bad_lines) as bad:
            finding.bad_lines.append(bad)
            yield _records(name, address, options, bad)


def _listings(options: RunOptions) -> list[tuple[str, str]]:
    """Name the files of videos that have options of their own."""
    files = (("yfcc100m", options.yfcc100m), ("list", options.urls))
    return [(name, str(path)) for name, path in files if path is not None]


def _records(name: str, address: str, options: RunOptions, bad: Bad) -> Iterator[VideoRecord]:
    if name == "folder":
        return scan_folder(_path(address), options.pattern)
    return SOURCES[name](address, options.any_license, bad)


def check_sources(options: RunOptions) -> None:
    """Read each list and named source up to its first video, so that what is none is told at once.

    Raises:
        SettingsError: a named source is none that there is.
        UnreadableError: a list cannot be read, or has lines and none of them is a video.
    """
    named = [_parted(source) for source in options.sources]
    named += _listings(options)
    if options.search is not None:
        options.search.texts()
    for name, address in named:
        if name == "list":
            _require_a_video(_path(address), options.any_license)
        else:
            next(_records(name, address, options, lambda *_: None), None)


def _require_a_video(listing: Path, any_license: bool) -> None:
    bad: list[str] = []

    def note(number: int, what: str) -> None:
        if not bad:
            bad.append(f"line {number}: {' '.join(what.split())}")

    if next(read_any_list(listing, any_license, note), None) is None and bad:
        raise UnreadableError(f"no line of {listing} is a video; {bad[0]}")


@dataclass(slots=True)
class Search:
    """A walk through every search that the options name."""

    catalog: Catalog
    flickr: Flickr
    options: RunOptions
    finding: Finding
    tell: Tell

    def walk_all(self) -> None:
        """Ask for what is left of every search, until all is seen or the limit is reached.

        Raises:
            ServiceError: Flickr refuses us, or every search, or does not answer.
            UnreadableError: the file of words cannot be read.
        """
        self.flickr.sent = self._count
        table = read_licenses(self.flickr)
        now = datetime.now(UTC)
        queries, refused = self.queries(table), 0
        for query in queries:
            self.finding.query = query.name
            try:
                if not self._walk_rest(query, table, now):
                    return
            except RefusedCallError as error:  # one word of many may be none that Flickr takes
                refused += 1
                if refused == len(queries):
                    raise
                logger.warning("nothing was found by %s: %s", query.name, error)

    def _walk_rest(self, query: Query, table: dict[str, License], now: datetime) -> bool:
        """Walk through what is left of a search; tell whether there is room for more."""
        gaps = left_to_ask(self.catalog.engine, query.name, self._span(now), settled_until(now))
        return all(self._walk(query, gap, table, now) for gap in gaps)

    def queries(self, table: dict[str, License]) -> list[Query]:
        """List the searches, with the licenses that are wanted."""
        search = self.options.search
        if search is None:
            return []
        return search.queries(() if self.options.any_license else allowed_numbers(table))

    def _span(self, now: datetime) -> Span:
        if self.options.search is None:
            raise ValueError("nothing is searched for")
        return self.options.search.span(now)

    def _walk(self, query: Query, gap: Span, table: dict[str, License], now: datetime) -> bool:
        """Walk through a span; tell whether there is room for more."""
        keep = partial(keep_misread, self.catalog.engine)
        for window in walk(search_with(self.flickr, query, table, keep), gap, walk_config(query)):
            self.finding.until = window.span.until
            whole = self._enter(window)
            if whole:
                enter_window(self.catalog.engine, query.name, window, query.per_page, now)
            self.tell(self.finding)
            if not whole or self._room() == 0:
                return False
        return True

    def _count(self, method: str) -> None:
        """Count a call as it is sent: a run that is killed has made it too."""
        self.finding.calls += 1
        if method == SEARCH and self.finding.query:
            count_call(self.catalog.engine, self.finding.query)

    def _enter(self, window: Window) -> bool:
        """Enter the videos of a window, as far as there is room; tell whether all were entered."""
        records = list(self._fitting(window.records))
        self.finding.found += len(records)
        self.finding.new += self.catalog.add(records)
        return len(records) == len(window.records)

    def _fitting(self, records: Iterable[VideoRecord]) -> Iterable[VideoRecord]:
        room = self._room()
        return records if room is None else islice(records, room)

    def _room(self) -> int | None:
        limit = self.options.search.limit if self.options.search else None
        return None if limit is None else max(0, limit - self.finding.new)


@contextmanager
def flickr_of(place: OutputAddress) -> Iterator[Flickr]:
    """Be ready to call Flickr for a block, at the pace that all who work for an output share.

    Raises:
        SettingsError: there is no key.
        StorageError: the database of the budget cannot be used.
    """
    settings = read_settings()
    with shared_budget(place) as budget:
        yield make_flickr(settings, budget)


@contextmanager
def flickr_beside(out: str) -> Iterator[Flickr]:
    """Be ready for a few calls, at the pace of the output at `out` if there is one yet.

    Raises:
        SettingsError: there is no key.
    """
    settings = read_settings()
    if out or settings.storage:
        place = output_at(out)
        if place.has_catalog():
            with flickr_of(place) as flickr:
                yield flickr
                return
    yield make_flickr(settings, PacedBudget(accounts=LocalAccounts(), limits=limits_of(settings)))


def make_flickr(settings: Settings, budget: Budget) -> Flickr:
    """Make a client of Flickr's API by the settings.

    Raises:
        SettingsError: there is no key, or no file of certificates where one should be.
    """
    require_key(settings)
    check_authority(settings.ssl_cert_file)
    return flickr_client(
        settings.flickr_key,
        budget,
        secret=settings.flickr_secret,
        session=open_session(settings.proxy, settings.ssl_cert_file),
        timeout_s=settings.fetch_timeout_s,
    )


def require_key(settings: Settings) -> None:
    """Refuse to search without a key.

    Raises:
        SettingsError: there is none.
    """
    if not settings.flickr_key:
        raise SettingsError(NO_KEY)
