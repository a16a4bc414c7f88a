"""A shard of an older version reads as one of today, and no newer one is guessed at."""

import pyarrow.parquet as pq
import pytest

from tests.drawn.old_shards import write_old_shard
from tests.drawn.strip_rows import draw_record, draw_strip
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.shards.schema import SCHEMA, row_of
from tinyvideo.storage.shards.schema_versions import DEFAULTS
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

ADDED = {
    "motion_model": "homography",
    "condition_number": 1.0,
    "drift_px": 0.0,
    "jitter_px": 0.0,
    "residual_motion_px": 0.0,
    "filled_share": 0.0,
    "object_motion": 0.0,
    "flicker": 0.0,
    "still_share": None,
    "still_rim": None,
    "still_sides": None,
    "still_margin": None,
    "crop_left": None,
    "crop_top": None,
    "crop_width": None,
    "crop_height": None,
    "overlay_share": None,
    "overlay_left": None,
    "overlay_top": None,
    "overlay_width": None,
    "overlay_height": None,
    "transfer": None,
    "primaries": None,
    "field_order": None,
    "interlaced_was": None,
    "near_duplicate_group": "",
    "owner_name": "",
    "license_id": "",
    "license_url": "",
    "source_frames": None,
}


@pytest.fixture(scope="module")
def rows():
    return [row_of(draw_record(1), draw_strip(n), "0.1.0", "c0ffee") for n in range(70)]


@pytest.fixture
def old(tmp_path, rows):
    path = write_old_shard(tmp_path / "shards" / "old.parquet", rows)
    assert not set(ADDED) & set(pq.read_schema(path).names)
    return path


def test_the_rows_of_version_1_come_with_defaults_for_what_it_lacks(old, rows):
    assert DEFAULTS == ADDED
    assert list(iterate_rows(old)) == [{**row, **ADDED} for row in rows]
    assert {table.schema.remove_metadata() for table in iterate_tables(old)} == {
        SCHEMA.remove_metadata()
    }


def test_single_columns_of_version_1_are_read_by_their_names(old, rows):
    columns = ("flicker", "jpeg", "motion_model", "clip_index")
    assert read_rows(old, 1, [5], columns) == [
        {"flicker": 0.0, "jpeg": rows[69]["jpeg"], "motion_model": "homography", "clip_index": 69}
    ]
    assert list(next(iterate_rows(old, ["near_duplicate_group"]))) == ["near_duplicate_group"]


def test_version_1_is_verified_counted_and_named(old):
    verify_shard(old, 70)
    assert strips_by_video(old) == {draw_record(1).video_id: 70}
    assert shard_metadata(old) == {"tinyvideo.schema_version": "1", "strips": "70"}


def test_version_1_becomes_version_4_where_it_is_written_anew(old, rows, tmp_path):
    new = tmp_path / "new.parquet"
    assert write_shard(new, [old], {}) == 70
    assert shard_metadata(new)["tinyvideo.schema_version"] == "4"
    assert list(iterate_rows(new)) == [{**row, **ADDED} for row in rows]


def test_a_shard_is_read_from_a_store_as_from_a_path(old, rows):
    shard = ShardFile(FolderStore(old.parent.parent), "shards/old.parquet")
    assert (shard.name, str(shard)) == (str(old), str(old))
    assert list(iterate_rows(shard)) == list(iterate_rows(old))
    gone = ShardFile(shard.store, "shards/no.parquet")
    with pytest.raises(StorageError, match=f"shard {gone} is gone; put it back"):
        list(iterate_rows(gone))
