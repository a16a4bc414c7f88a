"""Copies of one film, under other owners and from other sources, never lie on two sides."""

from dataclasses import replace

import pytest

from tests.drawn.dataset_rows import chosen, write_rows
from tests.drawn.strip_rows import draw_record, draw_strip
from tests.pipeline.alike.copied_clips import brighter, draw_clip, in_mirror_frames
from tinyvideo.pipeline.strips.strip_jpeg import encode_strip
from tinyvideo.storage.datasets.dataset_draft import build_dataset
from tinyvideo.storage.datasets.dataset_survey import find_problems
from tinyvideo.storage.datasets.manifest import read_manifest, read_selection, write_manifest
from tinyvideo.storage.datasets.row_selection import SPLITS
from tinyvideo.storage.datasets.splits import split_of
from tinyvideo.storage.datasets.strip_query import DatasetConfig
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.shards.schema import hashed, row_of

THIRDS = DatasetConfig(validation=1 / 3, test=1 / 3)
SIZE = 64


def clip_rows(clip, owner, source="flickr", video=None, index=0, **changes):
    video = video or f"{source}-{owner}".replace(" ", "-")
    record = draw_record(0, video_id=video, owner=owner, source=source)
    strip = draw_strip(index, jpeg=encode_strip(clip), size=SIZE)
    return [{**row_of(record, strip, "0.1.0", "c0ffee"), **changes}]


def one(seed):
    return draw_clip(seed, size=SIZE)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Twelve films of as many owners, and a copy of each that another owner has made."""
    root = tmp_path_factory.mktemp("copies")
    rows, copies = [], []
    for seed in range(12):
        make = (brighter, in_mirror_frames, lambda clip: clip)[seed % 3]
        rows += clip_rows(one(seed), f"ada {seed}", scenes=[])
        copies += clip_rows(make(one(seed)), f"bob {seed}", source="url")
    return FolderStore(root), [
        write_rows(root, "a.parquet", rows),
        write_rows(root, "b.parquet", copies),
    ]


def sides(store, manifest):
    return {owner: split for split in SPLITS for owner in chosen(store, manifest, split, "owner")}


def test_a_copy_lies_where_its_original_does_whoever_has_made_it(shards):
    store, keys = shards
    manifest = build_dataset(store, "d", keys, THIRDS)
    side = sides(store, manifest)
    assert [side[f"bob {n}"] for n in range(12)] == [side[f"ada {n}"] for n in range(12)]
    assert len({*side.values()}) == 3
    assert find_problems(store, manifest) == []


def test_without_a_look_at_hashes_they_lie_on_different_sides_and_verify_can_tell(shards):
    store, keys = shards
    alone = build_dataset(store, "alone", keys, replace(THIRDS, near_duplicates=False))
    side = sides(store, alone)
    assert any(side[f"bob {n}"] != side[f"ada {n}"] for n in range(12))
    assert find_problems(store, alone) == []  # as it was asked for
    pieces = {split: read_selection(store, alone, split) for split in SPLITS}
    asked = replace(alone, name="lied", query={**alone.query, "near_duplicates": True})
    [problem] = find_problems(store, write_manifest(store, asked, pieces))
    assert "groups of duplicates are in more than one split" in problem


def test_one_per_group_takes_the_first_of_each(shards):
    store, keys = shards
    manifest = build_dataset(store, "single", keys, replace(THIRDS, one_per_group=True))
    assert sorted(sides(store, manifest)) == sorted(f"ada {n}" for n in range(12))
    assert read_manifest(store, "single").query["one_per_group"] is True


def test_strips_that_the_query_leaves_out_tie_owners_all_the_same(tmp_path):
    # ada and bob share a clip that is no beach; their beaches must go together nevertheless.
    owners = ["ada", "bob"]
    alone = {split_of(f"flickr:{owner}", THIRDS) for owner in owners}
    assert len(alone) == 2  # otherwise this shows nothing
    beach = [{"scene": "beach", "probability": 1.0}]
    rows = []
    for number, owner in enumerate(owners):
        rows += clip_rows(one(50), owner, scenes=[])
        rows += clip_rows(one(60 + number), owner, index=1, scenes=beach)
    store, key = FolderStore(tmp_path), write_rows(tmp_path, "a.parquet", rows)
    manifest = build_dataset(store, "d", [key], replace(THIRDS, scenes=("beach",)))
    assert len({*sides(store, manifest).values()}) == 1


def films(root, names, source="folder"):
    rows = []
    for number, name in enumerate(names):
        record = draw_record(number, source=source, uri=f"file:///films/{name}")
        rows.append(row_of(record, draw_strip(number), "0.1.0", "c0ffee"))
    return write_rows(root, f"{source}.parquet", rows)


def test_films_of_a_folder_named_alike_but_for_the_ending_are_one_owner(tmp_path):
    names = ["holiday.mp4", "Holiday.MOV", "holiday.cut.mp4", "sea.mp4"]
    store, key = FolderStore(tmp_path), films(tmp_path, names)
    together = build_dataset(store, "d", [key], DatasetConfig())
    apart = build_dataset(store, "apart", [key], DatasetConfig(same_stem=False))
    assert sum(together.owners.values()) == 3
    assert sum(apart.owners.values()) == 4
    assert find_problems(store, together) == find_problems(store, apart) == []


def test_addresses_that_end_alike_are_not_one_owner(tmp_path):
    names = ["a/video.mp4", "b/video.mp4"]
    store, key = FolderStore(tmp_path), films(tmp_path, names, source="url")
    assert sum(build_dataset(store, "d", [key], DatasetConfig()).owners.values()) == 2


def test_a_row_of_before_there_were_hashes_gets_its_own():
    [row] = clip_rows(one(1), "ada")
    assert hashed({**row, "near_duplicate_hash": None}) == row
    assert len(row["near_duplicate_hash"]) == 48


def test_a_hash_of_another_length_is_no_hash(tmp_path):
    rows = [*clip_rows(one(1), "ada"), *clip_rows(one(1), "bob", near_duplicate_hash=b"short")]
    store, key = FolderStore(tmp_path), write_rows(tmp_path, "a.parquet", rows)
    single = build_dataset(store, "d", [key], DatasetConfig(one_per_group=True))
    assert sum(single.counts.values()) == 2
