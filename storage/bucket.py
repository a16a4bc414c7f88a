"""Bring an object from any bucket to a file: source videos, not our own shards.

The bucket of YFCC100M is open to everybody, so it is asked without keys; any other with those of
the environment.

Cost: that of `storage.s3_get`; 0.1 to 0.4 s to connect.
"""

import functools
from pathlib import Path
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline.errors import FailCause, RejectedError, RejectReason, TransientError
from storage.s3_errors import is_missing, is_passing, sentence_of, status_of
from storage.s3_get import stream

OPEN_BUCKETS = {"multimedia-commons": "us-west-2"}
"""Buckets that want no keys, and their regions."""

ATTEMPTS = 8
"""Times that a request is made before it has failed. Ours: a minute of backing off."""


def get_object(uri: str, path: Path) -> None:
    """Bring the object at `uri` (s3://bucket/key) to `path`.

    Raises:
        RejectedError: GONE.
        TransientError: the bucket does not answer.
        StorageError: the keys or the bucket will not do.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    target = {"Bucket": bucket, "Key": key}
    try:
        with path.open("wb") as file:
            for chunk in stream(_client(bucket), target, 0, None, ATTEMPTS):
                file.write(chunk)
    except (ClientError, BotoCoreError) as error:
        if is_missing(error):
            raise RejectedError(RejectReason.GONE, f"{uri} is not in its bucket") from error
        if is_passing(error) or (isinstance(error, ClientError) and status_of(error) >= 500):
            raise TransientError(FailCause.NETWORK, f"{uri}: {error}") from error
        raise sentence_of(error, "read", uri) from error


@functools.cache
def _client(bucket: str) -> Any:
    region = OPEN_BUCKETS.get(bucket)
    retries = {"mode": "standard", "max_attempts": ATTEMPTS}
    session = boto3.session.Session()  # the one that threads share is not made for it
    if region is None:
        return session.client("s3", config=Config(retries=retries))
    unsigned = Config(signature_version=UNSIGNED, retries=retries)
    return session.client("s3", region_name=region, config=unsigned)
