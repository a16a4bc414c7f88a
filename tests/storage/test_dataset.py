"""A dataset is a choice of rows: no owner on two sides, and nothing changed behind its back."""

import json
from collections import Counter
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.types import Strip
from storage.dataset import (
    SPLITS,
    DatasetConfig,
    Manifest,
    Piece,
    build_dataset,
    read_manifest,
    split_of,
)
from storage.objects import FolderStore, StorageError
from storage.schema import row_of
from storage.shard import ShardWriter, iterate_rows, read_rows
from tests.drawn_strips import draw_record, draw_scenes, draw_strip

ALL_FOR_TRAINING = DatasetConfig(validation=0, test=0)
HALVES = DatasetConfig(validation=0.25, test=0.25)


def write_shard(root: Path, name: str, videos: list[tuple[str, int]]) -> str:
    """Write a shard with one video of some strips per (owner, strips); return its key."""
    path = root / name
    path.parent.mkdir(exist_ok=True)
    with ShardWriter(path) as writer:
        for number, (owner, strips) in enumerate(videos):
            record = draw_record(number, video_id=f"{path.stem}-{number}", owner=owner)
            for index in range(strips):
                writer.add(row_of(record, draw_strip(index), "0.1.0", "c0ffee"))
    return name


def write_tagged(root: Path, strips: list[Strip]) -> str:
    with ShardWriter(root / "tagged.parquet") as writer:
        for strip in strips:
            writer.add(row_of(draw_record(), strip, "0.1.0", "c0ffee"))
    return "tagged.parquet"


def chosen(root: Path, manifest: Manifest, split: str, column: str) -> list[str]:
    """Read a column of the rows of a split, as the training loader does."""
    return [
        row[column]
        for piece in manifest.pieces[split]
        for row in read_rows(root / piece.shard, piece.row_group, piece.rows, [column])
    ]


# -- splits ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "validation", "split"),
    [(0.73, 0, "test"), (0.72, 0.01, "validation"), (0.7, 0.02, "train"), (0, 0.73, "validation")],
)
def test_the_split_is_a_hash_of_the_owner(test, validation, split):
    # sha256("abc") begins with ba7816bf (FIPS 180-2): 0.7284 of the way from 0 to 1.
    assert split_of("abc", DatasetConfig(test=test, validation=validation)) == split


def test_shares_of_owners_are_about_what_was_asked_for():
    counts = Counter(split_of(f"flickr:{n}", HALVES) for n in range(4000))
    for split, share in (("train", 0.5), ("validation", 0.25), ("test", 0.25)):
        assert abs(counts[split] - 4000 * share) < 4 * (4000 * share * (1 - share)) ** 0.5


OWNERS = st.lists(
    st.tuples(st.text(st.characters(codec="utf-8"), max_size=4), st.integers(1, 3)),
    min_size=1,
    max_size=12,
)
SHARES = st.tuples(st.floats(0, 0.5), st.floats(0, 0.4))


@settings(max_examples=20, deadline=None, database=None)
@given(OWNERS, OWNERS, SHARES)
def test_no_owner_is_in_two_splits_and_every_strip_in_one(tmp_path_factory, videos, more, shares):
    root = tmp_path_factory.mktemp("any")
    config = DatasetConfig(validation=shares[0], test=shares[1])
    keys = [write_shard(root, "a.parquet", videos), write_shard(root, "b.parquet", more)]
    first = build_dataset(FolderStore(root), "first", keys[:1], config)
    both = build_dataset(FolderStore(root), "both", keys, config)

    owners = {split: set(chosen(root, both, split, "owner")) - {""} for split in SPLITS}
    assert sum(map(len, owners.values())) == len(set.union(*owners.values()))
    videos_of = {split: set(chosen(root, both, split, "video_id")) for split in SPLITS}
    assert sum(map(len, videos_of.values())) == len(videos) + len(more)

    strips = [chosen(root, both, split, "strip_id") for split in SPLITS]
    everything = [row["strip_id"] for key in keys for row in iterate_rows(root / key)]
    assert sorted(chain.from_iterable(strips)) == sorted(everything)
    assert both.counts == dict(zip(SPLITS, map(len, strips), strict=True))
    for split in SPLITS:  # what was there before stays where it was
        assert both.pieces[split][: len(first.pieces[split])] == first.pieces[split]


