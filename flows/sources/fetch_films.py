"""Films from elsewhere, fetched in threads while others are stabilized.

A film that is there already is not fetched again. Trouble that may pass is tried a few times on the
spot, at the budget's pace, and then reported with its cause, so that the video is postponed; what
is final is reported at once. Keys and proxies are read from the settings of this machine, here, and
go no further.

Trying again is eight lines of our own: with tenacity they would be as many, since it does not
report the error that ends the tries, and the budget, not a retry, decides how long to wait.

Threads move bytes only. What has come is opened in a process of its own, with limits.

Cost: that of `pipeline.fetch.film_download`; the threads wait for the network nearly all of the
time. The processes that look into films cost 1 s each, once.
"""

import asyncio
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tinyvideo.flows.settings import Settings, SettingsError, read_settings
from tinyvideo.flows.sources.host_budget import shared_budget
from tinyvideo.flows.workers import LimitedCalls, Limits, Outcome, failed
from tinyvideo.pipeline.errors import (
    ExpectedError,
    FailCause,
    LimitError,
    RejectedError,
    ServiceError,
    TransientError,
    UnreadableError,
)
from tinyvideo.pipeline.types import Film, VideoRecord, VideoState
from tinyvideo.storage.catalog import PacedBudget
from tinyvideo.storage.films import RawFolder
from tinyvideo.storage.objects import FolderStore
from tinyvideo.storage.outputs import OutputAddress
from tinyvideo.storage.storage_errors import StorageError

if TYPE_CHECKING:
    from tinyvideo.pipeline.fetch import DownloadConfig, Sources

TRIES = 3
"""Times that a step is tried before its video is postponed. Ours: most troubles are over then."""

_NOT_AT_ONCE = frozenset({FailCause.HTML_BODY, FailCause.TRUNCATED_MEDIA, FailCause.HTTP_403})
"""Troubles of a file, not of the way to it: some time has to pass."""


T = TypeVar("T")


LOOKING = 2
"""Processes that look into films that have come. Ours: a film that hangs one holds up no others."""

IN_A_ROW = 25
"""Videos in a row that cannot be fetched before it is the network, or Flickr, that is to blame."""


class StoppedFetchingError(Exception):
    """The run ends, so transfers under way are broken off; what came of them is kept."""


