"""What cannot be used is said of the option or the variable, and never in pydantic's words."""

import pytest
from pydantic import ValidationError

from tinyvideo.flows.run_options import RunOptions
from tinyvideo.flows.search_options import SearchOptions
from tinyvideo.flows.settings import Settings, SettingsError, read_settings, variable_of
from tinyvideo.flows.terminal import details_of, sentence_of, with_option

OPTIONS = {
    "--size must be a multiple of 16 from 16 to 1024, got 7": (RunOptions, {"size": 7}),
    "--size: 'big' is no whole number": (RunOptions, {"size": "big"}),
    "--workers: 0 is out of range: it must be at least 1": (RunOptions, {"workers": 0}),
    "--workers: 300 is out of range: it must be at most 256": (RunOptions, {"workers": 300}),
    "--video-limit-s: 0 is out of range: it must be more than 0.0": (
        RunOptions,
        {"video_limit_s": 0},
    ),
    "--window-limit-s: 'long' is no number": (RunOptions, {"window_limit_s": "long"}),
    "--engine: 'spark' is none of 'process', 'dask', 'ray'": (RunOptions, {"engine": "spark"}),
    "--folder: give the whole path, from / on: workers run in folders of their own": (
        RunOptions,
        {"folder": "beaches"},
    ),
    "--urls: 3 is no path": (RunOptions, {"urls": 3}),
    "--any-license: 'perhaps' is neither true nor false": (RunOptions, {"any_license": "perhaps"}),
    "--since: '2014-13-45' is no day; write it as 2014-01-31": (
        RunOptions,
        {"search": {"tags": "beach", "since": "2014-13-45"}},
    ),
    "--until: 'today' is no day; write it as 2014-01-31": (
        SearchOptions,
        {"tags": "beach", "until": "today"},
    ),
    "--bbox: a box is WEST,SOUTH,EAST,NORTH in degrees, got '1,2'": (
        SearchOptions,
        {"bbox": "1,2"},
    ),
    "--tag: 3 is no text": (SearchOptions, {"tags": 3}),
    "--colour: 1 is more than is asked for: there is nothing of this name": (
        RunOptions,
        {"colour": 1},
    ),
}


@pytest.mark.parametrize(("sentence", "told"), OPTIONS.items(), ids=OPTIONS)
def test_an_option_is_named(sentence, told):
    model, values = told

    with pytest.raises(ValidationError) as caught:
        model.model_validate(values)

    assert [sentence_of(each) for each in details_of(caught.value)] == [sentence]


def test_other_errors_are_not_pydantics():
    assert details_of(ValueError("a bug")) is None
    assert details_of(None) is None


def test_a_sentence_on_a_field_becomes_one_on_the_option():
    wrong = ValueError("min_motion must be from 0 to 1, got 7")

    assert with_option(wrong) == "--min-motion must be from 0 to 1, got 7"
    assert with_option(ValueError("two films are called 'a'")) == "two films are called 'a'"


VARIABLES = {
    ("TINYVIDEO_WORKERS", "many"): "TINYVIDEO_WORKERS: 'many' is no whole number",
    ("TINYVIDEO_API_RATE", "0"): (
        "TINYVIDEO_API_RATE: '0' is out of range: it must be more than 0.0"
    ),
    ("TINYVIDEO_KEEP_RAW", "perhaps"): "TINYVIDEO_KEEP_RAW: 'perhaps' is neither true nor false",
    ("TINYVIDEO_YTDLP", "3"): "TINYVIDEO_YTDLP: 3 is no JSON object, such as {}",
    ("RANK", "first"): "RANK: 'first' is no whole number",
    ("TINYVIDEO_WORKRES", "4"): (
        "TINYVIDEO_WORKRES, in the environment, is no setting; did you mean TINYVIDEO_WORKERS?"
    ),
    ("TINYVIDEO_FLIKR_KEY", ""): (
        "TINYVIDEO_FLIKR_KEY, in the environment, is no setting; did you mean TINYVIDEO_FLICKR_KEY?"
    ),
    ("TINYVIDEO_COLOUR", "red"): (
        "TINYVIDEO_COLOUR, in the environment, is no setting; "
        "unset it, and 'tinyvideo settings' lists those that there are"
    ),
}


@pytest.mark.parametrize(("given", "sentence"), VARIABLES.items(), ids=lambda each: each[0])
def test_a_variable_is_named(monkeypatch, tmp_path, given, sentence):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(*given)

    with pytest.raises(SettingsError) as caught:
        read_settings()

    assert str(caught.value) == sentence


def test_every_setting_can_be_set_and_in_small_letters_too(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    ours = [name for name in map(variable_of, Settings.model_fields) if "TINYVIDEO_" in name]
    (tmp_path / ".env").write_text("# a comment\nOTHER=1\ntinyvideo_workers=3\n")
    monkeypatch.setenv("TINYVIDEO_ENV_FILE", ".env")
    for name in set(ours) - {"TINYVIDEO_WORKERS"}:
        default = Settings.model_fields[name.removeprefix("TINYVIDEO_").lower()].get_default()
        if isinstance(default, str | int | float):
            monkeypatch.setenv(name, str(default))

    assert read_settings().workers == 3
