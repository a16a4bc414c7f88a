"""A batch ends in exactly one shard or in none, whoever works on it, however often, and dies."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.drawn.strip_rows import count_clips, draw_record, draw_strip, write_strips
from tinyvideo.pipeline.errors import FailCause, RejectReason
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.batches import batch_table as batches
from tinyvideo.storage.batches.batch_table import (
    Batch,
    BatchLostError,
    BatchState,
    Left,
    assign,
    batch_counts,
    begin_batch,
    close_batch,
    ended_as,
    expired_batches,
    keep_waiting,
    latest_batches,
    open_batches,
    renew_batch,
    take_batch,
    videos_of,
    what_is_left,
    work_of,
)
from tinyvideo.storage.batches.commit_batch import (
    blame,
    pack_batch,
    reclaim,
    reclaim_expired,
    recover,
)
from tinyvideo.storage.batches.commit_shard import part_path
from tinyvideo.storage.catalog.leases import MAX_ATTEMPTS, LeaseLostError
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.outputs.book_audit import audited_books
from tinyvideo.storage.outputs.output_address import Output
from tinyvideo.storage.shards.shard_reader import iterate_rows
from tinyvideo.storage.storage_errors import StorageError

LEASE_S = 600


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 2, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def output(request, tmp_path, clock) -> Iterator[Output]:
    """An output with six videos that nobody has looked at."""
    address = str(tmp_path / "catalog.db")
    if request.param == "postgres":
        address = request.getfixturevalue("postgres").new_database()
    store = FolderStore(tmp_path)
    with closing(Catalog.open(address, clock=clock)) as catalog:
        catalog.add(map(draw_record, range(6)))
        yield Output(catalog, store, store)


def begin(output: Output, videos: int = 2) -> Batch:
    batch = begin_batch(output.catalog, videos, "tag beach", LEASE_S)
    assert batch is not None
    return batch


def take(output: Output, batch: Batch) -> Batch:
    return take_batch(output.catalog, batch.token, "here:1", LEASE_S).batch


def curate(output: Output, batch: Batch, video_id: str, strips: int = 2) -> None:
    """Do to one video what a worker does."""
    number = int(video_id.removeprefix("folder-"), 16)
    part = part_path(work_of(output.work, batch), video_id)
    write_strips(part, draw_record(number), [draw_strip(i) for i in range(strips)])
    output.catalog.enter_clips(video_id, count_clips(strips), holder=batch.token)


def finish(output: Output, batch: Batch) -> str | None:
    for video_id in videos_of(output.catalog, batch.token, VideoState.LEASED):
        curate(output, batch, video_id)
    key = pack_batch(output.catalog, output.store, work_of(output.work, batch), batch)
    close_batch(output.catalog, batch, BatchState.DONE, {"sharded": batch.videos})
    return key


def state_of(output: Output) -> dict[str, VideoState]:
    return {v.record.video_id: v.state for v in output.catalog.videos()}


def check(output: Output, sharded: int) -> None:
    """The books balance, and every strip of a sharded video is in one shard."""
    books = audited_books(output.catalog, output.store)
    assert books["problems"] == []
    assert books["videos"]["sharded"] == sharded
    rows = [r for key in output.store.list("shards") for r in iterate_rows(output.store.path(key))]
    assert len({row["strip_id"] for row in rows}) == len(rows) == 2 * sharded


def test_a_batch_becomes_the_shard_of_its_number(output):
    batch = begin(output)
    assert (batch.number, batch.videos) == (1, 2)
    assert batch.title == "shard-000001 · tag beach · 2 videos"
    assert finish(output, take(output, batch)) == "shards/shard-000001.parquet" == batch.key
    check(output, sharded=2)
    (row,) = latest_batches(output.catalog, 9)
    assert (row.state, row.strips, row.worker) == (BatchState.DONE, 4, "here:1")
    assert row.outcomes == {"sharded": 2}
    assert begin(output).number == 2  # numbers are not used again


def test_nobody_gets_a_batch_when_no_video_is_due(output):
    begin(output, videos=6)
    assert begin_batch(output.catalog, 6, "", LEASE_S) is None


def test_two_batches_at_work_at_once_pack_their_own_videos_only(output):
    one, other = take(output, begin(output)), take(output, begin(output))
    assert not set(videos_of(output.catalog, one.token, VideoState.LEASED)) & set(
        videos_of(output.catalog, other.token, VideoState.LEASED)
    )
    for video_id in videos_of(output.catalog, other.token, VideoState.LEASED):
        curate(output, other, video_id)
    assert finish(output, one) == one.key
    check(output, sharded=2)
    assert finish(output, other) == other.key
    check(output, sharded=4)


def test_a_batch_without_any_strip_leaves_no_shard(output):
    batch = take(output, begin(output))
    for video_id in videos_of(output.catalog, batch.token, VideoState.LEASED):
        output.catalog.settle(
            video_id, VideoState.REJECTED, RejectReason.TOO_SHORT, "9 frames", holder=batch.token
        )
    assert pack_batch(output.catalog, output.store, work_of(output.work, batch), batch) is None
    close_batch(output.catalog, batch, BatchState.DONE)
    assert output.catalog.shards(committed=False) == []
    check(output, sharded=0)


def test_a_second_attempt_goes_on_where_the_first_one_died(output):
    first = take(output, begin(output))
    done, left = videos_of(output.catalog, first.token, VideoState.LEASED)
    curate(output, first, done)
    second = take(output, first)
    assert (first.attempt, second.attempt) == (1, 2)
    assert videos_of(output.catalog, second.token, VideoState.LEASED) == [left]
    assert finish(output, second) == second.key
    check(output, sharded=2)


def test_the_earlier_of_two_attempts_can_neither_renew_nor_pack(output):
    first = take(output, begin(output))
    take(output, first)
    ids = videos_of(output.catalog, first.token, VideoState.LEASED)
    for video_id in ids:
        curate(output, first, video_id)
    with pytest.raises(BatchLostError):
        renew_batch(output.catalog, first, LEASE_S)
    with pytest.raises(BatchLostError):
        assign(output.catalog, first, ids)


def test_a_killed_commit_is_finished_by_the_next_attempt(output):
    batch = take(output, begin(output))
    ids = videos_of(output.catalog, batch.token, VideoState.LEASED)
    for video_id in ids:
        curate(output, batch, video_id)
    assign(output.catalog, batch, ids)  # and dead
    assert finish(output, take(output, batch)) == batch.key
    check(output, sharded=2)


def test_a_batch_that_nobody_renews_is_taken_back(output, clock):
    batch = take(output, begin(output))
    done, _ = videos_of(output.catalog, batch.token, VideoState.LEASED)
    curate(output, batch, done)
    clock.time += timedelta(seconds=LEASE_S - 1)
    assert expired_batches(output.catalog) == []
    clock.time += timedelta(seconds=1)
    assert reclaim_expired(output) == 1
    assert set(state_of(output).values()) == {VideoState.PENDING}
    assert output.catalog.shards(committed=False) == []
    check(output, sharded=0)
    assert batch_counts(output.catalog) == {"lost": 1}


def test_renewed_it_lives_on(output, clock):
    batch, waiting = take(output, begin(output)), begin(output)
    for _ in range(3):
        clock.time += timedelta(seconds=LEASE_S - 1)
        renew_batch(output.catalog, batch, LEASE_S, {"sharded": 1})
        keep_waiting(output.catalog, waiting, LEASE_S)
    assert reclaim_expired(output) == 0
    assert [row.outcomes for row in open_batches(output.catalog)] == [{"sharded": 1}, {}]


def test_a_run_that_has_lost_its_batch_can_enter_nothing(output):
    batch = take(output, begin(output))
    one, other = videos_of(output.catalog, batch.token, VideoState.LEASED)
    curate(output, batch, one)
    reclaim(output, batch)
    with pytest.raises(LeaseLostError):
        output.catalog.enter_clips(other, count_clips(2), holder=batch.token)
    with pytest.raises(BatchLostError):
        assign(output.catalog, batch, [one])
    with pytest.raises(BatchLostError):
        take(output, batch)
    again = take(output, begin(output))
    finish(output, again)
    check(output, sharded=2)


def test_a_shard_that_is_in_its_place_is_kept_when_its_run_is_lost(output, monkeypatch):
    batch = take(output, begin(output))
    with monkeypatch.context() as patch:  # the process dies between the object and the catalog
        patch.setattr(Catalog, "commit_shard", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            finish(output, batch)
    assert output.store.exists(batch.key)
    reclaim(output, batch)
    check(output, sharded=2)


def test_a_commit_after_the_batch_was_taken_back_leaves_no_object(output, monkeypatch):
    batch = take(output, begin(output))
    put = FolderStore.put_if_absent

    def put_late(store: FolderStore, key: str, path) -> bool:
        reclaim(output, batch)  # this machine was asleep for an hour just here
        return put(store, key, path)

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "put_if_absent", put_late)
        with pytest.raises(StorageError, match="given up while it was written"):
            finish(output, batch)
    assert not output.store.exists(batch.key)
    check(output, sharded=0)
    finish(output, take(output, begin(output)))
    check(output, sharded=2)


def test_lost_parts_are_curated_again_elsewhere(output):
    batch = take(output, begin(output))
    one, other = videos_of(output.catalog, batch.token, VideoState.LEASED)
    curate(output, batch, one)
    part_path(work_of(output.work, batch), one).unlink()  # it was on the machine that is gone
    finish(output, take(output, batch))
    assert state_of(output)[one] is VideoState.PENDING
    assert state_of(output)[other] is VideoState.SHARDED
    check(output, sharded=1)


def test_blamed_often_enough_a_video_has_failed(output):
    for _ in range(MAX_ATTEMPTS):
        batch = take(output, begin(output, videos=6))
        blame(output, batch, "its run crashed three times")
        reclaim(output, batch)
    (reason,) = {video.reason for video in output.catalog.videos(VideoState.FAILED)}
    assert reason == FailCause.CRASH
    assert set(state_of(output).values()) == {VideoState.FAILED}
    check(output, sharded=0)


def test_whoever_is_alone_ends_every_open_batch(output):
    half, waiting = take(output, begin(output)), begin(output)
    done, _ = videos_of(output.catalog, half.token, VideoState.LEASED)
    curate(output, half, done)
    assert recover(output) == 2
    assert open_batches(output.catalog) == []
    assert state_of(output)[done] is VideoState.SHARDED  # what was curated here is not lost
    check(output, sharded=1)
    assert not work_of(output.work, half).root.exists()
    assert not output.store.exists(waiting.key)


def test_a_kill_while_a_batch_is_taken_back_is_mended_by_whoever_is_alone(output, monkeypatch):
    batch = take(output, begin(output))
    done, _ = videos_of(output.catalog, batch.token, VideoState.LEASED)
    curate(output, batch, done)
    with monkeypatch.context() as patch:
        patch.setattr(Catalog, "forget_clips", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            reclaim(output, batch)
    assert state_of(output)[done] is VideoState.CURATED  # of a batch that has ended
    recover(output)
    assert state_of(output)[done] is VideoState.PENDING
    check(output, sharded=0)


def test_what_was_curated_before_there_were_batches_gets_its_shard(output):
    (video,) = output.catalog.lease(1)
    write_strips(part_path(output.work, video.video_id), video, [draw_strip(i) for i in range(2)])
    output.catalog.enter_clips(video.video_id, count_clips(2))
    assert recover(output) == 0
    check(output, sharded=1)


def test_the_folder_of_a_batch_that_begins_meanwhile_is_kept(output, monkeypatch):
    """Just after the catalog was asked which batches are open, another run begins one."""
    look, folders = batches.open_batches, []

    def look_and_begin(catalog: Catalog) -> list[batches.BatchRow]:
        rows = look(catalog)
        batch = begin_batch(catalog, 1, "drawn", 600)
        assert batch is not None
        folders.append(work_of(output.work, batch).path("work"))
        folders[0].mkdir(parents=True)
        return rows

    monkeypatch.setattr(batches, "open_batches", look_and_begin)
    batches.clear_folders(output.catalog, output.work)
    assert folders[0].exists()


def test_between_a_lease_and_its_batch_something_is_always_left(output):
    """Another crawl may look at any moment of `begin_batch`, and must not think it is done."""
    looks: list[Left] = []
    looking = []

    def look(_: sa.Connection) -> None:
        if not looking:  # the look itself commits, too
            looking.append(True)
            looks.append(what_is_left(output.catalog))
            looking.clear()

    sa.event.listen(output.catalog.engine, "commit", look)
    batch = begin(output, videos=6)
    sa.event.remove(output.catalog.engine, "commit", look)
    assert looks
    assert all(looks)
    assert what_is_left(output.catalog) == Left(under_way=True, due_in_s=None)
    assert not what_is_left(output.catalog, [batch.token])
    reclaim(output, batch)
    assert what_is_left(output.catalog) == Left(under_way=False, due_in_s=0.0)


def test_how_a_batch_stands_is_told_by_its_name(output):
    batch = begin(output)
    assert ended_as(output.catalog, batch.token) is BatchState.WAITING
    close_batch(output.catalog, batch, BatchState.LOST)
    assert ended_as(output.catalog, batch.token) is BatchState.LOST
    assert ended_as(output.catalog, "0" * 32) is None
