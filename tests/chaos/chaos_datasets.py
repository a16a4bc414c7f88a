"""What `tests.chaos.storage_kills` kills of datasets: builds, one revision after the other.

Every build has another seed, which stands in its revision; whoever is started again goes on from
the latest. So what must hold at any moment can be checked: revisions count from 1 without a gap,
each with the next seed, each whole and without a leak, and of anything else that lies there no
reader knows.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path

from tests.drawn.strip_rows import count_clips, draw_record, draw_strip, write_strips
from tinyvideo.storage.batches.commit_shard import pack, part_path
from tinyvideo.storage.datasets.committed_build import build_committed
from tinyvideo.storage.datasets.dataset_survey import find_problems
from tinyvideo.storage.datasets.manifest import (
    list_revisions,
    read_manifest,
    read_selection,
    sweep_pieces,
)
from tinyvideo.storage.datasets.row_selection import SPLITS
from tinyvideo.storage.datasets.strip_query import DatasetConfig
from tinyvideo.storage.objects.stores import Store, open_store
from tinyvideo.storage.outputs.output_address import OutputAddress

NAME = "chaos"
SHARDS, VIDEOS, STRIPS, OWNERS = 4, 8, 6, 12
"""Shards, videos of each, strips of each, and owners in all."""

CONFIG = DatasetConfig(validation=0.3, test=0.3, max_per_owner=4)


def prepare(address: str, folder: Path) -> None:
    """Commit a few shards of a dozen owners, as a run does."""
    with OutputAddress.at(address).alone(make=True) as output:
        for number in range(SHARDS):
            output.catalog.add(
                draw_record(VIDEOS * number + n, owner=f"owner {(number * 5 + n) % OWNERS}")
                for n in range(VIDEOS)
            )
            for record in output.catalog.lease(VIDEOS):
                strips = [draw_strip(index) for index in range(STRIPS)]
                write_strips(part_path(output.work, record.video_id), record, strips)
                output.catalog.enter_clips(record.video_id, count_clips(STRIPS))
            pack(output.catalog, output.store, output.work)
        assert len(output.catalog.shards(committed=True)) == SHARDS


def work(address: str, revisions: int = 1000) -> None:
    """Build revisions as the command does, until there are so many; made to be killed."""
    with OutputAddress.at(address).open() as output:
        while (done := len(list_revisions(output.store, NAME))) < revisions:
            build_committed(output, NAME, replace(CONFIG, seed=done))


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
    known = {key for revision in revisions for key in keys_of(address, revision)}
    if revisions:
        assert find_problems(store, read_manifest(store, NAME)) == []
    check_strangers(store, known, len(revisions))
    return len(revisions)


@cache  # a revision never changes, and there are hundreds in the end
def keys_of(address: str, revision: int) -> tuple[str, str]:
    """Name the two objects of a revision, which has to be whole."""
    store = open_store(address)
    manifest = read_manifest(store, NAME, revision)
    assert manifest.query["seed"] == revision - 1
    pieces = {split: read_selection(store, manifest, split) for split in SPLITS}
    assert sum(int(part.count.sum()) for part in pieces.values()) == OWNERS * 4
    return manifest.pieces_key, f"datasets/{NAME}/{revision:06d}.json"


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
