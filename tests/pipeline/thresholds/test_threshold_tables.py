"""Tables of values -> a configuration: what is changed, what wins, and what is refused how."""

import json

import pytest

from tinyvideo.pipeline.curation import CurationConfig
from tinyvideo.pipeline.thresholds import (
    ThresholdError,
    curation_of,
    list_changes,
    read_toml,
    tables_of,
)

TODAY = CurationConfig()
OF_2016 = CurationConfig.of(size=128, method="paper")


def test_only_what_is_said_is_changed():
    config = curation_of({"stabilize": {"min_visible": 0.6, "match": {"ratio": 0.7}}})

    changes = list_changes(tables_of(TODAY), tables_of(config))
    assert changes == [
        "stabilize.match.ratio was 0.75, is 0.7",
        "stabilize.min_visible was 0.5, is 0.6",
    ]
    assert curation_of({}) == TODAY


@pytest.mark.parametrize(
    ("one", "other"),
    [("min_fps = 20", "min_fps = 20.0"), ("min_fps = 24", "min_fps = 24.0"), ("", "max_fps = 35")],
)
def test_equal_values_have_equal_bytes_to_hash(one, other):
    first, second = (curation_of(read_toml(f"[frames]\n{each}")) for each in (one, other))

    assert json.dumps(tables_of(first)) == json.dumps(tables_of(second))


def test_json_can_carry_them():
    tables = json.loads(json.dumps(tables_of(OF_2016)))

    assert tables["frames"]["working_px"] is None
    assert curation_of(tables) == OF_2016


@pytest.mark.parametrize(
    ("file", "options", "method", "working_px"),
    [
        ("", {}, "tracks", 240),
        ("", {"method": "paper"}, "paper", None),
        ('stabilize.method = "paper"', {}, "paper", None),
        ('stabilize.method = "paper"\nframes.working_px = 480', {}, "paper", 480),
        ('stabilize.method = "paper"\nframes.working_px = 480', {"method": "paper"}, "paper", 480),
        ('frames.working_px = "none"', {}, "tracks", None),
        ("frames.working_px = 480", {"method": "tracks"}, "tracks", 480),
        # A whole file, as it is printed, and an option that means the other method.
        (
            'stabilize.method = "tracks"\nframes.working_px = 240',
            {"method": "paper"},
            "paper",
            None,
        ),
        (
            'stabilize.method = "paper"\nframes.working_px = "none"',
            {"method": "tracks"},
            "tracks",
            240,
        ),
    ],
)
def test_the_method_of_2016_has_full_frames_unless_told_otherwise(
    file, options, method, working_px
):
    config = curation_of(read_toml(file), **options)

    assert (config.stabilize.method, config.frames.working_px) == (method, working_px)


def test_an_option_wins_over_the_file():
    tables = {"strips": {"size": 96, "jpeg_quality": 90}}

    assert curation_of(tables).strips.size == 96
    config = curation_of(tables, size=64)
    assert (config.strips.size, config.strips.jpeg_quality) == (64, 90)


WRONG = {
    "[stabilize]\nmin_visibel = 1": "there is no threshold stabilize.min_visibel; did you mean "
    "stabilize.min_visible?",
    "[stabilise]\nmin_visible = 1": "there is no table stabilise; did you mean stabilize?",
    "[match]\nratio = 0.7": "there is no table match; did you mean stabilize.match?",
    "min_visible = 1": "there is no threshold min_visible; did you mean stabilize.min_visible?",
    "[frames]\nmin_change = 1": "there is no threshold frames.min_change; did you mean "
    "shots.min_change or window.min_change?",
    "colour = 1": "there is no threshold colour; 'tinyvideo config' prints all",
    "frames = 24": "frames must be a table of values, got 24",
    "[frames.min_fps]\nx = 1": "frames.min_fps must be a number, got {'x': 1}",
    '[frames]\nmin_fps = "many"': "frames.min_fps must be a number, got 'many'",
    "[frames]\nmin_fps = true": "frames.min_fps must be a number, got True",
    "[frames]\nmin_fps = nan": "frames.min_fps must be finite and not negative, got nan",
    "[frames]\nmax_fps = inf": "frames.max_fps must be finite and not negative, got inf",
    f"[frames]\nmax_fps = {'9' * 400}": (
        f"frames.max_fps must be below 9,007,199,254,740,992, got {'9' * 20}..."
    ),
    "[shots]\nmemory = -1": "shots.memory must be finite and not negative, got -1",
    "[frames]\nmax_step = 2.0": "frames.max_step must be a whole number, got 2.0",
    "[frames]\nworking_px = 1e3": 'frames.working_px must be a whole number or "none", got 1000.0',
    '[frames]\nmin_fps = "none"': "frames.min_fps must be a number, got 'none'",
    "[frames]\nworking_px = [1]": 'frames.working_px must be a whole number or "none", got [1]',
    "[frames]\nmin_fps = 40": "frames: need 0 < min_fps <= max_fps, got 40.0, 35",
    '[stabilize]\nmethod = "2016"': "stabilize.method must be one of tracks, paper, got '2016'",
    "[stabilize.match]\nmin_inliers = 3": "stabilize.match.min_inliers must be at least 4, got 3",
    "[strips]\nsize = 100": "strips.size must be a multiple of 16 from 16 to 1024, got 100",
}


@pytest.mark.parametrize(
    ("file", "sentence"), WRONG.items(), ids=[w.split("\n")[-1] for w in WRONG]
)
def test_what_cannot_be_used_is_one_sentence_with_its_name(file, sentence):
    with pytest.raises(ThresholdError) as caught:
        curation_of(read_toml(file))

    assert str(caught.value) == sentence


def test_what_two_versions_do_not_share_is_told_too():
    assert list_changes({"a": {"x": 1, "y": None}}, {"a": {"x": 1, "z": 2}}) == [
        "a.y was None, is not there",
        "a.z was not there, is 2",
    ]
