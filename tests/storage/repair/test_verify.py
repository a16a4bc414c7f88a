"""A flipped byte is found wherever it is, and told by the row group that it is in."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.drawn.old_shards import SCHEMA_1, write_old_shard
from tests.drawn.strip_rows import draw_record, draw_strip
from tinyvideo.storage.database.row_types import ShardRow
from tinyvideo.storage.objects.folder import FolderStore, sha256_of
from tinyvideo.storage.objects.stores import open_store
from tinyvideo.storage.repair.verify import ShardState, check_shard
from tinyvideo.storage.shards.checksums import read_checksums
from tinyvideo.storage.shards.schema import VERSION_KEY, row_of
from tinyvideo.storage.shards.shard_reader import open_shard
from tinyvideo.storage.shards.shard_writer import ShardWriter
from tinyvideo.storage.storage_errors import NewerError

KEY = "shards/shard-000001.parquet"
STRIPS = 130  # row groups of 64, 64 and 2


@pytest.fixture(scope="module")
def rows():
    return [
        row_of(draw_record(0), draw_strip(n, jpeg=draw_strip(n % 5).jpeg), "0.1.0", "c0ffee")
        for n in range(STRIPS)
    ]


@pytest.fixture
def store(tmp_path, rows):
    path = tmp_path / KEY
    path.parent.mkdir()
    with ShardWriter(path) as writer:
        for row in rows:
            writer.add(row)
    return FolderStore(tmp_path)


@pytest.fixture
def committed(store):
    path = store.path(KEY)
    size, sha256 = path.stat().st_size, sha256_of(path)
    return ShardRow(key=KEY, strips=STRIPS, bytes=size, sha256=sha256)


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def checksums_of(path: Path):
    with open_shard(path) as file:
        return read_checksums(file.metadata.metadata)


def test_the_checksums_cover_the_file_from_the_first_page_to_the_footer(store):
    path = store.path(KEY)
    groups = checksums_of(path)
    assert len(groups) == 3
    assert groups[0].start == 4  # "PAR1"
    assert [group.start + group.length for group in groups[:2]] == [
        group.start for group in groups[1:]
    ]
    content = path.read_bytes()
    footer = int.from_bytes(content[-8:-4], "little")
    assert groups[-1].start + groups[-1].length == len(content) - footer - 8


def test_a_whole_shard_is_whole(store, committed):
    found = check_shard(store, committed)
    assert found.as_dict() == {
        "key": KEY,
        "state": "whole",
        "row_groups": 3,
        "broken_row_groups": [],
        "problems": [],
    }
    assert found.whole_groups == [0, 1, 2]


@pytest.mark.parametrize("group", [0, 1, 2])
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0], ids=["first byte", "middle", "last byte"])
def test_a_flipped_byte_is_told_by_its_row_group(store, committed, group, place):
    span = checksums_of(store.path(KEY))[group]
    flip(store.path(KEY), span.start + round(place * (span.length - 1)))
    found = check_shard(store, committed)
    assert found.state is ShardState.BROKEN
    assert found.broken == (group,)
    assert found.whole_groups == [n for n in range(3) if n != group]
    assert found.problems == (f"row group {group} of {store.path(KEY)} is damaged",)


def test_two_broken_row_groups_are_both_told(store, committed):
    for group in (0, 2):
        flip(store.path(KEY), checksums_of(store.path(KEY))[group].start + 9)
    assert check_shard(store, committed).broken == (0, 2)


def test_every_byte_of_the_footer_counts(store, committed):
    path = store.path(KEY)
    groups, size = checksums_of(path), path.stat().st_size
    start = groups[-1].start + groups[-1].length
    whole = path.read_bytes()
    for position in [*range(start, size, 97), *range(size - 8, size), 0]:
        flip(path, position)
        found = check_shard(store, committed)
        assert found.state is ShardState.BROKEN, position
        # Not the fault of a row group, unless the footer cannot say any more where that is.
        assert set(found.broken) in (set(), {0, 1, 2}), position
        assert str(path) in found.problems[0]
        path.write_bytes(whole)


def test_a_flipped_checksum_is_no_broken_row_group(store, committed):
    path = store.path(KEY)
    sha256 = checksums_of(path)[1].sha256.encode()
    flip(path, path.read_bytes().rindex(sha256))
    found = check_shard(store, committed)
    assert found.broken == ()
    assert "the footer is damaged" in found.problems[0]
    assert "do not have the hash they claim" in found.problems[0]


def test_a_shard_that_is_gone_truncated_or_longer_is_told(store, committed):
    path = store.path(KEY)
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    found = check_shard(store, committed)
    assert found.state is ShardState.BROKEN
    assert found.problems[0] == f"{path} has 1000 bytes, {len(whole)} were committed"
    assert "not a readable Parquet file" in found.problems[1]
    path.unlink()
    found = check_shard(store, committed)
    assert (found.state, found.row_groups) == (ShardState.GONE, 0)
    assert f"{path} is gone" in found.problems[0]


def test_a_shard_of_a_newer_version_is_judged_by_that_one(store, committed):
    path = store.path(KEY)
    newer = pq.read_table(path).replace_schema_metadata({VERSION_KEY: b"99"})
    pq.write_table(newer, path)
    assert check_shard(store, committed).state is ShardState.BROKEN  # nobody has committed that
    committed = replace(committed, bytes=path.stat().st_size, sha256=sha256_of(path))
    with pytest.raises(NewerError, match=r"schema version 99, .*; install a newer tinyvideo"):
        check_shard(store, committed)


def test_another_whole_shard_of_the_same_name_is_not_ours(store, committed, rows):
    path = store.path(KEY)
    with ShardWriter(path) as writer:
        for row in rows[: STRIPS - 1]:
            writer.add(row)
    problems = " / ".join(check_shard(store, committed).problems)
    assert "is not the file that was committed" in problems
    assert "holds 129 strips, the catalog says 130" in problems


def test_a_strip_of_31_frames_is_told_by_its_id(tmp_path, rows):
    path = tmp_path / KEY
    write_old_shard(path, [*rows[:3], {**rows[3], "frames": 31}])
    size, sha256 = path.stat().st_size, sha256_of(path)
    row = ShardRow(key=KEY, strips=4, bytes=size, sha256=sha256)
    assert check_shard(FolderStore(tmp_path), row).problems == (
        f"strip {rows[3]['strip_id']} in row group 0 of {path} has 31 frames, a strip has 32",
    )


def test_version_1_is_checked_by_the_checksums_of_its_pages(tmp_path, rows):
    path = write_old_shard(tmp_path / KEY, rows)
    row = ShardRow(key=KEY, strips=STRIPS, bytes=path.stat().st_size, sha256=sha256_of(path))
    assert check_shard(FolderStore(tmp_path), row).state is ShardState.WHOLE
    pictures = pq.ParquetFile(path).metadata.row_group(1).column(SCHEMA_1.names.index("jpeg"))
    flip(path, pictures.data_page_offset + pictures.total_compressed_size // 2)
    found = check_shard(FolderStore(tmp_path), row)
    assert (found.broken, found.row_groups) == ((1,), 3)


def test_a_shard_on_s3_is_checked_the_same_way(store, committed, s3_address):
    remote = open_store(s3_address)
    span = checksums_of(store.path(KEY))[1]
    assert remote.put_if_absent(KEY, store.path(KEY))
    assert check_shard(remote, committed).state is ShardState.WHOLE
    content = bytearray(store.path(KEY).read_bytes())
    content[span.start + 100] ^= 1
    remote.replace(KEY, bytes(content))
    found = check_shard(remote, committed)
    assert found.problems == (f"row group 1 of {s3_address}/{KEY} is damaged",)
    remote.delete(KEY)
    assert check_shard(remote, committed).state is ShardState.GONE
