"""A lease ends: by its holder, by a verdict, by its time. An attempt counts when it was judged."""

from datetime import timedelta

import pytest

from tests.drawn.strip_rows import count_clips, draw_record
from tinyvideo.pipeline.errors import FailCause
from tinyvideo.pipeline.types import VideoRecord, VideoState
from tinyvideo.storage.catalog.leases import MAX_ATTEMPTS, LeaseLostError
from tinyvideo.storage.catalog.video_catalog import Catalog

A, B, C = (draw_record(number).video_id for number in range(3))


@pytest.fixture
def catalog(empty_catalog, clock) -> Catalog:
    empty_catalog.add(draw_record(number) for number in range(3))
    clock.pass_by(1)
    return empty_catalog


def ids(records: list[VideoRecord]) -> list[str]:
    return [record.video_id for record in records]


def row_of(catalog: Catalog, video_id: str):
    return next(row for row in catalog.videos() if row.record.video_id == video_id)


def test_two_holders_share_a_catalog(catalog):
    assert ids(catalog.lease(2, "one", 60)) == [A, B]
    assert ids(catalog.lease(2, "two", 60)) == [C]
    assert catalog.give_back("two") == 1
    assert ids(catalog.lease(9, "one", 60)) == [C]
    assert catalog.give_back() == 3


def test_a_lease_runs_out_and_the_dead_lose_no_attempt(catalog, clock):
    catalog.lease(1, "dead", 60)
    clock.pass_by(59)
    assert ids(catalog.lease(9, "alive", 600)) == [B, C]
    clock.pass_by(1)
    assert ids(catalog.lease(9, "alive", 600)) == [A]
    assert row_of(catalog, A).attempts == 1


def test_a_lease_that_is_renewed_does_not_run_out(catalog, clock):
    catalog.lease(2, "slow", 60)
    clock.pass_by(50)
    assert catalog.renew("slow", 60) == 2
    clock.pass_by(50)
    assert ids(catalog.lease(9, "other", 60)) == [C]
    clock.pass_by(10)
    assert ids(catalog.lease(1, "other", 60)) == [A]
    assert catalog.renew("slow", 60) == 0  # B is pending again


def test_only_the_holder_of_a_lease_may_report(catalog, clock):
    catalog.lease(1, "slow", 60)
    clock.pass_by(60)
    catalog.lease(1, "other", 60)
    lost = "slow no longer has folder-.*0: its lease ran out, and the video is leased by other now"
    with pytest.raises(LeaseLostError, match=lost):
        catalog.enter_clips(A, count_clips(1), holder="slow")
    with pytest.raises(LeaseLostError, match=lost):
        catalog.settle(A, VideoState.REJECTED, "flat", "", holder="slow")
    with pytest.raises(LeaseLostError, match=lost):
        catalog.postpone(A, FailCause.NETWORK, "", clock(), holder="slow")
    assert catalog.enter_clips(A, count_clips(1), holder="other") is VideoState.CURATED
    with pytest.raises(LeaseLostError, match="the video is curated by other now"):
        catalog.enter_clips(A, count_clips(1), holder="slow")


def test_what_is_postponed_is_leased_when_its_time_has_come_and_not_before(catalog, clock):
    catalog.lease(2, "one", 60)
    later = clock() + timedelta(hours=1)
    state = catalog.postpone(A, FailCause.HTTP_429, "asked too often", later, holder="one")
    row = row_of(catalog, A)
    assert state is row.state is VideoState.PENDING
    assert (row.reason, row.detail, row.attempts) == ("http_429", "asked too often", 1)
    assert ids(catalog.lease(9, "two", 60)) == [C]
    clock.pass_by(3600)
    catalog.renew("one", 60)
    assert ids(catalog.lease(9, "two", 60)) == [C, A]  # the lease of C ran out
    assert catalog.enter_clips(A, count_clips(1)) is VideoState.CURATED
    assert row_of(catalog, A).reason == ""
    assert catalog.books().problems == []


def test_a_video_that_is_postponed_too_often_has_failed_with_its_last_cause(catalog, clock):
    states = []
    for cause in (*[FailCause.NETWORK] * (MAX_ATTEMPTS - 1), FailCause.HTTP_5XX):
        catalog.lease(9, "one", 60)
        states.append(catalog.postpone(A, cause, "what it said", clock()))
    assert states == [VideoState.PENDING] * (MAX_ATTEMPTS - 1) + [VideoState.FAILED]
    assert (row_of(catalog, A).reason, row_of(catalog, A).detail) == ("http_5xx", "what it said")
    assert catalog.books().videos.failed == {"http_5xx": 1}


def test_only_a_leased_video_can_be_postponed(catalog, clock):
    with pytest.raises(ValueError, match="is not leased"):
        catalog.postpone(A, FailCause.NETWORK, "", clock())


def test_the_secret_of_a_video_is_kept_and_never_shown(catalog):
    place = {"latitude": -36.830181, "longitude": 174.428497}
    seen = {"taken_at": "2014-03-01 12:00:00", "views": 3_000_000_000}
    record = draw_record(9, secret="c0ffee", uploaded_at=1_400_000_000, tags="sea", **seen, **place)
    catalog.add([record])
    (stored,) = catalog.records([draw_record(9).video_id])
    assert stored == record
    assert "c0ffee" not in repr(stored)
