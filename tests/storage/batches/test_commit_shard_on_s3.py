"""Shards on S3: parts and catalog lie in a local work folder, and nothing stays there."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.drawn.strip_rows import curate_drawn, draw_jpeg, draw_record, draw_strip, write_strips
from tests.servers.full_disk import room_for
from tests.servers.proxy import Fault, Proxy, faulty
from tests.servers.seaweed import Seaweed
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.batches.commit_shard import finish_shards, pack, part_path
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.objects.folder import sha256_of
from tinyvideo.storage.objects.s3 import S3Config, S3Store
from tinyvideo.storage.outputs.book_audit import audit, audited_books
from tinyvideo.storage.outputs.output_address import Output, OutputAddress
from tinyvideo.storage.shards.shard_reader import ShardFile, iterate_rows
from tinyvideo.storage.storage_errors import StorageError

FIRST = "shards/shard-000001.parquet"


@contextmanager
def opened(address: str, root: Path) -> Iterator[Output]:
    with OutputAddress.at(address, root).alone(make=True) as output:
        yield output


@pytest.fixture
def output(s3_address: str, tmp_path: Path) -> Iterator[Output]:
    with opened(s3_address, tmp_path) as output:
        yield output


@pytest.fixture
def through_proxy(
    seaweed: Seaweed, s3_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Output, Proxy]]:
    with faulty(seaweed.endpoint) as proxy, opened(s3_address, tmp_path) as output:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
        store = S3Store.at(s3_address, S3Config(attempts=2, read_limit_s=0.5))
        yield Output(output.catalog, store, output.work), proxy


def curate(output: Output, count: int = 2) -> list[str]:
    records = [draw_record(number) for number in range(count)]
    return [
        strip for r in records for strip in curate_drawn(output.catalog, output.work, r, strips=3)
    ]


def packed(output: Output) -> list[str]:
    return [
        row["strip_id"]
        for key in output.store.list("shards")
        for row in iterate_rows(ShardFile(output.store, key), ["strip_id"])
    ]


def check_all_is_done(output: Output, strips: list[str]) -> None:
    assert sorted(packed(output)) == sorted(strips)
    assert audited_books(output.catalog, output.store)["problems"] == []
    assert {row.state for row in output.catalog.videos()} == {VideoState.SHARDED}
    assert list(output.work.list("work")) == list(output.work.list("tmp")) == []


def test_strips_go_from_the_work_folder_to_a_shard_on_s3(output):
    strips = curate(output)
    assert pack(output.catalog, output.store, output.work) == FIRST
    check_all_is_done(output, strips)
    (shard,) = output.catalog.shards(committed=True)
    assert shard.sha256 == output.store.sha256(FIRST)
    assert shard.bytes == output.store.size(FIRST)
    assert list(output.store.list("shards")) == [FIRST]


def test_a_store_that_is_not_local_needs_a_work_folder(output):
    with pytest.raises(TypeError, match="its work folder must be named"):
        pack(output.catalog, output.store)


def test_a_server_that_is_ill_loses_nothing(through_proxy):
    output, proxy = through_proxy
    strips = curate(output)
    proxy.plan(Fault.ERROR_500, "PUT", times=100)
    with pytest.raises(StorageError, match=f"cannot put {output.store.address}/{FIRST}: Internal"):
        pack(output.catalog, output.store, output.work)
    assert packed(output) == []
    assert all(part_path(output.work, draw_record(n).video_id).exists() for n in range(2))
    proxy._plan.faults.clear()
    assert finish_shards(output.catalog, output.store, output.work) == 1
    check_all_is_done(output, strips)


def test_a_shard_that_does_not_read_back_as_written_is_not_committed(through_proxy):
    output, _ = through_proxy
    strips = curate(output)
    real = output.store

    class Forgetful(S3Store):
        """Returns, for as long as it is ill, other bytes than it was given."""

        def sha256(self, key: str) -> str:
            return "0" * 64

    ill = Forgetful(real.bucket, real.prefix)
    with pytest.raises(StorageError, match="does not read back as it was written"):
        pack(output.catalog, ill, output.work)
    assert packed(output) == []
    assert finish_shards(output.catalog, real, output.work) == 1
    check_all_is_done(output, strips)


def test_a_damaged_object_of_the_shards_name_is_not_taken_over(output):
    curate(output)
    assert pack(output.catalog, output.store, output.work) == FIRST
    content = bytearray(output.store.read(FIRST))
    content[content.index(draw_jpeg(1)) + 100] ^= 1
    again = OutputAddress.at(output.store.address, output.work.root / "again")
    output.store.replace(FIRST, bytes(content))
    output.store.delete("catalog.owner")  # as it was before there were owners
    with again.whosever(make=True) as other:
        curate(other)
        with pytest.raises(StorageError, match=r"a shard was to be put here, but .*move it away"):
            pack(other.catalog, other.store, other.work)
        assert other.catalog.curated() != {}


def test_a_full_local_disk_loses_nothing(output):
    strips = curate(output)
    large = [draw_strip(index, jpeg=bytes(200_000)) for index in range(3)]
    write_strips(part_path(output.work, draw_record(1).video_id), draw_record(1), large)
    with room_for(500_000), pytest.raises(StorageError) as caught:
        pack(output.catalog, output.store, output.work)
    assert str(caught.value).startswith(f"cannot write {FIRST} below {output.work.root}: ")
    assert finish_shards(output.catalog, output.store, output.work) == 1
    check_all_is_done(output, strips)


def test_the_audit_names_what_is_gone_or_strange(output, tmp_path):
    for number in range(3):
        curate_drawn(output.catalog, output.work, draw_record(number))
        pack(output.catalog, output.store, output.work)
    keys = [shard.key for shard in output.catalog.shards(committed=True)]
    output.store.delete(keys[0])
    output.store.replace(keys[1], output.store.read(keys[1])[:-10])
    output.store.replace("shards/copy.parquet", output.store.read(keys[2]))
    problems = audit(output.catalog, output.store)
    assert [problem.split(" ")[:3] for problem in problems] == [
        ["shard", output.store.name(keys[0]), "is"],
        [output.store.name(keys[1]), "is", "not"],
        [output.store.name("shards/copy.parquet"), "is", "not"],
    ]


def test_a_folder_may_lie_on_another_disk_than_its_work(tmp_path):
    # The store is a folder, and the parts lie elsewhere: what a shard is put from is copied.
    place, work = OutputAddress.at(tmp_path / "out"), OutputAddress.at(tmp_path / "work")
    with work.alone(make=True) as output, closing(Catalog.open(tmp_path / "catalog.db")):
        strips = curate(output)
        key = pack(output.catalog, place.open_store(), output.work)
        assert key == FIRST
        moved = Output(output.catalog, place.open_store(), output.work)
        check_all_is_done(moved, strips)
        (shard,) = output.catalog.shards(committed=True)
        assert shard.sha256 == sha256_of(tmp_path / "out" / FIRST)
