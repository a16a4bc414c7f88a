"""The file that `tinyvideo config` prints: whole, with a sentence for each value, and read back."""

import json
import tomllib
from dataclasses import dataclass, fields, is_dataclass, replace

import pytest

from tinyvideo.pipeline.curation import CurationConfig
from tinyvideo.pipeline.thresholds import (
    ThresholdError,
    curation_of,
    read_toml,
    sentences_of,
    tables_of,
    write_toml,
)

TODAY = CurationConfig()


def leaves(config, table=""):
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value):
            yield from leaves(value, f"{table}{field.name}.")
        else:
            yield f"{table}{field.name}", type(config), field.name


def changed():
    """A configuration with another value in every field that the checks leave free."""
    config = CurationConfig.of(size=64, method="paper")
    frames = replace(config.frames, min_fps=12.5, max_side_px=512)
    return replace(config, frames=frames, shots=replace(config.shots, min_change=0.00001))


@pytest.mark.parametrize("config", [TODAY, changed()], ids=["today", "changed"])
def test_what_is_printed_and_read_back_is_the_same(config):
    again = curation_of(read_toml(write_toml(config)))

    assert again == config
    # Byte for byte, too: the hash is made of what json makes of the values.
    assert json.dumps(tables_of(again)) == json.dumps(tables_of(config))


def test_every_value_stands_in_its_table_below_its_sentence():
    text = write_toml(TODAY)

    for name, kind, field in leaves(TODAY):
        assert sentences_of(kind).get(field), f"{name}: write its sentence below the field"
        found = tomllib.loads(text)
        for key in name.split("."):
            found = found[key]
    assert "# Share of the strip, 0 to 1, that every frame must fill." in text
    assert text.index("\n[stabilize]\n") < text.index("\nmin_visible = 0.5\n")
    assert text.index("\nmin_visible = 0.5\n") < text.index("\n[stabilize.tracks]\n")
    assert max(map(len, text.splitlines())) <= 100


def test_what_has_no_value_is_none_in_words():
    assert 'working_px = "none"\n' in write_toml(CurationConfig.of(size=128, method="paper"))


def test_no_toml_is_told_with_its_line():
    with pytest.raises(ThresholdError, match=r"no TOML: invalid value \(at line 2, column 11\)"):
        read_toml("[frames]\nmin_fps = \n")


@dataclass
class Two:
    first: int = 1
    """One line, and
    another."""
    second: int = 2
    third: int = 3
    """A third."""


def test_a_sentence_belongs_to_the_field_above_it_alone():
    assert sentences_of(Two) == {"first": "One line, and another.", "third": "A third."}
