"""Groups of hashes, beside what comparing every pair with every other would find."""

import numpy as np
import pytest

from tinyvideo.pipeline.alike.alike_groups import Groups, find_pairs, group_alike
from tinyvideo.pipeline.alike.hash_match import are_copies, in_mirror, to_hashes

ALL = np.uint64(2**64 - 1)


def draw_hashes(count, seed=0, counts=1.0):
    """Random signs of which a share counts."""
    rng = np.random.default_rng(seed)
    hashes = to_hashes(rng.bytes(48 * count)).copy()
    for word in (2, 3, 5):
        bits = rng.random((count, 64)) < counts
        hashes[:, word] = np.packbits(bits, axis=1).view(np.uint64)[:, 0]
    return hashes


def turn(hashes, rows, bits):
    """Turn some of the first 128 signs of some hashes."""
    for bit in bits:
        hashes[rows, bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    return hashes


def by_every_pair(hashes, videos):
    groups = Groups(len(hashes))
    one, other = np.triu_indices(len(hashes), 1)
    new = videos[one] != videos[other]
    one, other = one[new], other[new]
    same = are_copies(hashes[one], hashes[other]) | are_copies(
        in_mirror(hashes[one]), hashes[other]
    )
    groups.join(one[same], other[same])
    return groups.least()


def test_copies_are_found_as_by_comparing_every_pair():
    hashes = draw_hashes(400, counts=0.9)
    hashes[200:240] = hashes[:40]
    hashes[240:260] = in_mirror(hashes[40:60])
    turn(hashes, slice(200, 230), [3, 40, 77])
    videos = np.arange(400)
    expected = by_every_pair(hashes, videos)
    assert (expected[200:260] == np.arange(60)).all()
    np.testing.assert_array_equal(group_alike(hashes, videos), expected)


def test_signs_that_do_not_count_do_not_part_copies():
    hashes = draw_hashes(300)
    hashes[:150, 2] &= ~np.uint64(0b111)  # three of the first word say nothing in the originals
    hashes[150:] = hashes[:150]
    hashes[150:, 0] ^= np.uint64(0b111)
    groups = group_alike(hashes, np.arange(300))
    np.testing.assert_array_equal(groups[150:], np.arange(150))


def test_clips_of_one_film_are_not_compared():
    hashes = np.repeat(draw_hashes(3), 2, axis=0)
    np.testing.assert_array_equal(group_alike(hashes, np.repeat([7, 8, 9], 2)), np.arange(6))
    np.testing.assert_array_equal(group_alike(hashes, np.arange(6)), np.repeat([0, 2, 4], 2))


def test_a_thousand_copies_are_one_group_though_each_meets_few():
    hashes = np.repeat(draw_hashes(1), 1000, axis=0)
    assert (group_alike(hashes, np.arange(1000)) == 0).all()


@pytest.mark.parametrize("count", [0, 1])
def test_nobody_is_like_nobody(count):
    assert group_alike(draw_hashes(count), np.arange(count)).tolist() == [*range(count)]
    assert list(find_pairs(draw_hashes(count), np.arange(count))) == []


# Of 128 signs that count a tenth may be another: 12, and not 13.
@pytest.mark.parametrize(("turned", "same"), [(12, True), (13, False)])
def test_a_tenth_of_the_signs_may_differ(turned, same):
    hashes = np.repeat(draw_hashes(1), 2, axis=0)
    turn(hashes, 1, range(turned))
    assert are_copies(hashes[:1], hashes[1:]).tolist() == [same]


@pytest.mark.parametrize(("count", "same"), [(48, True), (47, False)])
def test_fewer_than_48_common_signs_say_nothing(count, same):
    hashes = np.repeat(draw_hashes(1), 2, axis=0)
    hashes[0, 2:4] = ALL
    hashes[1, 2:4] = (np.uint64(2**count - 1), 0)
    assert are_copies(hashes[:1], hashes[1:]).tolist() == [same]


def test_groups_joined_in_any_order_are_known_by_their_least_row():
    pairs = np.array([(9, 4), (4, 7), (1, 9), (3, 5), (5, 3)])
    groups = Groups(10)
    groups.join(pairs[:, 0], pairs[:, 1])
    assert groups.least().tolist() == [0, 1, 2, 3, 1, 3, 6, 1, 8, 1]
