"""What holds for every store, in a folder and on S3: whole objects, one winner, exact ranges."""

import hashlib
import os
import pickle
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.servers.children import OBJECT_BYTES, put_into_store, race
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.objects.s3 import S3Store
from tinyvideo.storage.objects.store_address import parse_address
from tinyvideo.storage.objects.stores import Store, open_store
from tinyvideo.storage.storage_errors import GoneError, StorageError


@pytest.fixture(params=["folder", "s3"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return str(request.getfixturevalue("s3_address"))
    return str(tmp_path / "out")


@pytest.fixture
def store(address: str) -> Store:
    return open_store(address)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"0123456789")
    return path


# -- addresses -------------------------------------------------------------------------------


def test_an_address_opens_the_store_that_it_names(tmp_path):
    assert open_store("s3://bucket/a/b/").address == "s3://bucket/a/b"
    assert open_store("s3://bucket").name("shards/x") == "s3://bucket/shards/x"
    assert isinstance(open_store("s3://bucket"), S3Store)
    for address in (tmp_path, str(tmp_path), tmp_path.as_uri()):
        assert isinstance(open_store(address), FolderStore)
        assert open_store(address).address == str(tmp_path)
    assert open_store(tmp_path).name("shards/x") == str(tmp_path / "shards" / "x")
    assert open_store((tmp_path / "a b").as_uri()).address == str(tmp_path / "a b")


STRANGE = {
    "s3://": "names no bucket",
    "s3:///prefix": "names no bucket",
    "http://host/x": "give a folder or s3://BUCKET/PREFIX",
    "gs://bucket/x": "give a folder or s3://BUCKET/PREFIX",
    "s3:/b/x": "did you mean s3://b/x[?]",  # pathlib makes it of s3://b/x
    "s3:b": "did you mean s3://b[?]",
    "S3://b/x": "did you mean s3://b/x[?]",
    " s3://b/x": "did you mean s3://b/x[?]",
    "s3a://b/x": "did you mean s3://b/x[?]",
    "s3://b/../c": "'[.][.]' in its prefix",  # the work folder would lie outside its home
    "s3://b/./c": "in its prefix",
    "s3://b/a//c": "an empty part",
    "s3://key:secret@b/x": "no bucket that there can be",
    "file:/data": "give a folder",
    "file://host/data": "names the machine 'host'",
    "file://": "names the machine ''",
    "": "is no place",
    "  ": "is no place",
    "a\0b": "is no place",
    "~nobody-of-this-name/x": "is no place",
}


@pytest.mark.parametrize(("address", "sentence"), STRANGE.items(), ids=map(repr, STRANGE))
def test_what_is_no_address_is_refused_and_made_no_folder_of(address, sentence):
    with pytest.raises(StorageError, match=sentence):
        open_store(address)


def test_a_path_that_was_an_address_is_refused_and_a_folder_called_so_has_a_name(tmp_path):
    with pytest.raises(StorageError, match="is an address, not a folder"):
        open_store(Path("s3://b/x"))
    for folder in ("2014:beach", "x:y", "./s3:/x", "a/s3:/x", str(tmp_path / "s3:/x")):
        assert parse_address(folder) == Path(folder).absolute()
    assert parse_address("file:///a%20b#c?d") == Path("/a b#c?d")
    assert parse_address("s3://b/x y/#?") == ("b", "x y/#?")


# -- put, replace, delete --------------------------------------------------------------------


def test_the_first_object_of_a_name_stays(store, source):
    assert not store.exists("shards/a")
    assert store.put_if_absent("shards/a", source)
    source.with_name("second").write_bytes(b"second")
    assert not store.put_if_absent("shards/a", source.with_name("second"))
    assert store.exists("shards/a")
    assert store.read("shards/a") == b"0123456789"


def test_equal_content_has_one_winner_too(store, source, tmp_path):
    twin = tmp_path / "twin"
    twin.write_bytes(source.read_bytes())
    assert [store.put_if_absent("a", source), store.put_if_absent("a", twin)] == [True, False]


def test_an_empty_file_is_an_object(store, source):
    source.write_bytes(b"")
    assert store.put_if_absent("empty", source)
    assert (store.exists("empty"), store.size("empty"), store.read("empty")) == (True, 0, b"")


def test_of_racing_processes_exactly_one_wins_each_name(address, store):
    letters, keys = "abcd", 6
    won = race(put_into_store, [(address, letter, keys) for letter in letters], lambda: None)

    assert Counter(key for printed in won for key in printed) == {
        f"final/{number}": 1 for number in range(keys)
    }
    for letter, printed in zip(letters, won, strict=True):
        for key in printed:
            assert store.read(key) == letter.encode() * OBJECT_BYTES


def test_replace_writes_over_an_older_object(store):
    store.replace("datasets/a.json", b"a long first content")
    store.replace("datasets/a.json", b"second")
    assert store.read("datasets/a.json") == b"second"


def test_what_is_deleted_is_gone_and_may_be_deleted_again(store, source):
    store.put_if_absent("shards/a", source)
    for _ in range(2):
        store.delete("shards/a")
        assert not store.exists("shards/a")
    store.delete("never/was")


def test_probe_leaves_nothing(store):
    store.probe()
    assert list(store.list("")) == []


# -- read ------------------------------------------------------------------------------------


def test_ranges_are_exact(store, source):
    store.put_if_absent("a", source)
    assert store.size("a") == 10
    assert store.read("a", 3) == b"3456789"
    assert store.read("a", 3, 4) == b"3456"
    assert store.read("a", 9, 1) == b"9"
    assert store.read("a", 10, 0) == b""


@pytest.mark.parametrize(("start", "length"), [(3, 8), (10, 1), (20, 5)])
def test_a_range_beyond_the_end_names_the_object(store, source, start, length):
    store.put_if_absent("a", source)
    with pytest.raises(StorageError) as caught:
        store.read("a", start, length)
    assert str(caught.value).startswith(f"{store.name('a')} ends at byte ")
    assert f"{start + length} were asked for" in str(caught.value)


@pytest.mark.parametrize("use", ["size", "read", "open", "sha256"])
def test_an_object_that_is_gone_is_named(store, use):
    with pytest.raises(GoneError) as caught:
        getattr(store, use)("shards/a")
    assert str(caught.value).startswith(f"{store.name('shards/a')} is gone; ")


def test_the_hash_is_that_of_the_bytes(store, source):
    store.put_if_absent("a", source)
    assert store.sha256("a") == hashlib.sha256(b"0123456789").hexdigest()


def test_an_open_object_can_be_read_from_anywhere(store, source):
    store.put_if_absent("a", source)
    with store.open("a") as file:
        assert file.read(3) == b"012"
        assert (file.seek(-2, os.SEEK_END), file.read(10), file.read(1)) == (8, b"89", b"")
        assert (file.seek(4), file.seek(1, os.SEEK_CUR), file.tell(), file.read(2)) == (
            *(4, 5, 5),
            b"56",
        )
    assert file.closed


def test_parquet_reads_an_open_object(store, tmp_path):
    table = pa.table({"n": list(range(5000)), "text": [f"row {n}" for n in range(5000)]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=1000)
    store.put_if_absent("t.parquet", tmp_path / "t.parquet")
    with store.open("t.parquet") as file:
        assert pq.ParquetFile(file).read_row_group(3, ["text"]) == table.slice(3000, 1000).select(
            ["text"]
        )
        assert pq.read_table(file) == table


# -- list ------------------------------------------------------------------------------------


def test_list_is_sorted_and_keeps_to_its_folder(store, source):
    for key in ("shards/b", "shards/a/2", "shards/a/10", "shards-old/x", "work/x"):
        store.put_if_absent(key, source)
    assert list(store.list("shards")) == ["shards/a/10", "shards/a/2", "shards/b"]
    assert list(store.list("shards/a")) == ["shards/a/10", "shards/a/2"]
    assert list(store.list("nothing")) == []
    everything = {"shards/a/10", "shards/a/2", "shards/b", "shards-old/x", "work/x"}
    assert set(store.list("")) == everything


def test_strange_names_are_names(store, source):
    keys = ["a b/ü?#%41.parquet", "a b/x+y&z=1"]
    for key in keys:
        assert store.put_if_absent(key, source)
    assert sorted(store.list("a b")) == sorted(keys)
    assert store.read(keys[0]) == b"0123456789"


# -- other processes -------------------------------------------------------------------------


def test_a_store_can_be_sent_to_another_process(store, source):
    store.put_if_absent("a", source)  # with its connections open
    assert pickle.loads(pickle.dumps(store)).read("a") == b"0123456789"
