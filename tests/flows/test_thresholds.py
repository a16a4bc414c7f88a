"""`--config`: a file of thresholds, through commands and flow parameters, into rows and catalog."""

import asyncio
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import tinyvideo as tv
from tests.drawn.films import film, shaky_path, write_video
from tinyvideo.flows.cli import app
from tinyvideo.flows.make_shard import worker_config
from tinyvideo.flows.run_options import RunOptions
from tinyvideo.flows.settings import config_hash
from tinyvideo.flows.upkeep.made_with import config_in_force, enter_config, remembered_config
from tinyvideo.flows.workers import curate_videos
from tinyvideo.pipeline.curation import CurationConfig
from tinyvideo.pipeline.find import scan_folder
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip
from tinyvideo.pipeline.thresholds import curation_of, tables_of
from tinyvideo.storage.batches import part_path
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.objects import FolderStore
from tinyvideo.storage.outputs import OutputAddress
from tinyvideo.storage.shards.shard_reader import iterate_rows
from tinyvideo.storage.storage_errors import StorageError

TODAY = CurationConfig()
SMALL = {"height": 96, "width": 128}


def call(*words, code=0):
    answer = CliRunner().invoke(app, [str(word) for word in words])
    assert answer.exit_code == code, answer.output
    return answer.stdout


def refused(*words):
    """Call for the sentence that a wrong value ends with."""
    answer = CliRunner().invoke(app, [str(word) for word in words], standalone_mode=False)
    return str(answer.exception)


@pytest.fixture
def catalog(tmp_path):
    catalog = Catalog.open(tmp_path / "catalog.db", make=True)
    yield catalog
    catalog.close()


def write(folder, text):
    file = folder / "curation.toml"
    file.write_text(text)
    return file


# -- the file ----------------------------------------------------------------------------------


def test_the_printed_file_given_back_changes_nothing(tmp_path):
    printed = call("config")
    file = write(tmp_path, printed)

    assert call("config", "--config", file) == printed
    assert f"has printed it, its name is {config_hash(TODAY)}: config_hash" in printed
    assert curation_of(tomllib.loads(printed)) == TODAY


def test_config_shows_what_would_be_in_force(tmp_path):
    file = write(tmp_path, "[stabilize]\nmin_visible = 0.6\n")

    shown = json.loads(call("config", "--config", file, "--size", 64, "--json"))

    expected = curation_of({"stabilize": {"min_visible": 0.6}}, size=64)
    assert shown == {"config_hash": config_hash(expected), "config": tables_of(expected)}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[stabilize]\nmin_visibel = 1", "there is no threshold stabilize.min_visibel; did you"),
        (b"[stabilize]\nmin_visible 1", "this is no TOML: expected '=' after a key in a key/value"),
        (b"\xff", "is not UTF-8 text"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        ["run", "--folder", ".", "--out", "out"],
        ["stabilize", "film.mp4", "-o", "out"],
        ["render", "film.mp4", "--clips", "film.mp4", "-o", "out"],
        ["shards", "repair", "--out", "out"],
        ["config"],
    ],
    ids=lambda words: words[0],
)
def test_a_wrong_file_is_named_before_anything_is_made(
    tmp_path, monkeypatch, command, content, sentence
):
    monkeypatch.chdir(tmp_path)
    Path("film.mp4").touch()
    Path("mine.toml").write_bytes(content)

    said = refused(*command, "--config", "mine.toml")

    assert said.startswith("mine.toml")
    assert sentence in said
    assert not Path("out").exists()


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    file = tmp_path / "curation.toml"
    file.write_bytes(b"\xef\xbb\xbf[strips]\nsize = 64\n")

    assert json.loads(call("config", "--config", file, "--json"))["config"]["strips"]["size"] == 64


# -- films -------------------------------------------------------------------------------------


@pytest.fixture
def slow(tmp_path):
    """A film with 8 frames per second, which today's thresholds refuse."""
    path = film(shaky_path(32, **SMALL), **SMALL)
    return write_video(tmp_path / "slow.mkv", path, fps=8, codec="ffv1")


def test_a_threshold_decides_what_is_kept(slow, tmp_path):
    with pytest.raises(tv.RejectedError, match="frame_rate"):
        list(tv.stabilize(slow))
    (clip,) = tv.stabilize(slow, config=write(tmp_path, "[frames]\nmin_fps = 5\n"))
    assert clip.reason is None

    file = write(tmp_path, "[frames]\nmin_fps = 5\n[window]\nmin_contrast = 200\n")
    (clip,) = tv.stabilize(slow, config=file)
    assert clip.reason == tv.RejectReason.FLAT
    assert "200" in clip.detail


def test_render_takes_the_frames_of_the_file_and_the_strips_of_the_file(slow, tmp_path):
    file = write(tmp_path, "[frames]\nmin_fps = 5\n[strips]\nsize = 64\njpeg_quality = 40\n")
    clips = tmp_path / "o" / "slow" / "clips.json"

    call("stabilize", slow, "--to", tmp_path / "o", "--config", file)
    call("render", slow, "--clips", clips, "--to", tmp_path / "again", "--config", file)
    call("render", slow, "--clips", clips, "--to", tmp_path / "big", "--config", file, "--size", 96)

    strips = [tmp_path / name / "0000.jpg" for name in ("o/slow", "again", "big")]
    first, again, big = (decode_strip(strip.read_bytes()) for strip in strips)
    assert (first.shape[1], again.shape[1], big.shape[1]) == (64, 64, 96)
    # Quality 40 leaves half of the bytes of 95: the file's was taken, and not today's.
    assert strips[1].stat().st_size < 1.2 * strips[0].stat().st_size
    assert np.abs(first.astype(int) - again).mean() < 4
    # Which frames a clip has is known, whatever rate would be taken by today's thresholds.
    call("render", slow, "--clips", clips, "--to", tmp_path / "today")
    assert (tmp_path / "today" / "0000.jpg").exists()


