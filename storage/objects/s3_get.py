"""Read an object from S3 as a stream that goes on where the connection broke.

boto3 tries a request again, but not the rest of a body. Its own transfer (s3transfer 0.19) begins
the body anew after a break; smart_open goes on, but joins halves of two versions of an object.

Cost: one request, and one more for every break.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, FlexibleChecksumError

from tinyvideo.storage.objects.s3_errors import is_passing
from tinyvideo.storage.objects.s3_put import pause

logger = logging.getLogger(__name__)

_CHUNK = 2**20

_SLICE = 2**18
"""Bytes that go to their place at a time: what boto3 copies them from is still in the cache."""

T = TypeVar("T")


def stream(
    client: Any, target: Mapping[str, str], start: int, length: int | None, attempts: int
) -> Iterator[bytes]:
    """Yield the bytes from `start` on, `length` of them or all; fewer if the object ends before.

    It fails when `attempts` bodies in a row bring nothing, and when the whole of an object does
    not have the checksum that the server keeps of it.
    """
    reading = _Reading(client, target, start, length, attempts)
    while not reading.is_done:
        with reading.body() as body:
            for chunk in body.iter_chunks(_CHUNK):
                reading.advance(len(chunk))
                yield chunk


def fill(
    client: Any, target: Mapping[str, str], start: int, memory: memoryview, attempts: int
) -> int:
    """Read the bytes from `start` on into `memory`; return how many there were.

    It fails as `stream` does.
    """
    reading = _Reading(client, target, start, len(memory), attempts)
    while not reading.is_done:
        with reading.body() as body:
            while count := body.readinto(memory[reading.position - start :][:_SLICE]):
                reading.advance(count)
    return reading.position - start


def reread(read: Callable[[], T], attempts: int) -> T:
    """Do again what read a whole object whose bytes were changed on the way."""
    for _ in range(attempts - 1):
        try:
            return read()
        except FlexibleChecksumError as error:
            logger.info("reading an object again: %s", error)
    return read()


class _Reading:
    """How far an object has been read, by as many requests as it takes."""

    def __init__(
        self, client: Any, target: Mapping[str, str], start: int, length: int | None, attempts: int
    ) -> None:
        self._client, self._target, self._attempts = client, target, attempts
        self.position = start
        self._end = None if length is None else start + length
        self._version = ""
        self._failures = 0

    @property
    def is_done(self) -> bool:
        """Tell whether all is read that there is."""
        return self._end is not None and self.position >= self._end

    def advance(self, count: int) -> None:
        """Go on by some bytes that were read."""
        self.position, self._failures = self.position + count, 0

    @contextmanager
    def body(self) -> Iterator[Any]:
        """Ask for what is left; an error of the block that passes is no error yet."""
        asked = {**_range(self.position, self._end), **_same(self._version)}
        answer = self._client.get_object(**self._target, **asked)
        self._version, self._end = answer["ETag"], self.position + answer["ContentLength"]
        try:
            with closing(answer["Body"]) as body:
                yield body
        except BotoCoreError as error:
            self._failures += 1
            if self._failures == self._attempts or not is_passing(error):
                raise
            logger.info("reading %s on from byte %d: %s", self._target["Key"], self.position, error)
            pause(self._failures)


def _range(position: int, end: int | None) -> dict[str, str]:
    if end is None:
        return {"Range": f"bytes={position}-"} if position else {}
    return {"Range": f"bytes={position}-{end - 1}"}


def _same(version: str) -> dict[str, str]:
    # Halves of two versions of an object would be neither.
    return {"IfMatch": version} if version else {}
