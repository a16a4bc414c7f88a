"""A dataset is a choice of rows, and no owner and no group of duplicates is on two sides."""

import math
from collections import Counter
from dataclasses import replace
from itertools import chain, combinations

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.drawn.dataset_rows import (
    ALL_FOR_TRAINING,
    HALVES,
    chosen,
    write_rows,
    write_shard,
    write_tagged,
)
from tests.drawn.strip_rows import draw_record, draw_scenes, draw_strip
from tinyvideo.storage.datasets.dataset_draft import build_dataset
from tinyvideo.storage.datasets.dataset_survey import find_problems
from tinyvideo.storage.datasets.manifest import (
    list_revisions,
    read_manifest,
    read_selection,
    write_manifest,
)
from tinyvideo.storage.datasets.row_selection import SPLITS
from tinyvideo.storage.datasets.splits import split_of
from tinyvideo.storage.datasets.strip_query import DatasetConfig
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.shards.schema import row_of
from tinyvideo.storage.shards.shard_reader import iterate_rows
from tinyvideo.storage.storage_errors import StorageError

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


NAMES = st.text(st.characters(codec="utf-8"), max_size=4)
VIDEOS = st.lists(
    # owner, group of near duplicates, strips
    st.tuples(NAMES, st.sampled_from(["", "", "g", "h", "i"]), st.integers(1, 3)),
    min_size=1,
    max_size=12,
)
SHARES = st.tuples(st.floats(0, 0.5), st.floats(0, 0.4))


def write_videos(root, name, videos):
    rows = []
    for number, (owner, group, strips) in enumerate(videos):
        record = draw_record(number, video_id=f"{name}-{number}", owner=owner)
        made = (row_of(record, draw_strip(index), "0.1.0", "c0ffee") for index in range(strips))
        rows += [{**row, "near_duplicate_group": group} for row in made]
    return write_rows(root, f"{name}.parquet", rows)


def names_in(store, manifest, column):
    return [set(chosen(store, manifest, split, column)) - {"", None} for split in SPLITS]


def check_no_leak(store, manifest):
    for column in ("owner", "near_duplicate_group", "video_id"):
        for one, other in combinations(names_in(store, manifest, column), 2):
            assert not one & other, column
    assert find_problems(store, manifest, full=True) == []


@settings(max_examples=25, deadline=None, database=None)
@given(VIDEOS, VIDEOS, SHARES)
def test_no_owner_and_no_group_is_in_two_splits(tmp_path_factory, videos, more, shares):
    root = tmp_path_factory.mktemp("any")
    store = FolderStore(root)
    config = DatasetConfig(validation=shares[0], test=shares[1])
    keys = [write_videos(root, "a", videos), write_videos(root, "b", more)]
    manifest = build_dataset(store, "d", keys, config)

    check_no_leak(store, manifest)
    strips = [chosen(store, manifest, split, "strip_id") for split in SPLITS]
    everything = [row["strip_id"] for key in keys for row in iterate_rows(root / key)]
    assert sorted(chain.from_iterable(strips)) == sorted(everything)
    assert manifest.counts == dict(zip(SPLITS, map(len, strips), strict=True))
    assert manifest.counts["train"]


@settings(max_examples=10, deadline=None, database=None)
@given(st.lists(NAMES, min_size=1, max_size=9), st.lists(NAMES, max_size=9), SHARES)
def test_without_groups_an_owner_stays_when_shards_are_added(tmp_path_factory, old, new, shares):
    root = tmp_path_factory.mktemp("any")
    store = FolderStore(root)
    config = DatasetConfig(validation=shares[0], test=shares[1])
    key = write_videos(root, "a", [("anchor", "", 1), *((owner, "", 1) for owner in old)])
    added = write_videos(root, "b", [("more", "", 1), *((owner, "", 1) for owner in new)])
    before = build_dataset(store, "d", [key], config)
    after = build_dataset(store, "d", [key, added], config)
    if any(split_of(f"folder:{owner}", config) == "train" for owner in ("anchor", *old) if owner):
        for split in SPLITS:
            ids = chosen(store, after, split, "strip_id")
            assert [i for i in ids if i.startswith("a-")] == chosen(
                store, before, split, "strip_id"
            )


