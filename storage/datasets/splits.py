"""Who goes to which split: no owner, and no group of near duplicates, is on two sides.

An owner is known by the first eight bytes of a hash, and lies at that number's place between 0 and
1: the test split takes the lowest places, validation the next ones, training the rest. So
an owner stays where it is when shards are added. Owners that share a group of near duplicates
go together, to the place of the lowest of them; a new strip that ties owners together is
the one thing that moves any of them. Where nobody knows the owner each video has its own, but for
films of a folder or bucket whose names differ only in their ending: these are one film, as a rule.

Cost: 0.3 s per million strips of 20,000 owners: half of it is hashing names, each once per chunk.
"""

import hashlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tinyvideo.storage.datasets.row_selection import SPLITS
from tinyvideo.storage.datasets.strip_query import DatasetConfig

TRAIN, VALIDATION, TEST = range(len(SPLITS))

Digests = npt.NDArray[np.uint64]
"""Hashes of names, (N,); 0 is no name."""

_OF_FILES = ("folder", "s3")
"""Sources in which a film is a file that somebody has named."""

_FLICKR = ("flickr", "yfcc100m", "tinyvideo")
"""Sources whose owners and videos are Flickr's: the same name is the same person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties:
    """Who shares what with whom, beside what was chosen: pairs, (P,) each."""

    group: Digests
    owner: Digests


NO_TIES = Ties(group=np.empty(0, np.uint64), owner=np.empty(0, np.uint64))


def owners_of(table: pa.Table, *, same_stem: bool) -> Digests:
    """Hash who made each strip; where no owner is known, each video is one of its own.

    With `same_stem`, films of a folder or bucket whose file names differ only in the ending are
    one of their own together.
    """
    nobody = pc.equal(table["owner"], "")
    owner = pc.if_else(nobody, table["video_id"], table["owner"])
    if same_stem and "source_file" in table.column_names:  # older shards have no such column
        name = pc.replace_substring_regex(table["source_file"], r"\.[^.]*$", "")
        stem = pc.binary_join_element_wise("stem", pc.utf8_lower(name), ":")
        of_files = pc.is_in(table["source"], pa.array(_OF_FILES))
        has_stem = pc.and_(of_files, pc.not_equal(name, ""))
        owner = pc.if_else(pc.and_(nobody, has_stem), stem, owner)
    return _digests(pc.binary_join_element_wise(_platform(table), owner, ":"))


def videos_of(table: pa.Table) -> Digests:
    """Hash which video each strip is of."""
    return _digests(table["video_id"])


def _platform(table: pa.Table) -> pa.ChunkedArray:
    return pc.if_else(pc.is_in(table["source"], pa.array(_FLICKR)), "flickr", table["source"])


def groups_of(table: pa.Table) -> Digests:
    """Hash each strip's group of near duplicates, 0 where it is in none."""
    if "near_duplicate_group" not in table.column_names:  # older shards have no such column
        return np.zeros(len(table), np.uint64)
    groups = table["near_duplicate_group"]
    digests = _digests(groups)
    digests[pc.equal(groups, "").to_numpy(zero_copy_only=False)] = 0
    return digests


def assign(
    owners: Digests, groups: Digests, config: DatasetConfig, ties: Ties = NO_TIES
) -> npt.NDArray[np.uint8]:
    """Give each strip, known by owner and group, the number of its split within `SPLITS`.

    `ties` are owners and groups of other strips, through which these may be tied together.
    Training is never empty: if all places are held out, the highest place goes to training.
    """
    distinct, which = np.unique(np.concatenate([owners, ties.owner]), return_inverse=True)
    places = _joined(distinct, which, np.concatenate([groups, ties.group]))
    places = places[which[: len(owners)]]
    split = _split_at(places, config)
    if not (split == TRAIN).any():
        split[places == places.max()] = TRAIN
    return split


def one_of_each(groups: Digests) -> npt.NDArray[np.bool_]:
    """Tell which strips stay where one of each group does: the first, and all that are in none."""
    kept = groups == 0
    kept[np.unique(groups, return_index=True)[1]] = True
    return np.asarray(kept, np.bool_)


def split_of(owner: str, config: DatasetConfig) -> str:
    """Name the split of an owner who is tied to nobody, by `source:name`."""
    return SPLITS[_split_at(np.array([_digest(owner)], np.uint64), config)[0]]


def keep_some(
    owners: Digests, order: npt.NDArray[np.uint64], config: DatasetConfig
) -> npt.NDArray[np.bool_]:
    """Tell which strips stay under the query's limit per owner: the first by `order`."""
    _, which, counts = np.unique(owners, return_inverse=True, return_counts=True)
    limit = config.max_per_owner or len(owners)
    if config.balance:
        limit = min(limit, int(np.quantile(counts, 0.5, method="lower")))
    by_owner = np.lexsort((order, which))
    starts = np.cumsum(counts) - counts
    kept = np.zeros(len(owners), np.bool_)
    kept[by_owner] = np.arange(len(owners)) - starts[which[by_owner]] < limit
    return kept


def _split_at(places: Digests, config: DatasetConfig) -> npt.NDArray[np.uint8]:
    share = places / 2.0**64
    held_out = np.where(share < config.test, TEST, VALIDATION)
    return np.where(share < config.test + config.validation, held_out, TRAIN).astype(np.uint8)


def _joined(distinct: Digests, which: npt.NDArray[np.intp], groups: Digests) -> Digests:
    """Return the place of each distinct owner: the lowest among those it is tied to."""
    tied = np.flatnonzero(groups)
    pairs = np.unique(np.stack([groups[tied], which[tied].astype(np.uint64)], 1), axis=0)
    parents = list(range(len(distinct))) if len(pairs) else []
    for (group, owner), (following, other) in pairwise(pairs):
        if group == following:
            low, high = sorted((_root(parents, int(owner)), _root(parents, int(other))))
            parents[high] = low  # owners are sorted, so the root is the lowest place
    roots = [_root(parents, owner) for owner in range(len(parents))]
    return distinct[roots] if roots else distinct


def _root(parents: list[int], owner: int) -> int:
    while parents[owner] != owner:
        parents[owner] = parents[parents[owner]]
        owner = parents[owner]
    return owner


def _digests(names: pa.ChunkedArray) -> Digests:
    encoded = names.combine_chunks().dictionary_encode()
    digests = np.array([_digest(name) for name in encoded.dictionary.to_pylist()], np.uint64)
    return np.asarray(digests[encoded.indices.to_numpy()])


def _digest(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
