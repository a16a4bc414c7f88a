"""Every pair of switches has the gradients of one process in fp64, on two processes as on one.

What is compared is the first step. In fp32 only the discriminator is: the generator learns from the
discriminator after its update, and Adam's first step makes full steps out of gradients that are
nothing but rounding (`benchmarks/RESULTS.md`, "Step 1 in fp32 and fp64").
"""

import dataclasses
from itertools import combinations

import pytest

from tests.servers.rank_gradients import gradients_of, gradients_on_two
from tinyvideo.models.train_config import TrainConfig

BASE = TrainConfig(width=1, batch=2, precision="fp64", seed=3, pictures_every=0)
SWITCHES = {
    "r1": {"r1": 10.0, "r1_every": 1},
    "spectral-norm": {"spectral_norm": True},
    "hinge": {"loss": "hinge"},
    "augment": {"augment": True},
    "ema": {"ema": 0.9},
    "one-stream": {"streams": 1},
    "first-frame": {"condition": "first-frame"},
}
REFUSED = {("one-stream", "first-frame")}
PAIRS = [pair for pair in combinations(SWITCHES, 2) if pair not in REFUSED]
SHORT = [("r1", "augment"), ("r1", "hinge")]
"""R1 through batch normalization is where ranks depend on each other."""


def configuration(pair, **changes):
    switches = {**SWITCHES[pair[0]], **SWITCHES[pair[1]]}
    return dataclasses.replace(BASE, **switches, **changes)


def difference(found, expected):
    """By how much two vectors differ, as a share of the length of the second."""
    return float((found.double() - expected).norm() / expected.norm())


def assert_right(pairs, folder):
    precise = [configuration(pair) for pair in pairs]
    usual = [configuration(pair, precision="fp32") for pair in pairs]
    on_two = gradients_on_two([*precise, *usual], folder)
    found = zip(on_two[: len(pairs)], on_two[len(pairs) :], strict=True)
    for pair, config, (two, single) in zip(pairs, precise, found, strict=True):
        one = gradients_of(config)
        for network, expected in one.items():
            assert difference(two[network], expected) < 1e-7, (pair, network)
        assert difference(single["discriminator"], one["discriminator"]) < 1e-4, pair


def test_pairs_with_r1_have_the_gradients_of_one_process(tmp_path):
    assert_right(SHORT, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("first", ["r1", "spectral-norm", "hinge", "augment", "ema", "one-stream"])
def test_all_pairs_have_the_gradients_of_one_process(first, tmp_path):
    pairs = [pair for pair in PAIRS if pair[0] == first]
    if pairs:
        assert_right(pairs, tmp_path)


def test_one_stream_with_a_first_frame_is_refused():
    with pytest.raises(ValueError, match="streams must be 2 with a condition, got 1"):
        configuration(("one-stream", "first-frame"))
