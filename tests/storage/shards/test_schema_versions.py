"""A shard of an older version reads as one of today, and no newer one is guessed at."""

import math

import pyarrow.parquet as pq
import pytest

from tests.drawn.old_shards import write_old_shard, write_shard_4
from tests.drawn.strip_rows import draw_record, draw_strip
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.shards.columns import iterate_columns
from tinyvideo.storage.shards.schema import SCHEMA, row_of
from tinyvideo.storage.shards.schema_versions import SINCE_VERSION_1
from tinyvideo.storage.shards.shard_reader import (
    ShardFile,
    iterate_rows,
    iterate_tables,
    read_rows,
    shard_metadata,
    strips_by_video,
    verify_shard,
    write_shard,
)
from tinyvideo.storage.storage_errors import StorageError

OTHERWISE_OLD = {"source_file": "1.mp4"}
"""What is told of a column that version 1 lacks, by another one."""


@pytest.fixture(scope="module")
def rows():
    return [row_of(draw_record(1), draw_strip(n), "0.1.0", "c0ffee") for n in range(70)]


@pytest.fixture
def old(tmp_path, rows):
    path = write_old_shard(tmp_path / "shards" / "old.parquet", rows)
    assert not SINCE_VERSION_1 & set(pq.read_schema(path).names)
    return path


def as_of_1(row):
    return {**row, **dict.fromkeys(SINCE_VERSION_1), **OTHERWISE_OLD}


def test_the_rows_of_version_1_come_with_null_for_what_it_lacks(old, rows):
    assert list(iterate_rows(old)) == [as_of_1(row) for row in rows]
    assert {table.schema.remove_metadata() for table in iterate_tables(old)} == {
        SCHEMA.remove_metadata()
    }


def test_single_columns_of_version_1_are_read_by_their_names(old, rows):
    columns = ("flicker", "jpeg", "motion_model", "clip_index")
    assert read_rows(old, 1, [5], columns) == [
        {"flicker": None, "jpeg": rows[69]["jpeg"], "motion_model": None, "clip_index": 69}
    ]
    assert list(next(iterate_rows(old, ["near_duplicate_group"]))) == ["near_duplicate_group"]


def test_version_1_is_verified_counted_and_named(old):
    verify_shard(old, 70)
    assert strips_by_video(old) == {draw_record(1).video_id: 70}
    assert shard_metadata(old) == {"tinyvideo.schema_version": "1", "strips": "70"}


def test_version_1_becomes_version_5_where_it_is_written_anew(old, rows, tmp_path):
    new = tmp_path / "new.parquet"
    assert write_shard(new, [old], {}) == 70
    assert shard_metadata(new)["tinyvideo.schema_version"] == "6"
    assert list(iterate_rows(new)) == [as_of_1(row) for row in rows]


def test_a_shard_is_read_from_a_store_as_from_a_path(old, rows):
    shard = ShardFile(FolderStore(old.parent.parent), "shards/old.parquet")
    assert (shard.name, str(shard)) == (str(old), str(old))
    assert list(iterate_rows(shard)) == list(iterate_rows(old))
    gone = ShardFile(shard.store, "shards/no.parquet")
    with pytest.raises(StorageError, match=f"shard {gone} is gone; put it back"):
        list(iterate_rows(gone))


UNKNOWN = {
    **dict.fromkeys(("start_s", "fps", "visible_share", "camera_motion_px", "flicker"), math.nan),
    **dict.fromkeys(("owner", "title", "license", "near_duplicate_group", "scene_model"), ""),
    "start_frame": -1,
    "source_step": 1,
    "source_width": 0,
    "motion_model": "unknown",
    "camera_still": False,
    "to_first": [math.nan] * 288,
    "uri": "file:///home/ada/f%20g.mp4",
}
"""As version 4 wrote an imported strip, and the film of a folder."""


def test_what_version_4_had_for_unknown_is_null_and_its_paths_are_names(tmp_path, rows):
    path = write_shard_4(tmp_path / "four.parquet", [{**rows[0], **UNKNOWN}, rows[1]])
    told = dict.fromkeys(UNKNOWN) | {"source_file": "f g.mp4"}
    assert list(iterate_rows(path)) == [{**rows[0], **told}, rows[1]]
    # single columns know what another one tells of them
    for name in ("source_file", "camera_still", "to_first", "source_step"):
        assert next(iterate_rows(path, [name])) == {name: told[name]}
    shard = ShardFile(FolderStore(tmp_path), "four.parquet")
    (part,) = iterate_columns(shard, ["owner", "fps", "visible_share"])
    assert part.table.to_pylist()[0] == {"owner": "", "fps": None, "visible_share": None}
