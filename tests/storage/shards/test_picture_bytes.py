"""Pictures are taken out of a row group as Arrow would, and a damaged byte is an error."""

import gc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.drawn.old_shards import SCHEMA_1, without_nulls
from tests.drawn.strip_rows import draw_record, draw_strip, write_strips
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.objects.stores import open_store
from tinyvideo.storage.shards.picture_bytes import find_pictures, read_pictures
from tinyvideo.storage.shards.schema import row_of
from tinyvideo.storage.shards.shard_reader import iterate_groups
from tinyvideo.storage.storage_errors import StorageError

KEY = "shards/a.parquet"


@pytest.fixture
def store(tmp_path):
    """A shard of 70 strips: row groups of 64 and 6."""
    write_strips(tmp_path / KEY, draw_record(), [draw_strip(index) for index in range(70)])
    return FolderStore(tmp_path)


def pictures(store, row_group=0):
    found = read_pictures(store, KEY, find_pictures(store, KEY), row_group)
    return [bytes(picture) for picture in found]


def stored(store):
    return [[row["jpeg"] for row in rows] for rows in iterate_groups(store.path(KEY), ["jpeg"])]


def test_pictures_are_those_that_were_written(store):
    assert [pictures(store, 0), pictures(store, 1)] == stored(store)
    assert pictures(store, 1)[5] == draw_strip(69).jpeg


def test_shards_of_version_1_have_them_too(store):
    rows = [row_of(draw_record(), draw_strip(index), "0.1.0", "c0ffee") for index in range(70)]
    rows = [without_nulls(row, SCHEMA_1) for row in rows]
    pq.write_table(
        pa.Table.from_pylist(rows, schema=SCHEMA_1),
        store.path(KEY),
        row_group_size=64,
        compression="none",
        use_dictionary=["source", "license", "owner", "scene_model", "config_hash"],
        write_page_checksum=True,
    )
    assert [pictures(store, 0), pictures(store, 1)] == stored(store)


def test_they_come_from_s3_too(store, s3_address):
    remote = open_store(s3_address)
    remote.put_if_absent(KEY, store.path(KEY))
    assert [pictures(remote, 0), pictures(remote, 1)] == stored(store)


def test_nothing_is_left_of_a_footer(store):
    # 600 kB of every shard would wait for the collector, which a loader hardly ever wakes.
    find_pictures(store, KEY)
    gc.collect()
    gc.disable()
    try:
        find_pictures(store, KEY)
        left = [each for each in gc.get_objects() if type(each) is pq.FileMetaData]
    finally:
        gc.enable()
    assert not left


def test_every_byte_of_a_page_is_checked(store):
    # The header of the page is 20 to 30 bytes long and has no check sum of its own.
    whole = store.path(KEY).read_bytes()
    spans = find_pictures(store, KEY)
    start, length = int(spans.start[1]), int(spans.length[1])
    right = pictures(store, 1)
    for at in [*range(start, start + 60), start + length // 2, start + length - 1]:
        damaged = bytearray(whole)
        damaged[at] ^= 4
        store.path(KEY).write_bytes(damaged)
        try:
            found = [bytes(picture) for picture in read_pictures(store, KEY, spans, 1)]
        except StorageError as error:
            assert f"row group 1 of {store.name(KEY)} is damaged" in str(error)
        else:
            assert found == right, f"byte {at} of the row group at {start}"


def test_a_row_group_that_is_not_there(store):
    with pytest.raises(StorageError, match=r"there is no row group 2 of .*a\.parquet, which has 2"):
        pictures(store, 2)


@pytest.mark.parametrize("compression", ["zstd", "snappy"])
def test_a_shard_that_somebody_has_packed_is_refused(store, compression):
    table = pq.read_table(store.path(KEY))
    pq.write_table(table, store.path(KEY), compression=compression)
    with pytest.raises(StorageError, match=r"a\.parquet does not hold its pictures as tinyvideo"):
        find_pictures(store, KEY)


def test_a_picture_that_is_missing_is_no_shift_of_the_others(store):
    table = pq.read_table(store.path(KEY)).slice(0, 3)
    pair = table["jpeg"].combine_chunks()
    values = [pair.field(0)[0].as_py(), None, pair.field(0)[2].as_py()]
    holes = pa.StructArray.from_arrays([pa.array(values), pair.field(1)], fields=list(pair.type))
    number = table.schema.get_field_index("jpeg")
    pq.write_table(
        table.set_column(number, table.schema.field(number), holes),
        store.path(KEY),
        compression="none",
        use_dictionary=False,
        write_page_checksum=True,
    )
    with pytest.raises(StorageError, match=r"row group 0 of .* is damaged"):
        pictures(store, 0)
