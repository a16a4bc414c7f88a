"""What S3 and boto3 say when something is wrong -> one sentence with the object and the way out.

The true text stays in it: "cannot put s3://b/x: NoSuchBucket: The specified bucket does not exist;
make the bucket, or choose another --out".

Cost: nothing.
"""

from typing import Any

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from tinyvideo.pipeline.masks import masked
from tinyvideo.storage.storage_errors import GoneError, StorageError

_KEYS = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_REGION = "set AWS_DEFAULT_REGION to the region of the bucket"
_RIGHTS = "give these keys the right to read, write, list and delete there, or take others"
_NETWORK = "check AWS_ENDPOINT_URL_S3 and the network, and run again"
_BUCKET = "make the bucket, or choose another --out"

_BY_CODE = {
    "NoSuchBucket": _BUCKET,
    "InvalidBucketName": "choose another --out",
    "InvalidAccessKeyId": _KEYS,
    "SignatureDoesNotMatch": _KEYS,
    "ExpiredToken": "get new keys",
    "InvalidToken": "check AWS_SESSION_TOKEN",
    "AccessDenied": _RIGHTS,
    "AllAccessDisabled": _RIGHTS,
    "403": _RIGHTS,
    "AuthorizationHeaderMalformed": _REGION,
    "PermanentRedirect": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "RequestTimeTooSkewed": "set the clock of this machine",
    "QuotaExceeded": "make room, and run again",
    "InsufficientStorage": "make room, and run again",
}

_BY_KIND: tuple[tuple[type[BotoCoreError], str], ...] = (
    (boto.NoCredentialsError, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"),
    (boto.PartialCredentialsError, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY both"),
    (boto.CredentialRetrievalError, _KEYS),
    (boto.ProfileNotFound, "check AWS_PROFILE"),
    (boto.NoRegionError, _REGION),
    (boto.InvalidRegionError, _REGION),
    (boto.ParamValidationError, "choose another --out"),
    (boto.SSLError, "check AWS_ENDPOINT_URL_S3 and AWS_CA_BUNDLE"),
    (boto.HTTPClientError, _NETWORK),
    (boto.ConnectionError, _NETWORK),
)

_PASSING = (boto.HTTPClientError, boto.ConnectionError, boto.IncompleteReadError)
"""A connection that broke, or a wait that was too long."""


def sentence_of(error: Exception, action: str, name: str) -> StorageError:
    """Say what went wrong while `action` (put, read, ...) was done with the object `name`."""
    if is_missing(error):
        return GoneError(f"{name} is gone; put it back, or make it anew in another place")
    return StorageError(f"cannot {action} {name}: {_text(error)}; {_way_out(error)}")


def is_missing(error: Exception) -> bool:
    """Tell whether the object, not the bucket, does not exist."""
    return _code(error) in {"NoSuchKey", "404"}


def is_undecided(error: Exception) -> bool:
    """Tell whether a put may have succeeded all the same, or met another writer."""
    if isinstance(error, ClientError):
        return status_of(error) in {409, 412} or status_of(error) >= 500 or _is_vanished(error)
    return isinstance(error, _PASSING)


def is_conflict(error: Exception) -> bool:
    """Tell whether another writer was at the name, or has it."""
    return isinstance(error, ClientError) and status_of(error) in {409, 412}


def is_passing(error: Exception) -> bool:
    """Tell whether the rest of a body may be asked for again."""
    return isinstance(error, _PASSING)


def is_beyond_end(error: Exception) -> bool:
    """Tell whether a range begins after the last byte."""
    return isinstance(error, ClientError) and status_of(error) == 416


def status_of(error: ClientError) -> int:
    """Return the HTTP status."""
    metadata: dict[str, Any] = error.response.get("ResponseMetadata", {})
    return int(metadata.get("HTTPStatusCode", 0))


def _is_vanished(error: ClientError) -> bool:
    # The upload was completed by a request whose answer got lost, or somebody ended it.
    return _code(error) == "NoSuchUpload"


def _code(error: Exception) -> str:
    if not isinstance(error, ClientError):
        return ""
    return str(error.response.get("Error", {}).get("Code", ""))


def _text(error: Exception) -> str:
    text = str(error)
    if isinstance(error, ClientError):
        message = error.response.get("Error", {}).get("Message", "")
        text = f"{_code(error)}: {message}" if message else _code(error)
    return masked(" ".join(text.split()).rstrip(".")) or type(error).__name__


def _way_out(error: Exception) -> str:
    if isinstance(error, ClientError):
        return _BY_CODE.get(_code(error), "run again when the server is well")
    advice = (text for kind, text in _BY_KIND if isinstance(error, kind))
    return next(advice, "check the AWS settings")
