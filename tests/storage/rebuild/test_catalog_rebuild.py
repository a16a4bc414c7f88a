"""A catalog out of shards: it says what the lost one said of them, and nothing comes back."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.drawn.dataset_rows import ALL_FOR_TRAINING
from tests.drawn.strip_rows import curate_drawn, draw_record
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.batches.commit_shard import pack
from tinyvideo.storage.catalog.block_list import TakedownKind, list_blocks
from tinyvideo.storage.catalog.takedown_requests import read_takedowns
from tinyvideo.storage.database import CONFIG_HASH, SHARDS, VIDEOS, transaction
from tinyvideo.storage.datasets.committed_build import build_committed
from tinyvideo.storage.datasets.dataset_survey import find_problems
from tinyvideo.storage.datasets.manifest import read_manifest
from tinyvideo.storage.outputs.block_log import block, unblock
from tinyvideo.storage.outputs.book_audit import audited_books
from tinyvideo.storage.outputs.output_address import UNFINISHED, Output, OutputAddress
from tinyvideo.storage.outputs.owner_mark import MARK, StrangerError, read_mark
from tinyvideo.storage.rebuild.catalog_rebuild import Rebuilt, adopt_output, rebuild_catalog
from tinyvideo.storage.repair.rewrite import write_rows
from tinyvideo.storage.shards.shard_reader import ShardFile, iterate_rows
from tinyvideo.storage.storage_errors import StorageError
from tinyvideo.storage.takedown import finish_takedowns, take_down

FIRST, SECOND = "shards/shard-000001.parquet", "shards/shard-000002.parquet"
VIDEO, OWNER = TakedownKind.VIDEO, TakedownKind.OWNER
KNOWN = ("video_id", "source", "title", "owner", "state", "shard_key", "license", "page_url")
"""Columns of a video that its rows know."""


def fill(output: Output, first: int = 0, shards: int = 2) -> None:
    """Make shards of two videos each: 2 and 3 strips, of an owner each."""
    for number in range(first, first + 2 * shards):
        record = draw_record(
            number, owner=f"o{number}", license="CC BY 2.0", page_url=f"https://x.org/{number}"
        )
        curate_drawn(output.catalog, output.work, record, strips=2 + number % 2, dropped=1)
        if number % 2:
            pack(output.catalog, output.store, output.work)


def make(place: OutputAddress, first: int = 0, shards: int = 2) -> None:
    with place.alone(make=True) as output:
        fill(output, first, shards)


def rebuild(place: OutputAddress, **options: bool) -> Rebuilt:
    return rebuild_catalog(place, lambda _done, _total: None, **options)


def adopt(place: OutputAddress) -> Rebuilt:
    return adopt_output(place, lambda _done, _total: None)


def lose(place: OutputAddress) -> None:
    for path in Path(place.catalog).parent.glob("catalog.db*"):
        path.unlink()


def known_of(place: OutputAddress) -> tuple[list[tuple], list[tuple]]:
    """Read what a catalog says of the videos in its shards, and of the shards."""
    columns = [VIDEOS.c[name] for name in KNOWN]
    shards = [SHARDS.c[name] for name in ("key", "number", "committed", "strips", "bytes")]
    with place.open() as output, transaction(output.catalog.engine, writes=False) as db:
        query = sa.select(*columns).where(VIDEOS.c.state == VideoState.SHARDED)
        rows = [tuple(row) for row in db.execute(query.order_by(VIDEOS.c.video_id))]
        query = sa.select(*shards, SHARDS.c.sha256).order_by(SHARDS.c.number)
        return rows, [tuple(row) for row in db.execute(query)]


def strips_of(place: OutputAddress) -> Counter[str]:
    """Count every strip that lies in the store."""
    store = place.open_store()
    keys = [key for key in store.list("shards") if key.endswith(".parquet")]
    return Counter(
        row["strip_id"] for key in keys for row in iterate_rows(ShardFile(store, key), ["strip_id"])
    )


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("filled") / "out"
    make(OutputAddress.at(root))
    return root


@pytest.fixture
def place(filled: Path, tmp_path: Path) -> OutputAddress:
    """An output with two shards, of 2 + 3 strips each."""
    shutil.copytree(filled, tmp_path / "out")
    return OutputAddress.at(tmp_path / "out")


def test_a_lost_catalog_comes_back_out_of_its_shards(place):
    before = known_of(place)
    lose(place)
    done = rebuild(place)
    assert (done.entered, done.known, done.backup, done.broken) == (2, 0, "", [])
    assert known_of(place) == before
    books = done.books
    assert (books["strips"], books["shards"], books["balanced"]) == (10, 2, True)
    assert books["videos"]["sharded"] == books["videos"]["found"] == 4
    with place.open() as output:
        assert output.catalog.known_fact(CONFIG_HASH) == "c0ffee"
        make_more = read_mark(output.store)
    assert make_more is not None
    make(place, first=4, shards=1)  # work goes on, with the next number
    assert [row[0] for row in known_of(place)[1]] == [FIRST, SECOND, FIRST.replace("1", "3")]


def test_a_film_that_is_found_again_is_known_and_its_place_too(place):
    lose(place)
    rebuild(place)
    with place.alone() as output:
        assert {record.uri for record in output.catalog.records([draw_record(0).video_id])} == {""}
        assert output.catalog.add([draw_record(0)]) == 0
        (again,) = output.catalog.records([draw_record(0).video_id])
        assert again.uri == draw_record(0).uri


def test_it_begins_where_a_kill_has_left_it(place, monkeypatch):
    lose(place)
    import tinyvideo.storage.rebuild.catalog_rebuild as module  # noqa: PLC0415

    def dying(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "even_out", dying)
        with pytest.raises(KeyboardInterrupt):
            rebuild(place)
    with pytest.raises(StorageError, match="not whole, as 'tinyvideo catalog rebuild' was stopped"):
        place.open_catalog()
    done = rebuild(place)
    assert (done.entered, done.known) == (0, 2)
    assert done.books["balanced"]
    with place.open() as output:
        assert output.catalog.known_fact(UNFINISHED) == ""


def test_a_catalog_that_knows_videos_is_not_made_anew(place):
    with pytest.raises(StorageError, match="'tinyvideo catalog adopt' has it take over"):
        rebuild(place)


def test_an_empty_catalog_is_none(place):
    lose(place)
    place.open_catalog(make=True).close()
    assert rebuild(place).books["balanced"]


def test_what_was_taken_down_stays_away_and_what_was_blocked_is_blocked(place):
    with place.alone() as output:
        block(output, OWNER, "eve", "asked by mail")
        block(output, VIDEO, "77", "")
        unblock(output, VIDEO, "77")
        take_down(output, VIDEO, draw_record(0).video_id, {})
    kept = place.open_store().read(FIRST.replace(".parquet", "-2.parquet"))
    lose(place)
    rebuild(place)
    with place.alone() as output:
        (blocked,) = list_blocks(output.catalog.engine)
        assert (blocked["kind"], blocked["name"], blocked["why"]) == (OWNER, "eve", "asked by mail")
        (done,) = read_takedowns(output.catalog.engine, finished=True)
        assert (done.name, done.strips, done.number) == (draw_record(0).video_id, 2, 1)
        assert read_takedowns(output.catalog.engine, finished=False) == []
        output.catalog.add([draw_record(0), draw_record(9, owner="eve")])
        states = {
            row.record.video_id: row.reason for row in output.catalog.videos(VideoState.REJECTED)
        }
        assert states == {draw_record(0).video_id: "taken_down", draw_record(9).video_id: "blocked"}
        assert output.store.read(FIRST.replace(".parquet", "-2.parquet")) == kept


def test_a_takedown_that_was_only_asked_for_is_finished(place):
    from tinyvideo.storage.outputs.block_log import log_takedown  # noqa: PLC0415

    with place.alone() as output:
        log_takedown(output, OWNER, "o1")  # and then the machine burned down
    lose(place)
    rebuild(place)
    with place.alone() as output:
        finish_takedowns(output, {})
        assert audited_books(output.catalog, output.store)["problems"] == []
    assert {s.rpartition("-")[0] for s in strips_of(place)} == {
        draw_record(n).video_id for n in (0, 2, 3)
    }


def test_an_old_copy_of_a_shard_does_not_bring_back_what_was_taken_down(place):
    old = (place.work / FIRST).read_bytes()
    with place.alone() as output:
        take_down(output, VIDEO, draw_record(0).video_id, {})
    (place.work / FIRST.replace("1.p", "1-2.p")).unlink()
    (place.work / FIRST).write_bytes(old)
    lose(place)
    rebuild(place)
    with place.alone() as output:
        finish_takedowns(output, {})
        assert audited_books(output.catalog, output.store)["problems"] == []
    assert draw_record(0).video_id not in {s.rpartition("-")[0] for s in strips_of(place)}


def test_of_two_revisions_the_newer_counts_and_datasets_turn_to_it(place):
    with place.alone() as output:
        build_committed(output, "all", ALL_FOR_TRAINING)
        rows = list(iterate_rows(ShardFile(output.store, FIRST)))
        with output.work.temporary(".parquet") as path:
            new = FIRST.replace(".parquet", "-2.parquet")
            write_rows(path, new, rows)
            output.store.put_if_absent(new, path)  # a rewrite that was killed just now
    lose(place)
    done = rebuild(place)
    assert done.books["problems"] == []
    assert list(place.open_store().list("shards")) == [new, SECOND]
    manifest = read_manifest(place.open_store(), "all")
    assert set(manifest.shards) == {new, SECOND}
    assert find_problems(place.open_store(), manifest, full=True) == []
    assert set(strips_of(place).values()) == {1}


def test_a_damaged_shard_is_named_and_the_others_are_entered(place):
    content = (place.work / FIRST).read_bytes()
    (place.work / FIRST).write_bytes(content[:-100])
    lose(place)
    done = rebuild(place)
    assert len(done.broken) == 1
    assert "shard-000001.parquet is not a readable Parquet file" in done.broken[0]
    assert "move it away, and the next run makes its strips anew" in done.broken[0]
    assert not done.books["balanced"]
    assert [row[0] for row in known_of(place)[1]] == [SECOND]


def test_a_flipped_bit_in_a_picture_is_found(place):
    content = bytearray((place.work / FIRST).read_bytes())
    content[len(content) // 3] ^= 1
    (place.work / FIRST).write_bytes(content)
    lose(place)
    done = rebuild(place)
    assert len(done.broken) == 1
    assert "row group 0 of" in done.broken[0]


def test_a_stranger_is_refused_before_anything_is_made(place, tmp_path):
    elsewhere = OutputAddress.at(place.address, catalog=str(tmp_path / "other.db"))
    with pytest.raises(StrangerError, match=r"no catalog in .*catalog rebuild --out .*choose"):
        elsewhere.alone(make=True).__enter__()
    assert not (tmp_path / "other.db").exists()
    elsewhere.open_catalog(make=True).close()
    with pytest.raises(
        StrangerError, match=r"belongs to another catalog, catalog\.db since 2.*adopt"
    ):
        elsewhere.shared().__enter__()


def test_a_folder_in_which_nothing_came_to_be_is_free_again(tmp_path):
    place = OutputAddress.at(tmp_path / "new")
    with place.alone(make=True):
        pass
    lose(place)
    with place.alone(make=True) as output:
        block(output, OWNER, "eve", "")
    lose(place)
    with pytest.raises(StrangerError, match=r"to the catalog catalog\.db, and there is no"):
        place.alone(make=True).__enter__()  # eve would be fetched
    assert rebuild(place).books["balanced"]


def test_an_output_of_an_older_version_is_claimed_by_the_catalog_that_knows_it(place, tmp_path):
    store = place.open_store()
    store.delete(MARK)
    elsewhere = OutputAddress.at(place.address, catalog=str(tmp_path / "other.db"))
    elsewhere.open_catalog(make=True).close()
    with pytest.raises(
        StrangerError, match=r"shard-000001\.parquet is not in the catalog .*other\.db"
    ):
        elsewhere.shared().__enter__()
    assert not store.exists(MARK)
    with place.shared():
        assert json.loads(store.read(MARK))["catalog"] == "catalog.db"


def test_whoever_adopts_has_all_strips_once_and_the_other_is_refused(place, tmp_path):
    """Two catalogs at one output: the second made the first film again, and one of its own."""
    other = OutputAddress.at(place.address, catalog=str(tmp_path / "other.db"))
    catalog = other.open_catalog(make=True)
    mine = Output(catalog, other.open_store(), other.open_work())
    place.open_store().delete(MARK)  # as it was before there were marks
    # Its first two numbers are taken, as it would find when it puts its shard.
    with transaction(catalog.engine, writes=True) as db:
        for number, key in ((1, FIRST), (2, SECOND)):
            values = {
                "key": key,
                "number": number,
                "committed": False,
                "updated_at": catalog.clock(),
            }
            db.execute(SHARDS.insert().values(values))
    curate_drawn(catalog, mine.work, draw_record(0, owner="o0"), strips=2)
    curate_drawn(catalog, mine.work, draw_record(50, owner="o50"), strips=4)
    pack(catalog, mine.store, mine.work)
    catalog.close()
    assert strips_of(place)[f"{draw_record(0).video_id}-00000"] == 2

    done = adopt(place)
    assert done.doubled == {FIRST.replace("1", "3"): 2}
    assert done.books["problems"] == []
    assert done.books["strips"] == 10 + 4
    assert set(strips_of(place).values()) == {1}
    assert len(strips_of(place)) == 14
    with pytest.raises(StrangerError, match="belongs to another catalog"):
        other.alone().__enter__()
    with place.alone():
        pass

    back = adopt(other)
    assert (back.books["problems"], back.books["strips"]) == ([], 14)
    with pytest.raises(StrangerError):
        place.alone().__enter__()


def test_adopting_what_is_ones_own_changes_nothing(place):
    before = place.open_store().read(MARK)
    done = adopt(place)
    assert (done.entered, done.known, done.books["balanced"]) == (0, 2, True)
    assert place.open_store().read(MARK) == before


def test_an_old_copy_of_a_catalog_takes_in_what_came_since(place, tmp_path):
    copy = tmp_path / "copy.db"
    shutil.copy(place.catalog, copy)
    make(place, first=4, shards=1)
    older = OutputAddress.at(place.address, catalog=str(copy))
    done = adopt(older)
    assert (done.entered, done.known, done.books["strips"]) == (1, 2, 15)
    with pytest.raises(StrangerError):  # two of one name would both write
        place.alone().__enter__()


def test_without_a_catalog_nobody_adopts(place):
    lose(place)
    with pytest.raises(StorageError, match="'tinyvideo catalog rebuild' makes one"):
        adopt(place)


def test_a_catalog_in_postgres_is_rebuilt_too(place, postgres):
    before = known_of(place)
    server = OutputAddress.at(place.address, catalog=postgres.new_database())
    done = rebuild(server)
    assert (done.entered, done.books["problems"]) == (2, [])
    assert known_of(server) == before