@dataclass(slots=True)
class Fetching:
    """Threads that fetch films."""

    raw: RawFolder
    settings: Settings
    budget: PacedBudget
    strip_px: int
    limits: Limits
    """What looking into one film may take."""

    any_license: bool = False
    """Do not look whether a license allows derivatives."""

    allow_private: bool = False
    """Ask servers in private networks, too."""

    count: Callable[[int], None] = lambda size: None
    """Told the bytes of every film that has come."""

    _threads: ThreadPoolExecutor = field(init=False, repr=False)
    _local: threading.local = field(default_factory=threading.local, init=False, repr=False)
    _looks: LimitedCalls = field(init=False, repr=False)
    _stopped: threading.Event = field(default_factory=threading.Event, init=False, repr=False)
    _in_a_row: int = field(default=0, init=False, repr=False)
    """Videos that could not be fetched since one could, or was refused for a reason of its own."""

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.settings.downloads, "fetch")
        # What has come is a stranger's: it is opened in a process that may die.
        self._looks = LimitedCalls(self.limits, processes=min(LOOKING, self.settings.downloads))
        self.budget = replace(self.budget, sleep=self._sleep)

    @property
    def room(self) -> int:
        """How many films may be on their way, or wait to be stabilized."""
        return 2 * self.settings.downloads

    async def bring(self, record: VideoRecord) -> Film | Outcome | None:
        """Fetch the film of a video; None for one that is on this machine anyway.

        Raises:
            ServiceError, StorageError: nothing can be fetched as things are.
        """
        if not is_elsewhere(record):
            return None
        loop = asyncio.get_running_loop()
        brought = await loop.run_in_executor(self._threads, self._bring, record)
        self._watch(brought)
        return brought

    def _watch(self, brought: Film | Outcome) -> None:
        """See that there is a point in going on: else a night without a network costs every video.

        Raises:
            ServiceError: too many videos in a row could not be fetched.
        """
        if isinstance(brought, Film) or brought.state is not VideoState.PENDING:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if self._in_a_row >= IN_A_ROW:
            raise ServiceError(
                f"{IN_A_ROW} videos in a row could not be fetched, the last because of: "
                f"{brought.detail}; nothing is lost, run again later"
            )

    def check(self, records: Sequence[VideoRecord]) -> None:
        """See, by one call for all videos of a batch, that they can be fetched.

        Raises:
            ServiceError: the key is not accepted, or Flickr cannot be reached.
            OptionError, SettingsError: a setting cannot be used.
        """
        if any(map(is_elsewhere, records)):
            check_settings(self.settings, allow_private=self.allow_private)
        if not any(record.uri.startswith("flickr:") for record in records):
            return
        if not (self.settings.flickr_key and self.settings.flickr_secret):
            raise SettingsError(
                "Flickr wants a key: set TINYVIDEO_FLICKR_KEY and TINYVIDEO_FLICKR_SECRET; they "
                "are given at https://www.flickr.com/services/apps/create/"
            )
        told: list[TransientError] = []
        sources, _ = self._make_tools()
        try:
            patiently(lambda: sources.api.call("flickr.test.echo"), told)
        except TransientError as error:
            if {trouble.cause for trouble in told} == {FailCause.NETWORK}:
                raise ServiceError(
                    f"{error.detail}; look at the network, and at HTTPS_PROXY or TINYVIDEO_PROXY"
                ) from error

    def release(self, video_id: str) -> None:
        """Delete the film of a video that has been curated, unless films are kept."""
        if not self.settings.keep_raw:
            self.raw.drop(video_id)

    def close(self) -> None:
        """Break off what is under way, and wait for it."""
        self._stopped.set()
        self._looks.close()
        self._threads.shutdown(cancel_futures=True)

    def _bring(self, record: VideoRecord) -> Film | Outcome:
        from tinyvideo.pipeline.fetch import fetch_film, find_film  # noqa: PLC0415  imports flickrapi

        if film := self.raw.find(record):
            return film
        sources, config = self._tools()
        told: list[TransientError] = []
        try:
            offer = patiently(lambda: find_film(record, sources, config), told)
            film = patiently(lambda: fetch_film(offer, self.raw.path, sources, self._limit()), told)
            self.count(film.size)  # a kill behind it has it fetched, and counted, again
            self.raw.enter(film)
            return film
        except (RejectedError, UnreadableError, LimitError) as error:
            return _refused(error)
        except TransientError:
            return _postponed(told)
        except OSError as error:  # what a film or a host is to blame for has other names
            raise StorageError(f"cannot write to {self.raw.path}: {error}") from error
        except (ExpectedError, StoppedFetchingError):
            raise
        except Exception:  # a bug must cost one video, and must be found again in the catalog
            return failed(FailCause.BUG, traceback.format_exc())

    def _look(self, path: Path) -> None:
        from tinyvideo.pipeline.fetch import check_film  # noqa: PLC0415  imports flickrapi

        try:
            self._looks(check_film, path)
        except Exception:
            if self._stopped.is_set():  # its process was ended by us; no film is to blame
                raise StoppedFetchingError from None
            raise

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(seconds):  # a paused host may keep us for a quarter of an hour
            raise StoppedFetchingError

    def _limit(self) -> Callable[[], None]:
        limit_s = self.settings.film_limit_s
        end = time.monotonic() + limit_s

        def alive() -> None:
            if self._stopped.is_set():
                raise StoppedFetchingError
            if time.monotonic() > end:
                raise TransientError(FailCause.TIMEOUT, f"not fetched after {limit_s:.0f} s")

        return alive

    def _tools(self) -> "tuple[Sources, DownloadConfig]":
        # Sessions are not made for several threads, so each has its own.
        if not hasattr(self._local, "tools"):
            sources, config = self._make_tools()
            if self.any_license:
                config = replace(config, licenses=None)
            self._local.tools = replace(sources, check_film=self._look), config
        tools: tuple[Sources, DownloadConfig] = self._local.tools
        return tools

    def _make_tools(self) -> "tuple[Sources, DownloadConfig]":
        return make_tools(
            self.settings, self.budget, self.strip_px, allow_private=self.allow_private
        )


