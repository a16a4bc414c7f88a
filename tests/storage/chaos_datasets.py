"""What `tests.storage.chaos` kills of datasets: builds, one revision after the other.

Every build has another seed, which stands in its revision; whoever is started again goes on from
the latest. So what must hold at any moment can be checked: revisions count from 1 without a gap,
each with the next seed, each whole and without a leak, and of anything else that lies there no
reader knows.
"""

from dataclasses import replace
from pathlib import Path

from storage.dataset import (
    SPLITS,
    DatasetConfig,
    build_dataset,
    list_revisions,
    read_manifest,
    read_pieces,
)
from storage.manifest import sweep_pieces
from storage.objects import Store, open_store
from storage.survey import find_problems
from tests.storage.datasets import write_shard

NAME = "chaos"
SHARDS = 4
CONFIG = DatasetConfig(validation=0.3, test=0.3, max_per_owner=4)


def prepare(address: str, folder: Path) -> None:
    """Put a few shards of a dozen owners at `address`; `folder` is for their files."""
    store = open_store(address)
    for number in range(SHARDS):
        owners = [(f"owner {(number * 5 + n) % 12}", 6) for n in range(8)]
        key = write_shard(folder, f"shards/shard-{number:06d}.parquet", owners)
        assert store.put_if_absent(key, folder / key)


def work(address: str, revisions: int = 1000) -> None:
    """Build revisions until there are so many; made to be killed."""
    store = open_store(address)
    shards = dict.fromkeys(store.list("shards"), "drawn")
    while (done := len(list_revisions(store, NAME))) < revisions:
        build_dataset(store, NAME, shards, replace(CONFIG, seed=done))


def finish(address: str) -> None:
    """Build one more revision, after whatever the last kill has left."""
    done = check(address)
    work(address, done + 1)
    assert check(address) == done + 1


def check(address: str) -> int:
    """Hold everything that can be seen against what must be there; return the revisions."""
    store = open_store(address)
    revisions = list_revisions(store, NAME)
    assert revisions == list(range(1, len(revisions) + 1)), revisions
    known = set()
    for revision in revisions:
        manifest = read_manifest(store, NAME, revision)
        assert manifest.query["seed"] == revision - 1
        pieces = {split: read_pieces(store, manifest, split) for split in SPLITS}
        assert sum(int(part.count.sum()) for part in pieces.values()) == 12 * 4
        known |= {manifest.pieces_key, f"datasets/{NAME}/{revision:06d}.json"}
    if revisions:
        assert find_problems(store, read_manifest(store, NAME)) == []
    check_strangers(store, known, len(revisions))
    return len(revisions)


def check_strangers(store: Store, known: set[str], latest: int) -> None:
    """Only the next revision's pieces may lie beside what is known, and a sweep knows them."""
    strangers = {key for key in store.list("datasets") if key not in known}
    for key in strangers:
        number = int(key.split("/")[-1].split("-")[0])
        assert key.endswith(".parquet")
        assert number <= latest + 1
    sweep_pieces(store, NAME)
    left = {key for key in store.list("datasets") if key not in known}
    assert left == {key for key in strangers if f"/{latest + 1:06d}-" in key}
