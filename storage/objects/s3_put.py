"""Put an object on S3 only if nobody has its name, and know for sure who won.

The answer to a put that had succeeded may get lost; the next try is then told that the name is
taken. So every put leaves a token of its own in the object's metadata: if the object that is
there carries it, this put has won, whatever the answers said. Content goes up with its SHA-256,
which the server checks; a large file goes up in parts, which nobody sees until the last.

boto3 tries single requests again; what is here it does not have. Its own transfer (s3transfer 0.19)
refuses `IfNoneMatch` for an upload. s3fs has it, but takes the 412 after a lost answer for
another's win, and wants an older botocore than boto3 does.

Cost: one request for a small object; for a large one, three and one for each part. Every byte is
read once, and hashed twice where the connection is not encrypted: boto3 signs it then.
"""

import base64
import hashlib
import logging
import random
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tinyvideo.storage.objects.s3_errors import is_conflict, is_undecided

logger = logging.getLogger(__name__)

TOKEN = "tinyvideo-write"
"""Name of the metadata entry that tells whose object it is."""

_LONGEST_PAUSE_S = 5.0


def put_bytes(client: Any, target: Mapping[str, str], content: bytes, *, attempts: int) -> bool:
    """Put `content` under a name that nobody has; False if it is taken."""
    token = uuid.uuid4().hex
    checked = with_hash(content)
    return _decide(
        client,
        target,
        token,
        attempts,
        lambda: client.put_object(**target, **checked, Metadata={TOKEN: token}, IfNoneMatch="*"),
    )


def put_file(
    client: Any,
    target: Mapping[str, str],
    source: Path,
    *,
    part_bytes: int,
    parallel: int,
    attempts: int,
) -> bool:
    """Put a large file in parts under a name that nobody has; False if it is taken."""
    if _owner(client, target) is not None:
        return False  # S3 itself would say so after the last part only
    token = uuid.uuid4().hex
    return _decide(
        client,
        target,
        token,
        attempts,
        lambda: _put_in_parts(
            client, target, source, token, part_bytes=part_bytes, parallel=parallel
        ),
    )


def with_hash(content: bytes) -> dict[str, Any]:
    """Lay out a body and its SHA-256, which the server holds against it."""
    digest = hashlib.sha256(content).digest()
    return {"Body": content, "ChecksumSHA256": base64.b64encode(digest).decode()}


def abort_uploads(client: Any, bucket: str, prefix: str, older_than_s: float) -> int:
    """End the uploads in parts that began long ago; return how many."""
    before = datetime.now(UTC) - timedelta(seconds=older_than_s)
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
    stale = [
        upload
        for page in pages
        for upload in page.get("Uploads", ())
        if upload["Initiated"] <= before
    ]
    for upload in stale:
        _abort(client, {"Bucket": bucket, "Key": upload["Key"]}, upload["UploadId"])
    return len(stale)


def pause(failures: int) -> None:
    """Wait a little longer after each failure, and not in step with others."""
    time.sleep(min(0.1 * 2**failures, _LONGEST_PAUSE_S) * random.uniform(0.5, 1))


def _decide(
    client: Any, target: Mapping[str, str], token: str, attempts: int, put: Callable[[], object]
) -> bool:
    for failures in range(attempts):
        try:
            put()
        except (ClientError, BotoCoreError) as error:
            owner = _owner(client, target) if is_undecided(error) else None
            if owner is not None:
                return owner == token
            if failures + 1 == attempts or not is_conflict(error):
                raise
            logger.info("putting %s again: %s", target["Key"], error)
            pause(failures)
        else:
            return True
    raise AssertionError("the last attempt returns or raises")


def _owner(client: Any, target: Mapping[str, str]) -> str | None:
    """Return the token of whoever put the object there; None if there is none, or no answer."""
    try:
        head = client.head_object(**target)
    except (ClientError, BotoCoreError) as error:
        logger.info("cannot see who has %s: %s", target["Key"], error)
        return None
    return str(head.get("Metadata", {}).get(TOKEN, ""))


def _put_in_parts(
    client: Any,
    target: Mapping[str, str],
    source: Path,
    token: str,
    *,
    part_bytes: int,
    parallel: int,
) -> None:
    upload = client.create_multipart_upload(
        **target, Metadata={TOKEN: token}, ChecksumAlgorithm="SHA256"
    )["UploadId"]

    def put_part(start: int) -> dict[str, Any]:
        with source.open("rb") as file:
            file.seek(start)
            content = file.read(part_bytes)
        number = start // part_bytes + 1
        checked = with_hash(content)
        answer = client.upload_part(**target, **checked, UploadId=upload, PartNumber=number)
        return {
            "PartNumber": number,
            "ETag": answer["ETag"],
            "ChecksumSHA256": checked["ChecksumSHA256"],
        }

    try:
        with ThreadPoolExecutor(parallel) as pool:
            parts = list(pool.map(put_part, range(0, source.stat().st_size, part_bytes)))
        client.complete_multipart_upload(
            **target, UploadId=upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
        )
    except BaseException:
        _abort(client, target, upload)
        raise


def _abort(client: Any, target: Mapping[str, str], upload: str) -> None:
    with suppress(ClientError, BotoCoreError):  # gone already; else `abort_uploads` meets it again
        client.abort_multipart_upload(**target, UploadId=upload)
