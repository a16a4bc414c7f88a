"""`tinyvideo shards`: what is there is listed and shown, what is broken is named and mended."""

import asyncio
import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import tinyvideo.flows.upkeep.restore_shard
from tests.drawn.films import film, shaky_path, write_video
from tests.drawn.old_shards import write_shard_4
from tests.drawn.strip_rows import curate_drawn, draw_record, opened
from tinyvideo.flows.cli import app
from tinyvideo.flows.settings import config_hash
from tinyvideo.flows.which_output import output_at
from tinyvideo.flows.workers.process_pool import curate_videos
from tinyvideo.flows.workers.video_worker import WorkerConfig
from tinyvideo.pipeline.curation import CurationConfig
from tinyvideo.pipeline.find.folders import scan_folder
from tinyvideo.storage.batches.commit_shard import pack, part_path
from tinyvideo.storage.database import SHARDS
from tinyvideo.storage.objects.folder import sha256_of
from tinyvideo.storage.shards.schema import SCHEMA_VERSION
from tinyvideo.storage.shards.shard_reader import iterate_rows

NEW = "shards/shard-000001-2.parquet"
KEY, SECOND = "shards/shard-000001.parquet", "shards/shard-000002.parquet"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output folder with two shards of two videos each, whose sources are gone."""
    root = tmp_path / "out"
    root.mkdir()
    with opened(root) as (catalog, store):
        for number in range(4):
            curate_drawn(catalog, store, draw_record(number, owner=f"o{number}"), strips=40)
            if number % 2:
                pack(catalog, store)
    return root


def call(*words: object) -> tuple[int, str]:
    """Run a command; return its exit code and what it writes for programs."""
    answer = CliRunner().invoke(app, list(map(str, words)))
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer.exit_code, answer.stdout


def read(*words: object) -> tuple[int, object]:
    code, document = call(*words, "--json")
    return code, json.loads(document)


def flip(path: Path, share: float) -> None:
    content = bytearray(path.read_bytes())
    content[round(share * len(content))] ^= 1
    path.write_bytes(content)


def test_shards_are_listed_with_their_state(out):
    (out / SECOND).unlink()
    code, lines = read("shards", "ls", "--out", out)
    size = (out / KEY).stat().st_size
    assert code == 0
    assert lines == [
        {"key": KEY, "strips": 80, "videos": 2, "bytes": size, "state": "committed"},
        {"key": SECOND, "strips": 80, "videos": 2, "bytes": lines[1]["bytes"], "state": "gone"},
    ]
    os.truncate(out / KEY, 100)
    assert read("shards", "ls", "--out", out)[1][0]["state"] == "wrong size"


def test_a_flipped_byte_ends_with_exit_code_1_and_the_name_of_its_row_group(out):
    assert read("shards", "verify", "--out", out)[1]["broken"] == 0
    flip(out / SECOND, 0.3)
    code, found = read("shards", "verify", "--out", out)
    assert (code, found["broken"]) == (1, 1)
    assert [shard["state"] for shard in found["shards"]] == ["whole", "broken"]
    assert found["shards"][1]["problems"] == [f"row group 0 of {out / SECOND} is damaged"]
    assert found["shards"][1]["broken_row_groups"] == [0]
    assert call("shards", "verify", "--out", out, "shard-000001")[0] == 0
    assert call("shards", "verify", "--out", out, SECOND)[0] == 1


def test_one_shard_is_shown_with_its_rows_and_no_pictures(out):
    code, found = read("shards", "show", "shard-000001", "--out", out, "--rows", 2)
    assert code == 0
    assert (found["strips"], found["videos"], found["scenes"]) == (80, 2, {"beach": 80})
    assert [group["strips"] for group in found["row_groups"]] == [64, 16]
    assert found["sha256"] == sha256_of(out / KEY)
    assert found["metadata"]["tinyvideo.schema_version"] == str(SCHEMA_VERSION)
    assert [row["strip_id"] for row in found["rows"]] == [
        f"{draw_record(0).video_id}-0000{n}" for n in range(2)
    ]
    assert not {"jpeg", "to_first"} & set(found["rows"][0])


def test_a_shard_that_nobody_knows_is_told(out):
    with pytest.raises(
        tinyvideo.flows.upkeep.restore_shard.StorageError,
        match="no shard 'shard-000009'; 'tinyvideo sh",
    ):
        call("shards", "show", "shard-000009", "--out", out)


# -- repair ----------------------------------------------------------------------------------


def broken_by(out: Path) -> str:
    """Break the first shard; return why it cannot be repaired."""
    (out / KEY).unlink()
    code, done = read("shards", "repair", "--out", out)
    assert code == 1
    assert [entry["state"] for entry in done] == ["broken", "whole"]
    assert not (out / KEY).exists()
    assert not (out / "tmp" / "repair").exists()
    return done[0]["problem"]


def test_a_source_that_is_gone_is_named(out):
    problem = broken_by(out)
    assert "needs 0.mp4 to be curated again, whose source is gone: file:///videos/0.mp4" in problem


def test_strips_of_another_configuration_are_not_mixed_in(out, monkeypatch):
    monkeypatch.setattr(tinyvideo.flows.upkeep.restore_shard, "code_version", lambda: "0.1.0")
    flip(out / KEY, 0.3)  # its footer still says who made it
    code, done = read("shards", "repair", "--out", out, "shard-000001")
    assert code == 1
    now = config_hash(CurationConfig())
    assert f"holds strips of configuration c0ffee, now it is {now}" in done[0]["problem"]


def test_strips_of_another_version_are_not_mixed_in(out, monkeypatch):
    monkeypatch.setattr(tinyvideo.flows.upkeep.restore_shard, "code_version", lambda: "9.9")
    flip(out / KEY, 0.3)
    _, done = read("shards", "repair", "--out", out, "shard-000001")
    assert "was made by tinyvideo 0.1.0, this is 9.9; repair it with that" in done[0]["problem"]


def test_what_stays_broken_can_be_given_up(out):
    (out / KEY).unlink()
    code, done = read("shards", "repair", "--out", out, "--give-up")
    assert code == 0
    assert [(entry["state"], entry["new_key"]) for entry in done] == [
        ("given up", ""),
        ("whole", SECOND),
    ]
    with opened(out) as (catalog, _):
        assert catalog.books().problems == []
        assert len(catalog.lease(9)) == 2


@pytest.fixture
def filmed(tmp_path: Path) -> Path:
    """An output folder with a shard of two films, made as a run makes it."""
    folder, root = tmp_path / "films", tmp_path / "filmed"
    folder.mkdir()
    root.mkdir()
    for seed in range(2):
        path = shaky_path(66, seed=seed, height=96, width=128)
        write_video(folder / f"{seed}.mp4", film(path, seed=seed, height=96, width=128))
    config = WorkerConfig(
        out=root,
        places_weights=None,
        memory_limit_mb=1500,
        window_limit_s=60,
        curation=CurationConfig(),
    )
    with opened(root) as (catalog, store):
        catalog.fact("config_hash", config_hash(config.curation))
        catalog.add(scan_folder(folder))

        async def curate() -> None:
            videos = curate_videos(catalog.lease(9), config, workers=1, limit_s=100)
            async for record, outcome in videos:
                catalog.enter_clips(record.video_id, outcome.counts)

        asyncio.run(curate())
        assert pack(catalog, store) == KEY
    return root


def test_lost_videos_are_curated_again_to_the_same_bytes(filmed):
    before = sha256_of(filmed / KEY)
    rows = list(iterate_rows(filmed / KEY))
    assert len(rows) == 4
    (filmed / KEY).unlink()
    (filmed / "tmp" / "repair" / "work").mkdir(parents=True)  # of a call that was killed
    code, done = read("shards", "repair", "--out", filmed, "--workers", 1)
    assert (code, done[0]["state"], done[0]["curated"]) == (0, "repaired", 2)
    assert sha256_of(filmed / KEY) == before
    assert read("shards", "verify", "--out", filmed)[1]["broken"] == 0
    with opened(filmed) as (catalog, _):
        assert catalog.books().problems == []
    assert not (filmed / "tmp" / "repair").exists()


def test_shards_on_s3_are_checked_and_mended_in_the_same_way(s3_address, tmp_path, monkeypatch):
    monkeypatch.setenv("TINYVIDEO_WORK", str(tmp_path))
    monkeypatch.setenv("TINYVIDEO_STORAGE", s3_address)
    with output_at("").alone(make=True) as output:
        for number in range(2):
            curate_drawn(output.catalog, output.work, draw_record(number), strips=40)
        pack(output.catalog, output.store, output.work)
        whole = output.store.read(KEY)
        broken = bytearray(whole)
        broken[broken.rindex(b"c0ffee")] ^= 1  # in the footer: every strip is left
        output.store.replace(KEY, bytes(broken))
        assert read("shards", "ls")[1][0]["state"] == "committed"
        code, found = read("shards", "verify")
        assert (code, found["shards"][0]["broken_row_groups"]) == (1, [])
        told = found["shards"][0]["problems"][0]
        assert told.startswith(f"{s3_address}/{KEY} is not the file that was committed")
    code, done = read("shards", "repair")
    assert (code, done[0]["state"], done[0]["curated"]) == (0, "repaired", 0)
    with output_at("").open() as output:
        assert output.store.read(KEY) == whole


def test_an_older_shard_is_written_anew_and_the_dataset_goes_with_it(tmp_path):
    root = tmp_path / "out"
    root.mkdir()
    with opened(root) as (catalog, store):
        curate_drawn(catalog, store, draw_record(0), strips=3)
        rows = list(iterate_rows(part_path(store, draw_record(0).video_id)))
        write_shard_4(part_path(store, draw_record(0).video_id), rows)
        pack(catalog, store)
        path = root / KEY  # as an older tinyvideo packed it
        write_shard_4(path, rows)
        shard = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        with catalog.engine.begin() as db:
            db.execute(SHARDS.update().values(**shard))
    assert read("dataset", "build", "d", "--out", root)[0] == 0

    code, told = read("shards", "upgrade", "--out", root)
    assert (code, told) == (0, {"upgraded": {KEY: NEW}, "shards": 1})
    assert list(iterate_rows(root / NEW)) == rows
    assert pq.read_schema(root / NEW).field("fps").metadata[b"unit"] == b"frames per s"
    assert not path.exists()
    assert read("dataset", "verify", "d", "--out", root, "--full")[1]["problems"] == []
    assert read("shards", "verify", "--out", root)[1]["broken"] == 0
    assert read("shards", "upgrade", "--out", root)[1] == {"upgraded": {}, "shards": 1}


def test_the_schema_is_printed_with_units_and_meanings():
    code, told = read("schema")
    assert (code, told["version"]) == (0, SCHEMA_VERSION)
    by_name = {column["column"]: column for column in told["columns"]}
    assert by_name["flicker"]["unit"] == "levels, 0 to 255"
    assert "Null: " in by_name["start_s"]["meaning"]
    assert "near_duplicate_group" in CliRunner().invoke(app, ["schema"]).output
