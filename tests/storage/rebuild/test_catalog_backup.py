"""A backup of the catalog: at one moment, put back with all that has come since, or not at all."""

import gzip
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.drawn.strip_rows import draw_record
from tests.storage.rebuild.test_catalog_rebuild import fill, known_of, lose, rebuild
from tinyvideo.storage.catalog.block_list import TakedownKind
from tinyvideo.storage.database import REWRITES, transaction
from tinyvideo.storage.outputs.block_log import block
from tinyvideo.storage.outputs.book_audit import read_books
from tinyvideo.storage.outputs.output_address import Output, OutputAddress
from tinyvideo.storage.outputs.owner_mark import StrangerError
from tinyvideo.storage.rebuild.catalog_backup import back_up_catalog, list_backups
from tinyvideo.storage.storage_errors import StorageError
from tinyvideo.storage.takedown import finish_takedowns, take_down

WAITING, BLOCKED = draw_record(900), draw_record(901, owner="eve")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("filled") / "out"
    prepare(OutputAddress.at(root))
    return root


@pytest.fixture
def place(filled: Path, tmp_path: Path) -> OutputAddress:
    """An output with two shards, and two videos that wait."""
    shutil.copytree(filled, tmp_path / "out")
    return OutputAddress.at(tmp_path / "out")


def prepare(place: OutputAddress) -> None:
    with place.alone(make=True) as output:
        fill(output)
        output.catalog.add([WAITING, BLOCKED])


def back_up(place: OutputAddress) -> str:
    with place.shared() as output:
        return back_up_catalog(output)


def test_on_s3_what_no_shard_knows_comes_back_too(s3_address, tmp_path):
    place = OutputAddress.at(s3_address, tmp_path / "home")
    prepare(place)
    back_up(place)
    before, books = known_of(place), read_books(place)
    lose(place)
    done = rebuild(place)
    assert (done.entered, done.known) == (0, 2)
    assert known_of(place) == before
    assert done.books == books  # rejected windows and waiting videos, too
    assert books["clips"]["rejected"] == {"shot_cut": 4}
    assert books["videos"]["pending"] == 2


def test_what_has_come_since_a_backup_is_read_from_the_store(place):
    back_up(place)
    with place.alone() as output:
        fill(output, first=4, shards=1)
        block(output, TakedownKind.OWNER, "eve", "")
        for record in (draw_record(1), WAITING):
            take_down(output, TakedownKind.VIDEO, record.video_id, {})
    before = known_of(place)
    books = read_books(place)
    lose(place)
    done = rebuild(place)
    assert (done.entered, done.known) == (2, 1)  # a new one, and one that was written anew
    assert known_of(place) == before
    assert done.books["problems"] == []
    found = done.books["videos"]
    assert found["rejected"] == books["videos"]["rejected"] == {"taken_down": 2, "blocked": 1}
    with place.alone() as output:
        assert finish_takedowns(output, {}) == []


def test_a_shard_that_was_taken_down_whole_is_not_missed(place):
    back_up(place)
    with place.alone() as output:
        for number in (0, 1):
            take_down(output, TakedownKind.OWNER, f"o{number}", {})
    lose(place)
    done = rebuild(place)
    assert done.books["problems"] == []
    assert (done.books["shards"], done.books["strips"]) == (1, 5)
    assert done.books["videos"]["rejected"] == {"taken_down": 2}


def test_a_plan_that_was_carried_out_since_deletes_nothing(place):
    """The backup is of a moment when a shard was about to be written anew."""
    first, new = "shards/shard-000001.parquet", "shards/shard-000001-2.parquet"
    with place.alone() as output:
        with transaction(output.catalog.engine, writes=True) as db:
            plan = {"old_key": first, "new_key": new, "committed": False}
            db.execute(REWRITES.insert().values(plan))
        back_up_catalog(output)
        take_down(output, TakedownKind.VIDEO, draw_record(0).video_id, {})
    lose(place)
    done = rebuild(place)
    assert (done.books["problems"], done.books["strips"]) == ([], 8)
    assert place.open_store().exists(new)


