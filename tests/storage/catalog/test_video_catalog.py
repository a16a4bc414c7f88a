"""Every video is in exactly one state, and no two processes ever work on the same one."""

import contextlib
import sqlite3
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinyvideo.storage.catalog.books
from tests.drawn.strip_rows import count_clips, draw_record
from tests.servers.children import (
    add_one,
    child,
    hold_catalog,
    lease_one_by_one,
    open_catalogs,
    race,
    write_and_wait,
)
from tests.servers.full_disk import room_for
from tinyvideo.pipeline.types import ClipCounts, VideoRecord, VideoState
from tinyvideo.storage.catalog.block_list import TakedownKind, enter_block, lift_block
from tinyvideo.storage.catalog.leases import MAX_ATTEMPTS
from tinyvideo.storage.catalog.search_coverage import count_call
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.database.catalog_base import CATALOG_VERSION
from tinyvideo.storage.database.engine import name_of, transaction
from tinyvideo.storage.database.row_types import VideoRow
from tinyvideo.storage.storage_errors import StorageError

PENDING, LEASED, CURATED = VideoState.PENDING, VideoState.LEASED, VideoState.CURATED
SHARDED, REJECTED, FAILED = VideoState.SHARDED, VideoState.REJECTED, VideoState.FAILED
A, B, C = (draw_record(number).video_id for number in range(3))


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where there is no catalog yet."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres").new_database())
    return str(tmp_path / "catalog.db")


@pytest.fixture
def catalog(address: str) -> Iterator[Catalog]:
    with closing(Catalog.open(address)) as catalog:
        yield catalog


