"""Which strips of all shards show nearly the same, by their hashes and by what shards say.

The hash of a strip lies in its row and never changes; the groups depend on all strips, and so they
are found when a dataset is built, over every committed shard and not just what the query takes.
So two datasets of one output agree on who is tied to whom, and nobody trains on one and is judged
by a copy in the other. Nothing is kept between builds: a shard may be written anew, repaired or
taken down at any time, and an index that is kept would have to follow.

Cost: 72 bytes of memory per strip of the output; the time is that of `pipeline.alike`
(`python -m benchmarks.parts.planted_copies`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tinyvideo.pipeline.alike import HASH_BYTES, Groups, Hashes, group_alike, to_hashes
from tinyvideo.storage.datasets.splits import Digests, Ties, groups_of, owners_of, videos_of
from tinyvideo.storage.shards import HASH


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is to be known of N strips to find those that show the same."""

    owner: Digests
    video: Digests
    told: Digests
    """The group that the shard names, 0 for none."""

    hashed: npt.NDArray[np.int64]
    """Rows that have a hash, (M,), ascending."""

    hashes: Hashes
    """Theirs, (M, 6)."""

    def __len__(self) -> int:
        return len(self.owner)


def look(table: pa.Table, *, by_hash: bool, same_stem: bool) -> Seen:
    """Look at the small columns of N strips; without `by_hash` only at what the shard says."""
    hashed, joined = np.empty(0, np.int64), b""
    if by_hash and HASH in table.column_names:
        column = table[HASH].combine_chunks()
        whole = pc.fill_null(pc.equal(pc.binary_length(column), HASH_BYTES), False)
        hashed = np.flatnonzero(whole.to_numpy(zero_copy_only=False))
        joined = b"".join(column.filter(whole).to_pylist())
    return Seen(
        owner=owners_of(table, same_stem=same_stem),
        video=videos_of(table),
        told=groups_of(table),
        hashed=hashed,
        hashes=to_hashes(joined),
    )


def join_seen(parts: Sequence[Seen]) -> Seen:
    """Lay parts one behind the other."""
    parts = [_NOTHING, *parts]
    starts = np.cumsum([0, *(len(part) for part in parts)])
    joined = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Seen)}
    rows = [part.hashed + start for part, start in zip(parts, starts, strict=False)]
    return Seen(**{**joined, "hashed": np.concatenate(rows)})


def find_groups(seen: Seen, among: int = 0) -> Digests:
    """Number the group of near duplicates of each strip, (N,); 0 where it is in none.

    Where they are some of more strips, they are looked at as among so many.
    """
    groups = Groups(len(seen))
    least = group_alike(seen.hashes, seen.video[seen.hashed].view(np.int64), among)
    groups.join(seen.hashed, seen.hashed[least])
    told = np.flatnonzero(seen.told)
    told = told[np.argsort(seen.told[told], kind="stable")]
    same = seen.told[told[1:]] == seen.told[told[:-1]]
    groups.join(told[1:][same], told[:-1][same])
    first = groups.least()
    alone = np.bincount(first, minlength=len(first))[first] == 1
    return np.where(alone, 0, first + 1).astype(np.uint64)


def ties_of(seen: Seen, groups: Digests) -> Ties:
    """Say which owners have strips in which group, of all that were seen."""
    tied = np.flatnonzero(groups)
    pairs = np.unique(np.stack([groups[tied], seen.owner[tied]], 1), axis=0)
    return Ties(group=pairs[:, 0], owner=pairs[:, 1])


_NOTHING = Seen(
    owner=np.empty(0, np.uint64),
    video=np.empty(0, np.uint64),
    told=np.empty(0, np.uint64),
    hashed=np.empty(0, np.int64),
    hashes=to_hashes(b""),
)