def test_an_owner_keeps_the_split_over_videos_shards_and_row_groups(tmp_path):
    keys = [
        write_shard(tmp_path, "a.parquet", [("ada", 70), ("bob", 3)]),
        write_shard(tmp_path, "b.parquet", [("bob", 2), ("ada", 2)]),
    ]
    manifest = build_dataset(FolderStore(tmp_path), "d", keys, HALVES)
    for split in SPLITS:
        owners = Counter(chosen(tmp_path, manifest, split, "owner"))
        assert set(owners.items()) <= {("ada", 72), ("bob", 5)}


def test_where_no_owner_is_known_videos_are_split(tmp_path):
    key = write_shard(tmp_path, "a.parquet", [("", 2) for _ in range(40)])
    manifest = build_dataset(FolderStore(tmp_path), "d", [key], HALVES)
    videos = {split: set(chosen(tmp_path, manifest, split, "video_id")) for split in SPLITS}
    assert all(videos.values())
    assert sum(map(len, videos.values())) == 40


def test_owners_of_one_name_in_two_sources_are_two(tmp_path):
    with ShardWriter(tmp_path / "a.parquet") as writer:
        for number in range(40):
            record = draw_record(number, owner="ada", source=f"source {number}")
            writer.add(row_of(record, draw_strip(), "0.1.0", "c0ffee"))
    manifest = build_dataset(FolderStore(tmp_path), "d", ["a.parquet"], HALVES)
    assert all(manifest.counts.values())


# -- choice ----------------------------------------------------------------------------------


def test_rows_are_named_by_shard_and_row_group(tmp_path):
    keys = [write_shard(tmp_path, name, [("ada", 66)]) for name in ("a.parquet", "b.parquet")]
    manifest = build_dataset(FolderStore(tmp_path), "d", keys, ALL_FOR_TRAINING)
    assert manifest.pieces["train"] == tuple(
        Piece(shard=key, row_group=group, rows=tuple(range(rows)))
        for key in keys
        for group, rows in ((0, 64), (1, 2))
    )
    assert manifest.counts == {"train": 132, "validation": 0, "test": 0}


@pytest.mark.parametrize(
    ("config", "windows"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"scene": "beach"}, [0, 1, 2]),
        ({"scene": "beach", "min_probability": 0.3}, [0, 1]),
        ({"scene": "beach", "min_probability": 0.9}, [0]),
        ({"scene": "harbor", "min_probability": 0.1}, [0, 3]),
        ({"scene": "harbor"}, [0, 3]),
    ],
)
def test_a_scene_is_chosen_from_a_probability_on(tmp_path, config, windows):
    tags = [
        draw_scenes(beach=0.9, harbor=0.1),  # neither is a number that float32 can hold
        draw_scenes(beach=0.3),
        draw_scenes(desert=0.6, beach=0.29999),
        draw_scenes(harbor=1.0),
        None,
    ]
    strips = [draw_strip(index, scenes=scenes) for index, scenes in enumerate(tags)]
    key = write_tagged(tmp_path, strips)
    wanted = DatasetConfig(validation=0, test=0, **config)
    manifest = build_dataset(FolderStore(tmp_path), "d", [key], wanted)
    assert chosen(tmp_path, manifest, "train", "clip_index") == windows
    assert manifest.counts["train"] == len(windows)


def test_when_no_strip_fits_the_manifest_is_not_written(tmp_path):
    store = FolderStore(tmp_path)
    key = write_shard(tmp_path, "a.parquet", [("ada", 3)])
    old = build_dataset(store, "d", [key], ALL_FOR_TRAINING)
    with pytest.raises(StorageError, match=r"no strip in 1 shards fits dataset 'd'.*desert"):
        build_dataset(store, "d", [key], DatasetConfig(scene="desert"))
    assert read_manifest(tmp_path, "d") == old


def test_a_shard_that_is_damaged_is_named(tmp_path):
    key = write_shard(tmp_path, "a.parquet", [("ada", 3)])
    column = pq.ParquetFile(tmp_path / key).metadata.row_group(0).column(1)
    assert column.path_in_schema == "video_id"
    content = bytearray((tmp_path / key).read_bytes())
    content[column.data_page_offset + column.total_compressed_size - 1] ^= 1
    (tmp_path / key).write_bytes(content)
    for keys in ([key], ["gone.parquet"]):
        with pytest.raises(StorageError, match=keys[0]):
            build_dataset(FolderStore(tmp_path), "d", keys, ALL_FOR_TRAINING)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"min_probability": -0.1}, "min_probability"),
        ({"min_probability": 1.1}, "min_probability"),
        ({"validation": -0.1}, "validation"),
        ({"test": 1.0}, "test"),
        ({"validation": 0.5, "test": 0.5}, "validation and test"),
    ],
)
def test_impossible_choices_are_refused(changes, named):
    with pytest.raises(ValueError, match=named):
        DatasetConfig(**changes)


