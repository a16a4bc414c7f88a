"""Whatever the vice of a search: what can be found is found, or the window says that it is not."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.flickr.worlds import walk_world
from tinyvideo.flows.imitation.search_answers import SearchConfig
from tinyvideo.flows.imitation.vices import Vice

VIDEOS = 2_500
FEW = 12
"""Calls that all meet the same one of two servers once in 2,048 worlds."""

STEADY = {"total_error": 0, "unsteady_pages": 0}


@pytest.mark.parametrize("vice", Vice)
def test_nothing_is_called_proven_that_is_not(vice):
    world = walk_world(7, VIDEOS, vice, SearchConfig(seed=7, vice=vice, **STEADY))
    assert world.proven_missing <= world.findable / 1_000
    assert world.found >= 0.999 * world.findable or world.proven < world.windows
    assert world.uncalled == 0  # every call is counted in a window


@pytest.mark.parametrize("seed", [1, 2])
def test_without_vices_everything_is_proven_in_few_calls(seed):
    world = walk_world(seed, 3 * VIDEOS, None, SearchConfig(seed=seed, **STEADY))
    assert world.found == world.findable
    assert world.proven == world.windows
    assert world.calls <= 1.3 * world.least


@pytest.mark.long
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 20),
    videos=st.integers(1_500, 6_000),
    vice=st.sampled_from(Vice),
    unsteady=st.sampled_from([0, 0.2]),
)
def test_in_no_world_is_anything_called_proven_that_is_not(seed, videos, vice, unsteady):
    search = SearchConfig(seed=seed, vice=vice, total_error=unsteady, unsteady_pages=unsteady)
    world = walk_world(seed, videos, vice, search)
    # A few calls may all meet the poorer server: docs/concepts/proven.md says so.
    assume(vice is not Vice.REPLICAS or world.calls >= FEW)
    assert world.proven_missing <= world.findable / 1_000
    assert world.uncalled == 0
