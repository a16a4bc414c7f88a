"""Fetch the published Places365 weights, and know a good file from a bad one.

A file appears under its final name only when its size and SHA-256 are those of the published
file, so whoever finds it there may use it. A download that breaks off is started anew: the file
is small. The opener is an argument, so that tests serve their own file on the loopback.

Cost: 45.5 MB over the network and once to disk, in pieces of 1 MB; hashing a file that is
already there takes 0.04 s.

Source: Zhou et al., "Places: A 10 Million Image Database for Scene Recognition", TPAMI 2018;
code CSAILVision/places365. Weights: CC BY. Its server offers plain HTTP only, hence the hash.
"""

import hashlib
import os
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Protocol

from tinyvideo.pipeline.errors import ExpectedError

PIECE_BYTES = 2**20
TIMEOUT_S = 30.0
"""Longest silence of the server. Ours: a slow line may take minutes, a dead one may not."""


class WeightsError(ExpectedError):
    """A weights file is missing or wrong; the text names it and the way out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """A file that others publish, and how to know it."""

    url: str
    size: int
    """In bytes."""

    sha256: str


PLACES365: Mapping[str, PublishedFile] = {
    "resnet18": PublishedFile(
        url="http://places2.csail.mit.edu/models_places365/resnet18_places365.pth.tar",
        size=45_506_139,
        sha256="2f4759217d470da2b803f8f66cd4488a066406b555a5fb95ee9a4663f9f05588",
    )
}
"""By architecture, as far as a hash is known. In spite of the name the files are not archives."""


class Response(Protocol):
    """The part of an HTTP response that is needed here."""

    def read(self, amount: int, /) -> bytes:
        """Return at most `amount` bytes; none at the end."""


Opener = Callable[[str], AbstractContextManager[Response]]
"""Opens a URL; raises OSError or HTTPException if it cannot."""


def open_http(url: str) -> AbstractContextManager[Response]:
    """Open `url` as urllib does, proxies included, and give up on a silent server."""
    response: AbstractContextManager[Response] = urllib.request.urlopen(url, timeout=TIMEOUT_S)
    return response


def fetch_places365(
    folder: Path,
    arch: str = "resnet18",
    open_url: Opener = open_http,
    published: Mapping[str, PublishedFile] = PLACES365,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Put the published weights into `folder`, unless they are there, and return their path.

    `progress` is called with the bytes that have come and the bytes of the whole file.

    Raises:
        WeightsError: no hash is known for `arch`, the server or the folder fails, or what came
            is not the published file; nothing is left behind then.
    """
    if arch not in published:
        raise WeightsError(
            f"no checksum of Places365 {arch} is known, so it is not downloaded; fetch it by hand "
            "and set TINYVIDEO_PLACES_WEIGHTS to it: the architecture is read from the file"
        )
    wanted = published[arch]
    path = folder / wanted.url.rpartition("/")[2]
    part = folder / f"{path.name}.{uuid.uuid4().hex}.part"
    try:
        if is_published(path, wanted):
            return path
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _download(wanted, part, open_url, progress)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise WeightsError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def is_published(path: Path, wanted: PublishedFile) -> bool:
    """Tell whether the file at `path` is `wanted`, byte for byte.

    Raises:
        OSError: there is a file, and it cannot be read.
    """
    if not path.is_file() or path.stat().st_size != wanted.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == wanted.sha256


def _download(
    wanted: PublishedFile,
    part: Path,
    open_url: Opener,
    progress: Callable[[int, int], None] | None,
) -> None:
    digest, size = hashlib.sha256(), 0
    with _connect(wanted.url, open_url) as response, part.open("xb") as file:
        # One piece too many is enough to know that a page which never ends is not the file.
        while size <= wanted.size and (piece := _read(response, wanted.url)):
            size += file.write(piece)
            digest.update(piece)
            if progress is not None:
                progress(size, wanted.size)
        file.flush()
        os.fsync(file.fileno())
    if size != wanted.size:
        more = "more than " if size > wanted.size else ""
        found = f"{more}{min(size, wanted.size)} bytes came, {wanted.size} are published"
        raise WeightsError(_not_fetched(wanted.url, found))
    if digest.hexdigest() != wanted.sha256:
        found = f"SHA-256 is {digest.hexdigest()}, published is {wanted.sha256}"
        raise WeightsError(_not_fetched(wanted.url, found))


def _connect(url: str, open_url: Opener) -> AbstractContextManager[Response]:
    try:
        return open_url(url)
    except (OSError, HTTPException) as error:
        raise WeightsError(_not_fetched(url, str(error) or repr(error))) from error


def _read(response: Response, url: str) -> bytes:
    try:
        return response.read(PIECE_BYTES)
    except (OSError, HTTPException) as error:
        raise WeightsError(_not_fetched(url, str(error) or repr(error))) from error


def _not_fetched(url: str, why: str) -> str:
    return (
        f"cannot download {url}: {why}; download it by hand "
        "and set TINYVIDEO_PLACES_WEIGHTS to the file"
    )