def test_owners_that_share_a_group_go_together_in_a_chain(tmp_path):
    # ada - g - bob - h - cyd: nobody else holds them together, so one place decides for all.
    ties = [("ada", "g", 1), ("bob", "g", 1), ("bob", "h", 1), ("cyd", "h", 1)]
    loners = [(f"loner {n}", "", 1) for n in range(30)]
    store = FolderStore(tmp_path)
    # split_of alone puts them into more than one split at 0.4; otherwise this shows nothing
    config = DatasetConfig(validation=0.3, test=0.3)
    alone = {split_of(f"folder:{owner}", config) for owner in ("ada", "bob", "cyd")}
    assert len(alone) > 1
    key = write_videos(tmp_path, "a", [*loners, *ties])
    manifest = build_dataset(store, "d", [key], config)
    together = [{"ada", "bob", "cyd"} & names for names in names_in(store, manifest, "owner")]
    assert sorted(map(len, together)) == [0, 0, 3]
    assert all(manifest.counts.values())


def test_two_videos_without_owner_that_are_near_duplicates_go_together(tmp_path):
    store = FolderStore(tmp_path)
    key = write_videos(tmp_path, "a", [("", f"g{n // 2}", 1) for n in range(60)])
    manifest = build_dataset(store, "d", [key], HALVES)
    assert sum(map(len, names_in(store, manifest, "near_duplicate_group"))) == 30
    assert manifest.owners == {
        split: 2 * len(names)
        for split, names in zip(
            SPLITS, names_in(store, manifest, "near_duplicate_group"), strict=True
        )
    }