def test_a_shard_that_is_lost_is_told_and_can_be_repaired(place):
    back_up(place)
    lose(place)
    key = "shards/shard-000002.parquet"
    place.open_store().delete(key)
    done = rebuild(place)
    (problem,) = done.books["problems"]
    assert "shard-000002.parquet is gone" in problem
    assert "tinyvideo shards repair" in problem


def test_equal_catalogs_give_one_backup_and_two_stay(place):
    first = back_up(place)
    assert back_up(place) == first
    keys = [first]
    for number in (1, 2):
        with place.alone() as output:
            output.catalog.add([draw_record(1000 + number)])
        keys.append(back_up(place))
    assert list_backups(place.open_store()) == keys[1:]
    with place.shared() as output:
        back_up_catalog(output, kept=1)
    assert list_backups(place.open_store()) == keys[2:]


def test_a_backup_holds_what_is_in_the_log_only(place, tmp_path):
    with place.shared() as output:
        output.catalog.add([draw_record(77)])
        log = Path(f"{place.catalog}-wal")
        assert log.stat().st_size > 0  # nothing of it is in the file yet
        key = back_up_catalog(output)
    (tmp_path / "copy.db").write_bytes(gzip.decompress(place.open_store().read(key)))
    with sqlite3.connect(tmp_path / "copy.db") as db:
        query = "SELECT count(*) FROM videos WHERE video_id = ?"
        assert db.execute(query, [draw_record(77).video_id]).fetchone() == (1,)
    db.close()


def test_the_log_of_a_catalog_that_is_gone_is_not_played_into_another(place):
    key = back_up(place)
    with place.shared() as output:
        output.catalog.add([draw_record(77)])
        shutil.copy(f"{place.catalog}-wal", f"{place.work}/kept")
    lose(place)
    Path(f"{place.work}/kept").rename(f"{place.catalog}-wal")  # `rm catalog.db` leaves it
    assert rebuild(place).backup == key
    with place.open() as output:
        assert output.catalog.records([draw_record(77).video_id]) == []
        assert output.catalog.books(recount=True).balanced


def test_a_backup_goes_where_its_output_goes(tmp_path, filled):
    elsewhere = OutputAddress.at(filled, catalog=str(tmp_path / "kept.db"))
    shutil.copy(filled / "catalog.db", elsewhere.catalog)
    elsewhere.open_catalog().close()  # from now on it knows the shards of this address
    moved = OutputAddress.at(tmp_path / "moved", catalog=str(tmp_path / "kept.db"))
    shutil.copytree(filled, tmp_path / "moved", ignore=shutil.ignore_patterns("catalog*"))
    with elsewhere.whosever() as output:
        key = back_up_catalog(Output(output.catalog, moved.open_store(), output.work))
    Path(moved.catalog).unlink()
    assert rebuild(moved).backup == key
    moved.open_catalog().close()


def test_a_damaged_backup_is_passed_over(place, caplog):
    older = back_up(place)
    with place.alone() as output:
        output.catalog.add([draw_record(1000)])
    newest, store = back_up(place), place.open_store()
    content = bytearray(store.read(newest))
    content[len(content) // 2] ^= 1
    store.replace(newest, bytes(content))
    lose(place)
    assert rebuild(place).backup == older
    assert f"{newest} cannot be used: it is not as it was written" in caplog.text


def test_shards_alone_are_read_where_that_is_asked_for(place):
    back_up(place)
    lose(place)
    done = rebuild(place, from_backup=False)
    assert (done.backup, done.entered) == ("", 2)
    assert done.books["videos"]["pending"] == 0


def test_the_catalog_that_was_lost_and_is_found_again_is_a_stranger(place, tmp_path):
    back_up(place)
    shutil.copy(place.catalog, tmp_path / "found.db")
    lose(place)
    rebuild(place)
    found = OutputAddress.at(place.address, catalog=str(tmp_path / "found.db"))
    with pytest.raises(StrangerError):
        found.alone().__enter__()


def test_a_catalog_on_a_server_is_for_its_own_tools(tmp_path, postgres):
    place = OutputAddress.at(tmp_path / "out", catalog=postgres.new_database())
    with (
        place.shared(make=True) as output,
        pytest.raises(StorageError, match="kept by PostgreSQL: back it up with 'pg_dump'"),
    ):
        back_up_catalog(output)
