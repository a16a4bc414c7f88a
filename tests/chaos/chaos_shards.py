"""What `storage_kills` kills of shards: videos are curated and packed, batch after batch.

Every third batch makes a shard that goes up in parts. At any moment: all shards that can be seen
are whole, no strip is in two of them, and the books balance. In the end every strip is there
that its video gave.
"""

from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np

from tests.drawn.strip_rows import count_clips, draw_record, draw_strip, write_strips
from tinyvideo.pipeline.types import Strip, VideoState
from tinyvideo.storage.batches.commit_shard import finish_shards, pack, part_path
from tinyvideo.storage.objects.s3 import S3Config, S3Store
from tinyvideo.storage.objects.stores import open_store
from tinyvideo.storage.outputs.book_audit import audited_books
from tinyvideo.storage.outputs.output_address import Output, OutputAddress
from tinyvideo.storage.shards.shard_reader import (
    ShardFile,
    iterate_rows,
    shard_metadata,
    strips_by_video,
    verify_shard,
)

BATCH = 3
"""Videos of a shard."""

LARGE = 200_000
"""Bytes of a strip in a shard of more than one part."""

CONFIG = S3Config(part_bytes=5 * 2**20)


def prepare(address: str, folder: Path) -> None:
    """Make the catalog."""
    with OutputAddress.at(address).alone(make=True) as output:
        output.store.probe()


def work(address: str) -> None:
    """Do for ever what a run does."""
    with OutputAddress.at(address).alone(make=True) as opened:
        output = _in_parts(opened)
        _take_up(output)
        while True:
            found = output.catalog.books().videos.found
            output.catalog.add(draw_record(number) for number in range(found, found + BATCH))
            _curate_and_pack(output)


def check(address: str) -> int:
    """See that nothing is lost, doubled or half; return the committed shards."""
    with OutputAddress.at(address).open() as output:
        books = audited_books(output.catalog, output.store)
        assert books["problems"] == [], books["problems"]
        committed = {shard.key: shard for shard in output.catalog.shards(committed=True)}
        seen: Counter[str] = Counter()
        for key in output.store.list("shards"):
            sha256, strips = _content(address, key)
            seen.update(strips)
            assert key not in committed or committed[key].sha256 == sha256
        assert max(seen.values(), default=1) == 1, "a strip is in two shards"
        assert set(committed) <= set(output.store.list("shards"))
        for row in output.catalog.videos(VideoState.SHARDED):
            number = int(row.record.video_id.removeprefix("folder-"), 16)
            ids = [f"{row.record.video_id}-{index:05d}" for index in range(_strips(number))]
            assert all(seen[strip_id] for strip_id in ids), f"{row.record.video_id} lost strips"
        return len(committed)


def finish(address: str) -> None:
    """Do what is left, and see that all strips are in shards and nothing else lies about."""
    with OutputAddress.at(address).alone() as opened:
        output = _in_parts(opened)
        _take_up(output)
        states = Counter(row.state for row in output.catalog.videos())
        assert set(states) <= {VideoState.SHARDED}, states
        assert output.catalog.shards(committed=False) == []
        assert sorted(output.store.list("shards")) == sorted(
            shard.key for shard in output.catalog.shards(committed=True)
        )
        assert list(output.work.list("work")) == list(output.work.list("tmp")) == []
        assert output.store.abort_stale(0) == 0


def _in_parts(output: Output) -> Output:
    assert isinstance(output.store, S3Store)
    store = S3Store(output.store.bucket, output.store.prefix, CONFIG)
    return Output(output.catalog, store, output.work)


def _take_up(output: Output) -> None:
    output.work.clear_temporary()
    output.store.abort_stale(0)
    output.catalog.give_back()
    finish_shards(output.catalog, output.store, output.work)
    _curate_and_pack(output)


def _curate_and_pack(output: Output) -> None:
    for record in output.catalog.lease(BATCH):
        number = int(record.video_id.removeprefix("folder-"), 16)
        strips = [_strip(index, number // BATCH % 3 == 0) for index in range(_strips(number))]
        write_strips(part_path(output.work, record.video_id), record, strips)
        output.catalog.enter_clips(record.video_id, count_clips(len(strips), shot_cut=1))
    pack(output.catalog, output.store, output.work)


def _strips(number: int) -> int:
    return 9 if number // BATCH % 3 == 0 else 2 + number % 3


@cache
def _strip(index: int, large: bool) -> Strip:
    if large:
        return draw_strip(index, jpeg=np.random.default_rng(index).bytes(LARGE))
    return draw_strip(index)


@cache
def _content(address: str, key: str) -> tuple[str, tuple[str, ...]]:
    """Read a shard that nobody changes any more, and see that it is whole."""
    store = open_store(address)
    shard = ShardFile(store, key)
    assert shard_metadata(shard)["tinyvideo.shard"] == key
    verify_shard(shard, sum(strips_by_video(shard).values()))
    ids = tuple(row["strip_id"] for row in iterate_rows(shard, ["strip_id"]))
    return store.sha256(key), ids
