"""A record of a video -> its film on this disk, whole and checked, or the reason why not.

Of a Flickr video we ask our own API key which files there are, and whose they are now
(`getSizes`, `getInfo`), resolve the page's redirect, and hand the signed address to yt-dlp. That
is 2 calls of the API, 1 page and 1 file. yt-dlp's own extractor would ask for 2 calls of the API as
well, with a key that is not ours and a license that it does not know for half of the numbers, and
for 2 pages. Without the look at the license, which is what a publisher must be able to show, it is
1 call.

A file is whole when the server's length has come, its first and last second can be decoded,
and it is no page for people. Then it gets its final name, at once. What is there of a file that
broke off is kept, and the next attempt goes on with it.

Cost: the requests, and reading the file twice: to check it, and to hash it.
"""

import hashlib
import re
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests

from tinyvideo.pipeline.errors import (
    FailCause,
    LimitError,
    RejectedError,
    RejectReason,
    TransientError,
)
from tinyvideo.pipeline.fetch.probe import check_film
from tinyvideo.pipeline.fetch.renditions import Rendition, choose_renditions
from tinyvideo.pipeline.fetch.ytdlp import Fetcher
from tinyvideo.pipeline.hosts import (
    SHIPPED,
    Flickr,
    Host,
    License,
    WithdrawnError,
    allowed_numbers,
    resolve,
)
from tinyvideo.pipeline.types import Film, VideoRecord
from tinyvideo.pipeline.video_id import VideoId

_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")
_TAKEN = frozenset({".json", ".part", ".ytdl"})
"""What notes beside a film, and unfinished ones, are called."""

STRIP_MARGIN = 1.5
"""The short side of the film over the side of a strip. Ours: stabilizing crops the borders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadConfig:
    strip_px: int = 128
    """Side of a strip's frames, which decides on the size of the film."""

    check_rights: bool = True
    """Ask once more for the license just before a film is fetched: one call."""

    licenses: tuple[str, ...] | None = allowed_numbers(SHIPPED)
    """Flickr's numbers of the licenses under which films are taken; None: whatever it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The world outside."""

    fetcher: Fetcher
    api: Flickr
    session: requests.Session
    """For pages of Flickr."""

    licenses: Mapping[str, License] = field(default_factory=lambda: SHIPPED)
    """What Flickr's numbers of licenses mean."""

    get_object: Callable[[str, Path, Callable[[int], None]], None] | None = None
    """Brings an `s3://` object to a path, and tells how many bytes have come."""

    check_film: Callable[[Path], None] = check_film
    """Decodes the ends of a film that has come. It is a stranger's, so whoever fetches for others
    gives one that does so in a process with limits, and raises LimitError at them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What can be fetched of a video."""

    record: VideoRecord
    """With the rights as they are now."""

    renditions: Sequence[Rendition] = ()
    """Of a Flickr video, the best one first; of any other, the record says where it is."""


def download(
    record: VideoRecord,
    folder: Path,
    sources: Sources,
    config: DownloadConfig,
    alive: Callable[[], None] = lambda: None,
) -> Film:
    """Find the film of `record` and bring it into `folder`.

    Raises:
        RejectedError, TransientError, ServiceError: as `find_film` and `fetch_film`.
    """
    return fetch_film(find_film(record, sources, config), folder, sources, alive)


def find_film(record: VideoRecord, sources: Sources, config: DownloadConfig) -> Offer:
    """Find out what can be fetched of a video, and under which license.

    Raises:
        RejectedError: the video cannot be had.
        TransientError: worth another attempt.
        ServiceError: nothing can be had as things are.
    """
    scheme, _, photo_id = record.uri.partition(":")
    if scheme != "flickr":
        return Offer(record=record)
    try:
        if config.check_rights:
            info = _ask(sources.api, "flickr.photos.getInfo", photo_id)
            record = check_rights(record, info["photo"], sources.licenses, config.licenses)
        sizes = _ask(sources.api, "flickr.photos.getSizes", photo_id)["sizes"]
        films = choose_renditions(sizes["size"], round(STRIP_MARGIN * config.strip_px))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        detail = f"an answer of another form: {error!r}"
        raise TransientError(FailCause.UNPARSABLE, detail) from error
    if not films and not config.check_rights:
        _check_ready(_ask(sources.api, "flickr.photos.getInfo", photo_id).get("photo", {}))
    if not films:
        raise RejectedError(RejectReason.NO_RENDITION, "no file is offered that is a video")
    return Offer(record=record, renditions=films)


