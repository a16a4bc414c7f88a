"""What is taken down while a dataset is being built is not in it, whoever was first."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.drawn.dataset_rows import ALL_FOR_TRAINING, chosen
from tests.servers.children import build_again_and_again, child, go, hold_turn
from tests.storage.test_takedown import ANEW, FIRST, SECOND, fill, opened
from tinyvideo.storage.catalog.block_list import TakedownKind
from tinyvideo.storage.catalog.takedown_requests import ask
from tinyvideo.storage.datasets.committed_build import build_committed
from tinyvideo.storage.datasets.dataset_survey import find_problems
from tinyvideo.storage.datasets.manifest import list_datasets, list_revisions, read_manifest
from tinyvideo.storage.outputs.book_audit import audited_books
from tinyvideo.storage.outputs.output_address import Output
from tinyvideo.storage.repair.rewrite import finish_rewrites, rewrite_shard
from tinyvideo.storage.shards.shard_reader import ShardFile, iterate_rows
from tinyvideo.storage.storage_errors import StorageError
from tinyvideo.storage.takedown import finish_takedowns, take_down

VIDEO, OWNER = TakedownKind.VIDEO, TakedownKind.OWNER


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Output]:
    with opened(tmp_path) as output:
        fill(output)
        yield output


@pytest.fixture(params=["folder", "s3 and postgres"])
def any_out(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Output]:
    remote = request.param != "folder"
    address = request.getfixturevalue("s3_address") if remote else None
    url = str(request.getfixturevalue("postgres").new_database()) if remote else ""
    with opened(tmp_path, address, url) as output:
        fill(output)
        yield output


def after_shard(number: int, action: Callable[[], object]) -> Callable[[int, int], None]:
    """Do something once, when so many shards have been read."""
    left = [action]

    def on_shard(done: int, _total: int) -> None:
        if done == number and left:
            left.pop()()

    return on_shard


def videos_of(out: Output, name: str) -> set[str]:
    return set(chosen(out.store, read_manifest(out.store, name), "train", "video_id"))


@pytest.mark.parametrize("read", [1, 2], ids=["while shards are read", "before it is written"])
def test_a_takedown_in_the_middle_of_a_build_is_kept_to(any_out, read):
    seen = after_shard(read, lambda: take_down(any_out, VIDEO, "flickr-100", {}))
    manifest = build_committed(any_out, "d", ALL_FOR_TRAINING, seen)
    assert manifest.shards == (ANEW, SECOND)
    assert videos_of(any_out, "d") == {"flickr-101", "flickr-102", "flickr-103"}
    assert find_problems(any_out.store, manifest, full=True) == []
    assert list_revisions(any_out.store, "d") == [1]


def test_an_owner_who_goes_takes_the_last_strips_along(out):
    def empty() -> None:
        for owner in ("ada", "bob", "cyd"):
            take_down(out, OWNER, owner, {})

    with pytest.raises(StorageError, match="there is no shard"):
        build_committed(out, "d", ALL_FOR_TRAINING, after_shard(1, empty))
    assert "d" not in list_datasets(out.store)


def test_a_takedown_that_was_asked_for_comes_first(out):
    seen = after_shard(2, lambda: ask(out.catalog.engine, VIDEO, "flickr-100"))
    for _ in range(2):  # the second call is told before it reads anything
        with pytest.raises(StorageError, match="the takedown of video flickr-100 is under way"):
            build_committed(out, "d", ALL_FOR_TRAINING, seen)
        assert "d" not in list_datasets(out.store)
    finish_takedowns(out, {})
    build_committed(out, "d", ALL_FOR_TRAINING)
    assert "flickr-100" not in videos_of(out, "d")


def test_a_shard_that_is_being_written_anew_comes_first(out):
    (shard, _) = out.catalog.shards(committed=True)

    def rows() -> Iterator[object]:
        with pytest.raises(StorageError, match=r"shard-000001.*is being written anew"):
            build_committed(out, "d", ALL_FOR_TRAINING)
        yield from iterate_rows(ShardFile(out.store, FIRST))

    assert rewrite_shard(out, shard, rows(), lambda _db, _key: None) == ANEW
    finish_rewrites(out)
    assert build_committed(out, "d", ALL_FOR_TRAINING).shards == (ANEW, SECOND)


def test_a_shard_that_is_gone_and_nobody_rewrote_is_an_error(out):
    out.store.delete(FIRST)
    with pytest.raises(StorageError, match=r"shard-000001.parquet is gone"):
        build_committed(out, "d", ALL_FOR_TRAINING)


def test_builds_and_takedowns_wait_for_their_turn(out):
    actions = [
        lambda: build_committed(out, "d", ALL_FOR_TRAINING),
        lambda: take_down(out, VIDEO, "flickr-100", {}),
    ]
    for action in actions:
        with child(hold_turn, out.work.root) as holder:
            waiting = threading.Thread(target=action)
            waiting.start()
            waiting.join(0.5)
            assert waiting.is_alive()
            go(holder)
            waiting.join()
    assert "flickr-100" not in videos_of(out, "d")


def test_builds_that_race_with_takedowns_never_name_what_is_gone(out):
    with child(build_again_and_again, out.work.root, 12) as builder:
        go(builder)
        assert builder.stdout is not None
        for kind, name in ((VIDEO, "flickr-100"), (OWNER, "cyd"), (VIDEO, "flickr-102")):
            builder.stdout.readline()  # one is there, and the next is being built
            take_down(out, kind, name, {})
        builder.communicate()
        assert builder.returncode == 0
    assert audited_books(out.catalog, out.store)["problems"] == []
    assert videos_of(out, "raced") == {"flickr-101"}
    for revision in list_revisions(out.store, "raced"):
        manifest = read_manifest(out.store, "raced", revision)
        assert find_problems(out.store, manifest, full=True) == []
