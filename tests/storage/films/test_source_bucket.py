"""Source videos in buckets, on a real S3 server."""

import pytest

from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.storage.films.source_bucket import get_object, list_videos
from tinyvideo.storage.objects.stores import open_store
from tinyvideo.storage.storage_errors import StorageError


def test_an_object_is_brought_to_a_file(s3_address, tmp_path):
    content = bytes(range(256)) * 5_000
    open_store(s3_address).replace("films/one.mp4", content)

    get_object(f"{s3_address}/films/one.mp4", tmp_path / "one.mp4")

    assert (tmp_path / "one.mp4").read_bytes() == content


def test_an_object_that_is_not_there_is_gone(s3_address, tmp_path):
    with pytest.raises(RejectedError, match="is not in its bucket") as caught:
        get_object(f"{s3_address}/films/none.mp4", tmp_path / "none.mp4")

    assert caught.value.reason is RejectReason.GONE


def test_the_videos_below_a_prefix_are_listed(s3_address):
    store = open_store(s3_address)
    for key in ("films/a.mp4", "films/deep/b.MOV", "films/ü b?.webm", "films/text.txt", "c.mp4"):
        store.replace(key, b"some bytes")
    store.replace("films/empty.mp4", b"")

    videos = list(list_videos(f"{s3_address}/films/"))

    assert [video.title for video in videos] == ["a.mp4", "b.MOV", "ü b?.webm"]
    assert videos[0].uri == f"{s3_address}/films/a.mp4"
    assert {video.source for video in videos} == {"s3"}
    assert len({video.video_id for video in videos}) == 3
    assert list(list_videos(f"{s3_address}/films/")) == videos  # the same ids the next time
    assert list(list_videos(f"{s3_address}/none/")) == []


def test_more_videos_than_one_answer_holds_are_listed_all(s3_address):
    store = open_store(s3_address)
    for number in range(1_001):
        store.replace(f"{number:04d}.mp4", b"-")

    assert len(list(list_videos(s3_address))) == 1_001


@pytest.mark.parametrize("name", ["ü b?.webm", "100%.mp4", "a#b.mp4"])
def test_an_object_of_any_name_is_brought_by_its_record(s3_address, tmp_path, name):
    open_store(s3_address).replace(f"films/{name}", b"some bytes")
    (video,) = list_videos(s3_address)

    get_object(video.uri, tmp_path / "film")

    assert (tmp_path / "film").read_bytes() == b"some bytes"


def test_a_bucket_that_is_not_there_is_one_sentence(s3_address):
    with pytest.raises(StorageError, match="nobody-has-this"):
        list(list_videos("s3://nobody-has-this/films/"))
