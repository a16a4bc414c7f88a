"""Source videos in buckets, on a real S3 server."""

import pytest

from pipeline.errors import RejectedError, RejectReason
from storage.bucket import get_object
from storage.objects import open_store


def test_an_object_is_brought_to_a_file(s3_address, tmp_path):
    content = bytes(range(256)) * 5_000
    open_store(s3_address).replace("films/one.mp4", content)

    get_object(f"{s3_address}/films/one.mp4", tmp_path / "one.mp4")

    assert (tmp_path / "one.mp4").read_bytes() == content


def test_an_object_that_is_not_there_is_gone(s3_address, tmp_path):
    with pytest.raises(RejectedError, match="is not in its bucket") as caught:
        get_object(f"{s3_address}/films/none.mp4", tmp_path / "none.mp4")

    assert caught.value.reason is RejectReason.GONE
