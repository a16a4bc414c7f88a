"""Hashes of clips side by side: which pairs are copies of each other, also in a mirror.

Two clips are copies if the signs of the place that count in both are nearly all the same, and,
where something moves in both, those of the motion mostly are. A clip in which much moves and one in
which nothing does are none, wherever they were filmed: two moments in front of a still camera.

Cost: 0.2 us per pair, a million pairs at a time.
"""

import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.alike.clip_hash import (
    HASH_BYTES,
    MOTION_BITS,
    PLACE_BITS,
    frequencies,
)

Hashes = npt.NDArray[np.uint64]
"""(N, 6): two words of signs of the place, two that count; one of the motion, one that counts."""

WORDS = HASH_BYTES // 8

LEAST_COMMON = 48
"""Fewest signs of the place that must count in both. Ours."""

WRONG_PLACE = 10
"""One sign of so many may be another. Ours: copies have 8 in 100 at most, where they were made so
bright that white is lost; the nearest two of 3,000 different clips 18."""

WRONG_MOTION = 4
"""As `WRONG_PLACE`, of the motion: a window that begins 8 frames later has 23 in 100."""

LITTLE, MUCH = 16, 32
"""Signs of the motion that count: below the first, motion tells nothing; where one clip is below
it and the other has the second or more, they show different things."""


def to_hashes(joined: bytes) -> Hashes:
    """Lay out hashes that lie one behind the other, as (N, 6)."""
    return np.frombuffer(joined, np.uint64).reshape(-1, WORDS)


def in_mirror(hashes: Hashes) -> Hashes:
    """Return the hashes of the same clips in a mirror."""
    return hashes ^ _ODD


def are_copies(one: Hashes, other: Hashes) -> npt.NDArray[np.bool_]:
    """Tell of each of N pairs whether its two clips are copies, as (N,)."""
    common, wrong = _compare(one[:, 0:2], one[:, 2:4], other[:, 0:2], other[:, 2:4])
    same = (common >= LEAST_COMMON) & (WRONG_PLACE * wrong <= common)
    common, wrong = _compare(one[:, 4:5], one[:, 5:6], other[:, 4:5], other[:, 5:6])
    mine, theirs = (np.bitwise_count(words[:, 5]) for words in (one, other))
    both = np.minimum(mine, theirs) >= LITTLE
    moves_alike = WRONG_MOTION * wrong <= common
    return np.asarray(same & np.where(both, moves_alike, np.maximum(mine, theirs) < MUCH))


def _compare(
    one: Hashes, one_counts: Hashes, other: Hashes, other_counts: Hashes
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Count the signs that count in both, and those of them that differ, (N,) each."""
    counts = one_counts & other_counts
    wrong = (one ^ other) & counts
    return _ones(counts), _ones(wrong)


def _ones(words: Hashes) -> npt.NDArray[np.int64]:
    return np.asarray(np.bitwise_count(words).sum(1), np.int64)


def _odd() -> Hashes:
    signs = [np.packbits(frequencies(bits)[:, 1] % 2) for bits in (PLACE_BITS, MOTION_BITS)]
    place, motion = (part.view(np.uint64) for part in signs)
    nothing = np.zeros_like(place)
    return np.concatenate([place, nothing, motion, np.zeros_like(motion)])


_ODD = _odd()
"""The signs that a mirror turns, (6,)."""
