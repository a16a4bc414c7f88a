"""What `storage_kills` kills of takedowns: videos and owners go, while new ones come in.

At any moment: every shard of the catalog is whole and holds the strips of its videos, each once;
every revision of the dataset names shards that are there and whole; who has been taken down to
the end is in no object. In the end nobody who was asked to go is anywhere, and nothing lies about.
"""

import json
from collections import Counter
from pathlib import Path

from tests.drawn.dataset_rows import ALL_FOR_TRAINING
from tests.drawn.strip_rows import count_clips, draw_record, draw_strip, write_strips
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.batches.commit_shard import finish_shards, pack, part_path
from tinyvideo.storage.catalog.block_list import TakedownKind
from tinyvideo.storage.catalog.shard_states import keys_in_rewrite
from tinyvideo.storage.catalog.takedown_requests import AUDIT_KEY, Takedown, read_takedowns
from tinyvideo.storage.datasets.committed_build import build_committed
from tinyvideo.storage.datasets.dataset_survey import find_problems
from tinyvideo.storage.datasets.manifest import list_datasets, list_revisions, read_manifest
from tinyvideo.storage.objects.stores import Store
from tinyvideo.storage.outputs.book_audit import audited_books
from tinyvideo.storage.outputs.output_address import Output, OutputAddress
from tinyvideo.storage.shards.shard_reader import ShardFile, iterate_rows, verify_shard
from tinyvideo.storage.takedown import finish_takedowns, take_down

DATASET = "all"

BATCH, SHARDS = 4, 3
"""Videos of a shard, and shards that are made when too few are left to take down."""

FEW = 4
"""Videos in shards below which new ones are made."""


def prepare(address: str, folder: Path) -> None:
    """Make the catalog, and the first shards."""
    with OutputAddress.at(address).alone(make=True) as output:
        _make_shards(output)


def work(address: str) -> None:
    """Take down one after the other for ever: a video, then an owner, and so on."""
    with OutputAddress.at(address).alone() as output:
        output.work.clear_temporary()
        output.catalog.give_back()
        finish_shards(output.catalog, output.store, output.work)
        finish_takedowns(output, {})
        while True:
            left = output.catalog.videos(VideoState.SHARDED)
            if len(left) < FEW:
                _make_shards(output)
                continue
            record = left[len(left) // 2].record
            if len(read_takedowns(output.catalog.engine, finished=True)) % 2:
                take_down(output, TakedownKind.OWNER, record.owner, {})
            else:
                take_down(output, TakedownKind.VIDEO, record.video_id, {})


def check(address: str) -> int:
    """See that nothing is lost, doubled, half or back; return the finished takedowns."""
    with OutputAddress.at(address).open() as output:
        books = audited_books(output.catalog, output.store)
        assert books["problems"] == [], books["problems"]
        _check_shards(output)
        for name in list_datasets(output.store):
            for revision in list_revisions(output.store, name):
                manifest = read_manifest(output.store, name, revision)
                assert find_problems(output.store, manifest, full=True) == []
        done = read_takedowns(output.catalog.engine, finished=True)
        for key in output.store.list("shards"):
            _, rows = _content(output.store, key)
            assert not [row for row in rows for gone in done if _means(gone, *row[:2])]
        return len(done)


def finish(address: str) -> None:
    """Finish what was asked for, and see that nothing else lies about."""
    with OutputAddress.at(address).alone() as output:
        output.work.clear_temporary()
        finish_takedowns(output, {})
        done = read_takedowns(output.catalog.engine, finished=True)
        assert read_takedowns(output.catalog.engine, finished=False) == []
        assert keys_in_rewrite(output.catalog.engine) == set()
        committed = {shard.key for shard in output.catalog.shards(committed=True)}
        assert set(output.store.list("shards")) == committed
        lines = output.store.read(AUDIT_KEY).decode().splitlines() if done else []
        assert [json.loads(line)["number"] for line in lines] == [gone.number for gone in done]
        assert list(output.work.list("tmp")) == []


def _make_shards(output: Output) -> None:
    for _ in range(SHARDS):
        found = output.catalog.books().videos.found
        # An owner has videos in three shards; one who was taken down is not leased.
        output.catalog.add(
            draw_record(number, owner=f"owner {number // 12}-{number % BATCH}")
            for number in range(found, found + BATCH)
        )
        for record in output.catalog.lease(BATCH):
            count = _strips(int(record.video_id.removeprefix("folder-"), 16))
            strips = [draw_strip(index) for index in range(count)]
            write_strips(part_path(output.work, record.video_id), record, strips)
            output.catalog.enter_clips(record.video_id, count_clips(count, shot_cut=1))
        pack(output.catalog, output.store, output.work)
    build_committed(output, DATASET, ALL_FOR_TRAINING)


def _check_shards(output: Output) -> None:
    seen: Counter[str] = Counter()
    for shard in output.catalog.shards(committed=True):
        sha256, rows = _content(output.store, shard.key)
        assert (sha256, len(rows)) == (shard.sha256, shard.strips)
        seen.update(strip_id for _, _, strip_id in rows)
    wanted = {
        f"{row.record.video_id}-{index:05d}"
        for row in output.catalog.videos(VideoState.SHARDED)
        for index in range(_strips(int(row.record.video_id.removeprefix("folder-"), 16)))
    }
    assert set(seen) == wanted
    assert max(seen.values(), default=1) == 1, "a strip is in two shards"


def _strips(number: int) -> int:
    return 2 + number % 3


def _means(gone: Takedown, video_id: str, owner: str) -> bool:
    return gone.name == (owner if gone.kind is TakedownKind.OWNER else video_id)


def _content(store: Store, key: str) -> tuple[str, list[tuple[str, str, str]]]:
    """Read a shard and see that it is whole; return its hash, and (video, owner, strip) by row."""
    shard = ShardFile(store, key)
    columns = ["video_id", "owner", "strip_id"]
    rows = [tuple(row.values()) for row in iterate_rows(shard, columns)]
    verify_shard(shard, len(rows))
    return store.sha256(key), rows