def fetch_film(
    offer: Offer, folder: Path, sources: Sources, alive: Callable[[], None] = lambda: None
) -> Film:
    """Bring a film into `folder`; `alive` is called at each block, and may end it by an error.

    An unfinished file lies in a folder of the video's own there, `VIDEO_ID.part`.

    Raises:
        RejectedError: the video cannot be had, or is no film.
        LimitError: looking into the film took too much.
        TransientError: worth another attempt, which goes on where this one ended.
        ServiceError: nothing can be had as things are.
    """
    record = offer.record
    private = folder / f"{VideoId(record.video_id)}.part"
    private.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        if offer.renditions:
            path = _from_flickr(offer.renditions, private, sources, alive)
        elif record.uri.startswith("s3:"):
            path = _from_bucket(record.uri, private, sources, alive)
        else:
            path = _from_address(record.uri, private, sources, alive)
    except (RejectedError, LimitError):
        shutil.rmtree(private, ignore_errors=True)
        raise
    film = _finish(record, path, folder)
    shutil.rmtree(private, ignore_errors=True)
    return film


def _from_flickr(
    films: Sequence[Rendition], private: Path, sources: Sources, alive: Callable[[], None]
) -> Path:
    withdrawn = []
    for film in films:
        path = private / f"{_plain(film.label)}.mp4"
        try:
            _fetch(film, path, sources, alive)
            return path
        except WithdrawnError as error:
            withdrawn.append(f"{film.label}: {error}")
    raise RejectedError(RejectReason.NO_RENDITION, "; ".join(withdrawn))


def _fetch(film: Rendition, path: Path, sources: Sources, alive: Callable[[], None]) -> None:
    if not path.exists():  # else somebody was killed before it was checked
        try:
            _resolve_and_fetch(film, path, sources, alive)
        except TransientError as error:
            if error.cause is not FailCause.HTTP_403:
                raise
            # The address may have ended while we waited for the media host to be free.
            _resolve_and_fetch(film, path, sources, alive)
    _check_fetched(path, sources)


def _resolve_and_fetch(
    film: Rendition, path: Path, sources: Sources, alive: Callable[[], None]
) -> None:
    fetcher = sources.fetcher
    target = resolve(sources.session, film.url, fetcher.budget, fetcher.timeout_s)
    fetcher.fetch(target, path, alive)


def check_rights(
    record: VideoRecord,
    photo: Mapping[str, Any],
    table: Mapping[str, License],
    allowed: Collection[str] | None,
) -> VideoRecord:
    """Return `record` with the license that the video has now, from what `getInfo` says of it.

    Raises:
        RejectedError: NOT_ALLOWED_LICENSE, or NO_RENDITION if it is not a video.
    """
    if photo.get("media") != "video":
        raise RejectedError(RejectReason.NO_RENDITION, f"it is a {photo.get('media')}")
    now = rights_of(record, photo, table)
    if allowed is not None and now.license_id not in allowed:
        number, found = now.license_id, record.license_id
        before = f", {found} when it was found" if found != number else ""
        raise RejectedError(RejectReason.NOT_ALLOWED_LICENSE, f"license {number}{before}")
    _check_ready(photo)
    return now


