"""Signals at random moments leave no process and no traceback; `chaos_signals` does hundreds."""

import random

import pytest

from tests.chaos.chaos_signals import SHOCKS, Places, once
from tests.servers.prefect_machine import films

pytestmark = pytest.mark.long


@pytest.mark.parametrize("name", ["stabilize", "crawl", "run"])
def test_a_command_that_is_disturbed_ends_with_its_code_and_leaves_nothing(tmp_path, name):
    places, chance = Places(tmp_path), random.Random(1)
    (tmp_path / "home").mkdir()
    films(tmp_path / "films", 3)
    wrong = {kind: once(places, n, kind, chance, name) for n, kind in enumerate(SHOCKS)}
    assert not any(wrong.values()), wrong
