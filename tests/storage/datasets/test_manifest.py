"""Revisions of a dataset appear whole, never change, and are refused once somebody changed them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.drawn.dataset_rows import ALL_FOR_TRAINING, HALVES, chosen, write_shard
from tinyvideo.storage.datasets.dataset_draft import build_dataset
from tinyvideo.storage.datasets.manifest import (
    Manifest,
    check_kinds,
    list_datasets,
    list_revisions,
    put_bytes,
    read_manifest,
    read_selection,
    write_manifest,
)
from tinyvideo.storage.datasets.row_selection import SPLITS, RowSelection
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.storage_errors import StorageError

NAME = "beach-1.0_x"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


@pytest.fixture
def manifest(store: FolderStore) -> Manifest:
    key = write_shard(store.root, "a.parquet", [("ada", 3), ("bob", 2), ("", 70)])
    return build_dataset(store, NAME, [key], HALVES)


def path_of(store: FolderStore, revision: int) -> Path:
    return store.path(f"datasets/{NAME}/{revision:06d}.json")


def test_a_manifest_comes_back_as_it_was(store, manifest):
    assert read_manifest(store, NAME) == manifest
    assert (manifest.version, manifest.revision) == (2, 1)
    assert manifest.query["validation"] == 0.25
    assert manifest.query["licenses"] == []
    assert list_datasets(store) == [NAME]


def test_the_same_choice_again_is_no_new_revision(store, manifest):
    again = build_dataset(store, NAME, ["a.parquet"], HALVES)
    assert again == manifest
    assert list_revisions(store, NAME) == [1]


def test_another_choice_is_a_new_revision_and_the_old_one_stays(store, manifest):
    new = build_dataset(store, NAME, ["a.parquet"], ALL_FOR_TRAINING)
    assert new.revision == 2
    assert new.manifest_id != manifest.manifest_id
    assert read_manifest(store, NAME) == new
    assert read_manifest(store, NAME, revision=1) == manifest
    assert chosen(store, manifest, "train", "strip_id")
    with pytest.raises(StorageError, match=f"'{NAME}'.*has no revision 3; it has 1, 2"):
        read_manifest(store, NAME, revision=3)


def test_hashes_that_the_catalog_holds_are_believed(store, manifest):
    known = build_dataset(store, "known", {"a.parquet": "c0ffee"}, HALVES)
    assert known.shard_sha256 == ("c0ffee",)
    assert manifest.shard_sha256 == (store.sha256("a.parquet"),)


def test_a_builder_that_was_overtaken_takes_the_next_number(store, manifest, monkeypatch):
    rival = replace(manifest, code_version="rival")
    pieces = {split: read_selection(store, manifest, split) for split in SPLITS}
    put = FolderStore.put_if_absent

    def overtaken(self: FolderStore, key: str, source: Path) -> bool:
        if key.endswith("000002.json"):
            monkeypatch.setattr(FolderStore, "put_if_absent", put)
            assert write_manifest(store, rival, pieces).revision == 2
        return put(self, key, source)

    monkeypatch.setattr(FolderStore, "put_if_absent", overtaken)
    new = build_dataset(store, NAME, ["a.parquet"], ALL_FOR_TRAINING)
    assert new.revision == 3
    assert read_manifest(store, NAME, revision=2).code_version == "rival"
    for revision in (1, 2, 3):
        assert len(read_selection(store, read_manifest(store, NAME, revision), "train"))


def test_what_a_killed_builder_left_is_swept_and_nothing_else(store, manifest):
    left, later = (
        f"datasets/{NAME}/{number}-{'a' * 12}.parquet" for number in ("000001", "000009")
    )
    foreign = f"datasets/{NAME}/notes.txt"
    for key in (left, later, foreign):
        assert put_bytes(store, key, b"x")
    assert read_manifest(store, NAME) == manifest  # none of it is ever seen
    new = build_dataset(store, NAME, ["a.parquet"], ALL_FOR_TRAINING)
    assert new.revision == 2
    files = set(store.list(f"datasets/{NAME}"))
    assert left not in files
    assert {later, foreign, manifest.pieces_key, new.pieces_key} <= files


def change_shard(document: dict) -> object:
    document["shards"][0] = "b.parquet"
    return document


def change_count(document: dict) -> object:
    document["counts"]["train"] += 1
    return document


CHANGED: dict[str, tuple[Callable[[dict], object], str]] = {
    "shards": (change_shard, "was changed after it was written; build the dataset again"),
    "counts": (change_count, "was changed after it was written"),
    "id": (lambda d: {**d, "manifest_id": "0" * 64}, "was changed after it was written"),
    "newer": (lambda d: {**d, "version": 3}, "manifest version 3.*up to 2"),
    "no id": (lambda d: {"version": 1}, "not a readable dataset manifest"),
    "a list": (lambda d: [1, 2], "not a readable dataset manifest"),
    "nothing": (lambda d: None, "not a readable dataset manifest"),
    "a text": (lambda d: "version", "not a readable dataset manifest"),
}


@pytest.mark.parametrize(("change", "sentence"), CHANGED.values(), ids=CHANGED)
def test_a_manifest_that_was_changed_is_refused(store, manifest, change, sentence):
    path = path_of(store, 1)
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(StorageError, match=sentence) as caught:
        read_manifest(store, NAME)
    assert str(path) in str(caught.value)


def test_a_manifest_that_is_torn_is_refused(store, manifest):
    path = path_of(store, 1)
    path.write_text(path.read_text()[:-20])
    with pytest.raises(StorageError, match="not a readable dataset manifest"):
        read_manifest(store, NAME)


def test_pieces_that_were_changed_or_are_gone_are_refused(store, manifest):
    path = store.path(manifest.pieces_key)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(StorageError, match=f"{path} was changed after it was written"):
        read_selection(store, manifest, "train")
    path.unlink()
    with pytest.raises(StorageError, match=str(path)):
        read_selection(store, manifest, "train")


def test_pieces_of_the_wrong_kind_are_refused(store, manifest):
    key = f"datasets/{NAME}/000002-{'b' * 12}.parquet"
    content = b"no Parquet"
    put_bytes(store, key, content)
    wrong = replace(manifest, pieces_key=key, pieces_sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(StorageError, match=r"is not a list of pieces"):
        read_selection(store, wrong, "train")


def test_pieces_of_many_row_groups_come_back_as_they_were(store, manifest):
    # As many as 35 million strips have.
    count = 547_000
    numbers = np.arange(count)
    pieces = RowSelection(
        shard=(numbers // 62).astype(np.int32),
        row_group=(numbers % 62).astype(np.int32),
        rows=np.full(count, 2**64 - 1, np.uint64),
        count=np.full(count, 64, np.uint8),
    )
    nobody = RowSelection(
        **{f: getattr(pieces, f)[:0] for f in ("shard", "row_group", "rows", "count")}
    )
    shards = tuple(f"shards/shard-{n:06d}.parquet" for n in range(count // 62 + 1))
    draft = replace(manifest, name="large", shards=shards, shard_sha256=("0" * 64,) * len(shards))
    made = write_manifest(store, draft, {"train": pieces, "validation": nobody, "test": nobody})
    assert made.counts == {"train": 35_008_000, "validation": 0, "test": 0}
    found = read_selection(store, read_manifest(store, "large"), "train")
    for field in ("shard", "row_group", "rows", "count"):
        want, got = getattr(pieces, field), getattr(found, field)
        assert want.dtype == got.dtype
        assert np.array_equal(want, got)
    assert len(read_selection(store, made, "test")) == 0


def test_a_dataset_that_was_never_built_is_told(store):
    with pytest.raises(StorageError, match=f"there is no dataset 'beach' in {store.root}"):
        read_manifest(store, "beach")


def test_a_dataset_of_an_older_tinyvideo_is_told(store):
    store.replace("datasets/beach.json", b"{}")
    with pytest.raises(StorageError, match=r"beach\.json is of an older tinyvideo; build it again"):
        read_manifest(store, "beach")
    assert list_datasets(store) == []


@pytest.mark.parametrize("name", ["", ".", "../../etc/passwd", "a/b", ".hidden", "a b", "é", "x\n"])
def test_a_name_never_leaves_the_folder(store, name):
    key = write_shard(store.root, "a.parquet", [("ada", 1)])
    before = sorted(store.root.rglob("*"))
    with pytest.raises(StorageError, match="a dataset cannot be named"):
        build_dataset(store, name, [key], ALL_FOR_TRAINING)
    with pytest.raises(StorageError, match="a dataset cannot be named"):
        read_manifest(store, name)
    assert sorted(store.root.rglob("*")) == before


@pytest.mark.parametrize(
    "wrong",
    [{"shards": [1]}, {"shards": "a"}, {"counts": {"train": "x"}}, {"counts": []},
     {"revision": "1"}, {"name": None}, {"query": 7}, {"pieces_key": 5}],
    ids=str,
)  # fmt: skip
def test_a_manifest_of_others_with_a_hash_of_its_own_is_held_to_its_kinds(wrong):
    right = {"shards": [], "shard_sha256": [], "query": {}, "counts": {}, "owners": {}}
    right |= {"scene_models": {}, "name": "d", "version": 2, "revision": 1, "manifest_id": ""}
    right |= {"code_version": "1", "pieces_key": "k", "pieces_sha256": "h"}
    check_kinds(right)
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is "):
        check_kinds({**right, **wrong})
