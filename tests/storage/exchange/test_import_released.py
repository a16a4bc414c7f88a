"""The released dataset comes in whole, once, and what is wrong with it is counted."""

import bz2
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

import tinyvideo.storage.exchange.archive_order
import tinyvideo.storage.exchange.import_released
from tests.drawn.released import draw_sheet, strips_of, tarball, write_list, write_tarball
from tests.drawn.strip_rows import opened
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.batches.commit_shard import finish_shards, pack, part_path
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.datasets.dataset_draft import build_dataset
from tinyvideo.storage.datasets.strip_query import DatasetConfig
from tinyvideo.storage.exchange.import_released import ImportCounts, Importer
from tinyvideo.storage.exchange.released_format import (
    FOLDER,
    StripName,
    name_of,
    parse_name,
    read_list,
)
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.outputs.book_audit import audited_books
from tinyvideo.storage.shards.shard_reader import iterate_rows
from tinyvideo.storage.storage_errors import StorageError

A, B, C = 4632147167, 12345678901, 77


@pytest.fixture
def out(tmp_path: Path) -> Iterator[tuple[Catalog, FolderStore]]:
    with opened(tmp_path / "out") as catalog_and_store:
        yield catalog_and_store


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()


def bring_in(out: tuple[Catalog, FolderStore], tar: Path, **options: object) -> ImportCounts:
    catalog, store = out
    importer = Importer(
        catalog=catalog, part_of=partial(part_path, store), code_version="0.1.0", **options
    )
    finish_shards(catalog, store)
    return importer.run(tar, lambda: pack(catalog, store))


def rows_in(out: tuple[Catalog, FolderStore]) -> list[dict]:
    _, store = out
    rows = [row for key in store.list("shards") for row in iterate_rows(store.path(key))]
    return sorted(rows, key=lambda row: row["strip_id"])


def check_books(out: tuple[Catalog, FolderStore], **videos: int) -> None:
    books = audited_books(*out)
    assert books["problems"] == []
    counted = {k: v for k, v in books["videos"].items() if isinstance(v, int) and v}
    assert {k: counted.get(k, 0) for k in videos} == videos


# -- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (
            "videos2/3/2/1/4/7/1/6/7/4632147167.mp4/0000.jpg",
            StripName("videos2/3/2/1/4/7/1/6/7/4632147167.mp4", A, 0),
        ),
        (f"{FOLDER}/videos1/7/7/77.mp4/0012.jpg", StripName("videos1/7/7/77.mp4", C, 12)),
        ("videos/7/7/77.mp4/0012.jpg", None),  # their folders have a number
        ("videos2/3/2/1/4/7/1/6/8/4632147167.mp4/0000.jpg", None),  # folders of another id
        ("videos2/4632147167.avi/0000.jpg", None),
        ("videos2/4632147167.mp4/list.txt", None),
        ("../../etc/passwd", None),
        ("", None),
    ],
)
def test_a_name_says_which_clip_of_which_photo(path, name):
    assert parse_name(path) == name


@pytest.mark.parametrize("photo_id", [A, B, C])
def test_names_are_made_as_they_are_read(photo_id):
    name = name_of(photo_id, 7, part=2)
    assert parse_name(f"{FOLDER}/{name}") == name
    assert name_of(A, 0, part=2).video == "videos2/3/2/1/4/7/1/6/7/4632147167.mp4"


# -- import ----------------------------------------------------------------------------------


def test_strips_come_in_with_the_photo_they_are_from(tmp_path, out):
    files = {**strips_of(A, 34, 34), **strips_of(B, 34)}
    counts = bring_in(out, write_tarball(tmp_path / "golf.tar.bz2", files), scene="golf_course")

    assert (counts.videos, counts.strips, counts.encoded) == (2, 3, 0)
    assert not counts.rejected
    check_books(out, found=2, sharded=2)
    first = rows_in(out)[1]
    assert first["strip_id"] == f"tinyvideo-{A}-00000"
    assert (first["video_id"], first["source"]) == (f"tinyvideo-{A}", "tinyvideo")
    assert first["page_url"] == f"https://www.flickr.com/photo.gne?id={A}"
    assert first["uri"] == "tinyvideo:videos1/3/2/1/4/7/1/6/7/4632147167.mp4"
    assert (first["size"], first["frames"], first["start_frame"]) == (16, 32, None)
    assert first["scenes"] == [{"scene": "golf_course", "probability": 1.0}]
    assert first["scene_model"] == "tinyvideo-release"
    assert (first["flicker"], first["fps"], first["to_first"]) == (None, None, None)
    nobody_knows = ("source_step", "camera_still", "motion_model", "owner", "license")
    assert {first[name] for name in nobody_knows} == {None}
    assert first["source_file"] == "4632147167.mp4"
    whole = simplejpeg.decode_jpeg(draw_sheet(34, seed=A))[: 32 * 16 - 1]
    assert np.array_equal(simplejpeg.decode_jpeg(first["jpeg"])[:-1], whole)


