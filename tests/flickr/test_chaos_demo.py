"""`tinyvideo chaos-demo` as a user runs it, and what it holds the crawl against."""

import json
import os
import subprocess
import sys

import pytest

from tinyvideo.flows.imitation.population import Fate, Population, PopulationConfig
from tinyvideo.flows.imitation.truth import end_of, findable_videos, wrong_ends


def chaos_demo(*words, **environment):
    process = subprocess.run(
        [sys.executable, "-m", "tinyvideo.flows.cli", "chaos-demo", "--json", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_a_search_finds_everything_in_few_calls(tmp_path):
    words = ["--videos", "12000", "--seed", "5", "--faults", "0.1", "--search-only"]

    told = chaos_demo(*words, "--out", str(tmp_path))

    population = Population(PopulationConfig(videos=12_000, seed=5))
    findable = findable_videos(population, ("1", "2", "4", "5", "7", "8", "9", "10"))
    assert told["findable"] == len(findable)
    assert told["found"] >= 0.999 * told["findable"]
    assert told["calls"] <= 1.3 * told["least_calls"]
    assert told["least_calls"] >= told["findable"] / 500
    assert 0 < told["max_calls_per_second"] <= told["permitted_per_second"]["api"]
    assert told["videos"]["pending"] == told["videos"]["found"]
    assert told["balanced"]


def test_every_video_ends_as_it_has_to(prefect_url):
    words = ["--videos", "40", "--seed", "2", "--faults", "0.1"]

    told = chaos_demo(*words, PREFECT_API_URL=prefect_url)

    assert told["found"] == told["findable"] > 10
    assert (told["wrong_ends"], told["balanced"]) == ({}, True)
    assert told["videos"]["pending"] == 0
    assert told["videos"]["sharded"] > 0
    for host, most in told["max_requests_per_second"].items():
        assert 0 < most <= told["permitted_per_second"][host]


@pytest.mark.parametrize("claimed", [("sharded", ""), ("rejected", "gone"), ("failed", "timeout")])
def test_a_wrong_end_is_seen(claimed):
    population = Population(PopulationConfig(videos=2_000, seed=1))
    locked = next(v for v in population.videos if v.fate is Fate.LOCKED)
    well = next(v for v in population.videos if end_of(v) == ("sharded", ""))

    ends = {locked.photo_id: claimed, well.photo_id: ("sharded", "")}

    assert end_of(locked) == ("rejected", "not_permitted")
    assert wrong_ends([locked, well], ends) == {locked.photo_id: (claimed, end_of(locked))}
    assert wrong_ends([locked], {}) == {}  # still on its way
