"""One video can be explained, failures have their real words, and a retry takes what it names."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.drawn.strip_rows import count_clips, curate_drawn, draw_record
from tinyvideo.pipeline.errors import FailCause, RejectReason
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.batches.commit_shard import pack
from tinyvideo.storage.catalog.block_list import TakedownKind, enter_block, lift_block
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.outputs.output_address import Output
from tinyvideo.storage.outputs.video_history import credits, explain, failures, retry
from tinyvideo.storage.storage_errors import StorageError

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def out(tmp_path, clock) -> Iterator[Output]:
    catalog = Catalog.open(tmp_path / "catalog.db", clock=clock)
    yield Output(catalog, FolderStore(tmp_path), FolderStore(tmp_path))
    catalog.close()


def flickr(number: int, **changes):
    return draw_record(number, video_id=f"flickr-{number}", source="flickr", **changes)


def test_a_video_tells_its_attempts_its_windows_and_its_rights(out, clock):
    out.catalog.add([flickr(7, owner="Ada", license="CC BY 4.0", secret="c0ffee", views=0)])
    out.catalog.lease(1, "me", 60)
    out.catalog.postpone("flickr-7", FailCause.HTTP_429, "HTTP 429 from live", NOON)
    out.catalog.lease(1, "me", 60)
    out.catalog.enter_clips("flickr-7", count_clips(0, shot_cut=2, flat=1))
    told = explain(out, "7")
    assert told == explain(out, "flickr-7")
    assert (told["video"]["state"], told["video"]["reason"]) == ("rejected", "shot_cut")
    assert (told["video"]["owner"], told["video"]["attempts"]) == ("Ada", 2)
    assert (told["video"]["views"], told["video"]["latitude"]) == (0, None)
    (event,) = told["history"]
    assert (event["what"], event["detail"]) == ("http_429", "HTTP 429 from live")
    assert told["windows"]["shot_cut"] == {"count": 2, "first": "figures of the first shot_cut"}
    assert "c0ffee" not in str(told)
    with pytest.raises(StorageError, match="knows no video '8'"):
        explain(out, "8")


def test_a_video_in_a_shard_tells_the_figures_of_its_strips(out):
    curate_drawn(out.catalog, out.work, draw_record(1), strips=2)
    curate_drawn(out.catalog, out.work, draw_record(2), strips=3)
    pack(out.catalog, out.work)
    strips = explain(out, draw_record(1).video_id)["strips"]
    assert [strip["clip_index"] for strip in strips] == [0, 1]
    assert {"inlier_ratio", "drift_px", "config_hash"} <= strips[0].keys()
    assert not {"jpeg", "near_duplicate_hash"} & strips[0].keys()  # bytes are none of JSON's values


def test_failures_are_counted_by_cause_with_what_was_really_said(out, clock):
    out.catalog.add(flickr(number) for number in range(4))
    out.catalog.lease(9, "me", 60)
    out.catalog.settle("flickr-0", VideoState.FAILED, "network", "reset by peer")
    out.catalog.settle("flickr-1", VideoState.FAILED, "network", "no route")
    out.catalog.postpone("flickr-2", FailCause.HTTP_5XX, "HTTP 502", NOON)
    network, broken = failures(out.catalog.engine, examples=1)
    assert (network.cause, network.failed, network.waiting) == ("network", 2, 0)
    assert [example["detail"] for example in network.examples] == ["reset by peer"]
    assert (broken.cause, broken.failed, broken.waiting) == ("http_5xx", 0, 1)


def test_a_retry_takes_the_causes_and_the_age_that_it_is_told(out, clock):
    out.catalog.add(flickr(number) for number in range(3))
    out.catalog.lease(9, "me", 60)
    out.catalog.postpone("flickr-0", FailCause.HTTP_429, "", NOON + timedelta(days=9))
    out.catalog.postpone("flickr-1", FailCause.NETWORK, "", NOON + timedelta(days=9))
    out.catalog.settle("flickr-2", VideoState.REJECTED, "gone", "")
    engine, hour = out.catalog.engine, timedelta(hours=1)
    assert retry(engine, ["http_429"], hour, now=NOON) == 0  # it is not so long ago
    assert retry(engine, ["http_429", "timeout"], hour, now=NOON + 2 * hour) == 1
    clock.time = NOON + 2 * hour
    assert [record.video_id for record in out.catalog.lease(9, "me", 60)] == ["flickr-0"]
    assert explain(out, "0")["history"][-1]["what"] == "retry"
    assert retry(engine, [], timedelta(0), now=NOON + 2 * hour) == 1  # what was rejected stays


def test_credits_name_what_is_in_shards(out):
    rights = {"owner": "1@N00", "owner_name": "Ada", "license": "CC BY 4.0"}
    curate_drawn(out.catalog, out.work, draw_record(1, **rights), strips=1)
    out.catalog.add([draw_record(2)])
    pack(out.catalog, out.work)
    (credit,) = credits(out.catalog.engine)
    assert (credit["owner_name"], credit["license"], credit["title"]) == (
        ("Ada", "CC BY 4.0", "1.mp4")
    )


def test_what_is_blocked_is_rejected_before_and_after_it_is_found(out):
    out.catalog.add([flickr(1, owner="Ada"), flickr(2, owner="Bob"), flickr(3, owner="Eve")])
    assert enter_block(out.catalog.engine, TakedownKind.OWNER, "Ada", "asked us") == 1
    assert enter_block(out.catalog.engine, TakedownKind.VIDEO, "2", "") == 1
    out.catalog.add([flickr(4, owner="Ada"), flickr(5, owner="Bob")])
    assert [record.video_id for record in out.catalog.lease(9, "me", 60)] == [
        "flickr-3",
        "flickr-5",
    ]
    assert out.catalog.books().videos.rejected == {RejectReason.BLOCKED: 3}
    assert explain(out, "1")["video"]["detail"] == "on the block list: asked us"


def test_what_is_not_blocked_any_more_waits_again(out):
    out.catalog.add([flickr(1, owner="Ada"), flickr(2, owner="Ada"), flickr(3, owner="Bob")])
    enter_block(out.catalog.engine, TakedownKind.OWNER, "Ada", "asked us")
    enter_block(out.catalog.engine, TakedownKind.VIDEO, "2", "")
    assert out.catalog.lease(9, "me", 60)[0].owner == "Bob"
    assert lift_block(out.catalog.engine, TakedownKind.OWNER, "Ada") == 1  # 2 is blocked by itself
    assert [record.video_id for record in out.catalog.lease(9, "me", 60)] == ["flickr-1"]
    assert lift_block(out.catalog.engine, TakedownKind.VIDEO, "2") == 1
    out.catalog.add([flickr(4, owner="Ada")])
    waiting = {record.video_id for record in out.catalog.lease(9, "me", 60)}
    assert waiting == {"flickr-2", "flickr-4"}
    assert out.catalog.books().problems == []
    with pytest.raises(StorageError, match="owner Ada is not on the block list"):
        lift_block(out.catalog.engine, TakedownKind.OWNER, "Ada")