def rights_of(
    record: VideoRecord, photo: Mapping[str, Any], table: Mapping[str, License]
) -> VideoRecord:
    """Return `record` with license, owner and title as `getInfo` says them now."""
    number = str(photo.get("license", ""))
    known = table.get(number, License(number=number, name="", url=""))
    owner, title = photo.get("owner"), photo.get("title")
    said = {
        "owner": owner.get("nsid") if isinstance(owner, Mapping) else "",
        "owner_name": owner.get("username") if isinstance(owner, Mapping) else "",
        "title": title.get("_content") if isinstance(title, Mapping) else title,
    }
    told: dict[str, Any] = {name: str(text) for name, text in said.items() if text}
    return replace(record, license_id=number, license=known.name, license_url=known.url, **told)


def _check_ready(photo: Mapping[str, Any]) -> None:
    """See that Flickr has made the files of a video; it takes minutes after an upload.

    Raises:
        TransientError: it is still at it.
    """
    video = photo.get("video")
    state = video if isinstance(video, Mapping) else {}
    pending, ready, failed = (str(state.get(name, "")) for name in ("pending", "ready", "failed"))
    if failed != "1" and (pending == "1" or ready == "0"):
        raise TransientError(FailCause.UNAVAILABLE, "Flickr is still processing this video")


def _ask(api: Flickr, method: str, photo_id: str) -> Mapping[str, Any]:
    try:
        return api.call(method, photo_id=photo_id)
    except TransientError as error:
        if error.cause is FailCause.HTTP_429:
            api.budget.penalize(Host.API, error.retry_after_s)
        raise


def _from_bucket(uri: str, private: Path, sources: Sources, alive: Callable[[], None]) -> Path:
    if sources.get_object is None:
        raise RuntimeError("an object needs a bucket client")
    path = private / f"object{_suffix(uri)}"

    def follow(size: int) -> None:
        sources.fetcher.check_size(size)
        alive()

    sources.get_object(uri, path, follow)
    _check(path, sources)
    return path


def _from_address(uri: str, private: Path, sources: Sources, alive: Callable[[], None]) -> Path:
    path = private / f"file{_suffix(uri.partition('?')[0])}"
    try:
        sources.fetcher.fetch(uri, path, alive)
    except WithdrawnError as error:
        raise RejectedError(RejectReason.GONE, str(error)) from error
    _check_fetched(path, sources)
    return path


def _plain(label: str) -> str:
    # What Flickr calls a file becomes the name of one here.
    return re.sub(r"[^A-Za-z0-9_-]", " ", label)[:40].strip() or "film"


def _suffix(address: str) -> str:
    suffix = Path(address).suffix.lower()
    return suffix if _SUFFIX.fullmatch(suffix) and suffix not in _TAKEN else ".mp4"


def _check_fetched(path: Path, sources: Sources) -> None:
    """Check a film that has just come; it is damaged for good if the same bytes come twice.

    A host may announce, and send, too few of them.

    Raises:
        TransientError: TRUNCATED_MEDIA, the first time; or a page came in the place of a film.
        RejectedError: it is no film, or came damaged twice.
    """
    came, before = _digest(path), path.with_suffix(".damaged")
    try:
        _check(path, sources)
    except RejectedError as error:
        if error.reason is not RejectReason.BROKEN_STREAM:
            raise
        if before.exists() and before.read_bytes() == came.encode():
            raise
        before.write_text(came)
        detail = f"{error.detail}; it is fetched once more, to see whether the same comes again"
        raise TransientError(FailCause.TRUNCATED_MEDIA, detail) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(path: Path, sources: Sources) -> None:
    try:
        sources.check_film(path)
    except (RejectedError, LimitError, TransientError):
        path.unlink(missing_ok=True)  # or it would be taken for a whole file
        raise


def _finish(record: VideoRecord, path: Path, folder: Path) -> Film:
    """Give a checked file its final name; before that, nobody takes it for whole."""
    digest = _digest(path)
    size, final = path.stat().st_size, folder / f"{record.video_id}{path.suffix}"
    path.replace(final)
    return Film(record=record, path=final, size=size, sha256=digest, rendition=path.stem)
