"""Where the parts of an output are, and who may work there."""

import pytest

from tests.servers.children import child, hold_catalog
from tinyvideo.storage.database.engine import open_database
from tinyvideo.storage.outputs.output_address import OutputAddress
from tinyvideo.storage.storage_errors import StorageError


def test_a_folder_is_its_own_work_folder(tmp_path):
    place = OutputAddress.at(tmp_path / "out", home=tmp_path / "home")
    assert (place.address, place.work) == (str(tmp_path / "out"), tmp_path / "out")
    assert place.catalog == str(tmp_path / "out" / "catalog.db")
    assert OutputAddress.at(place) is place


def test_an_address_on_s3_has_a_work_folder_of_its_own(tmp_path, monkeypatch):
    place = OutputAddress.at("s3://bucket/a/b/", home=tmp_path)
    assert (place.address, place.work) == ("s3://bucket/a/b", tmp_path / "bucket" / "a" / "b")
    assert place.catalog == str(tmp_path / "bucket" / "a" / "b" / "catalog.db")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert OutputAddress.at("s3://bucket").work == tmp_path / ".tinyvideo" / "bucket"


def test_names_show_no_password(tmp_path):
    place = OutputAddress.at("s3://bucket", tmp_path, "postgresql://me:s3cr3t@db.example/films")
    assert place.names == {
        "shards": "s3://bucket/shards",
        "catalog": "postgresql://db.example/films",
    }


@pytest.mark.parametrize("catalog", ["mysql://me:s3cr3t@host/x", "http://me:s3cr3t@host"])
def test_an_address_that_is_no_catalog_is_refused_without_its_password(tmp_path, catalog):
    with pytest.raises(StorageError) as caught:
        OutputAddress.at(tmp_path, catalog=catalog)
    assert "s3cr3t" not in str(caught.value)
    assert "postgresql://" in str(caught.value)


def test_a_folder_may_be_moved_with_its_catalog(tmp_path):
    with OutputAddress.at(tmp_path / "a").alone(make=True):
        pass
    (tmp_path / "a").rename(tmp_path / "b")
    OutputAddress.at(tmp_path / "b").open_catalog().close()


def test_a_catalog_elsewhere_knows_one_place(tmp_path):
    catalog = str(tmp_path / "catalog.db")
    OutputAddress.at(tmp_path / "a", catalog=catalog).open_catalog(make=True).close()
    OutputAddress.at(tmp_path / "a", catalog=catalog).open_catalog().close()
    with pytest.raises(StorageError, match=r"knows the shards of .*/a, not those of .*/b"):
        OutputAddress.at(tmp_path / "b", catalog=catalog).open_catalog()


def test_nothing_is_made_where_there_is_no_catalog(tmp_path):
    for place in (
        OutputAddress.at(tmp_path / "out"),
        OutputAddress.at("s3://bucket", tmp_path / "home"),
    ):
        with pytest.raises(StorageError, match=f"no catalog in {place.work}; make one with"):
            place.open_catalog()
    assert list(tmp_path.iterdir()) == []


def test_one_run_at_a_time_works_at_a_place(tmp_path):
    place = OutputAddress.at(tmp_path / "out")
    with place.alone(make=True), pytest.raises(StorageError, match="another run works in"):
        place.alone().__enter__()
    with place.alone() as output:
        assert output.work.root == tmp_path / "out"


def test_one_run_at_a_time_works_with_a_catalog_on_a_server(tmp_path, postgres):
    # From two machines, whose work folders are not the same.
    catalog = postgres.new_database()
    with child(hold_catalog, catalog):
        place = OutputAddress.at(tmp_path / "out", catalog=catalog)
        with pytest.raises(StorageError, match="another run works with the catalog"):
            place.alone(make=True).__enter__()


def test_probe_sees_that_the_work_folder_can_be_written(s3_address, tmp_path):
    OutputAddress.at(s3_address, tmp_path).probe()
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=f"cannot write to {tmp_path / 'file'}"):
        OutputAddress.at(s3_address, tmp_path / "file").probe()


def test_a_password_is_not_in_what_an_engine_shows():
    engine = open_database("postgresql://me:s3cr3t@127.0.0.1:1/x")
    assert "s3cr3t" not in repr(engine) + str(engine.url)
