"""A shard is repaired to the bytes that it had, out of what is left and what is curated again."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drawn.dataset_rows import ALL_FOR_TRAINING
from tests.drawn.old_shards import write_old_shard
from tests.drawn.strip_rows import curate_drawn, draw_record, draw_strip, write_strips
from tests.storage.test_takedown import Death, Killed, opened
from tinyvideo.storage.batches.commit_shard import pack
from tinyvideo.storage.catalog.block_list import TakedownKind
from tinyvideo.storage.datasets.dataset_draft import build_dataset
from tinyvideo.storage.datasets.dataset_survey import find_problems
from tinyvideo.storage.datasets.manifest import list_revisions, read_manifest
from tinyvideo.storage.objects.folder import sha256_of
from tinyvideo.storage.outputs.output_address import Output
from tinyvideo.storage.repair.restore import RepairPlan, give_up, plan_repair, restore_shard
from tinyvideo.storage.repair.rewrite import finish_rewrites
from tinyvideo.storage.repair.verify import ShardState, check_shard
from tinyvideo.storage.shards.schema import row_of
from tinyvideo.storage.shards.shard_reader import ShardFile, iterate_rows, open_shard
from tinyvideo.storage.shards.shard_writer import ShardWriter
from tinyvideo.storage.storage_errors import StorageError
from tinyvideo.storage.takedown import take_down

KEY = "shards/shard-000001.parquet"
# 60 strips of ada lie in row group 0; 30 of bob in 0 and 1; 40 of cyd in 1 and 2; eve has 5 in 2.
STRIPS = {"ada": 60, "bob": 30, "cyd": 40, "eve": 5}
RECORDS = {owner: draw_record(n, owner=owner) for n, owner in enumerate(STRIPS)}
IDS = {owner: record.video_id for owner, record in RECORDS.items()}


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Output]:
    with opened(tmp_path) as output:
        for owner, strips in STRIPS.items():
            curate_drawn(output.catalog, output.work, RECORDS[owner], strips=strips, dropped=1)
        assert pack(output.catalog, output.work) == KEY
        build_dataset(output.store, "d", [KEY], ALL_FOR_TRAINING)
        yield output


def damage(out: Output, *groups: int) -> None:
    """Flip a bit in a picture of each of these row groups."""
    path = out.work.path(KEY)
    content = bytearray(path.read_bytes())
    with open_shard(path) as file:
        for group in groups:
            layout = file.metadata.row_group(group)
            columns = [layout.column(number) for number in range(layout.num_columns)]
            (at,) = [c.data_page_offset for c in columns if c.path_in_schema == "jpeg.bytes"]
            content[at + 999] ^= 1
    path.write_bytes(content)


def plan(out: Output) -> RepairPlan:
    (shard,) = out.catalog.shards(committed=True)
    return plan_repair(out, shard, check_shard(out.store, shard))


def parts_of(plan: RepairPlan, folder: Path) -> dict[str, Path]:
    """Curate the lost videos again."""
    return {
        record.video_id: write_strips(
            folder / "again" / f"{record.video_id}.parquet",
            record,
            [draw_strip(index) for index in range(plan.strips[record.video_id])],
        )
        for record in plan.lost
    }


def owners(video_ids: object) -> set[str]:
    return {owner for owner, video_id in IDS.items() if video_id in video_ids}


def check_all_is_well(out: Output) -> None:
    assert out.catalog.books().problems == []
    for shard in out.catalog.shards(committed=True):
        assert check_shard(out.store, shard).problems == ()
    assert list(out.store.list("shards")) == [s.key for s in out.catalog.shards(committed=True)]
    manifest = read_manifest(out.store, "d")
    assert find_problems(out.store, manifest, full=True) == []
    assert list(out.work.list("tmp")) == []


@pytest.mark.parametrize(
    ("groups", "lost"),
    [
        ([0], {"ada", "bob"}),
        ([1], {"bob", "cyd"}),
        ([2], {"cyd", "eve"}),
        ([0, 2], {"ada", "bob", "cyd", "eve"}),
    ],
)
def test_only_videos_with_a_broken_strip_are_lost_and_the_bytes_come_back(
    out, tmp_path, groups, lost
):
    before, manifest = sha256_of(out.work.path(KEY)), read_manifest(out.store, "d")
    damage(out, *groups)
    found = plan(out)
    assert owners({record.video_id for record in found.lost}) == lost
    assert owners(found.kept) == set(STRIPS) - lost
    assert found.made_by == (("0.1.0", "c0ffee"),)
    assert restore_shard(out, found, parts_of(found, tmp_path)) == KEY
    assert sha256_of(out.work.path(KEY)) == before
    assert read_manifest(out.store, "d") == manifest
    check_all_is_well(out)


@pytest.mark.parametrize("how", ["gone", "truncated", "footer"])
def test_a_shard_of_which_nothing_can_be_read_comes_back_too(out, tmp_path, how):
    path = out.work.path(KEY)
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(content[:5000])
    else:
        path.write_bytes(content[:-5] + b"\xff" + content[-4:])
    found = plan(out)
    assert owners({record.video_id for record in found.lost}) == set(STRIPS)
    assert (found.kept, found.made_by) == (frozenset(), ())
    restore_shard(out, found, parts_of(found, tmp_path))
    assert path.read_bytes() == content
    check_all_is_well(out)


def test_a_footer_whose_row_groups_are_whole_needs_no_source(out):
    path = out.work.path(KEY)
    content = path.read_bytes()
    name = content.rindex(b"0.1.0")  # in what the footer says of its makers
    path.write_bytes(content[:name] + b"9" + content[name + 1 :])
    found = plan(out)
    assert found.check.problems
    assert owners(found.kept) == set(STRIPS)
    restore_shard(out, found, {})
    assert path.read_bytes() == content


def test_rows_of_a_strange_file_are_not_kept(out, tmp_path):
    # The same videos with as many strips, but not the same: nobody knows who made them.
    with ShardWriter(out.work.path(KEY)) as writer:
        for owner, strips in STRIPS.items():
            for index in range(strips):
                writer.add(row_of(RECORDS[owner], draw_strip(index + 1), "0.1.0", "c0ffee"))
    found = plan(out)
    assert found.kept == frozenset()
    assert len(found.lost) == 4
    restore_shard(out, found, parts_of(found, tmp_path))
    check_all_is_well(out)


def test_an_old_shard_comes_back_under_a_new_key_and_datasets_follow(out, tmp_path):
    path, rows = out.work.path(KEY), list(iterate_rows(out.work.path(KEY)))
    write_old_shard(path, rows)
    size, sha256 = path.stat().st_size, sha256_of(path)
    with out.catalog.engine.begin() as db:
        db.exec_driver_sql(f"UPDATE shards SET bytes = {size}, sha256 = '{sha256}'")
    build_dataset(out.store, "d", [KEY], ALL_FOR_TRAINING)
    before = read_manifest(out.store, "d")
    path.unlink()
    found = plan(out)
    key = restore_shard(out, found, parts_of(found, tmp_path))
    assert key == "shards/shard-000001-2.parquet"
    after = read_manifest(out.store, "d")
    assert (after.shards, after.counts) == ((key,), before.counts)
    assert after.pieces_sha256 == before.pieces_sha256  # the rows are where they were
    assert list(iterate_rows(ShardFile(out.store, key))) == rows
    assert list_revisions(out.store, "d") == [after.revision]
    check_all_is_well(out)


def test_a_video_that_gives_other_strips_now_is_told_and_nothing_changes(out, tmp_path):
    damage(out, 1)
    broken = out.work.path(KEY).read_bytes()
    found = plan(out)
    parts = parts_of(found, tmp_path)
    write_strips(parts[IDS["bob"]], RECORDS["bob"], [draw_strip(0)])
    told = "1.mp4 does not give the 30 strips that it gave before .*its source, or the program"
    with pytest.raises(StorageError, match=told):
        restore_shard(out, found, parts)
    assert out.work.path(KEY).read_bytes() == broken
    assert out.catalog.books().problems == []
    assert list(out.store.list("shards")) == [KEY]


@pytest.mark.parametrize("old", [False, True], ids=["the same bytes", "a new key"])
def test_killed_at_any_change_the_next_call_repairs_it(out, tmp_path, old):
    path = out.work.path(KEY)
    if old:
        write_old_shard(path, list(iterate_rows(path)))
        size, sha256 = path.stat().st_size, sha256_of(path)
        with out.catalog.engine.begin() as db:
            db.exec_driver_sql(f"UPDATE shards SET bytes = {size}, sha256 = '{sha256}'")
        build_dataset(out.store, "d", [KEY], ALL_FOR_TRAINING)
    path.unlink()
    again = parts_of(plan(out), tmp_path)
    out.catalog.close()
    untouched = tmp_path.parent / f"{tmp_path.name}-untouched"
    shutil.copytree(tmp_path, untouched)
    died = 0
    for call in range(1, 99):
        shutil.rmtree(tmp_path)
        shutil.copytree(untouched, tmp_path)
        with pytest.MonkeyPatch.context() as patch:
            death = Death(patch, call)
            try:
                restore_shard(out, plan(out), again)
            except Killed:
                died += 1
        if death.left > 0:
            break
        finish_rewrites(out)
        (shard,) = out.catalog.shards(committed=True)
        if check_shard(out.store, shard).state is not ShardState.WHOLE:
            restore_shard(out, plan(out), again)
        check_all_is_well(out)
        out.catalog.close()  # its file is another one in the next round
    assert died >= (8 if old else 1)


def test_what_was_taken_down_meanwhile_is_not_put_back(out, tmp_path):
    damage(out, 1)
    with pytest.raises(StorageError, match="bob is blocked, but not yet out of"):
        take_down(out, TakedownKind.OWNER, "bob", {})
    found = plan(out)
    assert owners(found.blocked) == {"bob"}
    assert owners({record.video_id for record in found.lost}) == {"cyd"}
    key = restore_shard(out, found, parts_of(found, tmp_path))
    assert key == "shards/shard-000001-2.parquet"
    rows = list(iterate_rows(ShardFile(out.store, key), ["owner"]))
    assert {row["owner"] for row in rows} == {"ada", "cyd", "eve"}
    check_all_is_well(out)
    done = take_down(out, TakedownKind.OWNER, "bob", {})
    assert (done.videos, done.datasets, len(done.manifests)) == ((IDS["bob"],), ("d",), 1)
    check_all_is_well(out)


def test_a_lost_shard_with_strips_that_were_taken_down_can_only_be_given_up(out, tmp_path):
    out.work.path(KEY).unlink()
    with pytest.raises(StorageError, match="ada is blocked"):
        take_down(out, TakedownKind.OWNER, "ada", {})
    found = plan(out)
    with pytest.raises(StorageError, match=r"give it up with --give-up"):
        restore_shard(out, found, parts_of(found, tmp_path))
    give_up(out, found)
    check_all_is_well(out)
    states = {v.record.video_id: (v.state.value, v.reason) for v in out.catalog.videos()}
    pending = ("pending", "")
    assert [states[IDS[owner]] for owner in STRIPS] == [
        ("rejected", "taken_down"),
        *[pending] * 3,
    ]
    assert read_manifest(out.store, "d").counts["train"] == 0
    assert take_down(out, TakedownKind.OWNER, "ada", {}).finished_at


def test_a_shard_that_is_given_up_leaves_the_others_in_the_datasets(out):
    curate_drawn(out.catalog, out.work, draw_record(9, owner="fay"), strips=7)
    second = pack(out.catalog, out.work)
    build_dataset(out.store, "d", [KEY, second], ALL_FOR_TRAINING)
    out.work.path(KEY).unlink()
    first, _ = out.catalog.shards(committed=True)
    check = check_shard(out.store, first)
    assert check.state is ShardState.GONE
    give_up(out, plan_repair(out, first, check))
    manifest = read_manifest(out.store, "d")
    assert (manifest.shards, manifest.counts["train"]) == ((second,), 7)
    assert manifest.owners["train"] == 1
    check_all_is_well(out)
    assert len(out.catalog.lease(9)) == 4
