"""Kills at random moments leave no trace; `python -m tests.chaos.chaos_training` does twenty."""

import pytest

from tests.chaos.chaos_training import small, survive

pytestmark = pytest.mark.long


def test_a_run_that_is_killed_again_and_again_ends_as_an_unbroken_one(tmp_path):
    assert 1 <= survive(tmp_path, small(12), kills=2, seed=1) <= 2