def test_render_takes_the_frames_of_the_clips_whatever_frames_are_taken_now(tmp_path):
    path = film(shaky_path(32, **SMALL), **SMALL)
    fast = write_video(tmp_path / "fast.mkv", path, fps=60, codec="ffv1")
    file = write(tmp_path, "[frames]\nmax_fps = 60\nmin_fps = 40\n")
    clips = tmp_path / "o" / "fast" / "clips.json"
    call("stabilize", fast, "--to", tmp_path / "o", "--config", file)

    call("render", fast, "--clips", clips, "--to", tmp_path / "x")

    assert json.loads(clips.read_bytes())[0]["frame_step"] == 1  # today it would be 2
    strips = [tmp_path / name / "0000.jpg" for name in ("o/fast", "x")]
    first, again = (decode_strip(strip.read_bytes()) for strip in strips)
    assert np.abs(first.astype(int) - again).mean() < 0.5


# -- flow parameters ---------------------------------------------------------------------------


def test_parameters_without_thresholds_mean_what_they_meant(tmp_path):
    assert RunOptions.model_validate({"out": tmp_path}).curation() == TODAY
    old = RunOptions.model_validate({"out": tmp_path, "size": 64}).curation()
    assert old == CurationConfig.of(size=64, method="tracks")


def test_the_values_travel_to_workers_and_the_hash_stays_true(tmp_path):
    tables = tomllib.loads("[frames]\nmin_fps = 5\n[strips]\nsize = 64\n")
    options = RunOptions.model_validate({"out": tmp_path, "config": tables})

    travelled = json.loads(json.dumps(options.model_dump(mode="json")))
    arrived = RunOptions.model_validate(travelled).with_machine()

    assert arrived.curation() == curation_of(tables)
    assert config_hash(arrived.curation()) == config_hash(options.curation())
    assert config_hash(arrived.curation()) != config_hash(TODAY)


def test_a_wrong_value_is_refused_before_a_run_begins(tmp_path):
    for parameters, sentence in (
        ({"config": {"frames": {"min_fsp": 5}}}, "did you mean frames.min_fps"),
        ({"config": {"strips": {"size": 100}}}, "strips.size must be a multiple of 16"),
        ({"size": 0}, "size must be a multiple of 16"),
    ):
        with pytest.raises(ValueError, match=sentence):
            RunOptions.model_validate({"out": tmp_path, **parameters})


def test_the_row_bears_the_hash_of_what_was_in_force(slow, tmp_path):
    options = RunOptions.model_validate({"config": {"frames": {"min_fps": 5}}, "out": tmp_path})
    (record,) = scan_folder(slow.parent)
    config = worker_config(tmp_path / "work", options)

    async def curate():
        return [one async for one in curate_videos([record], config, workers=1, limit_s=100)]

    ((_, outcome),) = asyncio.run(curate())
    assert outcome.counts.accepted == 1
    (row,) = iterate_rows(part_path(FolderStore(tmp_path / "work"), record.video_id))
    assert row["config_hash"] == config_hash(curation_of({"frames": {"min_fps": 5}}))
    assert row["fps"] == 8


# -- what an output remembers ------------------------------------------------------------------


def test_an_output_says_in_which_values_it_differs(catalog):
    assert enter_config(catalog, TODAY) == ""
    assert enter_config(catalog, TODAY) == ""

    other = curation_of({"stabilize": {"min_visible": 0.6}}, size=64)
    assert enter_config(catalog, other) == (
        f"configuration {config_hash(TODAY)}, now it is {config_hash(other)} "
        "(stabilize.min_visible was 0.5, is 0.6; strips.size was 128, is 64)"
    )
    assert remembered_config(catalog) == TODAY


def test_an_output_of_before_is_told_by_its_hash_and_learns_the_values(catalog):
    catalog.fact("config_hash", config_hash(TODAY))

    small = curation_of({}, size=64)
    named = f"configuration {config_hash(TODAY)}, now it is {config_hash(small)}"
    assert enter_config(catalog, small) == named
    with pytest.raises(StorageError, match="remembers no thresholds"):
        remembered_config(catalog)
    assert enter_config(catalog, TODAY) == ""
    assert remembered_config(catalog) == TODAY


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"frames": {"min_fps": 20, "gone": 1}}, ": there is no threshold frames.gone"),
        ({"frames": {"min_fps": 20}}, ", which has other ones"),  # it did not know the rest
    ],
)
def test_thresholds_of_another_version_are_not_taken_for_ours(catalog, tables, sentence):
    catalog.fact("config_hash", "c0ffee")
    catalog.fact("config", json.dumps(tables))

    with pytest.raises(StorageError, match=f"another version of tinyvideo{sentence}"):
        remembered_config(catalog)
    assert config_in_force(catalog) == TODAY


def test_the_thresholds_of_an_output_are_printed_for_the_next_run(tmp_path):
    used = curation_of({"frames": {"min_fps": 5}}, size=64)
    with OutputAddress.at(tmp_path / "out").shared(make=True) as output:
        enter_config(output.catalog, used)

    printed = call("config", "--out", tmp_path / "out")

    assert curation_of(tomllib.loads(printed)) == used
    assert "leave --config, --size and --method out" in refused(
        "config", "--out", tmp_path / "out", "--size", 64
    )
