"""Some kills of each kind, at random moments; `python -m tests.chaos.storage_kills` does many."""

from importlib.util import find_spec

import pytest

from tests.chaos.storage_kills import WHAT, run_chaos

KILLS = 5

pytestmark = pytest.mark.long


@pytest.mark.parametrize("what", [what for what, module in WHAT.items() if find_spec(module)])
def test_killed_at_random_moments_nothing_is_lost_doubled_or_half(
    what, s3_address, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    met, _ = run_chaos(what, s3_address, tmp_path, KILLS, seed=7)
    assert met >= KILLS // 2
