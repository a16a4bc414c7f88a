"""Many hashes -> groups of near duplicates, in memory that grows with their number alone.

    key       20 signs of the place, chosen by a fixed draw: clips with equal ones meet
    ask       where up to 3 of a clip's signs do not count, it asks for each of their values, and
              for those of its mirror; so a chance does not part two copies
    look      pairs that meet are compared in full (`pipeline.alike.hash_match`)
    join      pairs are joined to groups

That is done with 12 keys of other signs each. Of more than a million clips keys have 24 signs, so
that few strangers meet, and a clip is compared with 64 others per question at most, which bounds
the work where many look alike: copies without number are joined over a few of them.

Cost: see `benchmarks/RESULTS.md`; `python -m benchmarks.parts.planted_copies` measures it.

Source: locality-sensitive hashing by sampled bits, Indyk and Motwani (1998), with multiple probes
of unsure bits as in Lv and others (2007), over sorted arrays. An index of faiss (IndexBinaryIVF,
IndexBinaryMultiHash) knows no bits that do not count, and would be a package of 30 MB.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.alike.hash_match import Hashes, are_copies, in_mirror

Rows = npt.NDArray[np.int64]
"""Numbers of clips, (N,)."""

KEYS = 12
"""Ours: of planted copies 1 in 1,000 meets its original under none of them."""

UNSURE = 3
"""Signs of a key that do not count and are tried both ways: 8 questions at most. Of further ones
the value that was found is asked for: copies turn one in ten of those."""

FIRST_SIGNS = 64
"""Signs of the place that keys are made of: the lowest frequencies, which turn least."""

MOST_MET = 64
"""Clips that one question is compared with."""

_LENGTHS = (20, 24, 28, 32)
_PAIRS_AT_ONCE = 1 << 20
_ASKED_AT_ONCE = 1 << 18
_ROW_BITS = np.uint64(32)


def group_alike(hashes: Hashes, videos: Rows, among: int = 0) -> Rows:
    """Number the group of each clip, (N,): the least row of it; a clip without copies is its own.

    `videos` numbers the film of each clip: two clips of one film are not compared. Where they are
    some of more clips, `among` so many, they are grouped as among those.
    """
    groups = Groups(len(hashes))
    for one, other in find_pairs(hashes, videos, among):
        groups.join(one, other)
    return groups.least()


def find_pairs(hashes: Hashes, videos: Rows, among: int = 0) -> Iterator[tuple[Rows, Rows]]:
    """Yield pairs of copies, in parts; a pair may come more than once."""
    signs = _key_length(max(len(hashes), among))
    draw = np.random.default_rng(2016)  # any fixed draw: the same pairs are found every time
    mirror = in_mirror(np.zeros((1, hashes.shape[1]), np.uint64))
    for _ in range(KEYS if len(hashes) > 1 else 0):
        at = draw.permutation(FIRST_SIGNS)[:signs]
        keys, unsure, turned = (
            _key_bits(words, at) for words in (hashes[:, 0], ~hashes[:, 2], mirror[:, 0])
        )
        stored = np.sort(keys << _ROW_BITS | np.arange(len(keys), dtype=np.uint64))
        for start in range(0, len(hashes), _ASKED_AT_ONCE):
            part = slice(start, start + _ASKED_AT_ONCE)
            as_it_is = keys[part], hashes[part]
            in_a_mirror = keys[part] ^ turned, in_mirror(hashes[part])
            for its_keys, asking in (as_it_is, in_a_mirror):
                for asks, meets in _meet(_questions(its_keys, unsure[part]), stored):
                    new = videos[start + asks] != videos[meets]
                    one, other = asks[new], meets[new]
                    same = are_copies(asking[one], hashes[other])
                    yield start + one[same], other[same]


def _key_length(clips: int) -> int:
    """Choose how many signs make a key: by chance, one clip at most is met per question."""
    return next((length for length in _LENGTHS if clips <= 1 << length), _LENGTHS[-1])


def _meet(asked: Hashes, stored: Hashes) -> Iterator[tuple[Rows, Rows]]:
    """Yield who asks and whom it meets, in parts that fit into memory."""
    keys, who = asked >> _ROW_BITS, _rows_of(asked)
    first = np.searchsorted(stored, keys << _ROW_BITS)
    last = np.searchsorted(stored, (keys + np.uint64(1)) << _ROW_BITS)
    met = np.minimum(last - first, MOST_MET)
    ends = np.cumsum(met)
    begin = done = 0
    while begin < len(met):
        end = max(begin + 1, int(np.searchsorted(ends, done + _PAIRS_AT_ONCE, "right")))
        part = slice(begin, end)
        one = np.repeat(who[part], met[part])
        skipped = first[part] - (ends[part] - met[part] - done)
        other = _rows_of(stored[np.repeat(skipped, met[part]) + np.arange(len(one))])
        yield one, other
        begin, done = end, int(ends[end - 1])


def _questions(keys: Hashes, unsure: Hashes) -> Hashes:
    """List the keys that clips ask for, ascending, each with the row of its clip, (Q,)."""
    asked = keys << _ROW_BITS | np.arange(len(keys), dtype=np.uint64)
    left = unsure
    for _ in range(UNSURE):
        lowest = left & (~left + np.uint64(1))
        left = left ^ lowest
        more = lowest != 0
        asked = np.concatenate([asked, asked[more] ^ (lowest[more] << _ROW_BITS)])
        left = np.concatenate([left, left[more]])
    return np.sort(asked)


def _key_bits(words: Hashes, at: Rows) -> Hashes:
    """Gather the bits `at` of words, counted as `np.packbits` lays them out, into keys, (N,)."""
    keys = np.zeros(len(words), np.uint64)
    for place, bit in enumerate(at.tolist()):
        shift = np.uint64(bit // 8 * 8 + 7 - bit % 8)
        keys |= (words >> shift & np.uint64(1)) << np.uint64(place)
    return keys


def _rows_of(entries: Hashes) -> Rows:
    return (entries & np.uint64(0xFFFFFFFF)).astype(np.int64)


class Groups:
    """Rows that are joined by pairs; each group is known by its least row."""

    def __init__(self, rows: int) -> None:
        self._parent = np.arange(rows)

    def join(self, one: Rows, other: Rows) -> None:
        """Join the groups of each of N pairs."""
        one, other = self._roots(one), self._roots(other)
        while (apart := one != other).any():
            one, other = one[apart], other[apart]
            # Of several that want the same root one wins; the others come again.
            self._parent[np.maximum(one, other)] = np.minimum(one, other)
            one, other = self._roots(one), self._roots(other)

    def least(self) -> Rows:
        """Return the least row of each row's group, (N,)."""
        return self._roots(np.arange(len(self._parent)))

    def _roots(self, rows: Rows) -> Rows:
        found = self._parent[rows]
        while (further := self._parent[found] != found).any():
            found[further] = self._parent[found[further]]
        self._parent[rows] = found
        return found
