"""After a takedown nothing holds the video, nothing fetches it again, and all else is as it was."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.drawn.dataset_rows import ALL_FOR_TRAINING
from tests.drawn.strip_rows import curate_drawn, draw_record, draw_strip, write_strips
from tests.servers.full_disk import room_for
from tinyvideo.pipeline.types import VideoRecord, VideoState
from tinyvideo.storage.batches.commit_shard import pack, part_path
from tinyvideo.storage.catalog.block_list import TakedownKind
from tinyvideo.storage.catalog.takedown_requests import AUDIT_KEY, Takedown
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.datasets.dataset_draft import build_dataset
from tinyvideo.storage.datasets.dataset_survey import find_problems
from tinyvideo.storage.datasets.manifest import list_revisions, read_manifest
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.objects.stores import open_store
from tinyvideo.storage.outputs.book_audit import audited_books
from tinyvideo.storage.outputs.output_address import CATALOG_NAME, Output
from tinyvideo.storage.repair.verify import ShardState, check_shard
from tinyvideo.storage.shards.shard_reader import ShardFile, iterate_rows
from tinyvideo.storage.storage_errors import StorageError
from tinyvideo.storage.takedown import finish_takedowns, take_down

VIDEO, OWNER = TakedownKind.VIDEO, TakedownKind.OWNER
FIRST, SECOND = "shards/shard-000001.parquet", "shards/shard-000002.parquet"
ANEW = "shards/shard-000001-2.parquet"


def flickr(number: int, owner: str) -> VideoRecord:
    """Make up a video of Flickr; photo ids are numbers."""
    return draw_record(
        number, source="flickr", video_id=f"flickr-{100 + number}", owner=owner, title="my child"
    )


ADA_1, BOB, ADA_2, CYD = (flickr(n, o) for n, o in enumerate(["ada", "bob", "ada", "cyd"]))


@contextmanager
def opened(root: Path, address: str | None = None, catalog_url: str = "") -> Iterator[Output]:
    catalog = Catalog.open(catalog_url or root / CATALOG_NAME)
    try:
        yield Output(catalog, open_store(address or root), FolderStore(root))
    finally:
        catalog.close()


def fill(out: Output) -> None:
    """Make two shards, ada and bob in the first, ada and cyd in the second, and two datasets."""
    for pair in ((ADA_1, BOB), (ADA_2, CYD)):
        for number, record in enumerate(pair):
            curate_drawn(out.catalog, out.work, record, strips=40 + number, dropped=1)
        pack(out.catalog, out.store, out.work)
    build_dataset(out.store, "both", [FIRST, SECOND], ALL_FOR_TRAINING)
    build_dataset(out.store, "second", [SECOND], ALL_FOR_TRAINING)


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Output]:
    with opened(tmp_path) as output:
        fill(output)
        yield output


def videos_in_shards(out: Output) -> list[str]:
    """List the videos of all rows of all objects that look like shards, row by row."""
    return [
        row["video_id"]
        for key in out.store.list("shards")
        for row in iterate_rows(ShardFile(out.store, key), ["video_id"])
    ]


def states(out: Output) -> dict[str, tuple[str, str]]:
    return {v.record.video_id: (v.state.value, v.reason) for v in out.catalog.videos()}


def check_nothing_contradicts(out: Output) -> None:
    assert out.catalog.books().problems == []
    shards = out.catalog.shards(committed=True)
    assert [check_shard(out.store, shard).state for shard in shards] == [ShardState.WHOLE] * len(
        shards
    )
    assert sorted(out.store.list("shards")) == sorted(shard.key for shard in shards)
    assert list(out.work.list("tmp")) == []
    for name in ("both", "second"):
        for revision in list_revisions(out.store, name):
            manifest = read_manifest(out.store, name, revision)
            assert find_problems(out.store, manifest, full=True) == []


def check_ada_1_is_gone(out: Output) -> None:
    check_nothing_contradicts(out)
    assert set(videos_in_shards(out)) == {"flickr-101", "flickr-102", "flickr-103"}
    assert states(out)["flickr-100"] == ("rejected", "taken_down")
    assert [shard.key for shard in out.catalog.shards(committed=True)] == [ANEW, SECOND]
    both = read_manifest(out.store, "both")
    assert (both.shards, both.counts["train"]) == ((ANEW, SECOND), 41 + 40 + 41)
    assert list_revisions(out.store, "both") == [2]


# -- what goes -------------------------------------------------------------------------------


def test_a_video_goes_and_only_its_shard_and_datasets_are_touched(out):
    before = out.store.sha256(SECOND)
    untouched = read_manifest(out.store, "second")
    rest = [r for r in iterate_rows(ShardFile(out.store, FIRST)) if r["video_id"] == "flickr-101"]
    done = take_down(out, VIDEO, "flickr-100", {})
    check_ada_1_is_gone(out)
    assert out.store.sha256(SECOND) == before
    assert read_manifest(out.store, "second") == untouched
    assert list(iterate_rows(ShardFile(out.store, ANEW))) == rest
    assert (done.videos, done.strips) == (("flickr-100",), 40)
    assert (done.shards, done.datasets) == ({FIRST: ANEW}, ("both",))


def test_the_books_balance_with_the_video_as_rejected_and_its_clips_too(out):
    take_down(out, VIDEO, "flickr-100", {})
    books = out.catalog.books()
    assert books.videos.as_dict()["rejected"] == {"taken_down": 1}
    assert (books.videos.found, books.videos.sharded) == (4, 3)
    assert books.clips.rejected == {"shot_cut": 4, "taken_down": 40}
    assert books.strips == books.clips.sharded == 122


def test_the_id_at_the_source_will_do_and_words_of_the_owner_go_too(out):
    take_down(out, VIDEO, "100", {})
    check_ada_1_is_gone(out)
    (row,) = [v for v in out.catalog.videos() if v.record.video_id == "flickr-100"]
    assert (row.record.title, row.shard_key) == ("", "")
    assert row.detail == "takedown 1 of video 100"


def test_an_owner_goes_from_every_shard(out):
    done = take_down(out, OWNER, "ada", {})
    check_nothing_contradicts(out)
    assert set(videos_in_shards(out)) == {"flickr-101", "flickr-103"}
    assert done.videos == ("flickr-100", "flickr-102")
    assert (done.strips, done.datasets) == (80, ("both", "second"))
    assert set(done.shards) == {FIRST, SECOND}


def test_a_shard_of_which_nothing_is_left_goes_altogether(out):
    take_down(out, OWNER, "ada", {})
    done = take_down(out, VIDEO, "flickr-101", {})
    check_nothing_contradicts(out)
    assert done.shards == {ANEW: ""}
    assert set(videos_in_shards(out)) == {"flickr-103"}
    assert out.catalog.books().shards == 1


def test_a_second_takedown_from_the_same_shard_takes_the_next_revision(out):
    curate_drawn(out.catalog, out.work, draw_record(7, owner="eve"))
    curate_drawn(out.catalog, out.work, draw_record(8, owner="fay"))
    curate_drawn(out.catalog, out.work, draw_record(9, owner="gus"))
    key = pack(out.catalog, out.work)
    take_down(out, OWNER, "eve", {})
    done = take_down(out, OWNER, "fay", {})
    assert done.shards == {f"{key[:-8]}-2.parquet": f"{key[:-8]}-3.parquet"}
    check_nothing_contradicts(out)


@pytest.mark.parametrize("state", ["pending", "leased", "curated", "rejected", "failed"])
def test_a_video_that_is_in_no_shard_goes_from_any_state(tmp_path, state):
    with opened(tmp_path) as out:
        record = flickr(0, "ada")
        out.catalog.add([record])
        if state == "leased":
            out.catalog.lease(1)
        if state == "curated":
            curate_drawn(out.catalog, out.work, record, strips=3)
        if state in {"rejected", "failed"}:
            out.catalog.settle(record.video_id, VideoState(state), "flat", "black")
        take_down(out, VIDEO, "100", {})
        assert states(out) == {"flickr-100": ("rejected", "taken_down")}
        assert out.catalog.books().problems == []
        assert not part_path(out.work, record.video_id).exists()
        assert out.catalog.lease(9) == []
        assert out.catalog.reopen_failed() == out.catalog.give_back() == 0


# -- what stays out --------------------------------------------------------------------------


def test_a_name_that_was_taken_down_never_becomes_pending(tmp_path):
    with opened(tmp_path) as out:
        take_down(out, VIDEO, "100", {})
        take_down(out, VIDEO, "flickr-101", {})
        take_down(out, OWNER, "cyd", {})
        again = [ADA_1, BOB, CYD, flickr(7, "cyd"), ADA_2]
        again.append(draw_record(0, source="tinyvideo", video_id="tinyvideo-100"))
        again.append(draw_record(0, source="tinyvideo", video_id="tinyvideo-101"))
        assert out.catalog.add(again) == 7
        leased = {record.video_id for record in out.catalog.lease(9)}
        # "100" is an id at whatever source, "flickr-101" is one of Flickr alone.
        assert leased == {"flickr-102", "tinyvideo-101"}
        taken = ("rejected", "taken_down")
        assert [i for i, state in states(out).items() if state == taken] == [
            "flickr-100",
            "flickr-101",
            "flickr-103",
            "flickr-107",
            "tinyvideo-100",
        ]
        assert out.catalog.books().problems == []


def test_many_new_videos_are_held_against_the_block_list(tmp_path):
    with opened(tmp_path) as out:
        take_down(out, OWNER, "owner 77", {})
        out.catalog.add(flickr(n, f"owner {n % 100}") for n in range(1000))
        assert len(out.catalog.lease(1000)) == 990


def test_an_owner_without_a_name_is_nobody(out):
    out.catalog.add([draw_record(50)])
    for kind in (VIDEO, OWNER):
        with pytest.raises(StorageError, match="needs the id of a video, or the name of an owner"):
            take_down(out, kind, " ", {})
    assert out.catalog.books().videos.rejected == {}


# -- what is told ----------------------------------------------------------------------------


def test_checkpoints_are_listed_by_what_they_were_trained_on(out):
    both, second = (read_manifest(out.store, name).manifest_id for name in ("both", "second"))
    known = {"runs/a.pt": both, "runs/b.pt": second, "old/c.pt": "no longer there"}
    done = take_down(out, VIDEO, "flickr-100", known)
    assert done.manifests == (both,)
    assert done.checkpoints == ("runs/a.pt",)
    assert done.uncertain_checkpoints == ("old/c.pt",)
    # Revision 1 of "both" is gone. A checkpoint of it may hold bob, too, and nobody can tell.
    done = take_down(out, VIDEO, "flickr-101", known)
    assert done.checkpoints == ()
    assert done.uncertain_checkpoints == ("runs/a.pt", "old/c.pt")
    # A video that never was in a shard is in no checkpoint.
    assert take_down(out, VIDEO, "flickr-999", known).uncertain_checkpoints == ()


def test_each_finished_takedown_leaves_one_line(out):
    assert not out.store.exists(AUDIT_KEY)
    take_down(out, VIDEO, "flickr-100", {})
    take_down(out, OWNER, "nobody", {})
    lines = [json.loads(line) for line in out.store.read(AUDIT_KEY).decode().splitlines()]
    assert [(line["number"], line["kind"], line["name"]) for line in lines] == [
        (1, "video", "flickr-100"),
        (2, "owner", "nobody"),
    ]
    assert (lines[0]["videos"], lines[0]["strips"]) == (["flickr-100"], 40)
    assert lines[0]["shards"] == {FIRST: ANEW}
    assert lines[0]["requested_at"] <= lines[0]["finished_at"]


def test_a_broken_shard_is_told_and_the_block_holds(out):
    path = out.work.path(FIRST)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    told = (
        r"flickr-100 is blocked, but not yet out of .*000001\.parquet: .*'tinyvideo shards repair'"
    )
    for _ in range(2):
        with pytest.raises(StorageError, match=told):
            take_down(out, VIDEO, "flickr-100", {})
    assert out.catalog.books().problems == []
    assert list(out.work.list("shards")) == [FIRST, SECOND]
    assert list(out.work.list("tmp")) == []


def test_a_full_disk_is_one_sentence_and_changes_nothing(out):
    eve, fay = draw_record(7, owner="eve"), draw_record(8, owner="fay")
    for record in (eve, fay):
        curate_drawn(out.catalog, out.work, record, strips=4)
        large = [draw_strip(index, jpeg=bytes(500_000)) for index in range(4)]
        write_strips(part_path(out.work, record.video_id), record, large)
    key = pack(out.catalog, out.work)
    with room_for(1_500_000), pytest.raises(StorageError, match="make room and run again"):
        take_down(out, OWNER, "eve", {})
    assert list(out.store.list("shards")) == [FIRST, SECOND, key]
    assert audited_books(out.catalog, out.store)["problems"] == []
    assert take_down(out, OWNER, "eve", {}).strips == 4
    check_nothing_contradicts(out)


def test_a_strange_file_of_the_new_name_is_told_and_left_alone(out):
    out.work.path(ANEW).write_text("mine")
    with pytest.raises(
        StorageError, match=r"000001-2\.parquet is not in the catalog.*move it away"
    ):
        take_down(out, VIDEO, "flickr-100", {})
    assert out.work.path(ANEW).read_text() == "mine"


# -- kills -----------------------------------------------------------------------------------


class Killed(BaseException):
    """Nothing catches it."""


class Death:
    """Dies before the n-th change of the storage or the catalog, or after the last."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
        self.left = call
        for name in ("put_if_absent", "replace", "delete"):
            self._wrap(monkeypatch, FolderStore, name)
        for module in ("takedown", "repair.rewrite", "catalog.takedown_requests"):
            self._wrap_transaction(monkeypatch, f"tinyvideo.storage.{module}.transaction")

    def strike(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed

    def _wrap(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        original = getattr(owner, name)

        def dying(*args: Any) -> Any:
            self.strike()
            return original(*args)

        monkeypatch.setattr(owner, name, dying)

    def _wrap_transaction(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        import tinyvideo.storage.database.engine  # noqa: PLC0415

        original = tinyvideo.storage.database.engine.transaction

        @contextmanager
        def dying(engine: Any, *, writes: bool) -> Iterator[Any]:
            with original(engine, writes=writes) as db:
                yield db
                if writes:
                    self.strike()  # just before the commit

        monkeypatch.setattr(name, dying)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("filled")
    with opened(root) as out:
        fill(out)
    return root


@pytest.mark.parametrize("again", ["the same takedown", "another takedown", "a run"])
def test_killed_at_any_change_it_is_finished_by_whoever_comes_next(filled, tmp_path, again):
    died = 0
    for call in range(1, 99):
        root = tmp_path / str(call)
        shutil.copytree(filled, root)
        with opened(root) as out, pytest.MonkeyPatch.context() as patch:
            manifest = read_manifest(out.store, "both").manifest_id
            known = {"a.pt": manifest}
            death = Death(patch, call)
            try:
                take_down(out, VIDEO, "flickr-100", known)
            except Killed:
                died += 1
        with opened(root) as out:
            assert audited_books(out.catalog, out.store)["problems"] == []
            finished = take_up(out, known, again)
            if death.left > 0:
                break
            if any(done.name == "flickr-100" for done in finished):
                check_ada_1_is_gone(out)
                check_report(finished[0], manifest, complete=again != "the same takedown")
            else:
                assert call <= 2  # it died before the catalog was asked
        shutil.rmtree(root)
    assert died >= 10


def take_up(out: Output, known: dict[str, str], again: str) -> list[Takedown]:
    if again == "a run":
        return finish_takedowns(out, known)
    if again == "the same takedown":
        return [take_down(out, VIDEO, "flickr-100", known)]
    take_down(out, OWNER, "nobody", known)
    lines = out.store.read(AUDIT_KEY).decode().splitlines()
    return [Takedown(**json.loads(line)) for line in lines]


def check_report(done: Takedown, manifest: str, *, complete: bool) -> None:
    assert list(done.videos) == ["flickr-100"]
    if complete or done.shards:  # the same one, asked again after its end, finds nothing to do
        assert (done.strips, done.shards) == (40, {FIRST: ANEW})
        assert (list(done.manifests), list(done.datasets)) == ([manifest], ["both"])
        assert list(done.checkpoints) == ["a.pt"]
        assert list(done.uncertain_checkpoints) == []


# -- S3 --------------------------------------------------------------------------------------


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_it_works_on_s3_as_in_a_folder(tmp_path, s3_address, database, request):
    url = ""
    if database == "postgres":
        url = str(request.getfixturevalue("postgres").new_database())
    with opened(tmp_path, s3_address, url) as out:
        fill(out)
        done = take_down(out, VIDEO, "flickr-100", {"a.pt": "gone"})
        check_ada_1_is_gone(out)
        assert json.loads(out.store.read(AUDIT_KEY))["shards"] == done.shards == {FIRST: ANEW}
        assert done.uncertain_checkpoints == ("a.pt",)
        take_down(out, OWNER, "cyd", {})
        out.catalog.add([ADA_1, flickr(7, "cyd")])
        assert out.catalog.lease(1) == []
        check_nothing_contradicts(out)
        assert not out.work.path("shards").exists()
