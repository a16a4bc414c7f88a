"""Find and bring objects of any bucket: source videos, not our own shards.

The bucket of YFCC100M is open to everybody, so it is asked without keys; any other with those of
the environment.

Cost: that of `storage.objects.s3_get`.
"""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tinyvideo.pipeline.errors import (
    FailCause,
    RejectedError,
    RejectReason,
    TransientError,
    UnreadableError,
)
from tinyvideo.pipeline.find import VIDEO_SUFFIXES, listed_video
from tinyvideo.pipeline.types import VideoRecord
from tinyvideo.storage.objects import (
    bucket_of,
    is_missing,
    is_passing,
    sentence_of,
    status_of,
    stream,
)
from tinyvideo.storage.storage_errors import StorageError

OPEN_BUCKETS = {"multimedia-commons": "us-west-2"}
"""Buckets that want no keys, and their regions."""

ATTEMPTS = 8
"""Times that a request is made before it has failed. Ours: a minute of backing off."""


def get_object(uri: str, path: Path, follow: Callable[[int], None] = lambda size: None) -> None:
    """Bring the object at `uri` (s3://bucket/key) to `path`.

    `follow` is told how many bytes have come, after each chunk; what it raises ends the transfer.

    Raises:
        RejectedError: GONE.
        UnreadableError: it can be no object's address.
        TransientError: the bucket does not answer.
        StorageError: the keys or the bucket will not do.
    """
    try:
        bucket, key = _bucket_and_key(uri)
    except StorageError:
        key = ""
    if not key:
        raise UnreadableError(f"{uri[:200]!r} names no object: s3://BUCKET/KEY does")
    target = {"Bucket": bucket, "Key": key}
    try:
        with path.open("wb") as file:
            for chunk in stream(_client(bucket), target, 0, None, ATTEMPTS):
                file.write(chunk)
                follow(file.tell())
    except (ClientError, BotoCoreError) as error:
        if is_missing(error):
            raise RejectedError(RejectReason.GONE, f"{uri} is not in its bucket") from error
        if is_passing(error) or (isinstance(error, ClientError) and status_of(error) >= 500):
            raise TransientError(FailCause.NETWORK, f"{uri}: {error}") from error
        raise sentence_of(error, "read", uri) from error


def check_bucket(address: str) -> None:
    """See that an address is that of a bucket; nothing is asked of it.

    Raises:
        StorageError: it is not; with the nearest that would do.
    """
    _bucket_and_key(address)


def _bucket_and_key(address: str) -> tuple[str, str]:
    # The key is taken as it is: those of others have empty parts, spaces, anything.
    head, slashes, rest = address.partition("://")
    name, _, key = rest.partition("/")
    return bucket_of(f"{head}{slashes}{name}" if name else address).name, key


@functools.cache
def _client(bucket: str) -> Any:
    region = OPEN_BUCKETS.get(bucket)
    retries = {"mode": "standard", "max_attempts": ATTEMPTS}
    session = boto3.session.Session()  # the one that threads share is not made for it
    if region is None:
        return session.client("s3", config=Config(retries=retries))
    unsigned = Config(signature_version=UNSIGNED, retries=retries)
    return session.client("s3", region_name=region, config=unsigned)


def list_videos(address: str) -> Iterator[VideoRecord]:
    """Yield the videos below s3://BUCKET/PREFIX, by the suffixes of their names.

    Raises:
        StorageError: the address, the keys or the bucket will not do, or it does not answer.
    """
    bucket, prefix = _bucket_and_key(address)
    try:
        pages = (
            _client(bucket).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        )
        for page in pages:
            for entry in page.get("Contents", ()):
                name = Path(entry["Key"])
                if name.suffix.lower() in VIDEO_SUFFIXES and entry["Size"]:
                    uri, words = f"s3://{bucket}/{entry['Key']}", {"title": name.name}
                    yield listed_video(uri, words, source="s3")
    except (ClientError, BotoCoreError) as error:
        raise sentence_of(error, "list", address) from error