def test_a_leak_would_be_found(tmp_path):
    store = FolderStore(tmp_path)
    key = write_videos(tmp_path, "a", [("ada", "", 2), ("bob", "g", 1), ("cyd", "g", 1)])
    manifest = build_dataset(store, "d", [key], ALL_FOR_TRAINING)
    pieces = read_selection(store, manifest, "train")
    leaking = {
        "train": replace(pieces, rows=pieces.rows & 0b0101, count=pieces.count // 2),
        "validation": replace(pieces, rows=pieces.rows & 0b1010, count=pieces.count // 2),
        "test": read_selection(store, manifest, "test"),
    }
    draft = replace(manifest, owners={"train": 2, "validation": 2, "test": 0})
    problems = find_problems(store, write_manifest(store, draft, leaking))
    assert problems == [
        "1 owners are in more than one split",
        "1 groups of duplicates are in more than one split",
    ]


def test_training_is_never_empty(tmp_path):
    store = FolderStore(tmp_path)
    config = DatasetConfig(test=0.9, validation=0.05)
    assert split_of("folder:ada", config) == "test"
    key = write_videos(tmp_path, "a", [("ada", "", 3)])
    manifest = build_dataset(store, "d", [key], config)
    assert manifest.counts == {"train": 3, "validation": 0, "test": 0}
    assert manifest.owners == {"train": 1, "validation": 0, "test": 0}


def test_an_owner_keeps_the_split_over_videos_shards_and_row_groups(tmp_path):
    store = FolderStore(tmp_path)
    keys = [
        write_shard(tmp_path, "a.parquet", [("ada", 70), ("bob", 3)]),
        write_shard(tmp_path, "b.parquet", [("bob", 2), ("ada", 2)]),
    ]
    manifest = build_dataset(store, "d", keys, HALVES)
    for split in SPLITS:
        owners = Counter(chosen(store, manifest, split, "owner"))
        assert set(owners.items()) <= {("ada", 72), ("bob", 5)}


def test_where_no_owner_is_known_videos_are_split(tmp_path):
    store = FolderStore(tmp_path)
    key = write_shard(tmp_path, "a.parquet", [("", 2) for _ in range(40)])
    manifest = build_dataset(store, "d", [key], HALVES)
    videos = names_in(store, manifest, "video_id")
    assert all(videos)
    assert sum(map(len, videos)) == sum(manifest.owners.values()) == 40


def owners_with_sources(root, sources):
    rows = (
        row_of(draw_record(number, owner="ada", source=source), draw_strip(), "0.1.0", "c0ffee")
        for number, source in enumerate(sources)
    )
    return write_rows(root, "a.parquet", rows)


def test_owners_of_one_name_in_two_sources_are_two(tmp_path):
    key = owners_with_sources(tmp_path, [f"source {number}" for number in range(40)])
    manifest = build_dataset(FolderStore(tmp_path), "d", [key], HALVES)
    assert all(manifest.counts.values())


def test_owners_of_one_name_on_flickr_are_one_whichever_way_they_came(tmp_path):
    key = owners_with_sources(tmp_path, ["flickr", "yfcc100m", "tinyvideo"])
    manifest = build_dataset(FolderStore(tmp_path), "d", [key], HALVES)
    assert sorted(manifest.owners.values()) == [0, 0, 1]


# -- choice ----------------------------------------------------------------------------------


def test_rows_are_named_by_shard_and_row_group(tmp_path):
    store = FolderStore(tmp_path)
    keys = [write_shard(tmp_path, name, [("ada", 66)]) for name in ("a.parquet", "b.parquet")]
    manifest = build_dataset(store, "d", keys, ALL_FOR_TRAINING)
    assert manifest.shards == ("a.parquet", "b.parquet")
    assert manifest.shard_sha256 == tuple(map(store.sha256, keys))
    pieces = read_selection(store, manifest, "train")
    assert pieces.shard.tolist() == [0, 0, 1, 1]
    assert pieces.row_group.tolist() == [0, 1, 0, 1]
    assert pieces.rows.tolist() == [2**64 - 1, 3, 2**64 - 1, 3]
    assert pieces.count.tolist() == [64, 2, 64, 2]
    assert manifest.counts == {"train": 132, "validation": 0, "test": 0}
    assert len(read_selection(store, manifest, "test")) == 0


def test_a_shard_without_a_chosen_row_is_not_named(tmp_path):
    store = FolderStore(tmp_path)
    keys = [write_tagged(tmp_path, [draw_strip(scenes=draw_scenes(desert=1.0))])]
    keys.append(write_shard(tmp_path, "b.parquet", [("ada", 1)]))
    config = replace(ALL_FOR_TRAINING, scenes=("beach",))
    manifest = build_dataset(store, "d", keys, config)
    assert manifest.shards == ("b.parquet",)
    assert chosen(store, manifest, "train", "owner") == ["ada"]


SCENES = {
    "all": ({}, [0, 1, 2, 3, 4]),
    "beach": ({"scenes": ("beach",)}, [0, 1, 2]),
    "beach from 0.3": ({"scenes": ("beach",), "min_probability": 0.3}, [0, 1]),
    "beach from 0.9": ({"scenes": ("beach",), "min_probability": 0.9}, [0]),
    "harbor from 0.1": ({"scenes": ("harbor",), "min_probability": 0.1}, [0, 3]),
    "desert or harbor": ({"scenes": ("desert", "harbor")}, [0, 2, 3]),
    "sure of either": ({"scenes": ("beach", "harbor"), "min_probability": 0.9}, [0, 3]),
}


@pytest.mark.parametrize(("config", "windows"), SCENES.values(), ids=SCENES)
def test_a_scene_is_chosen_from_a_probability_on(tmp_path, config, windows):
    tags = [
        draw_scenes(beach=0.9, harbor=0.1),  # neither is a number that float32 can hold
        draw_scenes(beach=0.3),
        draw_scenes(desert=0.6, beach=0.29999),
        draw_scenes(harbor=1.0),
        None,
    ]
    store = FolderStore(tmp_path)
    strips = [draw_strip(index, scenes=scenes) for index, scenes in enumerate(tags)]
    key = write_tagged(tmp_path, strips)
    manifest = build_dataset(store, "d", [key], replace(ALL_FOR_TRAINING, **config))
    assert chosen(store, manifest, "train", "clip_index") == windows


FIGURES = {
    "object_motion": ("min_motion", [False, True, True]),
    "flicker": ("max_flicker", [True, True, False]),
    "visible_share": ("min_visible", [False, True, True]),
    "filled_share": ("max_filled", [True, True, False]),
    "jitter_px": ("max_jitter", [True, True, False]),
    "inlier_ratio": ("min_inliers", [False, True, True]),
    "still_share": ("min_still", [False, True, True]),
    "still_rim": ("min_still_rim", [False, True, True]),
}


@pytest.mark.parametrize(("column", "field", "fits"), [(c, *f) for c, f in FIGURES.items()])
def test_a_figure_is_held_against_its_limit(tmp_path, column, field, fits):
    figures = draw_strip().figures
    strips = [
        draw_strip(index, figures=replace(figures, **{column: value}))
        for index, value in enumerate((0.1, 0.3, 0.5))
    ]
    store = FolderStore(tmp_path)
    key = write_tagged(tmp_path, strips)
    manifest = build_dataset(store, "d", [key], replace(ALL_FOR_TRAINING, **{field: 0.3}))
    windows = [index for index, fit in enumerate(fits) if fit]
    assert chosen(store, manifest, "train", "clip_index") == windows


def test_what_is_not_known_to_stand_still_is_not_taken(tmp_path):
    figures = draw_strip().figures
    strips = [
        draw_strip(index, figures=replace(figures, still_share=value))
        for index, value in enumerate((None, 0.9))
    ]
    store = FolderStore(tmp_path)
    key = write_tagged(tmp_path, strips)
    manifest = build_dataset(store, "d", [key], replace(ALL_FOR_TRAINING, min_still=0.1))
    assert chosen(store, manifest, "train", "clip_index") == [1]


def test_a_motion_model_can_be_left_out(tmp_path):
    figures = draw_strip().figures
    strips = [
        draw_strip(index, figures=replace(figures, motion_model=model))
        for index, model in enumerate(("still", "parallax", "shift"))
    ]
    store = FolderStore(tmp_path)
    key = write_tagged(tmp_path, strips)
    config = replace(ALL_FOR_TRAINING, leave_out=("parallax", "shift"))
    manifest = build_dataset(store, "d", [key], config)
    assert chosen(store, manifest, "train", "clip_index") == [0]


def test_a_motion_model_that_nobody_knows_is_named():
    with pytest.raises(ValueError, match=r"leave_out must be of still, shift, .* got 'paralax'"):
        DatasetConfig(leave_out=("paralax",))


RATES = [10, 15, 19.9, 20 / 1.001, 24, 30000 / 1001, 35.05, 36, math.nan]


@pytest.mark.parametrize(
    ("config", "windows"),
    [
        ({}, [3, 4, 5, 6, 8]),  # 20:35, and what is unknown counts as 25
        ({"fps": (10, 35)}, [0, 1, 2, 3, 4, 5, 6, 8]),
        ({"fps": (15, 15)}, [1]),
        ({"fps": (30, 35)}, [5, 6]),
    ],
    ids=["usual", "all", "one", "fast"],
)
def test_a_dataset_takes_one_range_of_frame_rates(tmp_path, config, windows):
    store = FolderStore(tmp_path)
    key = write_tagged(tmp_path, [draw_strip(n, fps=float(fps)) for n, fps in enumerate(RATES)])
    manifest = build_dataset(store, "d", [key], replace(ALL_FOR_TRAINING, **config))
    assert chosen(store, manifest, "train", "clip_index") == windows
    assert manifest.query["fps"] == list(config.get("fps", (20, 35)))


@pytest.mark.parametrize(
    "fps", [(35, 20), (0, 35), (20,), (10, math.inf), (math.nan, 35), "10:35", (1, 2, 3)]
)
def test_a_range_of_frame_rates_is_two_rates(fps):
    with pytest.raises(ValueError, match="fps must be two rates above 0, the smaller one first"):
        DatasetConfig(fps=fps)


def test_where_all_films_are_slow_the_way_out_is_told(tmp_path):
    key = write_tagged(tmp_path, [draw_strip(fps=15.0)])
    with pytest.raises(StorageError, match="fps='20:35'; --fps 10:35 takes slow films too"):
        build_dataset(FolderStore(tmp_path), "d", [key], ALL_FOR_TRAINING)


def test_licenses_are_chosen(tmp_path):
    licenses = ["cc-by-2.0", "cc-by-sa-2.0", "", "cc0-1.0"]
    rows = (
        row_of(draw_record(number, license=text), draw_strip(), "0.1.0", "c0ffee")
        for number, text in enumerate(licenses)
    )
    store = FolderStore(tmp_path)
    key = write_rows(tmp_path, "a.parquet", rows)
    config = replace(ALL_FOR_TRAINING, licenses=("cc-by-2.0", "cc0-1.0"))
    manifest = build_dataset(store, "d", [key], config)
    assert chosen(store, manifest, "train", "license") == ["cc-by-2.0", "cc0-1.0"]


def test_a_shard_that_has_no_such_figure_is_named(tmp_path):
    key = write_shard(tmp_path, "a.parquet", [("ada", 2)])
    table = pq.read_table(tmp_path / key)
    pq.write_table(table.drop_columns(["flicker"]), tmp_path / "old.parquet")
    store = FolderStore(tmp_path)
    build_dataset(store, "d", ["old.parquet"], ALL_FOR_TRAINING)
    with pytest.raises(StorageError, match=r"old\.parquet does not hold flicker"):
        build_dataset(store, "d", ["old.parquet"], DatasetConfig(max_flicker=9))


@pytest.mark.parametrize(
    ("column", "config"),
    [
        ("still_share", DatasetConfig(min_still=0.5)),
        ("still_rim", DatasetConfig(min_still_rim=0.5)),
        ("motion_model", DatasetConfig(leave_out=("parallax",))),
    ],
)
def test_an_older_shard_does_not_guess_how_still_it_stands(tmp_path, column, config):
    table = pq.read_table(tmp_path / write_shard(tmp_path, "a.parquet", [("ada", 2)]))
    pq.write_table(table.drop_columns([column]), tmp_path / "old.parquet")
    with pytest.raises(StorageError, match=rf"old\.parquet does not hold {column}: an older tiny"):
        build_dataset(FolderStore(tmp_path), "d", ["old.parquet"], config)


def test_a_proxy_is_never_mixed_with_places(tmp_path):
    tags = [draw_scenes(beach=0.9), draw_scenes("imagenet-proxy", **{"proxy:beach": 0.8})]
    store = FolderStore(tmp_path)
    key = write_tagged(tmp_path, [draw_strip(n, scenes=tag) for n, tag in enumerate(tags)])
    both = replace(ALL_FOR_TRAINING, scenes=("beach", "proxy:beach"))
    with pytest.raises(StorageError, match="imagenet-proxy, places365-resnet18 would be mixed"):
        build_dataset(store, "d", [key], both)
    for window, model in enumerate(("places365-resnet18", "imagenet-proxy")):
        manifest = build_dataset(store, "d", [key], replace(both, scene_model=model))
        assert chosen(store, manifest, "train", "clip_index") == [window]
        assert manifest.scene_models == {model: 1}
    everything = build_dataset(store, "d", [key], ALL_FOR_TRAINING)
    assert everything.scene_models == {"places365-resnet18": 1, "imagenet-proxy": 1}


# -- owners with too many strips -------------------------------------------------------------


def test_no_owner_has_more_than_the_limit(tmp_path):
    store = FolderStore(tmp_path)
    videos = [("ada", 70), ("bob", 3), ("ada", 5), ("cyd", 1)]
    keys = [write_shard(tmp_path, "a.parquet", videos)]
    taken = {}
    for seed in (0, 0, 1):
        config = replace(ALL_FOR_TRAINING, max_per_owner=4, seed=seed)
        manifest = build_dataset(store, "d", keys, config)
        assert Counter(chosen(store, manifest, "train", "owner")) == {"ada": 4, "bob": 3, "cyd": 1}
        ids = chosen(store, manifest, "train", "strip_id")
        assert taken.setdefault(seed, ids) == ids
    assert taken[0] != taken[1]


def test_balance_gives_nobody_more_than_the_median_owner(tmp_path):
    store = FolderStore(tmp_path)
    videos = [("ada", 30), ("bob", 4), ("cyd", 2), ("dan", 9), ("eve", 4)]  # 2 4 4 9 30
    key = write_shard(tmp_path, "a.parquet", videos)
    config = replace(ALL_FOR_TRAINING, balance="owner")
    manifest = build_dataset(store, "d", [key], config)
    owners = Counter(chosen(store, manifest, "train", "owner"))
    assert owners == {"ada": 4, "bob": 4, "cyd": 2, "dan": 4, "eve": 4}


# -- refusals --------------------------------------------------------------------------------


def test_when_no_strip_fits_no_revision_is_written(tmp_path):
    store = FolderStore(tmp_path)
    key = write_shard(tmp_path, "a.parquet", [("ada", 3)])
    old = build_dataset(store, "d", [key], ALL_FOR_TRAINING)
    with pytest.raises(StorageError, match=r"no strip in 1 shards fits dataset 'd'.*desert"):
        build_dataset(store, "d", [key], DatasetConfig(scenes=("desert",)))
    assert read_manifest(store, "d") == old
    assert list_revisions(store, "d") == [1]


def test_a_shard_that_is_damaged_or_gone_is_named(tmp_path):
    key = write_shard(tmp_path, "a.parquet", [("ada", 3)])
    column = pq.ParquetFile(tmp_path / key).metadata.row_group(0).column(1)
    assert column.path_in_schema == "video_id"
    content = bytearray((tmp_path / key).read_bytes())
    content[column.data_page_offset + column.total_compressed_size - 1] ^= 1
    (tmp_path / key).write_bytes(content)
    for keys in ([key], ["gone.parquet"]):
        with pytest.raises(StorageError, match=keys[0]):
            build_dataset(FolderStore(tmp_path), "d", keys, ALL_FOR_TRAINING)


def test_what_is_wrong_with_a_dataset_is_told(tmp_path):
    store = FolderStore(tmp_path)
    keys = [write_shard(tmp_path, f"{n}.parquet", [("ada", 3)]) for n in "abc"]
    manifest = build_dataset(store, "d", keys, ALL_FOR_TRAINING)
    assert find_problems(store, manifest, full=True) == []
    write_shard(tmp_path, "b.parquet", [("ada", 3), ("bob", 1)])
    assert find_problems(store, manifest) == []  # what was chosen is still there
    (told,) = find_problems(store, manifest, full=True)
    assert told == f"{tmp_path}/b.parquet is not the shard that the dataset was built of"
    write_shard(tmp_path, "b.parquet", [("eve", 1)])
    assert any("the shards hold" in told for told in find_problems(store, manifest))
    (tmp_path / "c.parquet").unlink()
    (told,) = find_problems(store, manifest)
    assert told.startswith(f"{tmp_path}/c.parquet is gone")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"min_probability": -0.1}, "min_probability"),
        ({"min_probability": 1.1}, "min_probability"),
        ({"validation": -0.1}, "validation"),
        ({"test": 1.0}, "test"),
        ({"validation": 0.5, "test": 0.5}, "validation and test"),
        ({"max_per_owner": -1}, "max_per_owner"),
        ({"seed": -1}, "seed"),
        ({"balance": "video"}, "balance"),
    ],
)
def test_impossible_choices_are_refused(changes, named):
    with pytest.raises(ValueError, match=named):
        DatasetConfig(**changes)


@pytest.mark.parametrize("field", ["validation", "test", "min_motion", "max_flicker"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_refused_by_its_field(field, value):
    with pytest.raises(ValueError, match=f"{field} must be a finite number, got {value}"):
        DatasetConfig(**{field: value})


def test_a_split_that_there_is_not_is_named_with_those_that_there_are(tmp_path):
    store = FolderStore(tmp_path)
    key = write_shard(tmp_path, "a.parquet", [("ada", 2)])
    manifest = build_dataset(store, "d", [key], ALL_FOR_TRAINING)
    with pytest.raises(StorageError, match="no split 'dev'; a dataset has train, validation, test"):
        read_selection(store, manifest, "dev")