# -- manifest --------------------------------------------------------------------------------


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    keys = [write_shard(tmp_path, "a.parquet", [("ada", 3), ("bob", 2), ("", 70)])]
    return build_dataset(FolderStore(tmp_path), "beach-1.0_x", keys, HALVES)


def test_a_manifest_comes_back_as_it_was(tmp_path, manifest):
    assert read_manifest(tmp_path, "beach-1.0_x") == manifest
    assert manifest.version == 1
    assert manifest.query == {
        "scene": "",
        "min_probability": 0.0,
        "validation": 0.25,
        "test": 0.25,
    }


def test_equal_choices_have_equal_manifests(tmp_path, manifest):
    again = build_dataset(FolderStore(tmp_path), "beach-1.0_x", ["a.parquet"], HALVES)
    assert again.manifest_id == manifest.manifest_id
    other = build_dataset(FolderStore(tmp_path), "other", ["a.parquet"], ALL_FOR_TRAINING)
    assert other.manifest_id != manifest.manifest_id


def test_a_manifest_of_the_same_name_is_written_over(tmp_path, manifest):
    new = build_dataset(FolderStore(tmp_path), manifest.name, ["a.parquet"], ALL_FOR_TRAINING)
    assert read_manifest(tmp_path, manifest.name) == new != manifest


def change_rows(document: dict) -> object:
    document["pieces"]["train"][0]["rows"][0] += 1
    return document


def move_to_test(document: dict) -> object:
    document["pieces"]["test"] += document["pieces"]["train"]
    return document


def change_count(document: dict) -> object:
    document["counts"]["train"] += 1
    return document


def change_id(document: dict) -> object:
    return {**document, "manifest_id": "0" * 64}


CHANGED = {
    "rows": (change_rows, "was changed after it was written; build the dataset again"),
    "splits": (move_to_test, "was changed after it was written"),
    "counts": (change_count, "was changed after it was written"),
    "id": (change_id, "was changed after it was written"),
    "newer": (lambda document: {**document, "version": 2}, "manifest version 2.*up to 1"),
    "no id": (lambda document: {"version": 1}, "not a readable dataset manifest"),
    "a list": (lambda document: [1, 2], "not a readable dataset manifest"),
    "nothing": (lambda document: None, "not a readable dataset manifest"),
    "a text": (lambda document: "version", "not a readable dataset manifest"),
}


@pytest.mark.parametrize(("change", "sentence"), CHANGED.values(), ids=CHANGED)
def test_a_manifest_that_was_changed_is_refused(
    tmp_path, manifest, change: Callable[[dict], object], sentence
):
    path = tmp_path / "datasets" / "beach-1.0_x.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(StorageError, match=sentence) as caught:
        read_manifest(tmp_path, "beach-1.0_x")
    assert str(path) in str(caught.value)


def test_a_manifest_that_is_torn_is_refused(tmp_path, manifest):
    path = tmp_path / "datasets" / "beach-1.0_x.json"
    path.write_text(path.read_text()[:-20])
    with pytest.raises(StorageError, match="not a readable dataset manifest"):
        read_manifest(tmp_path, "beach-1.0_x")


def test_a_dataset_that_was_never_built_is_told(tmp_path):
    with pytest.raises(StorageError, match=f"there is no dataset 'beach' in {tmp_path}"):
        read_manifest(tmp_path, "beach")


@pytest.mark.parametrize("name", ["", ".", "../../etc/passwd", "a/b", ".hidden", "a b", "é", "x\n"])
def test_a_name_never_leaves_the_folder(tmp_path, name):
    key = write_shard(tmp_path, "a.parquet", [("ada", 1)])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StorageError, match="a dataset cannot be named"):
        build_dataset(FolderStore(tmp_path), name, [key], ALL_FOR_TRAINING)
    with pytest.raises(StorageError, match="a dataset cannot be named"):
        read_manifest(tmp_path, name)
    assert sorted(tmp_path.rglob("*")) == before
