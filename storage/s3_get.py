"""Read an object from S3 as a stream that goes on where the connection broke.

Cost: one request, and one more for every break.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, FlexibleChecksumError

from storage.s3_errors import is_passing
from storage.s3_put import pause

logger = logging.getLogger(__name__)

_CHUNK = 2**20

T = TypeVar("T")


def stream(
    client: Any, target: Mapping[str, str], start: int, length: int | None, attempts: int
) -> Iterator[bytes]:
    """Yield the bytes from `start` on, `length` of them or all; fewer if the object ends before.

    It fails when `attempts` bodies in a row bring nothing, and when the whole of an object does
    not have the checksum that the server keeps of it.
    """
    position, end, version, failures = start, None if length is None else start + length, "", 0
    while end is None or position < end:
        answer = client.get_object(**target, **_range(position, end), **_same(version))
        version, end = answer["ETag"], position + answer["ContentLength"]
        try:
            with closing(answer["Body"]) as body:
                for chunk in body.iter_chunks(_CHUNK):
                    position, failures = position + len(chunk), 0
                    yield chunk
        except BotoCoreError as error:
            failures += 1
            if failures == attempts or not is_passing(error):
                raise
            logger.info("reading %s on from byte %d: %s", target["Key"], position, error)
            pause(failures)


def reread(read: Callable[[], T], attempts: int) -> T:
    """Do again what read a whole object whose bytes were changed on the way."""
    for _ in range(attempts - 1):
        try:
            return read()
        except FlexibleChecksumError as error:
            logger.info("reading an object again: %s", error)
    return read()


def _range(position: int, end: int | None) -> dict[str, str]:
    if end is None:
        return {"Range": f"bytes={position}-"} if position else {}
    return {"Range": f"bytes={position}-{end - 1}"}


def _same(version: str) -> dict[str, str]:
    # Halves of two versions of an object would be neither.
    return {"IfMatch": version} if version else {}