def patiently(step: Callable[[], T], told: list[TransientError]) -> T:
    """Do a step until it succeeds, `TRIES` times at most; `told` gets every trouble.

    Raises:
        TransientError: that of the last try.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            return step()
        except TransientError as error:
            told.append(error)
            if not tries_left or error.cause in _NOT_AT_ONCE:
                raise
    raise AssertionError("unreachable")


@contextmanager
def fetching(
    place: OutputAddress,
    work: FolderStore,
    strip_px: int,
    limits: Limits,
    *,
    any_license: bool = False,
    allow_private: bool = False,
    count: Callable[[int], None] = lambda size: None,
) -> Iterator[Fetching]:
    """Be ready to fetch films into `work` for a block; `count` is told the bytes of each.

    Raises:
        OptionError, SettingsError: a setting cannot be used.
        StorageError: the database of the budget cannot be used.
    """
    settings = read_settings()
    allowed = allow_private or settings.allow_private
    with shared_budget(place) as budget:
        fetcher = Fetching(
            RawFolder(work), settings, budget, strip_px, limits, any_license, allowed, count
        )
        try:
            yield fetcher
        finally:
            fetcher.close()


def is_elsewhere(record: VideoRecord) -> bool:
    """Tell whether the film of a video has to be fetched."""
    return not record.uri.startswith("file:")


def check_settings(settings: Settings, *, allow_private: bool = False) -> None:
    """See, before anything is fetched, that the settings will do.

    Raises:
        OptionError, SettingsError: they will not.
    """
    from tinyvideo.pipeline.fetch import check_options  # noqa: PLC0415  imports requests

    check_authority(settings.ssl_cert_file)
    allowed = allow_private or settings.allow_private
    check_options(settings.ytdlp, allow_private=allowed)


def check_authority(path: str) -> None:
    """See that a file of certificates can be read.

    Raises:
        SettingsError: it cannot.
    """
    try:
        ssl.create_default_context(cafile=path or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"SSL_CERT_FILE: {path} is no file of certificates: {error}") from error


def make_tools(
    settings: Settings, budget: PacedBudget, strip_px: int, *, allow_private: bool = False
) -> "tuple[Sources, DownloadConfig]":
    """Make the clients of one thread."""
    from tinyvideo.pipeline.fetch import DownloadConfig, Fetcher, Sources  # noqa: PLC0415  imports flickrapi
    from tinyvideo.pipeline.hosts import flickr_client, open_session  # noqa: PLC0415
    from tinyvideo.storage.films import get_object  # noqa: PLC0415  imports boto3

    authority, proxy = settings.ssl_cert_file, settings.proxy
    options = {**({"proxy": proxy} if proxy else {}), **settings.ytdlp}
    fetcher = Fetcher(
        budget=budget,
        timeout_s=settings.fetch_timeout_s,
        max_bytes=settings.film_limit_mb * 10**6,
        trust_environment=bool(authority),
        allow_private=allow_private,
        options=options,
    )
    sources = Sources(
        fetcher=fetcher,
        api=flickr_client(
            settings.flickr_key,
            budget,
            secret=settings.flickr_secret,
            session=open_session(proxy, authority),
            timeout_s=settings.fetch_timeout_s,
        ),
        session=open_session(proxy, authority, allow_private=allow_private),
        get_object=get_object,
    )
    return sources, DownloadConfig(strip_px=strip_px, check_rights=settings.check_rights)


def _refused(error: RejectedError | UnreadableError | LimitError) -> Outcome:
    if isinstance(error, RejectedError):
        return Outcome(state=VideoState.REJECTED, reason=error.reason, detail=error.detail)
    if isinstance(error, LimitError):
        return failed(error.cause, error.detail)
    return failed(FailCause.UNREADABLE, str(error))


def _postponed(told: Sequence[TransientError]) -> Outcome:
    last = told[-1]
    before = "; before that: " + ", ".join(error.cause for error in told[:-1])
    return Outcome(
        state=VideoState.PENDING,
        reason=last.cause,
        detail=last.detail + (before if len(told) > 1 else ""),
        retry_after_s=last.retry_after_s,
    )
