"""Packing ends with every strip in exactly one committed shard, whenever it is killed."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tinyvideo.storage.batches.commit_shard
from tests.drawn.strip_rows import (
    count_clips,
    curate_drawn,
    draw_jpeg,
    draw_record,
    draw_strip,
    opened,
    write_strips,
)
from tests.servers.children import packers
from tests.servers.full_disk import room_for
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.batches.commit_shard import finish_shards, pack, part_path
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.objects.folder import FolderStore, sha256_of
from tinyvideo.storage.outputs.book_audit import audit, audited_books, read_books
from tinyvideo.storage.shards.shard_reader import iterate_rows, shard_metadata
from tinyvideo.storage.storage_errors import StorageError

FIRST = "shards/shard-000001.parquet"
A, B, C = (draw_record(number).video_id for number in range(3))


@pytest.fixture
def out(tmp_path: Path) -> Iterator[tuple[Catalog, FolderStore]]:
    with opened(tmp_path) as catalog_and_store:
        yield catalog_and_store


@pytest.fixture(scope="module")
def killed() -> Iterator[Callable[[Path, str, int], bool]]:
    with packers() as killed:
        yield killed


def curate_some(catalog: Catalog, store: FolderStore) -> list[str]:
    """Curate three videos; return the ids of their 2 + 3 + 4 strips, sorted."""
    return [
        strip_id
        for number in range(3)
        for strip_id in curate_drawn(
            catalog, store, draw_record(number), strips=2 + number, dropped=1
        )
    ]


def packed(store: FolderStore) -> list[str]:
    """Read the ids of all strips in shards, sorted."""
    return sorted(
        row["strip_id"]
        for key in store.list("shards")
        for row in iterate_rows(store.path(key), ["strip_id"])
    )


def states(catalog: Catalog) -> dict[str, VideoState]:
    return {row.record.video_id: row.state for row in catalog.videos()}


def check_all_is_done(catalog: Catalog, store: FolderStore, strips: list[str]) -> None:
    assert packed(store) == strips
    assert set(states(catalog).values()) == {VideoState.SHARDED}
    assert catalog.shards(committed=False) == []
    books = audited_books(catalog, store)
    assert books["problems"] == []
    assert books["strips"] == len(strips)
    assert list(store.list("work")) == list(store.list("tmp")) == []


# -- packing ---------------------------------------------------------------------------------


def test_curated_videos_become_one_committed_shard(out):
    catalog, store = out
    strips = curate_some(catalog, store)
    assert pack(catalog, store) == FIRST
    check_all_is_done(catalog, store, strips)
    (shard,) = catalog.shards(committed=True)
    path = store.path(FIRST)
    assert (shard.strips, shard.bytes) == (9, path.stat().st_size)
    assert shard.sha256 == sha256_of(path)
    assert shard_metadata(path)["tinyvideo.shard"] == FIRST


def test_there_is_no_shard_of_nothing(out):
    catalog, store = out
    catalog.add([draw_record()])
    assert pack(catalog, store) is None
    assert finish_shards(catalog, store) == 0
    assert catalog.shards(committed=True) == catalog.shards(committed=False) == []
    assert not store.path("shards").exists()


def test_the_next_batch_becomes_the_next_shard(out):
    catalog, store = out
    first = curate_drawn(catalog, store, draw_record(0))
    pack(catalog, store)
    second = curate_drawn(catalog, store, draw_record(1))
    assert pack(catalog, store) == "shards/shard-000002.parquet"
    check_all_is_done(catalog, store, first + second)


# -- kills -----------------------------------------------------------------------------------

STEPS = {
    "shard begun": ("tinyvideo.storage.catalog.video_catalog.Catalog.begin_shard", 1),
    "half of the file written": ("tinyvideo.storage.shards.shard_reader.ShardWriter.add", 5),
    "file written": ("tinyvideo.storage.batches.commit_shard.write_shard", 1),
    "file verified": (
        "tinyvideo.storage.batches.commit_shard.verify_shard",
        4,
    ),  # the first three are for the parts
    "object in its place": ("tinyvideo.storage.batches.commit_shard.FolderStore.put_if_absent", 1),
    "committed": ("tinyvideo.storage.catalog.video_catalog.Catalog.commit_shard", 1),
    "one part deleted": ("pathlib.Path.unlink", 2),  # the first is that of the temporary file
}


@pytest.mark.parametrize(("step", "call"), STEPS.values(), ids=STEPS)
def test_killed_at_any_step_another_process_finishes_it(tmp_path, killed, step, call):
    with opened(tmp_path) as (catalog, store):
        strips = curate_some(catalog, store)
    assert killed(tmp_path, step, call)
    check_objects_are_whole(FolderStore(tmp_path), strips)
    with opened(tmp_path) as (catalog, store):
        take_up(catalog, store)
        check_all_is_done(catalog, store, strips)


def test_killed_again_and_again_it_is_finished_in_the_end(tmp_path, killed):
    with opened(tmp_path) as (catalog, store):
        strips = curate_some(catalog, store)
    for name in ("shard begun", "half of the file written", "object in its place", "committed"):
        assert killed(tmp_path, *STEPS[name])
        check_objects_are_whole(FolderStore(tmp_path), strips)
    with opened(tmp_path) as (catalog, store):
        take_up(catalog, store)
        check_all_is_done(catalog, store, strips)


def test_an_object_in_its_place_needs_its_parts_no_more(tmp_path, killed):
    with opened(tmp_path) as (catalog, store):
        strips = curate_some(catalog, store)
    assert killed(tmp_path, *STEPS["object in its place"])
    with opened(tmp_path) as (catalog, store):
        for video_id in (A, B, C):
            part_path(store, video_id).unlink()
        take_up(catalog, store)
        check_all_is_done(catalog, store, strips)


def test_killed_between_two_curations_the_open_videos_start_anew(tmp_path):
    with opened(tmp_path) as (catalog, store):
        strips = curate_drawn(catalog, store, draw_record(0))
        catalog.add([draw_record(1)])
        catalog.lease(2)
        # Its worker was done, but nobody had entered the result; another was in the middle.
        write_strips(part_path(store, B), draw_record(1), [draw_strip(0)])
        store.path(f"work/{B}.hang").write_text("")
        store.path("tmp").mkdir()
        store.path("tmp/" + 8 * "0bad" + ".parquet").write_text("half")
    with opened(tmp_path) as (catalog, store):
        take_up(catalog, store)
        assert states(catalog) == {A: VideoState.SHARDED, B: VideoState.PENDING}
        assert packed(store) == strips
        assert list(store.list("work")) == list(store.list("tmp")) == []
        assert audited_books(catalog, store)["balanced"]


def take_up(catalog: Catalog, store: FolderStore) -> None:
    """Do what a run does before it looks for new videos, and pack."""
    store.clear_temporary()
    catalog.give_back()
    finish_shards(catalog, store)
    pack(catalog, store)


def check_objects_are_whole(store: FolderStore, strips: list[str]) -> None:
    assert packed(store) in ([], strips)


# -- parts that are lost ---------------------------------------------------------------------


def lose(path: Path) -> None:
    path.unlink()


def tear(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(draw_jpeg(1)) + 100] ^= 1
    path.write_bytes(content)


def shorten(path: Path) -> None:
    write_strips(path, draw_record(1), [draw_strip(0)])


@pytest.mark.parametrize("damage", [lose, tear, empty, flip, shorten])
@pytest.mark.parametrize("when", ["before", "begun"])
def test_a_video_whose_part_is_lost_is_curated_again(out, damage, when, caplog):
    catalog, store = out
    strips = curate_some(catalog, store)
    if when == "begun":
        catalog.begin_shard([A, B, C])
    damage(part_path(store, B))

    with caplog.at_level(logging.WARNING):
        take_up(catalog, store)

    assert states(catalog) == {A: "sharded", B: "pending", C: "sharded"}
    assert "the strips of 1 videos are lost; they are curated again" in caplog.text
    assert packed(store) == [strip_id for strip_id in strips if B not in strip_id]
    assert audited_books(catalog, store)["problems"] == []
    assert list(store.list("work")) == []

    curate_drawn(catalog, store, draw_record(1), strips=3)
    take_up(catalog, store)
    check_all_is_done(catalog, store, strips)


def test_a_shard_whose_parts_are_all_lost_is_dropped(out):
    catalog, store = out
    curate_drawn(catalog, store, draw_record(0))
    catalog.begin_shard([A])
    part_path(store, A).unlink()
    assert finish_shards(catalog, store) == 1
    assert catalog.shards(committed=False) == []
    assert states(catalog) == {A: "pending"}
    strips = curate_drawn(catalog, store, draw_record(0))
    assert pack(catalog, store) == FIRST
    check_all_is_done(catalog, store, strips)


def test_files_of_the_user_are_left_alone(out):
    catalog, store = out
    curate_drawn(catalog, store, draw_record(0))
    for name in ("work/thesis.parquet", "work/notes.txt", "work/deep/folder-1.parquet"):
        store.path(name).parent.mkdir(exist_ok=True)
        store.path(name).write_text("mine")
    take_up(catalog, store)
    assert list(store.list("work")) == [
        "work/deep/folder-1.parquet",
        "work/notes.txt",
        "work/thesis.parquet",
    ]


# -- another file has the name ---------------------------------------------------------------


def foreign_text(path: Path) -> None:
    path.write_text("hello")


def foreign_folder(path: Path) -> None:
    path.mkdir()


def other_key(path: Path) -> None:
    write_strips(path, draw_record(0), [draw_strip(i) for i in range(3)])


def other_strips(path: Path) -> None:
    write_shard_of(path, 9, [draw_strip(index) for index in range(3)])


def fewer_strips(path: Path) -> None:
    write_shard_of(path, 0, [draw_strip(index) for index in range(2)])


def more_strips(path: Path) -> None:
    write_shard_of(path, 0, [draw_strip(index) for index in range(4)])


def write_shard_of(path: Path, number: int, strips: list) -> None:
    part = write_strips(path.with_suffix(".part"), draw_record(number), strips)
    tinyvideo.storage.batches.commit_shard.write_shard(path, [part], {"tinyvideo.shard": FIRST})
    part.unlink()


STRANGERS = [foreign_text, foreign_folder, other_key, other_strips, fewer_strips, more_strips]


@pytest.mark.parametrize("stranger", STRANGERS)
def test_another_file_of_the_shards_name_is_not_taken_for_it(out, stranger):
    catalog, store = out
    strips = curate_drawn(catalog, store, draw_record(0), strips=3)
    path = store.path(FIRST)
    path.parent.mkdir()
    stranger(path)
    before = path.read_bytes() if path.is_file() else b""

    for take in (pack, finish_shards, finish_shards):
        with pytest.raises(StorageError, match=r"shard-000001\.parquet.*move it away") as caught:
            take(catalog, store)
        assert "\n" not in str(caught.value)
    assert states(catalog) == {A: VideoState.CURATED}
    assert part_path(store, A).exists()
    assert (path.read_bytes() if path.is_file() else b"") == before

    path.rename(store.path("moved away"))
    take_up(catalog, store)
    check_all_is_done(catalog, store, strips)


def test_a_shard_that_another_catalog_left_is_taken_over_if_it_holds_the_same(out, tmp_path):
    catalog, store = out
    strips = curate_drawn(catalog, store, draw_record(0))
    pack(catalog, store)
    before = store.path(FIRST).stat()
    (tmp_path / "new").mkdir()
    with opened(tmp_path / "new") as (other, other_store):
        other_store.path("shards").symlink_to(store.path("shards"))
        other_store.links = True
        curate_drawn(other, other_store, draw_record(0))
        assert pack(other, other_store) == FIRST
        assert other.books().strips == len(strips)
    assert store.path(FIRST).stat().st_mtime_ns == before.st_mtime_ns


def test_a_full_disk_is_one_sentence_and_loses_nothing(out):
    catalog, store = out
    strips = curate_some(catalog, store)
    large = [draw_strip(index, jpeg=bytes(200_000)) for index in range(4)]
    write_strips(part_path(store, C), draw_record(2), large)
    with room_for(500_000), pytest.raises(StorageError) as caught:
        pack(catalog, store)
    assert str(caught.value).startswith(f"cannot write {FIRST} below {store.root}: ")
    assert "make room and run again" in str(caught.value)
    assert packed(store) == list(store.list("tmp")) == []
    take_up(catalog, store)
    check_all_is_done(catalog, store, strips)


# -- audit -----------------------------------------------------------------------------------


def test_the_audit_is_silent_when_all_is_there(out):
    catalog, store = out
    curate_some(catalog, store)
    pack(catalog, store)
    store.path("shards/notes.txt").write_text("not ours")
    assert audit(catalog, store) == []
    assert audited_books(catalog, store)["balanced"] is True


def test_the_audit_names_what_is_gone_torn_changed_or_strange(out):
    catalog, store = out
    for number in range(5):
        curate_drawn(catalog, store, draw_record(number))
        pack(catalog, store)
    paths = [store.path(shard.key) for shard in catalog.shards(committed=True)]
    lose(paths[0])
    tear(paths[1])
    write_strips(paths[2], draw_record(2), [draw_strip(0)])
    paths[3].write_bytes(paths[4].read_bytes())  # a copy: as many strips, as many bytes or not
    os.truncate(paths[3], 0)
    store.path("shards/copy.parquet").write_bytes(paths[4].read_bytes())

    problems = audit(catalog, store)
    assert len(problems) == 5
    assert problems[0].startswith(f"shard {paths[0]} is gone; put it back")
    assert problems[1].startswith(f"{paths[1]} is not a readable Parquet file")
    assert problems[2] == f"{paths[2]} holds 1 strips, the catalog says 3"
    assert problems[3].startswith(f"{paths[3]} is not a readable Parquet file")
    assert problems[4] == f"{store.path('shards/copy.parquet')} is not in the catalog"
    books = audited_books(catalog, store)
    assert books["problems"] == problems
    assert books["balanced"] is False


def test_the_audit_compares_sizes(out):
    catalog, store = out
    curate_drawn(catalog, store, draw_record(0), strips=2)
    pack(catalog, store)
    path = store.path(FIRST)
    size = path.stat().st_size
    other = draw_record(0, title="a longer title than it had")
    write_strips(path, other, [draw_strip(0), draw_strip(1)])
    assert audit(catalog, store) == [
        f"{path} has {path.stat().st_size} bytes, {size} were committed"
    ]


def test_a_shard_in_the_making_is_no_stranger(out, monkeypatch):
    catalog, store = out
    curate_drawn(catalog, store, draw_record(0))
    seen = []

    def look(path: Path) -> str:
        seen.append(audit(catalog, store))  # `tinyvideo status`, between put and commit
        return sha256_of(path)

    monkeypatch.setattr(tinyvideo.storage.batches.commit_shard, "sha256_of", look)
    pack(catalog, store)
    assert seen == [[]]


def test_books_are_read_from_the_folder_alone(tmp_path):
    with opened(tmp_path) as (catalog, store):
        curate_some(catalog, store)
        pack(catalog, store)
        catalog.add([draw_record(9)])
        catalog.enter_clips(draw_record(9).video_id, count_clips(0, flat=2))
    books = read_books(tmp_path)
    assert books["videos"]["sharded"] == 3
    assert books["videos"]["rejected"] == {"flat": 1}
    assert books["clips"]["rejected"] == {"flat": 2, "shot_cut": 3}
    assert books["balanced"] is True


def test_without_a_catalog_there_are_no_books(tmp_path):
    with pytest.raises(StorageError, match=f"no catalog in {tmp_path}; make one with"):
        read_books(tmp_path)
    assert list(tmp_path.iterdir()) == []
