"""yt-dlp as a library: one address -> one file, and what became of it.

yt-dlp does here what it does best: it goes on where a file broke off, through proxies, with
cookies, at a limited speed, by whichever of its options is wished for. It is handed the address and
what it is, a file, so that it extracts nothing itself and walks no playlist. Its connections are
guarded: none ends in a private network. It reports failures in three ways, and some not at all; all
of them become errors of ours here.

Cost: that of the bytes, and of its import, which is large and so waits until it is needed.
Source: yt-dlp 2026.10.26, as tried.
"""

import difflib
import functools
import io
import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyvideo.pipeline.errors import (
    ExpectedError,
    FailCause,
    RejectedError,
    RejectReason,
    TransientError,
    UnreadableError,
)
from tinyvideo.pipeline.hosts import (
    Budget,
    Host,
    WebAddress,
    WithdrawnError,
    check_status,
    distrusted,
    guard,
    without_ticket,
)
from tinyvideo.pipeline.masks import hide

if TYPE_CHECKING:
    from yt_dlp import YoutubeDL

logger = logging.getLogger(__name__)

# fmt: off
_OURS = frozenset({
    "outtmpl", "paths", "format", "ignoreerrors", "simulate", "skip_download", "overwrites",
    "nopart", "logger", "fixup", "progress_hooks", "test", "match_filter", "download_archive",
    "postprocessors", "retries", "max_filesize",
})
# fmt: on
"""Options that cannot be passed through, because what follows relies on them."""

_OWN_WAYS = frozenset({"external_downloader", "enable_file_urls"})
"""Options with which another program makes the connections, or none is needed."""

_STATUS = re.compile(r"HTTP Error (\d{3})")
_SHORT = re.compile(r"bytes read, .*more expected|IncompleteRead|content too short", re.IGNORECASE)
_DISK = re.compile(r"unable to (?:write data|open for writing|rename file)|No space left")


class _Log:
    """yt-dlp's log: what it calls an error is raised as well, and judged by whoever asked."""

    debug = warning = error = staticmethod(logger.debug)


class OptionError(ExpectedError):
    """An option for yt-dlp that it does not have, or cannot use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """How files are fetched."""

    budget: Budget
    timeout_s: float = 30
    """Seconds without a byte after which a connection is given up."""

    max_bytes: int = 2 * 10**9
    """Largest file that is taken. Ours: an hour of 1080p."""

    trust_environment: bool = False
    """Trust the authority in SSL_CERT_FILE, not the list that yt-dlp brings."""

    allow_private: bool = False
    """Ask servers in private networks, too."""

    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Options of yt-dlp by the names of its Python interface: proxy, cookiefile, ratelimit, ..."""

    def fetch(self, url: str, path: Path, alive: Callable[[], None]) -> None:
        """Bring `url` to `path`, going on with what is there of it in `path` with `.part`.

        `alive` is called at each block that comes; what it raises ends the transfer.

        Raises:
            UnreadableError: it is no address of the web, or leads to a private network.
            WithdrawnError: there is no such file.
            RejectedError: TOO_LARGE.
            TransientError: the host or the way to it is in trouble.
            ServiceError: the host is not who it says it is.
            ExpectedError: the disk is full.
        """
        from yt_dlp import YoutubeDL  # noqa: PLC0415  the import costs a second
        from yt_dlp.networking.exceptions import NoSupportingHandlers  # noqa: PLC0415
        from yt_dlp.utils import DownloadError  # noqa: PLC0415

        address = WebAddress.of(url)
        if not self.allow_private:
            address.refuse_private()
            refuse_own_ways(self.options)
        _prepare_part(path)
        self.budget.acquire(Host.MEDIA)
        name, suffix = path.stem, path.suffix.removeprefix(".")
        # Without a protocol it would judge by the address, and walk through a playlist.
        film = {"url": url, "format_id": name, "ext": suffix, "protocol": address.scheme}
        found = {"id": name, "title": name, "extractor": "Flickr", "webpage_url": url}
        try:
            kind = YoutubeDL if self.allow_private else _guarded()
            with kind(self._params(path, alive)) as downloader:
                downloader.process_ie_result({**found, "formats": [film]}, download=True)
        except DownloadError as error:
            raise self._explain(error, url) from error
        except NoSupportingHandlers as error:  # it collects what it did not expect, such as ours
            refused = (e for e in error.unexpected_errors if isinstance(e, UnreadableError))
            raise next(refused, self._explain(error, url)) from error
        if not path.exists():  # there are ways to fail that raise nothing
            raise TransientError(FailCause.NETWORK, f"{without_ticket(url)} gave no file")

    def _params(self, path: Path, alive: Callable[[], None]) -> dict[str, Any]:
        def follow(progress: Mapping[str, Any]) -> None:
            self.check_size(progress.get("total_bytes") or 0)
            self.check_size(progress.get("downloaded_bytes") or 0)
            alive()

        return {
            "socket_timeout": self.timeout_s,
            "retries": 0,  # every request has to ask the budget first
            "file_access_retries": 0,
            "cachedir": False,
            "quiet": True,
            "noprogress": True,
            "updatetime": False,
            "compat_opts": {"no-certifi"} if self.trust_environment else set(),
            **_own_cookies(self.options),
            "logger": _Log(),
            "fixup": "never",
            "progress_hooks": [follow],
            "outtmpl": {"default": str(path).replace("%", "%%")},
        }

    def check_size(self, size: int) -> None:
        """Refuse a file of `size` bytes, or of which so many have come, if that is too large.

        Raises:
            RejectedError: TOO_LARGE.
        """
        if size > self.max_bytes:
            detail = f"{size} bytes or more; {self.max_bytes} are allowed"
            raise RejectedError(RejectReason.TOO_LARGE, detail)

    def _explain(self, error: Exception, url: str) -> Exception:
        named, text = without_ticket(url), hide(_words(error), _secrets(self.options))
        cause = getattr(error, "exc_info", (None, None))[1]
        status = getattr(cause, "status", None) or _find_status(text)
        if status is not None:
            headers = getattr(getattr(cause, "response", None), "headers", None) or {}
            try:
                check_status(int(status), headers, Host.MEDIA, self.budget, url)
            except (WithdrawnError, TransientError) as judged:
                return judged
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return distrusted(named, cause or error)
        if _DISK.search(text):
            return OptionError(f"a film cannot be stored: {text}; make room, and run again")
        if _SHORT.search(text):
            return TransientError(FailCause.TRUNCATED_MEDIA, f"{named}: {text}")
        kind = FailCause.TIMEOUT if "timed out" in text else FailCause.NETWORK
        return TransientError(kind, f"{named}: {text}")


