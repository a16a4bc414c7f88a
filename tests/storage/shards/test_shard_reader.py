"""A shard gives back what was written to it, to every reader, or says that it cannot."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.drawn.strip_rows import draw_record, draw_strip, pan_path, write_strips
from tinyvideo.storage.shards.schema import SCHEMA, STORED, row_of
from tinyvideo.storage.shards.shard_reader import (
    iterate_groups,
    iterate_rows,
    open_shard,
    read_rows,
    shard_metadata,
    strips_by_video,
    verify_shard,
    write_shard,
)
from tinyvideo.storage.shards.shard_writer import ROW_GROUP_STRIPS, ShardWriter
from tinyvideo.storage.storage_errors import StorageError

STRIPS = 130  # two full row groups and a rest of 2


def make_row(number: int) -> dict[str, object]:
    record = draw_record(number // 100, owner=f"owner {number // 65}", title="🏖️ 'a' \"b\"")
    return row_of(record, draw_strip(number, jpeg=draw_strip(number % 5).jpeg), "0.1.0", "c0ffee")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, object]]:
    return [make_row(number) for number in range(STRIPS)]


@pytest.fixture(scope="module")
def shard(tmp_path_factory, rows) -> Path:
    path = tmp_path_factory.mktemp("shard") / "shard-000001.parquet"
    with ShardWriter(path, {"tinyvideo.shard": "shards/shard-000001.parquet"}) as writer:
        for row in rows:
            writer.add(row)
    assert writer.count == STRIPS
    return path


# -- what is in the file ---------------------------------------------------------------------


def test_every_column_comes_back(shard, rows):
    assert list(iterate_rows(shard)) == rows


def test_row_groups_hold_64_strips_at_most(shard):
    assert ROW_GROUP_STRIPS == 64
    layout = pq.ParquetFile(shard).metadata
    assert [layout.row_group(g).num_rows for g in range(layout.num_row_groups)] == [64, 64, 2]
    assert [len(group) for group in iterate_groups(shard, ["strip_id"])] == [64, 64, 2]


def test_pictures_are_stored_as_they_are_and_all_else_is_compressed_and_ranged(shard):
    group = pq.ParquetFile(shard).metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    assert len(columns) == len(SCHEMA) + 2  # `scenes` and `jpeg` are two columns each
    kinds = {column.path_in_schema: (column.compression, column.is_stats_set) for column in columns}
    assert kinds.pop("jpeg.bytes") == ("UNCOMPRESSED", False)
    assert set(kinds.values()) == {("ZSTD", True)}


def test_the_writer_holds_one_row_group_at_most(tmp_path, rows):
    with ShardWriter(tmp_path / "a.parquet") as writer:
        for row in rows[:ROW_GROUP_STRIPS]:
            writer.add(row)
        assert writer._rows == []


def test_a_shard_of_nothing_is_a_shard(tmp_path):
    with ShardWriter(tmp_path / "a.parquet"):
        pass
    verify_shard(tmp_path / "a.parquet", 0)
    assert list(iterate_rows(tmp_path / "a.parquet")) == []


def test_metadata_holds_the_versions_the_name_and_the_number_of_strips(shard):
    assert shard_metadata(shard) == {
        "tinyvideo.schema_version": "6",
        "tinyvideo.shard": "shards/shard-000001.parquet",
        "tinyvideo.made_by": '[["0.1.0", "c0ffee"]]',
        "strips": "130",
    }


def test_a_row_without_its_video_is_not_written(tmp_path, rows):
    with (
        pytest.raises(pa.ArrowInvalid, match="video_id"),
        ShardWriter(tmp_path / "a.parquet") as writer,
    ):
        writer.add({**rows[0], "video_id": None})


def test_a_row_without_its_picture_is_not_written(tmp_path, rows):
    with (
        pytest.raises(pa.ArrowInvalid, match="1 of 1 rows have no jpeg"),
        ShardWriter(tmp_path / "a.parquet") as writer,
    ):
        writer.add({**rows[0], "jpeg": None})


def test_a_strip_of_31_frames_is_refused_by_name(tmp_path, rows):
    told = f"strip {rows[0]['strip_id']} has 31 frames, a strip has 32"
    with (
        pytest.raises(StorageError, match=told),
        ShardWriter(tmp_path / "a.parquet") as writer,
    ):
        writer.add({**rows[0], "frames": 31})


def test_the_first_error_of_a_writer_is_the_one_that_is_told(tmp_path, rows):
    with pytest.raises(RuntimeError, match="decoder"), ShardWriter(tmp_path / "a") as writer:
        writer.add(rows[0])
        raise RuntimeError("decoder")


# -- reading parts of it ---------------------------------------------------------------------


def test_some_columns_are_read_without_the_rest(shard):
    assert list(next(iterate_rows(shard, ["strip_id", "scenes"]))) == ["strip_id", "scenes"]


def test_rows_come_in_the_order_in_which_they_are_asked_for(shard, rows):
    got = read_rows(shard, 1, [5, 0, 63], ("clip_index", "jpeg", "to_first"))
    assert [row["clip_index"] for row in got] == [69, 64, 127]
    assert [row["jpeg"] for row in got] == [rows[n]["jpeg"] for n in (69, 64, 127)]
    assert got[0]["to_first"] == rows[69]["to_first"]


@pytest.mark.parametrize(("group", "row"), [(2, 2), (2, 63), (0, -1), (3, 0), (-1, 0)])
def test_rows_that_a_shard_does_not_have_are_told(shard, group, row):
    with pytest.raises(StorageError, match=rf"row group {group} of .*shard-000001\.parquet"):
        read_rows(shard, group, [row], ["strip_id"])


def test_strips_are_counted_by_video(shard):
    assert strips_by_video(shard) == {draw_record(0).video_id: 100, draw_record(1).video_id: 30}


def test_parts_are_joined_in_their_order(tmp_path):
    parts = [
        write_strips(tmp_path / f"{n}.parquet", draw_record(n), [draw_strip(i) for i in range(40)])
        for n in (3, 1)
    ]
    path = tmp_path / "joined.parquet"
    assert write_shard(path, parts, {"tinyvideo.shard": "a"}) == 80
    assert [row for part in parts for row in iterate_rows(part)] == list(iterate_rows(path))
    assert pq.ParquetFile(path).metadata.num_row_groups == 2


# -- other readers ---------------------------------------------------------------------------


def test_pyarrow_reads_columns_and_skips_row_groups(shard, rows):
    columns = ["strip_id", "to_first"]
    table = pq.read_table(shard, columns=columns, filters=pc.field("clip_index") == 70)
    assert table.column_names == columns
    assert table.to_pylist() == [{name: rows[70][name] for name in columns}]

    layout = pq.ParquetFile(shard).metadata
    number = SCHEMA.get_field_index("owner")
    ranges = [layout.row_group(g).column(number).statistics for g in range(3)]
    assert [(found.min, found.max) for found in ranges] == [
        ("owner 0", "owner 0"),
        ("owner 0", "owner 1"),
        ("owner 1", "owner 1"),
    ]


def test_pandas_reads_it(shard, rows):
    frame = pd.read_parquet(shard)
    assert list(frame.columns) == SCHEMA.names == STORED.names
    assert frame.title[3] == "🏖️ 'a' \"b\""
    assert frame.jpeg[3] == {"bytes": rows[3]["jpeg"], "path": f"{rows[3]['strip_id']}.jpg"}
    assert list(frame.scenes[3]) == rows[3]["scenes"]
    path = np.stack(frame.to_first).reshape(STRIPS, 32, 3, 3)
    np.testing.assert_array_equal(path[129], pan_path(129))


def test_duckdb_reads_it(shard, rows):
    with duckdb.connect() as db:
        db.execute(f"CREATE VIEW strips AS SELECT * FROM read_parquet('{shard}')")
        assert db.execute("SELECT count(*), sum(length(to_first)) FROM strips").fetchone() == (
            STRIPS,
            STRIPS * 288,
        )
        query = "SELECT to_first, scenes, jpeg.bytes, title FROM strips WHERE clip_index = 129"
        path, scenes, jpeg, title = db.execute(query).fetchone()
        tags = "SELECT unnest(scenes) AS tag FROM strips"
        beaches = f"SELECT count(*) FROM ({tags}) WHERE tag.scene = 'beach'"
        assert db.execute(beaches).fetchone() == (STRIPS,)
    np.testing.assert_array_equal(np.reshape(path, (32, 3, 3)), pan_path(129))
    assert (scenes, jpeg, title) == (rows[129]["scenes"], rows[129]["jpeg"], rows[129]["title"])


# -- damage ----------------------------------------------------------------------------------


def test_a_whole_shard_is_verified(shard):
    verify_shard(shard, STRIPS)


@pytest.mark.parametrize("strips", [STRIPS - 1, STRIPS + 1])
def test_a_strip_too_few_or_too_many_is_found(shard, strips):
    with pytest.raises(StorageError, match=f"holds 130 strips, {strips} were written"):
        verify_shard(shard, strips)


def test_a_flipped_bit_is_found_in_every_column(shard, tmp_path):
    layout = pq.ParquetFile(shard).metadata
    content = shard.read_bytes()
    damaged = tmp_path / "damaged.parquet"
    for number in range(layout.num_columns):
        column = layout.row_group(1).column(number)
        last = column.data_page_offset + column.total_compressed_size - 1
        if column.has_dictionary_page:
            last = column.dictionary_page_offset + column.total_compressed_size - 1
        damaged.write_bytes(flipped(content, last))
        with pytest.raises(StorageError, match=r"row group 1 of .*damaged\.parquet is damaged"):
            verify_shard(damaged, STRIPS)


def test_damage_is_told_by_whatever_reads(shard, tmp_path):
    column = column_of(shard, 1, "jpeg.bytes")
    middle = column.data_page_offset + column.total_compressed_size // 2
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(flipped(shard.read_bytes(), middle))
    told = r"row group 1 of .*damaged\.parquet is damaged"
    with pytest.raises(StorageError, match=told):
        read_rows(damaged, 1, [0], ["jpeg"])
    with pytest.raises(StorageError, match=told):
        list(iterate_rows(damaged))
    with pytest.raises(StorageError, match=told):
        write_shard(tmp_path / "joined.parquet", [damaged], {})
    assert len(list(iterate_rows(damaged, ["strip_id"]))) == STRIPS  # the rest can be saved
    assert len(read_rows(damaged, 0, [0], ["jpeg"])) == 1


def column_of(shard: Path, group: int, name: str) -> pq.ColumnChunkMetaData:
    found = pq.ParquetFile(shard).metadata.row_group(group)
    columns = (found.column(number) for number in range(found.num_columns))
    return next(column for column in columns if column.path_in_schema == name)


def flipped(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


def write_parquet(path: Path, metadata: dict[str, str]) -> None:
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata(metadata), path)


BROKEN = {
    "missing": (lambda path, whole: None, "is gone"),
    "empty": (lambda path, whole: path.write_bytes(b""), "not a readable Parquet file"),
    "text": (lambda path, whole: path.write_text("hello" * 99), "not a readable Parquet file"),
    "truncated": (
        lambda path, whole: path.write_bytes(whole[: len(whole) // 2]),
        "not a readable Parquet file",
    ),
    "end missing": (
        lambda path, whole: path.write_bytes(whole[:-1]),
        "not a readable Parquet file",
    ),
    "a folder": (lambda path, whole: path.mkdir(), "not a readable Parquet file"),
    "foreign": (lambda path, whole: write_parquet(path, {}), "not a tinyvideo shard"),
    "odd version": (
        lambda path, whole: write_parquet(path, {"tinyvideo.schema_version": "one"}),
        "not a tinyvideo shard",
    ),
    "newer": (
        lambda path, whole: write_parquet(path, {"tinyvideo.schema_version": "7"}),
        "has schema version 7, this tinyvideo reads up to 6; install a newer tinyvideo",
    ),
}


def test_a_shard_without_the_columns_of_one_is_refused_by_name(tmp_path):
    path = tmp_path / "a.parquet"
    write_parquet(path, {"tinyvideo.schema_version": "6"})
    with pytest.raises(StorageError, match=r"row group 0 of .*a\.parquet is damaged.*strip_id"):
        list(iterate_rows(path))


@pytest.mark.parametrize(("make", "sentence"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_shard_is_refused_by_name(shard, tmp_path, make, sentence):
    path = tmp_path / "a b.parquet"
    make(path, shard.read_bytes())
    for read in (open_shard, shard_metadata, lambda path: list(iterate_rows(path))):
        with pytest.raises(StorageError, match=sentence) as caught:
            read(path)
        assert str(path) in str(caught.value)


def test_a_footer_that_is_no_text_is_refused(shard, tmp_path):
    content = shard.read_bytes()
    name = content.index(b"clip_index")
    path = tmp_path / "damaged.parquet"
    path.write_bytes(content[:name] + b"\xff" + content[name + 1 :])
    with pytest.raises(StorageError, match=r"damaged\.parquet"):
        verify_shard(path, STRIPS)
