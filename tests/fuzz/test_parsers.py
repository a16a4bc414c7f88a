"""Bytes of strangers give values or our own sentences; a few here, 10,000 of each by hand."""

import json

import pytest

from tests.fuzz.parsers import fuzz, targets
from tinyvideo.flows.commands.curating.render_command import read_places
from tinyvideo.pipeline.find.lists import read_list
from tinyvideo.pipeline.thresholds.threshold_file import read_toml
from tinyvideo.pipeline.thresholds.threshold_tables import ThresholdError

NESTED, LONG = "[" * 100_000, "9" * 5_000


def test_damaged_files_give_values_or_our_own_sentences(tmp_path):
    found = {
        name: fuzz(target, tmp_path / "bad", 100, seed=2)
        for name, target in targets(tmp_path).items()
    }

    assert not any(found.values()), found


@pytest.mark.parametrize("length", [10_000])
@pytest.mark.long
def test_many_damaged_files_do(tmp_path, length):
    for name, target in targets(tmp_path).items():
        assert fuzz(target, tmp_path / "bad", length, seed=1) == [], name


@pytest.mark.parametrize(
    "line",
    ["http://[a", "https://[::1/film.mp4", f'{{"url": {NESTED}', f'{{"url": {LONG}}}'],
    ids=["bracket", "half an address", "nested", "long number"],
)
def test_a_line_that_is_no_address_is_told_by_its_number(tmp_path, line):
    path, told = tmp_path / "list", []
    path.write_text(f"{line}\ns3://b/a.mp4\n")

    (good,) = read_list(path, bad=lambda number, what: told.append((number, what)))

    assert good.uri == "s3://b/a.mp4"
    ((number, what),) = told
    assert number == 1
    assert what


@pytest.mark.parametrize("text", [f"a = {NESTED}", f"a = {LONG}"], ids=["nested", "long number"])
def test_thresholds_that_python_cannot_read_are_one_sentence(text):
    with pytest.raises(ThresholdError, match="this is no TOML"):
        read_toml(text)


def test_clips_at_no_frame_are_one_sentence(tmp_path):
    path = tmp_path / "clips.json"
    clip = {"accepted": True, "index": 0, "start_frame": float("inf"), "frame_step": 1}
    path.write_text(json.dumps([{**clip, "to_first": [[[1.0] * 3] * 3] * 32}]))

    with pytest.raises(ValueError, match=r"is no clips\.json"):
        read_places(path)