@pytest.fixture
def in_file(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog in a SQLite file."""
    with closing(Catalog.open(tmp_path / "catalog.db")) as catalog:
        yield catalog


def add(catalog: Catalog, count: int) -> list[str]:
    """Enter videos one by one, so that the order in which they were found is plain."""
    records = [draw_record(number) for number in range(count)]
    for record in records:
        catalog.add([record])
    return [record.video_id for record in records]


def ids(records: list[VideoRecord]) -> list[str]:
    return [record.video_id for record in records]


def row_of(catalog: Catalog, video_id: str) -> VideoRow:
    return next(row for row in catalog.videos() if row.record.video_id == video_id)


def states(catalog: Catalog) -> dict[str, VideoState]:
    return {row.record.video_id: row.state for row in catalog.videos()}


# -- found -----------------------------------------------------------------------------------


def test_a_new_video_is_pending(catalog):
    record = draw_record(owner="Ada", page_url="https://example.org/1", license="CC BY 4.0")
    assert catalog.add([record]) == 1
    assert catalog.videos() == [
        VideoRow(record=record, state=PENDING, reason="", detail="", attempts=0, shard_key="")
    ]


def test_a_video_that_cannot_be_opened_has_failed_at_once(catalog):
    catalog.add([draw_record(problem="[Errno 13] Permission denied: 'x.mp4'")])
    row = row_of(catalog, A)
    assert (row.state, row.reason) == (FAILED, "unreadable")
    assert row.detail == "[Errno 13] Permission denied: 'x.mp4'"
    assert catalog.lease(10) == []


def test_adding_again_counts_only_what_is_new(catalog):
    assert catalog.add([draw_record(0), draw_record(1)]) == 2
    assert catalog.add([draw_record(1), draw_record(2)]) == 1
    assert catalog.add([draw_record(n) for n in range(3)]) == 0
    assert catalog.books().videos.found == 3


@pytest.mark.parametrize("between", [0, 600], ids=["side by side", "far apart"])
def test_of_twins_in_one_call_the_first_stays(catalog, between):
    first, second = draw_record(0, title="first"), draw_record(0, title="second")
    others = [draw_record(1 + number) for number in range(between)]
    assert catalog.add([first, *others, second]) == 1 + between
    assert row_of(catalog, A).record.title == "first"
    assert catalog.books().videos.found == 1 + between


def test_adding_does_not_touch_what_became_of_a_video(catalog):
    catalog.add([draw_record(0)])
    catalog.settle(A, REJECTED, "frame_rate", "12 fps")
    assert catalog.add([draw_record(0, title="renamed")]) == 0
    row = row_of(catalog, A)
    assert (row.state, row.reason, row.record.title) == (REJECTED, "frame_rate", "0.mp4")


TITLES = ["🏖️ naïve", "%s :x", "'; DROP TABLE videos; --", 'a "b" `c`', "two\nlines", "\\udcff"]


@pytest.mark.parametrize("text", TITLES)
def test_texts_come_back_as_they_were(catalog, text):
    record = draw_record(title=text, owner=text, page_url=text, license=text, uri=text)
    catalog.add([record])
    catalog.settle(A, REJECTED, "flat", text)
    row = row_of(catalog, A)
    assert (row.record, row.detail) == (record, text)


def test_a_message_with_a_broken_file_name_is_escaped(catalog):
    broken = b"caf\xe9.mp4".decode(errors="surrogateescape")  # as Python names Latin-1 files
    add(catalog, 2)
    catalog.add([draw_record(2, problem=f"no such file: {broken}")])
    catalog.settle(A, FAILED, "bug", f"cannot open {broken}")
    catalog.enter_clips(B, ClipCounts(rejected={"flat": 1}, first_details={"flat": f"in {broken}"}))
    assert row_of(catalog, A).detail == "cannot open caf\\udce9.mp4"
    assert row_of(catalog, B).detail == "1 of 1 windows; the first: in caf\\udce9.mp4"
    assert row_of(catalog, C).detail == "no such file: caf\\udce9.mp4"


def test_nul_is_escaped(catalog):
    catalog.add([draw_record(title="a\0b")])
    catalog.settle(A, FAILED, "bug", "c\0d")
    row = row_of(catalog, A)
    assert (row.record.title, row.detail) == ("a\\x00b", "c\\x00d")


# -- leased ----------------------------------------------------------------------------------


def test_a_lease_takes_the_first_found_and_no_more_than_it_is_told(catalog):
    for number in (2, 0, 1):  # found in this order, which is not that of the ids
        catalog.add([draw_record(number)])
    assert ids(catalog.lease(2)) == [C, A]
    assert states(catalog) == {A: LEASED, B: PENDING, C: LEASED}
    assert ids(catalog.lease(2)) == [B]
    assert catalog.lease(2) == []
    assert catalog.lease(0) == []


def test_a_lease_gives_the_records_and_counts_the_attempts(catalog):
    record = draw_record(owner="Ada", title="😀")
    catalog.add([record])
    assert catalog.lease(1) == [record]
    assert row_of(catalog, A).attempts == 1
    catalog.give_back()  # the run was killed: no fault of the video
    assert row_of(catalog, A).attempts == 0
    catalog.lease(1)
    assert row_of(catalog, A).attempts == 1


def test_a_lease_of_many_is_not_cut_short(catalog):
    catalog.add(draw_record(number) for number in range(1100))  # more than one IN list takes
    assert len(catalog.lease(1050)) == 1050
    assert Counter(states(catalog).values()) == {LEASED: 1050, PENDING: 50}


def test_leased_videos_and_no_others_are_given_back(catalog):
    add(catalog, 3)
    catalog.lease(2)
    catalog.settle(A, FAILED, "timeout", "")
    assert catalog.give_back() == 1
    assert states(catalog) == {A: FAILED, B: PENDING, C: PENDING}


def test_processes_that_lease_at_once_never_get_the_same_video(address, catalog):
    catalog.add(draw_record(number) for number in range(30))
    leased = race(lease_one_by_one, [(address,)] * 3, watch=lambda: None)
    everything = [video_id for printed in leased for video_id in printed]
    assert sorted(everything) == sorted(states(catalog))
    assert all(row.attempts == 1 for row in catalog.videos())


# -- ended -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "reason"), [(REJECTED, "frame_rate"), (FAILED, "timeout")])
def test_a_video_is_settled_with_a_reason_in_words(catalog, state, reason):
    add(catalog, 2)
    catalog.lease(1)
    catalog.settle(A, state, reason, "the figures")
    row = row_of(catalog, A)
    assert (row.state, row.reason, row.detail) == (state, reason, "the figures")
    assert row_of(catalog, B).state == PENDING


@pytest.mark.parametrize(
    ("state", "reason"), [(FAILED, ""), (REJECTED, ""), (PENDING, "x"), (SHARDED, "x")]
)
def test_a_video_is_not_settled_otherwise(catalog, state, reason):
    add(catalog, 1)
    with pytest.raises(ValueError, match="cannot be settled"):
        catalog.settle(A, state, reason, "")
    assert states(catalog) == {A: PENDING}


def test_a_video_with_strips_is_curated(catalog):
    add(catalog, 1)
    assert catalog.enter_clips(A, count_clips(2, flat=5)) == CURATED
    row = row_of(catalog, A)
    assert (row.state, row.reason, row.detail) == (CURATED, "", "")
    assert catalog.curated() == {A: 2}


def test_a_video_without_strips_is_rejected_for_what_befell_most_windows(catalog):
    add(catalog, 1)
    assert catalog.enter_clips(A, count_clips(0, flat=1, shot_cut=3, out_of_view=2)) == REJECTED
    row = row_of(catalog, A)
    assert row.reason == "shot_cut"
    assert row.detail == "3 of 6 windows; the first: figures of the first shot_cut"
    assert catalog.books().clips.rejected == {"flat": 1, "out_of_view": 2, "shot_cut": 3}


def test_of_equally_frequent_reasons_the_first_counts(catalog):
    add(catalog, 1)
    catalog.enter_clips(A, count_clips(0, shot_cut=2, flat=2))
    assert row_of(catalog, A).reason == "shot_cut"


def test_a_video_without_a_window_is_a_bug_of_the_decoder(catalog):
    add(catalog, 1)
    with pytest.raises(ValueError, match="without a single window"):
        catalog.enter_clips(A, count_clips(0))
    assert states(catalog) == {A: PENDING}


def test_a_second_attempt_replaces_the_clips_of_the_first(catalog):
    add(catalog, 1)
    catalog.enter_clips(A, count_clips(2, flat=5))
    catalog.enter_clips(A, count_clips(3, shot_cut=1))
    clips = catalog.books().clips
    assert (clips.found, clips.pending, clips.rejected) == (4, 3, {"shot_cut": 1})


def test_a_video_that_fails_at_a_second_attempt_leaves_no_clips(catalog):
    add(catalog, 1)
    catalog.enter_clips(A, count_clips(2, flat=5))
    catalog.settle(A, FAILED, "crash", "SIGSEGV")
    assert catalog.books().clips.found == 0
    assert catalog.books().balanced


def shard(catalog: Catalog, video_id: str, strips: int) -> str:
    catalog.enter_clips(video_id, count_clips(strips))
    key = catalog.begin_shard([video_id])
    catalog.commit_shard(key, strips=strips, size=10, sha256="5e")
    return key


ENDINGS = {
    SHARDED: lambda catalog: shard(catalog, A, 3),
    REJECTED: lambda catalog: catalog.settle(A, REJECTED, "flat", ""),
    FAILED: lambda catalog: catalog.settle(A, FAILED, "crash", ""),
}


@pytest.mark.parametrize("state", ENDINGS)
def test_a_video_that_has_ended_stays_as_it_is(catalog, state):
    add(catalog, 1)
    ENDINGS[state](catalog)
    books, row = catalog.books(), row_of(catalog, A)
    assert row.state == state
    with pytest.raises(ValueError, match="has already ended"):
        catalog.enter_clips(A, count_clips(1))
    with pytest.raises(ValueError, match="has already ended"):
        catalog.settle(A, FAILED, "timeout", "too late")
    with pytest.raises(ValueError, match="not free"):
        catalog.begin_shard([A])
    assert catalog.give_back() == 0
    assert catalog.lease(1) == []
    assert (catalog.books(), row_of(catalog, A)) == (books, row)


def test_a_video_that_nobody_knows_cannot_end(catalog):
    with pytest.raises(ValueError, match=f"{A} is unknown"):
        catalog.enter_clips(A, count_clips(1))
    with pytest.raises(ValueError, match=f"{A} is unknown"):
        catalog.settle(A, FAILED, "timeout", "")
    assert catalog.books().balanced


def test_failed_videos_are_reopened_without_their_reasons(catalog):
    add(catalog, 3)
    catalog.lease(2)
    catalog.settle(A, FAILED, "timeout", "not done after 60 s")
    catalog.settle(B, REJECTED, "flat", "black")
    assert catalog.reopen_failed() == 1
    row = row_of(catalog, A)
    assert (row.state, row.reason, row.detail, row.attempts) == (PENDING, "", "", 0)
    assert states(catalog) == {A: PENDING, B: REJECTED, C: PENDING}
    assert ids(catalog.lease(1)) == [A]


def test_forgotten_videos_start_anew(catalog):
    add(catalog, 2)
    catalog.enter_clips(A, count_clips(2, flat=1))
    catalog.enter_clips(B, count_clips(1))
    key = catalog.begin_shard([A])
    catalog.forget_clips([A])
    row = row_of(catalog, A)
    assert (row.state, row.shard_key) == (PENDING, "")
    assert catalog.curated() == {B: 1}
    assert catalog.curated(shard_key=key) == {}
    assert catalog.books().clips.found == 1


def test_a_video_whose_strips_are_lost_again_and_again_has_failed(catalog):
    add(catalog, 2)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert ids(catalog.lease(1)) == [A]
        catalog.enter_clips(A, count_clips(2, flat=1))
        catalog.forget_clips([A])
        assert states(catalog)[A] == (PENDING if attempt < MAX_ATTEMPTS else FAILED)
    row = row_of(catalog, A)
    assert (row.reason, row.shard_key) == ("bug", "")
    assert row.detail == "its strips were lost, after 5 attempts or more"
    assert states(catalog)[B] == PENDING
    assert catalog.books().problems == []


def test_any_number_of_videos_is_forgotten(catalog):
    add(catalog, 1)
    catalog.enter_clips(A, count_clips(2))
    catalog.forget_clips([*(f"unknown-{n}" for n in range(33_000)), A])  # SQLite: 32,766 values
    assert states(catalog) == {A: PENDING}


# -- shards ----------------------------------------------------------------------------------


def test_a_shard_is_begun_and_committed(catalog):
    add(catalog, 3)
    for video_id, strips in ((A, 2), (B, 3), (C, 1)):
        catalog.enter_clips(video_id, count_clips(strips))

    key = catalog.begin_shard([A, B])
    assert key == "shards/shard-000001.parquet"
    assert states(catalog) == {A: CURATED, B: CURATED, C: CURATED}
    assert catalog.curated(shard_key=key) == {A: 2, B: 3}
    assert catalog.curated(shard_key="") == {C: 1}
    assert catalog.curated() == {A: 2, B: 3, C: 1}
    assert [begun.key for begun in catalog.shards(committed=False)] == [key]
    assert catalog.shards(committed=True) == []

    catalog.commit_shard(key, strips=5, size=1000, sha256="5e")
    assert states(catalog) == {A: SHARDED, B: SHARDED, C: CURATED}
    (done,) = catalog.shards(committed=True)
    assert (done.key, done.strips, done.bytes, done.sha256) == (key, 5, 1000, "5e")
    assert catalog.shards(committed=False) == []
    assert catalog.books().problems == []


def test_shards_are_numbered_on(catalog):
    add(catalog, 2)
    assert shard(catalog, A, 1).endswith("000001.parquet")
    assert shard(catalog, B, 1).endswith("000002.parquet")


@pytest.mark.parametrize("state", ["pending", "promised", "unknown"])
def test_a_shard_takes_only_curated_videos_that_are_free(catalog, state):
    add(catalog, 2)
    catalog.enter_clips(A, count_clips(1))
    other = {"pending": B, "promised": B, "unknown": C}[state]
    if state == "promised":
        catalog.enter_clips(B, count_clips(1))
        catalog.begin_shard([B])
    begun = catalog.shards(committed=False)
    with pytest.raises(ValueError, match=f"not free for it.*{other}"):
        catalog.begin_shard([A, other])
    assert catalog.shards(committed=False) == begun
    assert catalog.curated(shard_key="") == {A: 1}


def test_a_shard_is_committed_once(catalog):
    add(catalog, 1)
    key = shard(catalog, A, 1)
    for name in (key, "shards/never-begun.parquet"):
        with pytest.raises(ValueError, match="not a shard that was begun"):
            catalog.commit_shard(name, strips=9, size=9, sha256="")
    assert catalog.shards(committed=True)[0].strips == 1


def test_only_unfinished_shards_are_dropped(catalog):
    add(catalog, 1)
    key = shard(catalog, A, 1)
    begun = catalog.begin_shard([])
    catalog.drop_shard(begun)
    catalog.drop_shard(key)
    assert catalog.shards(committed=False) == []
    assert [done.key for done in catalog.shards(committed=True)] == [key]


# -- reading ---------------------------------------------------------------------------------


def test_records_come_in_the_order_of_their_ids(catalog):
    catalog.add(draw_record(number) for number in range(600))
    wanted = [draw_record(number).video_id for number in range(599, -1, -1)]
    assert ids(catalog.records([*wanted, "unknown"])) == wanted[::-1]


def test_videos_of_one_state(catalog):
    add(catalog, 3)
    catalog.lease(2)
    assert [row.record.video_id for row in catalog.videos(LEASED)] == [A, B]
    assert [row.record.video_id for row in catalog.videos()] == [A, B, C]


def test_position_counts_what_nobody_needs_to_look_at_again(catalog):
    assert catalog.position() == (0, 0, 0)
    add(catalog, 5)
    d, e = sorted(states(catalog))[3:]
    catalog.lease(4)
    shard(catalog, A, 2)
    catalog.enter_clips(B, count_clips(3, flat=4))
    catalog.settle(C, FAILED, "crash", "")
    assert catalog.position() == (3, 5, 5)  # `d` is leased and `e` is pending
    assert states(catalog)[d], states(catalog)[e] == (LEASED, PENDING)


def test_a_fact_is_what_was_stored_first(catalog):
    assert catalog.fact("config_hash", "aa") == "aa"
    assert catalog.fact("config_hash", "bb") == "aa"
    assert catalog.fact("empty", "") == ""
    assert catalog.fact("empty", "later") == ""


def test_books_are_of_one_moment(address, catalog, monkeypatch):
    add(catalog, 1)
    catalog.enter_clips(A, count_clips(3))
    key = catalog.begin_shard([A])
    count_clips_of = tinyvideo.storage.catalog.books._count_clips

    def commit_meanwhile(db: object) -> object:
        with closing(Catalog.open(address)) as other:
            other.commit_shard(key, strips=3, size=1, sha256="")
        return count_clips_of(db)

    monkeypatch.setattr(tinyvideo.storage.catalog.books, "_count_clips", commit_meanwhile)
    books = catalog.books()
    assert books.problems == []
    assert (books.videos.pending, books.clips.pending, books.shards) == (1, 3, 0)
    monkeypatch.undo()
    assert catalog.books().shards == 1


MOVES = ["add", "lease", "clips", "no clips", "fail", "reject", "give back", "reopen", "forget"]
MOVES += ["begin", "commit"]


@settings(max_examples=15, deadline=None, database=None)
@given(st.lists(st.sampled_from(MOVES), max_size=25))
def test_the_books_balance_whatever_happens(tmp_path_factory, moves):
    with closing(Catalog.open(tmp_path_factory.mktemp("any") / "catalog.db")) as catalog:
        for number, move in enumerate(["add", *moves]):
            make_move(catalog, move, number)
        books = catalog.books()
        assert books.problems == []
        assert sum(Counter(states(catalog).values()).values()) == books.videos.found


def make_move(catalog: Catalog, move: str, number: int) -> None:
    leased = [row.record.video_id for row in catalog.videos(LEASED)]
    simple = {
        "add": lambda: catalog.add([draw_record(2 * number), draw_record(2 * number + 1)]),
        "lease": lambda: catalog.lease(1),
        "give back": catalog.give_back,
        "reopen": catalog.reopen_failed,
        "forget": lambda: catalog.forget_clips(list(catalog.curated())[:1]),
        "begin": lambda: catalog.begin_shard(list(catalog.curated(shard_key=""))),
    }
    of_leased = {
        "clips": lambda video_id: catalog.enter_clips(video_id, count_clips(number + 1, flat=1)),
        "no clips": lambda video_id: catalog.enter_clips(video_id, count_clips(0, flat=number + 1)),
        "fail": lambda video_id: catalog.settle(video_id, FAILED, "crash", ""),
        "reject": lambda video_id: catalog.settle(video_id, REJECTED, "not_a_video", ""),
    }
    if move in simple:
        simple[move]()
    elif move == "commit":
        for begun in catalog.shards(committed=False):
            strips = sum(catalog.curated(shard_key=begun.key).values())
            catalog.commit_shard(begun.key, strips=strips, size=1, sha256="")
    elif leased:
        of_leased[move](leased[0])


# -- files -----------------------------------------------------------------------------------

NAMES = [
    "a b",
    "what?mode=memory",
    "50% #1",
    "ünï 😀",
    "quote'\"",
    "two\nlines",
    "caf\udce9",
    ":memory:",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_folder_name_holds_a_catalog(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    for new in (1, 0):
        with closing(Catalog.open(folder / "catalog.db")) as catalog:
            assert catalog.add([draw_record()]) == new
    assert (folder / "catalog.db").stat().st_size > 0


def test_processes_may_make_the_catalog_at_once(tmp_path):
    race(open_catalogs, [(tmp_path, 2)] * 3, watch=lambda: None)
    for path in tmp_path.glob("*.db"):
        with closing(Catalog.open(path)) as catalog:
            assert catalog.books().balanced


def test_a_text_file_is_no_catalog(tmp_path):
    path = tmp_path / "catalog.db"
    path.write_text("state,reason\n" * 100)
    check_refused(path, "file is not a database")
    assert path.read_text().startswith("state")


def test_a_torn_catalog_is_refused(tmp_path, in_file):
    in_file.add(draw_record(number) for number in range(200))
    in_file.close()
    path = tmp_path / "catalog.db"
    path.write_bytes(path.read_bytes()[:6000])
    check_refused(path, "malformed")


def test_the_database_of_another_program_is_left_alone(tmp_path):
    path = tmp_path / "catalog.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmarks (url)")
    check_refused(path, "of another program")
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]


def test_a_catalog_of_a_newer_version_is_refused(address, catalog):
    with transaction(catalog.engine, writes=True) as db:
        newer = CATALOG_VERSION + 1
        db.exec_driver_sql(f"UPDATE facts SET value = '{newer}' WHERE name = 'version'")
    cause = f"catalog version {newer}, this tinyvideo knows up to {CATALOG_VERSION}"
    check_refused(address, cause)


def test_a_folder_that_is_missing_and_one_in_its_place_are_refused(tmp_path):
    check_refused(tmp_path / "missing" / "catalog.db", "unable to open")
    (tmp_path / "catalog.db").mkdir()
    check_refused(tmp_path / "catalog.db", "unable to open")


def test_a_catalog_cannot_be_made_without_rights(
    nobody: tuple[Path, Callable[[], AbstractContextManager[None]]],
):
    folder, without_rights = nobody
    with without_rights():
        check_refused(folder / "catalog.db", "unable to open .*; mend its permissions")


def test_a_full_disk_is_told_and_loses_nothing(in_file):
    catalog = in_file
    catalog.add([draw_record(0)])
    records = [draw_record(number, title="x" * 1000) for number in range(1000)]
    with room_for(300_000), pytest.raises(StorageError, match=r"catalog\.db .*(full|I/O)"):
        catalog.add(records)
    books = catalog.books()
    assert books.problems == []
    assert catalog.add(records) == 1000 - books.videos.found


def check_refused(address: str | Path, cause: str) -> None:
    with pytest.raises(StorageError, match=cause) as caught:
        Catalog.open(address)
    assert name_of(address) in str(caught.value)
    assert "\n" not in str(caught.value)


# -- servers ---------------------------------------------------------------------------------


def test_processes_may_make_the_catalog_on_a_server_at_once(postgres):
    address = postgres.new_database()
    race(add_one, [(address, number) for number in range(3)], watch=lambda: None)
    with closing(Catalog.open(address)) as catalog:
        assert catalog.books().videos.found == 3


def test_ids_are_sorted_as_in_python_whatever_the_language_of_the_server(catalog):
    names = ["a", "B", "a_b", "aB", "Z", "a-b", "a.b", "A"]
    catalog.add(replace(draw_record(), video_id=name) for name in names)
    assert [row.record.video_id for row in catalog.videos()] == sorted(names)
    assert ids(catalog.records(names)) == sorted(names)


def test_a_run_holds_its_server_until_it_is_killed(postgres):
    address = postgres.new_database()
    with closing(Catalog.open(address)) as catalog, child(hold_catalog, address) as holder:
        with pytest.raises(StorageError, match=r"another run works with .*; wait for it"):
            catalog.alone().__enter__()
        assert catalog.add([draw_record()]) == 1  # others may work beside it
        holder.kill()
        holder.wait()
        await_freedom(catalog)


def await_freedom(catalog: Catalog) -> None:
    for _ in range(200):  # the server takes a moment to notice that the other is dead
        with contextlib.suppress(StorageError), catalog.alone():
            return
        time.sleep(0.05)
    pytest.fail("the dead process still holds the catalog")


def test_a_run_may_follow_another(catalog):
    for _ in range(2):
        with catalog.alone():
            assert catalog.add([draw_record()]) in {0, 1}


def test_a_writer_that_was_killed_in_the_middle_leaves_nothing(postgres):
    address = postgres.new_database()
    with closing(Catalog.open(address)) as catalog:
        with child(write_and_wait, address) as writer:
            writer.kill()
            writer.wait()
        assert catalog.add([draw_record()]) == 1
        assert catalog.books().problems == []


def test_the_database_of_another_program_on_a_server_is_left_alone(postgres):
    address = postgres.new_database()
    postgres.execute(address, "CREATE TABLE bookmarks (url text)")
    check_refused(address, "of another program")
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert postgres.execute(address, tables) == [("bookmarks",)]


def test_a_server_that_is_not_there_is_one_sentence_without_a_password():
    with pytest.raises(StorageError) as caught:
        Catalog.open("postgresql://me:s3cr3t@127.0.0.1:1/films")
    text = str(caught.value)
    assert text.startswith("postgresql://127.0.0.1:1/films is not a usable catalog: ")
    assert "Connection refused" in text
    assert "s3cr3t" not in text
    assert "\n" not in text


def test_a_database_that_is_missing_is_named(postgres):
    check_refused(postgres.address.replace("/postgres?", "/nowhere?"), '"nowhere" does not exist')


def test_a_user_without_rights_is_refused(postgres):
    address = postgres.new_database()
    Catalog.open(address).close()
    postgres.execute(address, "DROP ROLE IF EXISTS reader")
    postgres.execute(address, "CREATE ROLE reader LOGIN")
    with closing(Catalog.open(address)) as catalog:
        catalog.add([draw_record()])
    check_refused(address.replace("postgres:@", "reader:@"), "permission denied")


@pytest.mark.parametrize("address", ["mysql://me:s3cr3t@host/x", "postgresql://me:s3cr3t@host:x/"])
def test_an_address_that_cannot_be_used_does_not_show_its_password(address):
    with pytest.raises(StorageError, match="postgresql://USER:PASSWORD@HOST/DATABASE") as caught:
        Catalog.open(address)
    assert "s3cr3t" not in str(caught.value)
    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))


def test_a_catalog_is_not_made_where_it_is_only_asked_for(address):
    with pytest.raises(StorageError, match=r"there is no catalog in .*; make one with"):
        Catalog.open(address, make=False)
    Catalog.open(address).close()
    Catalog.open(address, make=False).close()


def test_a_sqlite_url_is_a_path(tmp_path):
    Catalog.open(f"sqlite:///{tmp_path}/catalog.db").close()
    assert (tmp_path / "catalog.db").exists()


def test_a_catalog_that_cannot_be_written_can_be_read(nobody):
    folder, without_rights = nobody
    with closing(Catalog.open(folder / "catalog.db")) as catalog:
        catalog.add([draw_record()])
    folder.chmod(0o555)
    with without_rights(), closing(Catalog.open(folder / "catalog.db", make=False)) as catalog:
        assert catalog.books().videos.found == 1
        with pytest.raises(StorageError, match="readonly database; mend its permissions"):
            catalog.add([draw_record(1)])
    assert [path.name for path in folder.iterdir()] == ["catalog.db"]


@pytest.mark.parametrize("name", ["\udc80", "a\0b"])
def test_what_no_database_takes_is_stored_and_looked_for_in_the_same_words(catalog, name):
    record = VideoRecord(video_id="url-1", source="url", uri="https://e.org/a", owner=name)
    enter_block(catalog.engine, TakedownKind.OWNER, name, why=name)
    catalog.add([record])
    (row,) = catalog.videos()
    assert (row.state, row.reason) == (VideoState.REJECTED, "blocked")
    assert lift_block(catalog.engine, TakedownKind.OWNER, name) == 1
    assert enter_block(catalog.engine, TakedownKind.VIDEO, name, why="") == 0
    count_call(catalog.engine, name)
