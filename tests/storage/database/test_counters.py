"""The sums that the database keeps are those of its rows, whoever changes them and how."""

from collections.abc import Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from tests.drawn.strip_rows import count_clips, draw_record
from tinyvideo.pipeline.errors import FailCause
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.database.catalog_base import now
from tinyvideo.storage.database.counters import find_differences, read_counters
from tinyvideo.storage.database.engine import transaction
from tinyvideo.storage.database.tables import CLIPS, TALLIES, VIDEOS

A, B, C, D = (draw_record(number).video_id for number in range(4))


@pytest.fixture(params=["sqlite", "postgres"])
def catalog(request, tmp_path) -> Iterator[Catalog]:
    address = str(tmp_path / "catalog.db")
    if request.param == "postgres":
        address = request.getfixturevalue("postgres").new_database()
    with closing(Catalog.open(address)) as catalog:
        yield catalog


def sums(catalog: Catalog) -> dict[tuple[str, str, str], int]:
    """Read the sums, which must be those of the rows at any moment."""
    with transaction(catalog.engine, writes=False) as db:
        assert find_differences(db) == []
        return read_counters(db)


def test_the_sums_follow_a_video_through_its_life(catalog):
    catalog.add(draw_record(number) for number in range(4))
    assert sums(catalog) == {("video", "pending", ""): 4}
    catalog.lease(9, "me", 60)
    assert sums(catalog) == {("video", "leased", ""): 4}
    catalog.enter_clips(A, count_clips(3, shot_cut=2))
    catalog.enter_clips(B, count_clips(0, flat=1))
    catalog.postpone(C, FailCause.HTTP_429, "", now())
    catalog.settle(D, VideoState.FAILED, "network", "")
    expected = {
        ("video", "curated", ""): 1,
        ("video", "rejected", "flat"): 1,
        ("video", "pending", "http_429"): 1,
        ("video", "failed", "network"): 1,
        ("strip", "curated", ""): 3,
        ("clip", "", "shot_cut"): 2,
        ("clip", "", "flat"): 1,
    }
    assert sums(catalog) == expected
    key = catalog.begin_shard([A])
    assert sums(catalog)[("shard_strip", "", key)] == 3
    catalog.commit_shard(key, strips=3, size=1, sha256="")
    after = sums(catalog)
    assert after[("strip", "sharded", "")] == after[("shard_strip", "", key)] == 3
    assert after[("shard_video", "sharded", key)] == 1
    assert catalog.books(recount=True).problems == []


def test_the_sums_follow_changes_that_no_module_has_made(catalog):
    catalog.add(draw_record(number) for number in range(4))
    catalog.lease(9, "me", 60)
    catalog.enter_clips(A, count_clips(3))
    with transaction(catalog.engine, writes=True) as db:
        db.execute(CLIPS.update().values(count=CLIPS.c.count + 2))
        db.execute(VIDEOS.update().where(VIDEOS.c.video_id != A).values(reason="odd"))
        db.execute(VIDEOS.delete().where(VIDEOS.c.video_id == B))
    assert sums(catalog) == {
        ("video", "curated", ""): 1,
        ("video", "leased", "odd"): 2,
        ("strip", "curated", ""): 5,
    }
    with transaction(catalog.engine, writes=True) as db:
        db.execute(CLIPS.delete())
    assert ("strip", "curated", "") not in sums(catalog)


def test_a_sum_that_is_wrong_is_told_when_the_rows_are_counted(catalog):
    catalog.add([draw_record(0)])
    with transaction(catalog.engine, writes=True) as db:
        db.execute(sa.update(TALLIES).values(count=2))
    told = "the catalog keeps 2 as the count of video pending, its rows give 1"
    assert told in catalog.books(recount=True).problems
