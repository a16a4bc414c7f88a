"""After a takedown no dataset knows of what is gone, and all else is as it was."""

from pathlib import Path

import pytest

from tests.drawn.dataset_rows import ALL_FOR_TRAINING, HALVES, chosen, write_rows, write_shard
from tinyvideo.storage.datasets.dataset_draft import build_dataset
from tinyvideo.storage.datasets.dataset_survey import find_problems
from tinyvideo.storage.datasets.manifest import list_revisions, read_manifest
from tinyvideo.storage.datasets.revise import ShardChange, manifests_holding, replace_shards
from tinyvideo.storage.datasets.row_selection import SPLITS
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.objects.stores import open_store
from tinyvideo.storage.shards.shard_reader import iterate_rows

OLD, NEW, OTHER = "shards/a.parquet", "shards/a-2.parquet", "shards/b.parquet"
VIDEOS = [("ada", 40), ("bob", 50), ("cyd", 60), ("dan", 9)]


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    write_shard(tmp_path, OLD, VIDEOS)
    write_shard(tmp_path, OTHER, [("bob", 3), ("eve", 70)])
    return FolderStore(tmp_path)


def without(store: FolderStore, *owners: str) -> ShardChange:
    """Write the old shard anew without some owners."""
    rows = [row for row in iterate_rows(store.path(OLD)) if row["owner"] not in owners]
    if not rows:
        return ShardChange(old=OLD)
    write_rows(store.root, NEW, rows)
    return ShardChange(old=OLD, new=NEW, new_sha256=store.sha256(NEW))


def ids_by_split(store, manifest):
    return {split: chosen(store, manifest, split, "strip_id") for split in SPLITS}


@pytest.mark.parametrize("config", [ALL_FOR_TRAINING, HALVES], ids=["one split", "three"])
def test_what_is_gone_is_in_no_revision_and_the_rest_stays_where_it_was(store, config):
    before = build_dataset(store, "d", [OLD, OTHER], config)
    ids = ids_by_split(store, before)
    after = replace_shards(store, "d", [without(store, "bob")])
    store.delete(OLD)
    assert after == read_manifest(store, "d")
    assert after.revision == 2
    assert list_revisions(store, "d") == [2]
    assert not store.exists(before.pieces_key)
    assert ids_by_split(store, after) == {
        split: [i for i in ids[split] if not i.startswith("a-1-")] for split in SPLITS
    }
    assert sum(after.owners.values()) == 5  # bob has strips in the other shard still
    assert find_problems(store, after, full=True) == []


def test_a_shard_of_which_nothing_is_left_is_named_no_more(store):
    build_dataset(store, "d", [OLD, OTHER], ALL_FOR_TRAINING)
    after = replace_shards(store, "d", [without(store, "ada", "bob", "cyd", "dan")])
    store.delete(OLD)
    assert after.shards == (OTHER,)
    assert after.owners["train"] == 2
    assert find_problems(store, after, full=True) == []


def test_a_dataset_of_which_nothing_is_left_is_empty_and_goes_on(store):
    build_dataset(store, "d", [OLD], ALL_FOR_TRAINING)
    after = replace_shards(store, "d", [without(store, "ada", "bob", "cyd", "dan")])
    assert (after.shards, after.counts) == ((), dict.fromkeys(SPLITS, 0))
    assert build_dataset(store, "d", [OTHER], ALL_FOR_TRAINING).revision == 3


def test_older_revisions_that_name_the_shard_go_and_others_stay(store):
    build_dataset(store, "d", [OTHER], ALL_FOR_TRAINING)
    build_dataset(store, "d", [OLD], ALL_FOR_TRAINING)
    newest = build_dataset(store, "d", [OTHER], HALVES)
    assert replace_shards(store, "d", [without(store, "bob")]) is None
    assert list_revisions(store, "d") == [1, 3]
    assert read_manifest(store, "d") == newest


def test_a_dataset_that_names_no_such_shard_is_left_alone(store):
    build_dataset(store, "d", [OTHER], ALL_FOR_TRAINING)
    files = list(store.list("datasets"))
    assert replace_shards(store, "d", [without(store, "bob")]) is None
    assert list(store.list("datasets")) == files


class Killed(BaseException):
    pass


@pytest.mark.parametrize("call", range(1, 9))
def test_run_again_it_finishes_wherever_it_died(store, monkeypatch, call):
    build_dataset(store, "d", [OLD], HALVES)
    build_dataset(store, "d", [OLD, OTHER], HALVES)
    change = without(store, "bob")
    calls = 0

    def dying(method):
        def dies(self, *args):
            nonlocal calls
            calls += 1
            if calls == call:
                raise Killed
            return method(self, *args)

        return dies

    with monkeypatch.context() as patch:
        for name in ("put_if_absent", "delete"):
            patch.setattr(FolderStore, name, dying(getattr(FolderStore, name)))
        try:
            replace_shards(store, "d", [change])
        except Killed:
            assert call <= 6
        read_manifest(store, "d")  # there is one at any time
    replace_shards(store, "d", [change])
    store.delete(OLD)
    after = read_manifest(store, "d")
    assert list_revisions(store, "d") == [after.revision]
    assert find_problems(store, after, full=True) == []
    assert sum(after.counts.values()) == 40 + 60 + 9 + 73
    assert len(list(store.list("datasets"))) == 2


def test_the_revisions_that_hold_a_strip_are_found(store):
    build_dataset(store, "d", [OLD, OTHER], ALL_FOR_TRAINING)
    build_dataset(store, "d", [OTHER], ALL_FOR_TRAINING)
    build_dataset(store, "e", [OTHER], ALL_FOR_TRAINING)
    capped = ALL_FOR_TRAINING.__class__(validation=0, test=0, max_per_owner=1)
    few = build_dataset(store, "few", [OLD], capped)
    (ada,) = (i for i in chosen(store, few, "train", "strip_id") if i.startswith("a-0-"))
    taken, left = int(ada[-5:]), (int(ada[-5:]) + 1) % 40

    def holding(mask):
        return [(m.name, m.revision) for m in manifests_holding(store, {OLD: {0: mask}})]

    assert holding(1 << left) == [("d", 1)]
    assert holding(1 << taken | 1 << left) == [("d", 1), ("few", 1)]
    assert holding(0) == []


def test_on_s3_a_dataset_is_built_revised_and_verified(store, s3_address):
    remote = open_store(s3_address)
    for key in (OLD, OTHER):
        remote.put_if_absent(key, store.path(key))
    first = build_dataset(remote, "d", [OLD, OTHER], HALVES)
    assert build_dataset(remote, "d", [OLD, OTHER], HALVES) == first
    local = build_dataset(store, "d", [OLD, OTHER], HALVES)
    assert ids_by_split(remote, first) == ids_by_split(store, local)
    assert first == local  # where it lies is no part of it
    change = without(store, "bob")
    remote.put_if_absent(NEW, store.path(NEW))
    after = replace_shards(remote, "d", [change])
    remote.delete(OLD)
    assert list_revisions(remote, "d") == [after.revision] == [2]
    assert find_problems(remote, after, full=True) == []
    remote.delete(NEW)
    (told,) = find_problems(remote, after)
    assert told.startswith(f"{s3_address}/{NEW} is gone")