def test_what_is_unknown_passes_no_limit(tmp_path, out):
    bring_in(out, write_tarball(tmp_path / "t.tar.bz2", strips_of(A, 34)))
    store, keys = out[1], list(out[1].list("shards"))
    assert build_dataset(store, "d", keys, DatasetConfig()).counts["train"] == 1
    for limit in ({"max_flicker": 255}, {"min_motion": 0}, {"min_visible": 0}):
        with pytest.raises(StorageError, match="no strip"):
            build_dataset(store, "d", keys, DatasetConfig(**limit))


def test_what_is_wrong_is_counted_and_the_rest_comes_in(tmp_path, out):
    whole = draw_sheet(34)
    files = {
        **strips_of(A, 34, 20, 31, 32),
        f"{FOLDER}/{name_of(A, 9)}": b"",
        f"{FOLDER}/{name_of(A, 10)}": b"no picture",
        f"{FOLDER}/{name_of(A, 11)}": whole[: len(whole) // 2],
        f"{FOLDER}/{name_of(A, 12)}": draw_sheet(34, width=24),
        **strips_of(B, 16),  # nothing of it is left
        f"{FOLDER}/list.txt": b"a list",
        "README": b"hello",
        "videos1/1/2/3/999.mp4/0000.jpg": whole,
    }
    counts = bring_in(out, write_tarball(tmp_path / "t.tar.bz2", files))

    assert (counts.videos, counts.strips) == (2, 2)
    assert counts.rejected == {
        "too_short": 3,
        "broken_stream": 3,
        "frame_size": 1,
        "other_name": 3,
    }
    assert [row["clip_index"] for row in rows_in(out)] == [0, 3]
    check_books(out, found=2, sharded=1)
    states = {row.record.video_id: (row.state, row.reason) for row in out[0].videos()}
    assert states[f"tinyvideo-{B}"] == (VideoState.REJECTED, "too_short")
    assert not list(out[1].list("work"))


def test_a_strip_of_32_frames_keeps_its_bytes(tmp_path, out):
    files = strips_of(A, 32)
    bring_in(out, write_tarball(tmp_path / "t.tar.bz2", files))
    assert [row["jpeg"] for row in rows_in(out)] == [*files.values()]


def test_the_list_says_what_is_wanted_and_what_is_missing(tmp_path, out):
    a, b = strips_of(A, 34, 34), strips_of(B, 34, 34)
    wanted = {**dict([*a.items()][:1]), **b, f"{FOLDER}/{name_of(C, 0)}": b""}
    path = write_list(tmp_path / "golf.txt", wanted)
    path.write_text(path.read_text() + "\nwhat is this\n")
    listed, strange = read_list(path)
    assert (len(listed), strange) == (4, 1)
    tar = write_tarball(tmp_path / "golf.tar.bz2", {**a, **b})
    counts = bring_in(out, tar, listed=frozenset(listed))
    assert counts.strips == 3
    assert counts.rejected == {"not_listed": 1}
    assert counts.missing == 1
    with pytest.raises(StorageError, match=r"the list .*gone\.txt cannot be read"):
        read_list(tmp_path / "gone.txt")


def test_run_again_nothing_is_doubled(tmp_path, out):
    tar = write_tarball(tmp_path / "t.tar.bz2", {**strips_of(A, 34, 34, 20), **strips_of(B, 34)})
    bring_in(out, tar)
    before = [(row["strip_id"], row["jpeg"]) for row in rows_in(out)]
    counts = bring_in(out, tar)
    assert (counts.videos, counts.strips, counts.known) == (0, 0, 4)
    assert [(row["strip_id"], row["jpeg"]) for row in rows_in(out)] == before
    check_books(out, found=2, sharded=2)


@pytest.mark.parametrize("in_memory", [2**28, 3000], ids=["in memory", "spilled"])
def test_an_archive_in_any_order_loses_no_strip(tmp_path, out, monkeypatch, in_memory):
    monkeypatch.setattr(tinyvideo.storage.exchange.archive_order, "IN_MEMORY", in_memory)
    files = {k: v for number in range(1, 9) for k, v in strips_of(number, 32, 34, 32).items()}
    shuffled = dict(random.Random(7).sample([*files.items()], len(files)))
    counts = bring_in(out, write_tarball(tmp_path / "t.tar.bz2", shuffled))
    assert (counts.videos, counts.strips, counts.rejected, counts.not_whole) == (8, 24, {}, "")
    expected = [f"tinyvideo-{number}-{index:05d}" for number in range(1, 9) for index in range(3)]
    assert [row["strip_id"] for row in rows_in(out)] == expected
    stored = {row["strip_id"]: row["jpeg"] for row in rows_in(out)}
    assert stored["tinyvideo-3-00002"] == files[f"{FOLDER}/{name_of(3, 2)}"]
    check_books(out, found=8, sharded=8)
    assert not list(out[1].list("work"))


def test_what_is_not_whole_is_pending_and_comes_with_the_next_import(tmp_path, out):
    files = {**strips_of(A, 32, 32), **strips_of(B, 32)}
    listed = frozenset([(A, 0), (A, 1), (B, 0)])
    part = dict([*files.items()][::2])  # the first of A, and B
    counts = bring_in(out, write_tarball(tmp_path / "p.tar", part), listed=listed)
    assert (counts.strips, counts.waiting, counts.missing) == (1, 1, 1)
    assert counts.not_whole == (
        "1 listed strips are not in the archive; "
        "1 strips wait for those of their videos that have not come"
    )
    check_books(out, found=2, sharded=1, pending=1)
    assert out[0].videos(VideoState.PENDING)[0].detail.startswith("1 of 2 strips came out of p.tar")

    counts = bring_in(out, write_tarball(tmp_path / "w.tar", files), listed=listed)
    assert (counts.strips, counts.known, counts.not_whole) == (2, 1, "")
    check_books(out, found=2, sharded=2, pending=0)

    other = {**strips_of(C, 32, 32)}
    tar = write_tarball(tmp_path / "c.tar", dict([*other.items()][:1]))
    counts = bring_in(out, tar, listed=frozenset([(C, 0), (C, 1)]), partial=True)
    assert (counts.strips, counts.waiting, counts.missing) == (1, 0, 1)


def test_an_archive_cut_off_between_two_strips_is_not_whole(tmp_path, out):
    raw = tarball(strips_of(A, 32, 32))
    torn = tmp_path / "torn.tar"
    torn.write_bytes(raw[: raw.rindex(b"videos1/") // 512 * 512])  # before the last header
    counts = bring_in(out, torn)
    assert "it has no end mark" in counts.not_whole
    assert (counts.strips, counts.waiting) == (0, 1)


LISTS = {
    "plain": ("{0} 1\n{1} 2\n", "utf-8"),
    "utf-16": ("{0}\n{1}\n", "utf-16"),
    "utf-8 with a mark": ("{0}\n{1}\n", "utf-8-sig"),
    "csv with names of columns": ("label,path\ngolf,{0}\ngolf,{1}\n", "utf-8"),
    "quoted": ('"{0}";"golf"\n"{1}";"golf"\n', "utf-8"),
    "tabs": ("golf\t{0}\r\ngolf\t{1}\r\n", "utf-8"),
    "comments": ("# golf\n\n./frames-stable-many/{0}\n/data/{1}\n", "utf-8"),
    "windows": ("{0}\r\n{1}\r\n", "utf-16-le"),
}


@pytest.mark.parametrize(("text", "encoding"), LISTS.values(), ids=LISTS)
def test_a_list_is_read_in_any_encoding_and_column(tmp_path, text, encoding):
    names = [str(name_of(A, 0)), str(name_of(B, 3))]
    if encoding == "utf-16-le":
        text, names = "\ufeff" + text, [name.replace("/", "\\") for name in names]
    path = tmp_path / "golf.txt"
    path.write_bytes(text.format(*names).encode(encoding))
    assert read_list(path) == ({(A, 0), (B, 3)}, 0)


def test_a_list_that_names_no_strip_is_refused_with_its_first_line(tmp_path):
    (tmp_path / "l.txt").write_text("golf/1.jpg\n")
    with pytest.raises(StorageError, match=r"names no strip, such as videos1/.*line 1 is 'golf/1"):
        read_list(tmp_path / "l.txt")


def test_a_name_that_comes_twice_counts_once(tmp_path, out):
    files = strips_of(A, 34)
    ((name, jpeg),) = files.items()
    twice = {name: jpeg, f"elsewhere/{name}": jpeg}
    counts = bring_in(out, write_tarball(tmp_path / "t.tar.bz2", twice))
    assert (counts.strips, counts.rejected) == (1, {"doubled": 1})


def test_a_tarball_that_ends_too_early_gives_what_is_whole_and_can_be_gone_on_with(tmp_path, out):
    files = {**strips_of(A, 34, 34), **strips_of(B, 34, 34)}
    raw = tarball(files)
    torn = tmp_path / "torn.tar"
    torn.write_bytes(raw[: raw.rindex(draw_sheet(34, seed=B + 1)[:99]) + 50])

    counts = bring_in(out, torn)
    assert counts.problem.startswith(f"{torn} is damaged or ends too early")
    assert (counts.videos, counts.strips, counts.waiting) == (1, 2, 1)
    check_books(out, found=2, sharded=1, pending=1)
    (waits,) = out[0].videos(VideoState.PENDING)
    assert waits.detail == "1 of 2 strips came out of torn.tar; import a whole archive"

    cut = tmp_path / "cut.tar.bz2"  # of two streams, as compressors that use all cores write
    middle = len(raw) * 3 // 4
    cut.write_bytes(bz2.compress(raw[:middle]) + bz2.compress(raw[middle:])[:-200])
    counts = bring_in(out, cut)
    assert (counts.strips, counts.known) == (0, 2)
    assert "ends too early" in counts.problem
    cut.write_bytes(bz2.compress(raw[:middle]) + bz2.compress(raw[middle:]))
    whole = cut

    counts = bring_in(out, whole)
    assert (counts.videos, counts.strips, counts.known, counts.problem) == (1, 2, 2, "")
    assert len({row["strip_id"] for row in rows_in(out)}) == len(rows_in(out)) == 4
    check_books(out, found=2, sharded=2)


@pytest.mark.parametrize("content", [b"", b"no tarball" * 99])
def test_what_is_no_tarball_is_refused(tmp_path, out, content):
    path = tmp_path / "t.tar.bz2"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=f"{path} is not a tarball"):
        bring_in(out, path)
    with pytest.raises(StorageError, match=r"gone\.tar is not a tarball"):
        bring_in(out, tmp_path / "gone.tar")


def test_shards_are_packed_when_they_are_full(tmp_path, out, monkeypatch):
    monkeypatch.setattr(tinyvideo.storage.exchange.import_released, "SHARD_STRIPS", 3)
    files = {k: v for number in range(1, 6) for k, v in strips_of(number, 32, 32).items()}
    bring_in(out, write_tarball(tmp_path / "t.tar.bz2", files))
    assert [shard.strips for shard in out[0].shards(committed=True)] == [4, 4, 2]


@pytest.mark.parametrize("call", range(1, 9))
def test_killed_anywhere_it_goes_on(tmp_path, monkeypatch, call):
    tar = write_tarball(tmp_path / "t.tar.bz2", {**strips_of(A, 34, 20), **strips_of(B, 34)})
    calls = 0

    class Killed(BaseException):
        pass

    def deadly(method: Callable) -> Callable:
        def dies(*args, **options):
            nonlocal calls
            calls += 1
            if calls == call:
                raise Killed
            return method(*args, **options)

        return dies

    with opened(tmp_path / "out") as out, monkeypatch.context() as patch:
        for name in ("add", "enter_clips", "begin_shard", "commit_shard"):
            patch.setattr(Catalog, name, deadly(getattr(Catalog, name)))
        try:
            bring_in(out, tar)
        except Killed:
            assert call <= 6
    with opened(tmp_path / "out") as out:
        bring_in(out, tar)
        assert len(rows_in(out)) == 2
        check_books(out, found=2, sharded=2)
