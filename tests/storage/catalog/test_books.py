"""Every way in which the books can be wrong is planted in the database, and must be told."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.drawn.strip_rows import count_clips, draw_record
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog.books import Account, Books, BooksError
from tinyvideo.storage.catalog.video_catalog import Catalog

A, B, C, D, E, F = (draw_record(number).video_id for number in range(6))


@pytest.fixture
def path(tmp_path: Path, whole: Path) -> Path:
    return Path(shutil.copy(whole, tmp_path))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with two shards (A; B and C) of 2 and 7 strips, and a video of each other kind."""
    path = tmp_path_factory.mktemp("whole") / "catalog.db"
    with closing(Catalog.open(path)) as catalog:
        for number in range(6):
            catalog.add([draw_record(number)])
        catalog.lease(6)
        for videos in ({A: 2}, {B: 3, C: 4}):
            for video_id, strips in videos.items():
                catalog.enter_clips(video_id, count_clips(strips, shot_cut=1))
            key = catalog.begin_shard(list(videos))
            catalog.commit_shard(key, strips=sum(videos.values()), size=1000, sha256="")
        catalog.settle(D, VideoState.REJECTED, "frame_rate", "12 fps")
        catalog.settle(E, VideoState.FAILED, "timeout", "")
    return path


def books_of(path: Path) -> Books:
    with closing(Catalog.open(path)) as catalog:
        return catalog.books()


def plant(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            assert db.execute(statement).rowcount >= 1
        db.commit()


def test_balanced_books_have_no_problem(path):
    books = books_of(path)
    assert books.problems == []
    assert books.as_dict() == {
        "videos": {
            "found": 6,
            "sharded": 3,
            "rejected": {"frame_rate": 1},
            "failed": {"timeout": 1},
            "pending": 1,
        },
        "clips": {
            "found": 12,
            "sharded": 9,
            "rejected": {"shot_cut": 3},
            "failed": {},
            "pending": 0,
        },
        "shards": 2,
        "strips": 9,
        "bytes": 2000,
        "balanced": True,
        "problems": [],
    }


def test_the_books_of_an_empty_catalog_balance(tmp_path):
    books = books_of(tmp_path / "catalog.db")
    assert books.balanced
    assert (books.videos.found, books.clips.found, books.shards, books.bytes) == (0, 0, 0, 0)


PLANTED = {
    "a lost row": (
        [f"DELETE FROM videos WHERE video_id = '{F}'"],
        "6 videos found, but 5 accounted for",
    ),
    "a row that was never found": (
        ["UPDATE facts SET value = '5' WHERE name = 'videos_found'"],
        "5 videos found, but 6 accounted for",
    ),
    "an unknown state": (
        [f"UPDATE videos SET state = 'elsewhere' WHERE video_id = '{F}'"],
        "6 videos found, but 5 accounted for",
    ),
    "a doubled strip": (
        ["UPDATE shards SET strips = 8 WHERE number = 2"],
        "sharded videos gave 9 strips, the shards hold 10",
    ),
    "a lost strip": (
        [f"UPDATE clips SET count = 1 WHERE outcome = 'accepted' AND video_id = '{A}'"],
        "sharded videos gave 8 strips, the shards hold 9",
    ),
    "errors that cancel out": (
        [
            "UPDATE shards SET strips = 3 WHERE number = 1",
            "UPDATE shards SET strips = 6 WHERE number = 2",
        ],
        "shards/shard-000001.parquet holds 3 strips, its videos gave 2",
    ),
    "clips counted twice": (
        [f"UPDATE videos SET state = 'pending', shard_key = '' WHERE video_id = '{A}'"],
        "12 clips found, but 10 accounted for",
    ),
    "clips of a video that failed": (
        [f"INSERT INTO clips VALUES ('{E}', 'accepted', 5, '')"],
        "17 clips found, but 12 accounted for",
    ),
    "sharded without a shard": (
        [f"UPDATE videos SET state = 'sharded' WHERE video_id = '{F}'"],
        f"video {F} counts as sharded, but its shard is not there",
    ),
    "sharded in a shard that is not committed": (
        ["UPDATE shards SET committed = 0 WHERE number = 1"],
        f"video {A} counts as sharded, but its shard is not there",
    ),
    "a shard that is gone": (
        ["DELETE FROM shards WHERE number = 2"],
        f"video {B} counts as sharded, but its shard is not there",
    ),
    "rejected without a reason": (
        [f"UPDATE videos SET reason = '' WHERE video_id = '{D}'"],
        f"video {D} was dropped without a reason",
    ),
    "failed without a cause": (
        [f"UPDATE videos SET reason = '' WHERE video_id = '{E}'"],
        f"video {E} was dropped without a reason",
    ),
    "a lost counter": (
        ["DELETE FROM facts WHERE name = 'videos_found'"],
        "0 videos found, but 6 accounted for",
    ),
}


@pytest.mark.parametrize(("statements", "sentence"), PLANTED.values(), ids=PLANTED)
def test_what_does_not_balance_is_told(path, statements, sentence):
    plant(path, *statements)
    books = books_of(path)
    assert sentence in books.problems
    assert not books.balanced
    assert books.as_dict()["problems"] == books.problems


def test_an_account_is_a_sum():
    account = Account(
        unit="videos",
        found=10,
        sharded=1,
        rejected={"flat": 2, "shot_cut": 3},
        failed={"crash": 3},
        pending=1,
    )
    assert account.accounted == 10
    assert account.problem == ""


def test_a_mismatch_has_an_exit_code_of_its_own():
    assert BooksError.exit_code == 3
