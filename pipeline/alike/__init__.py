"""Clips that show nearly the same: copies of one film, however they were made.

alike_groups  Many hashes -> groups of near duplicates, in memory that grows with their number
clip_hash     A strip -> 48 bytes that its copies have, too
hash_match    Hashes side by side: which pairs are copies of each other, also in a mirror
"""

from tinyvideo.pipeline.alike.alike_groups import Groups, group_alike
from tinyvideo.pipeline.alike.clip_hash import HASH_BYTES, hash_clip
from tinyvideo.pipeline.alike.hash_match import Hashes, are_copies, in_mirror, to_hashes

__all__ = [
    "HASH_BYTES",
    "Groups",
    "Hashes",
    "are_copies",
    "group_alike",
    "hash_clip",
    "in_mirror",
    "to_hashes",
]
