"""`tinyvideo dataset`: chosen by category, shown, verified; one sentence for what cannot be."""

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.drawn.strip_rows import (
    count_clips,
    draw_record,
    draw_scenes,
    draw_strip,
    opened,
    part_path,
    write_strips,
)
from tests.pipeline.alike.copied_clips import draw_clip
from tinyvideo.flows.cli import app
from tinyvideo.models.scenes.places import PROXY_CLASSES
from tinyvideo.pipeline.errors import ExpectedError
from tinyvideo.pipeline.strips.strip_jpeg import encode_strip
from tinyvideo.storage.batches.commit_shard import pack
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.datasets.strip_query import PRESETS
from tinyvideo.storage.objects.folder import FolderStore

TAGS = {
    "sea": draw_scenes(beach=0.5),
    "sand": draw_scenes(beach=0.29),
    "links": draw_scenes(golf_course=0.9),
    "ward": draw_scenes(hospital_room=0.31),
}


def enter(catalog: Catalog, store: FolderStore, number: int, owner: str, **strip) -> None:
    record = draw_record(number, owner=owner)
    catalog.add([record])
    write_strips(part_path(store, record.video_id), record, [draw_strip(**strip)])
    catalog.enter_clips(record.video_id, count_clips(1))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output folder with one shard: a strip per tag, each of another owner."""
    with opened(tmp_path) as (catalog, store):
        for number, (owner, scenes) in enumerate(TAGS.items()):
            enter(catalog, store, number, owner, scenes=scenes)
        pack(catalog, store)
    return tmp_path


def call(*words: object) -> dict:
    answer = CliRunner().invoke(
        app, [*map(str, words), "--json"], catch_exceptions=False, standalone_mode=False
    )
    return json.loads(answer.stdout)


def build(name: str, out: Path, *words: object) -> dict:
    return call("dataset", "build", name, "--out", out, "--test", 0, "--validation", 0, *words)


def test_a_preset_takes_its_scenes_from_its_probability_on(out):
    made = build("beach", out, "--preset", "beach")
    assert made["counts"] == {"train": 1, "validation": 0, "test": 0}
    assert made["query"]["scenes"] == ["beach", "proxy:beach"]
    assert made["scene_models"] == {"places365-resnet18": 1}
    assert build("b", out, "--preset", "beach", "--min-probability", 0.2)["counts"]["train"] == 2
    assert build("g", out, "--preset", "golf")["counts"]["train"] == 1
    assert build("h", out, "--preset", "hospital")["counts"]["train"] == 1
    assert build("u", out, "--preset", "unfiltered")["counts"]["train"] == 4
    assert build("two", out, "--scene", "beach", "--scene", "golf_course")["counts"]["train"] == 3


def test_frame_rates_are_chosen_by_the_query(out):
    with opened(out) as (catalog, store):
        enter(catalog, store, 9, "slow", fps=15.0)
        pack(catalog, store)
    usual = build("usual", out)
    assert (usual["counts"]["train"], usual["query"]["fps"]) == (4, [20, 35])
    assert build("all", out, "--fps", "10:35")["counts"]["train"] == 5
    assert build("slow", out, "--fps", "10:19.5")["counts"]["train"] == 1


def test_scenes_with_depth_are_left_out_and_what_stands_still_is_chosen(out):
    figures = draw_strip().figures
    deep = replace(figures, motion_model="parallax", still_share=0.4, still_rim=0.25)
    held = replace(figures, motion_model="shift", still_share=0.9, still_rim=0.75)
    with opened(out) as (catalog, store):
        enter(catalog, store, 8, "flight", figures=deep)
        enter(catalog, store, 9, "hand", figures=held)
        pack(catalog, store)
    flat = build("flat", out, "--leave-out", "parallax")
    assert (flat["counts"]["train"], flat["query"]["leave_out"]) == (5, ["parallax"])
    words = ("--leave-out", "parallax", "--leave-out", "shift")
    assert build("others", out, *words)["counts"]["train"] == 4
    assert build("still", out, "--min-still", 0.4)["counts"]["train"] == 2  # of 4 nobody knows
    assert build("rim", out, "--min-still-rim", 0.5)["counts"]["train"] == 1


def test_one_of_each_copy_is_taken_where_that_is_asked_for(out):
    picture = {"jpeg": encode_strip(draw_clip(1, size=64)), "size": 64}
    with opened(out) as (catalog, store):
        enter(catalog, store, 8, "first", **picture)
        enter(catalog, store, 9, "again", **picture)
        pack(catalog, store)
    everything = build("all", out)
    assert everything["counts"]["train"] == 6
    assert build("one", out, "--one-per-group")["counts"]["train"] == 5
    words = ("--no-near-duplicates", "--one-per-group", "--no-same-stem")
    blind = build("blind", out, *words)
    assert blind["counts"]["train"] == 6
    assert [blind["query"][name] for name in ("near_duplicates", "same_stem")] == [False, False]


def test_datasets_are_listed_shown_and_verified(out):
    made = build("all", out)
    assert [d["manifest_id"] for d in call("dataset", "ls", "--out", out)] == [made["manifest_id"]]
    assert build("all", out) == made  # nothing new, nothing made
    build("all", out, "--max-per-owner", 1)
    shown = call("dataset", "show", "all", "--out", out, "--revision", 1)
    assert shown["revisions"] == [1, 2]
    assert shown["shards"] == ["shards/shard-000001.parquet"]
    assert call("dataset", "verify", "all", "--out", out, "--full")["problems"] == []
    (out / "shards" / "shard-000001.parquet").unlink()
    words = ["dataset", "verify", "all", "--out", str(out), "--json"]
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 1
    (told,) = json.loads(answer.stdout)["problems"]
    assert "shard-000001.parquet is gone" in told


WRONG = {
    "preset and scene": (["--preset", "beach", "--scene", "harbor"], "no --scene beside it"),
    "no such preset": (["--preset", "moon"], "beach, golf, train_station, hospital, unfiltered"),
    "probability of nothing": (["--min-probability", "0.5"], "say of which --scene"),
    "balance": (["--balance", "video"], "balance must be 'owner'"),
    "shares": (["--test", "0.6", "--validation", "0.6"], "must leave owners to train on"),
    "rates": (["--fps", "20-35"], "--fps must be LOW:HIGH, as 10:35, got '20-35'"),
    "rates upside down": (["--fps", "35:20"], "--fps must be two rates above 0, the smaller"),
    "model": (["--leave-out", "paralax"], "--leave-out must be of still, shift, similarity"),
    "no strip": (["--scene", "desert"], "no strip in 1 shards fits dataset 'd'"),
    "no catalog": (["--out", "elsewhere"], "there is no catalog in"),
}


@pytest.mark.parametrize(("words", "sentence"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_one_sentence(out, monkeypatch, words, sentence):
    monkeypatch.chdir(out)
    answer = CliRunner().invoke(app, ["dataset", "build", "d", "--out", str(out), *words])
    told = str(answer.exception) if isinstance(answer.exception, ExpectedError) else answer.output
    assert sentence in " ".join(told.replace("│", " ").split())
    assert answer.exit_code


def test_presets_name_scenes_that_the_classifiers_know():
    listed = (
        resources.files("tinyvideo.models.scenes").joinpath("places365_categories.txt").read_text()
    )
    known = {line.split()[0] for line in listed.splitlines()} | PROXY_CLASSES.keys()
    for preset in PRESETS.values():
        assert set(preset.scenes) <= known
    proxies = {
        scene for preset in PRESETS.values() for scene in preset.scenes
    } & PROXY_CLASSES.keys()
    assert proxies == PROXY_CLASSES.keys()
