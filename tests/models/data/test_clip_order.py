"""The order of clips knows the seed and the position, and nothing else."""

from itertools import pairwise, product

import numpy as np
import pytest

from tinyvideo.models.data.clip_order import EpochOrder, shuffled

SIZES = [(1,), (3,), (5, 1, 64, 2), (5, 1, 64, 2, 7), (2,) * 12, (9,) * 9, (64,) * 24]
LANES = [1, 3, 8]
CASES = list(product(SIZES, LANES))


def all_clips(sizes):
    return [(piece, place) for piece, size in enumerate(sizes) for place in range(size)]


def take(order, start, count):
    return order.take(range(start, start + count))


@pytest.mark.parametrize(("sizes", "lanes"), CASES)
def test_every_epoch_is_a_permutation_of_all_clips(sizes, lanes):
    order = EpochOrder(sizes, 1, lanes)
    assert len(order) == sum(sizes)
    for epoch in range(3):
        assert sorted(take(order, epoch * len(order), len(order))) == all_clips(sizes)


@pytest.mark.parametrize(("sizes", "lanes"), CASES[: 5 * len(LANES)])
def test_order_is_the_same_from_any_position(sizes, lanes):
    count = 2 * sum(sizes) + 1
    whole = take(EpochOrder(sizes, 1, lanes), 0, count + 2)
    for position in range(0, count, 3):
        assert take(EpochOrder(sizes, 1, lanes), position, 2) == whole[position : position + 2]


def test_order_is_the_same_however_it_is_taken_apart():
    order = EpochOrder((5, 1, 64, 2, 7), 1, 3)
    whole = take(order, 0, 200)
    for ranks in (2, 3, 5):
        shares = [order.take(range(rank, 200, ranks)) for rank in range(ranks)]
        assert [shares[at % ranks][at // ranks] for at in range(200)] == whole


def test_a_batch_wraps_into_the_next_epoch():
    order = EpochOrder([5], 1, 2)
    assert take(order, 3, 4) == [*take(order, 0, 5)[3:], *take(order, 5, 5)[:2]]


def test_epochs_and_seeds_differ():
    orders = {
        tuple(take(EpochOrder([64] * 3, seed, 2), epoch * 192, 192))
        for seed, epoch in product((1, 2), (0, 1))
    }
    assert len(orders) == 4


@pytest.mark.parametrize("sizes", [[30], [1] * 30], ids=["one-group", "one-clip-groups"])
def test_clips_and_row_groups_are_shuffled_anew_in_every_epoch(sizes):
    order = EpochOrder(sizes, 1, 1)
    epochs = {tuple(take(order, 30 * epoch, 30)) for epoch in range(3)}
    assert len({*epochs, tuple(all_clips(sizes))}) == 4


def test_every_batch_mixes_as_many_row_groups_as_there_are_lanes():
    order = EpochOrder([64] * 80, 5, 8)
    for start in range(0, len(order), 64):
        pieces = {piece for piece, _ in take(order, start, 64)}
        assert 8 <= len(pieces) <= 9, start


def test_row_groups_are_needed_one_by_one_and_not_all_at_once():
    order = EpochOrder([64] * 80, 5, 8)
    batches = [{piece for piece, _ in take(order, at, 64)} for at in range(0, len(order), 64)]
    assert {len(after - before) for before, after in pairwise(batches)} <= {0, 1}


def test_a_lane_finishes_a_row_group_before_it_begins_another():
    order = EpochOrder([64] * 80, 5, 8)
    for lane in range(8):
        pieces = [piece for piece, _ in order.take(range(lane, len(order), 8))]
        begun = [pieces[0], *(after for before, after in pairwise(pieces) if before != after)]
        # The one that the lane begins in the middle of comes again at its end.
        assert len(begun) == (10 if lane == 0 else 11)
        assert len(set(begun)) == 10


@pytest.mark.parametrize("ranks", [2, 4, 8])
def test_ranks_that_divide_the_lanes_share_no_row_group(ranks):
    order = EpochOrder([64] * 80, 5, 8)
    shares = [
        {piece for piece, _ in order.take(range(rank, len(order), ranks))} for rank in range(ranks)
    ]
    assert sum(len(share) for share in shares) == len(set().union(*shares)) == 80


def test_row_groups_are_drawn_from_everywhere():
    windows = {
        frozenset(piece for piece, _ in take(EpochOrder([64] * 80, seed, 8), 0, 64))
        for seed in range(5)
    }
    assert len(windows) == 5


def test_35_million_clips_have_an_order_too():
    order = EpochOrder(np.full(547_000, 64, np.uint8), 1, 8)
    assert len(order) == 35_008_000
    positions = np.unique(np.random.default_rng(1).integers(0, len(order), 20_000))
    clips = order.take(positions)
    assert len(set(clips)) == len(positions)
    assert max(piece for piece, _ in clips) > 500_000
    assert order.take([len(order) - 1]) == EpochOrder(order._sizes, 1, 8).take([len(order) - 1])


def test_a_shuffle_stays_what_it_was():
    # As it came out in version 0.1.0. Another result would break the resume of every old run.
    assert shuffled(8, 1, 2, 3).tolist() == [1, 3, 7, 5, 2, 0, 4, 6]


def test_the_order_stays_what_it_was():
    # So does this one.
    assert EpochOrder([3, 1, 4], 7, 2).take(range(6, 10)) == [(2, 3), (1, 0), (1, 0), (2, 0)]


def test_with_replacement_some_clips_come_twice_and_others_not_at_all():
    """Of n drawn with replacement, (1 - 1/n) ** n, about 1 / e, are missing."""
    order = EpochOrder([64] * 50, seed=1, lanes=8, replacement=True)
    clips = order.take(np.arange(len(order)))
    assert len(clips) == 3200
    assert abs(1 - len(set(clips)) / 3200 - (1 - 1 / 64) ** 64) < 0.03
    pieces = np.bincount([piece for piece, _ in clips], minlength=50)
    assert set(pieces) == {64}  # each row group is still read once