@functools.cache
def _guarded() -> "type[YoutubeDL]":
    from yt_dlp import YoutubeDL  # noqa: PLC0415  the import costs a second
    from yt_dlp.networking._requests import RequestsRH  # noqa: PLC0415

    class GuardedRH(RequestsRH):  # type: ignore[misc]
        RH_NAME = "guarded"

        def _create_instance(self, **settings: Any) -> Any:
            session = super()._create_instance(**settings)
            guard(session)
            return session

    class Guarded(YoutubeDL):  # type: ignore[misc]
        def build_request_director(self, handlers: object, preferences: object = None) -> Any:
            return super().build_request_director([GuardedRH], None)

    return Guarded


def refuse_own_ways(options: Mapping[str, Any]) -> None:
    """Refuse the options by which yt-dlp would go past the guard.

    Raises:
        OptionError: with the way out.
    """
    for name in sorted(_OWN_WAYS & set(options)):
        raise OptionError(
            f"with the yt-dlp option {name!r} nobody can see where an address leads; leave it out, "
            "or say with --allow-private or TINYVIDEO_ALLOW_PRIVATE=true that addresses may lead "
            "into private networks"
        )


def check_options(options: Mapping[str, Any], *, allow_private: bool = False) -> None:
    """Try the options out before anything is fetched.

    Raises:
        OptionError: there is no such option, it is not to be changed, or yt-dlp cannot use it.
    """
    from yt_dlp import YoutubeDL  # noqa: PLC0415  the import costs a second

    known = _known_options()
    for name in options:
        if name in _OURS:
            raise OptionError(f"the yt-dlp option {name!r} is set by tinyvideo; leave it out")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            hint = f"; do you mean {near[0]!r}?" if near else ""
            raise OptionError(f"yt-dlp has no option {name!r}{hint}")
    if not allow_private:
        refuse_own_ways(options)
    cookies = options.get("cookiefile")
    if cookies is not None and not Path(cookies).is_file():
        raise OptionError(f"the cookie file {cookies} is not there")
    try:
        quiet = {"quiet": True, "cachedir": False, "logger": _Log()}
        kind = YoutubeDL if allow_private else _guarded()
        with kind({**quiet, **_own_cookies(options)}) as ydl:
            ydl.cookiejar  # noqa: B018  reads the file
            ydl._request_director  # noqa: B018  makes the handlers, which read the proxy
    except Exception as error:  # whatever it raises, an option is the cause
        why = hide(str(error), _secrets(options))
        raise OptionError(f"yt-dlp refuses the options {sorted(options)}: {why}") from None


@functools.cache
def _known_options() -> frozenset[str]:
    from yt_dlp import parse_options  # noqa: PLC0415

    return frozenset(name for name in parse_options([]).ydl_opts if not name.startswith("_"))


def _secrets(options: Mapping[str, Any]) -> list[str]:
    texts = {name: value for name, value in options.items() if isinstance(value, str)}
    passwords = [f":{value}@" for name, value in texts.items() if "passw" in name]
    return [*passwords, *(value for value in texts.values() if "@" in value)]


def _own_cookies(options: Mapping[str, Any]) -> dict[str, Any]:
    # yt-dlp writes its cookies back into the file, and several threads would do so at once.
    if "cookiefile" not in options:
        return dict(options)
    text = Path(options["cookiefile"]).read_text(encoding="utf-8-sig", errors="replace")
    return {**options, "cookiefile": io.StringIO(text)}


def _prepare_part(path: Path) -> None:
    """Make the folder, and the part one byte shorter: no server has to refuse an empty rest."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    if part.exists():
        os.truncate(part, max(0, part.stat().st_size - 1))


def _words(error: Exception) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    text = text.partition("; please report this issue")[0]
    return " ".join(text.replace("ERROR:", "").replace("[download] Got error:", "").split())


def _find_status(text: str) -> int | None:
    match = _STATUS.search(text)
    return int(match[1]) if match else None
