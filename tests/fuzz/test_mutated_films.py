"""Damaged films neither crash us nor become training data; a few here, 1,000 by hand."""

import pytest

from tests.fuzz.mutated_films import judge_all


@pytest.mark.long
def test_no_damaged_film_crashes_us_and_none_becomes_a_strip(tmp_path):
    counts = judge_all(tmp_path, films=152, seed=3)

    assert counts["problems"] == 0
    assert counts["garbage"] <= 1  # what is left of it stands in benchmarks/RESULTS.md
    assert counts["sharded"] > 50  # that the damage is not refused wholesale
