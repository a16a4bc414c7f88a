"""Batches come out as they were drawn, in one order for any number of ranks and threads."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.drawn.training_set import COLOR_STEP, draw_clip, draw_jpeg, make_dataset
from tinyvideo.models.data.loader import LoadConfig, Loader
from tinyvideo.models.training_errors import DataError
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip, encode_strip
from tinyvideo.storage.datasets.manifest import read_manifest, read_selection, write_manifest
from tinyvideo.storage.datasets.row_selection import RowSelection
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.objects.stores import open_store
from tinyvideo.storage.shards.shard_reader import iterate_rows
from tinyvideo.storage.storage_errors import StorageError

CONFIG = LoadConfig(batch=4, seed=3, lanes=2, workers=1)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Ten clips in shards of 3, 2 and 5; each has a brightness of its own."""
    root = tmp_path_factory.mktemp("clips")
    make_dataset(root, [3, 2, 5])
    return root


@pytest.fixture(params=["folder", "s3"])
def store(request, root):
    """The ten clips, in a folder and behind a real S3 server."""
    folder = FolderStore(root)
    if request.param == "folder":
        return folder
    remote = open_store(request.getfixturevalue("s3_address"))
    for key in folder.list(""):
        remote.put_if_absent(key, folder.path(key))
    return remote


class CountedStore(FolderStore):
    """A folder that remembers what was read of it."""

    def __init__(self, root):
        super().__init__(root)
        self.reads = []

    def fill(self, key, start, memory):
        self.reads.append((key, start))
        super().fill(key, start, memory)


def batches(store, count, config=CONFIG, cursor=0, **share):
    with Loader(store, read_manifest(store, "drawn"), config, **share) as loader:
        loader.seek(cursor)
        return [next(loader) for _ in range(count)]


def numbers(batch):
    """Which clips are in a batch: the ground of clip k has the brightness 20 k."""
    return [round(clip[:, 0, 60, 60].float().mean().item() / COLOR_STEP) for clip in batch]


def test_a_batch_is_what_was_drawn(store):
    (batch,) = batches(store, 1, replace(CONFIG, batch=10))
    assert batch.shape == (10, 3, 32, 64, 64)
    assert batch.dtype == torch.uint8
    assert batch.is_contiguous(memory_format=torch.channels_last_3d)
    assert sorted(numbers(batch)) == [*range(10)]
    for number, clip in zip(numbers(batch), batch, strict=True):
        drawn = torch.from_numpy(decode_strip(draw_jpeg(number))).permute(3, 0, 1, 2)
        assert torch.equal(clip, drawn)
        original = torch.from_numpy(draw_clip(number)).permute(3, 0, 1, 2)
        assert (clip.int() - original.int()).abs().float().mean() < 1  # of 255, by JPEG


def test_strips_of_128_pixels_are_halved(tmp_path):
    large = encode_strip(draw_clip(7).repeat(2, axis=1).repeat(2, axis=2))
    make_dataset(tmp_path, [1], broken={0: large})
    (batch,) = batches(FolderStore(tmp_path), 1, replace(CONFIG, batch=1))
    assert batch.shape == (1, 3, 32, 64, 64)
    assert batch[0, :, 0, 60, 60].tolist() == [7 * COLOR_STEP] * 3
    assert batch[0, :, 0, 4, 4].tolist() == [255] * 3


def test_every_epoch_has_every_clip_once(store):
    seen = [number for batch in batches(store, 5) for number in numbers(batch)]
    assert sorted(seen[:10]) == sorted(seen[10:]) == [*range(10)]
    assert seen[:10] != seen[10:]


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_any_number_of_ranks_and_threads_gives_the_same_global_batches(root, ranks, workers):
    store = FolderStore(root)
    whole = batches(store, 6)
    config = replace(CONFIG, workers=workers)
    shares = [batches(store, 6, config, rank=rank, ranks=ranks) for rank in range(ranks)]
    for number, batch in enumerate(whole):
        for place in range(CONFIG.batch):
            share = shares[place % ranks][number]
            assert torch.equal(share[place // ranks], batch[place])
        assert sum(len(share[number]) for share in shares) == CONFIG.batch


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_state_is_one_number_and_any_number_of_ranks_goes_on_from_it(root, ranks):
    store = FolderStore(root)
    manifest = read_manifest(store, "drawn")
    whole = batches(store, 6)
    with Loader(store, manifest, CONFIG, rank=1, ranks=2) as loader:
        for _ in range(3):
            next(loader)
        state = loader.state_dict()
    assert state == {"cursor": 12, "dataset": manifest.manifest_id, "seed": 3, "lanes": 2}
    for rank in range(ranks):
        with Loader(store, manifest, replace(CONFIG, workers=3), rank=rank, ranks=ranks) as loader:
            next(loader)  # what was read ahead has to be forgotten
            loader.load_state_dict(state)
            for batch in whole[3:]:
                assert torch.equal(next(loader), batch[rank::ranks])


@pytest.mark.parametrize("change", [{"seed": 4}, {"lanes": 3}], ids=["seed", "lanes"])
def test_a_state_of_another_order_is_refused(root, change):
    store = FolderStore(root)
    manifest = read_manifest(store, "drawn")
    with Loader(store, manifest, CONFIG) as one:
        state = one.state_dict()
    (name, value), *_ = change.items()
    with (
        Loader(store, manifest, replace(CONFIG, **change)) as other,
        pytest.raises(DataError, match=f"state is of {name} {state[name]}, not {value}"),
    ):
        other.load_state_dict(state)


def test_only_chosen_rows_come(root, tmp_path):
    store, target = FolderStore(root), FolderStore(tmp_path)
    make_dataset(tmp_path, [3, 2, 5])
    # Rows 0 and 2 of the first shard, none of the second, rows 1, 3 and 4 of the third.
    pieces = RowSelection(
        shard=np.array([0, 2], np.int32),
        row_group=np.zeros(2, np.int32),
        rows=np.array([0b101, 0b11010], np.uint64),
        count=np.array([2, 3], np.uint8),
    )
    nothing = replace(pieces, **{name: getattr(pieces, name)[:0] for name in pieces.__slots__})
    draft = replace(read_manifest(store, "drawn"), name="drawn")
    write_manifest(target, draft, {"train": pieces, "validation": nothing, "test": nothing})
    seen = {number for batch in batches(target, 3) for number in numbers(batch)}
    assert seen == {0, 2, 6, 8, 9}


BAD = [
    pytest.param(b"not a picture", id="no-jpeg"),
    pytest.param(encode_strip(draw_clip(0)[:, :32, :32]), id="too-small"),
    pytest.param(draw_jpeg(0)[:-2000], id="truncated"),
]


@pytest.mark.parametrize("jpeg", BAD)
def test_a_bad_strip_is_named(tmp_path, jpeg):
    make_dataset(tmp_path, [3], broken={1: jpeg})
    store = FolderStore(tmp_path)
    with Loader(store, read_manifest(store, "drawn"), replace(CONFIG, batch=3)) as loader:
        for _ in range(2):  # and again, if it is asked again
            with pytest.raises(DataError, match=r"strip film-00001 of .*shard-0\.parquet cannot"):
                next(loader)


@pytest.mark.parametrize("jpeg", BAD)
def test_another_clip_of_the_row_group_stands_in_for_a_bad_one(tmp_path, jpeg, caplog):
    make_dataset(tmp_path, [3, 2], broken={1: jpeg})
    store = FolderStore(tmp_path)
    config = replace(CONFIG, batch=5, skip_bad_strips=True)
    with Loader(store, read_manifest(store, "drawn"), config) as loader:
        assert sorted(numbers(next(loader))) == [0, 2, 2, 3, 4]
        assert loader.skipped == 1
    assert "strip film-00001" in caplog.text
    one = batches(store, 4, config)
    shares = [batches(store, 4, replace(config, workers=3), rank=r, ranks=2) for r in range(2)]
    for number, batch in enumerate(one):
        assert torch.equal(batch[0::2], shares[0][number])
        assert torch.equal(batch[1::2], shares[1][number])


def test_a_row_group_without_a_good_strip_is_named(tmp_path):
    make_dataset(tmp_path, [2], broken={0: b"no", 1: b"picture"})
    with pytest.raises(DataError, match=r"no strip of row group 0 of .*shard-0\.parquet can be us"):
        batches(FolderStore(tmp_path), 1, replace(CONFIG, batch=2, skip_bad_strips=True))


def test_a_flipped_byte_is_no_odd_clip_but_an_error(tmp_path):
    make_dataset(tmp_path, [3])
    path = tmp_path / "shard-0.parquet"
    content = bytearray(path.read_bytes())
    jpeg = next(iterate_rows(path, ["jpeg"]))["jpeg"]
    content[content.index(jpeg) + len(jpeg) // 2] ^= 1
    path.write_bytes(content)
    told = r"row group 0 of .*shard-0\.parquet is damaged"
    for skip in (False, True):  # there is no other that could stand in
        with pytest.raises(StorageError, match=told):
            batches(FolderStore(tmp_path), 1, replace(CONFIG, batch=3, skip_bad_strips=skip))


def test_a_flipped_byte_ends_no_training_that_may_skip_bad_strips(tmp_path):
    make_dataset(tmp_path, [3, 2])
    path = tmp_path / "shard-0.parquet"
    content = bytearray(path.read_bytes())
    jpeg = next(iterate_rows(path, ["jpeg"]))["jpeg"]
    content[content.index(jpeg) + len(jpeg) // 2] ^= 1
    path.write_bytes(content)
    store, config = FolderStore(tmp_path), replace(CONFIG, batch=5, skip_bad_strips=True)
    with Loader(store, read_manifest(store, "drawn"), config) as loader:
        assert sorted(set(numbers(next(loader)))) == [3, 4]  # those of the other shard
        assert loader.skipped == 3
    with pytest.raises(StorageError, match="is damaged"):
        batches(store, 1, replace(CONFIG, batch=5))


def test_a_shard_that_is_gone_is_named(tmp_path):
    make_dataset(tmp_path, [1])
    (tmp_path / "shard-0.parquet").unlink()
    with pytest.raises(StorageError, match=r"shard .*shard-0\.parquet is gone"):
        batches(FolderStore(tmp_path), 1, replace(CONFIG, batch=1))


def test_a_split_without_clips_is_named(root):
    with pytest.raises(DataError, match="dataset 'drawn' has no clips in its split 'test'"):
        batches(FolderStore(root), 1, split="test")


def test_each_row_group_is_one_range_once_per_epoch(tmp_path):
    make_dataset(tmp_path, [5] * 20)
    store = CountedStore(tmp_path)
    manifest = read_manifest(store, "drawn")
    store.reads.clear()
    config = replace(CONFIG, batch=6, lanes=1, read_ahead=6)
    with Loader(store, manifest, config) as loader:
        for _ in range(8):  # of 16; four more are planned
            next(loader)
        ranges = list(store.reads)
    assert sorted(ranges) == sorted(set(ranges))
    assert len(ranges) >= 10


def test_only_the_row_groups_of_lanes_and_planned_clips_are_held(tmp_path):
    make_dataset(tmp_path, [5] * 40)
    store = FolderStore(tmp_path)
    config = replace(CONFIG, batch=10, lanes=4, read_ahead=10)
    with Loader(store, read_manifest(store, "drawn"), config) as loader:
        for _ in range(25):
            next(loader)
            # Five batches of ten clips are planned or decoded: 10 row groups' worth.
            assert len(loader._groups._live) <= 10 + 2 * 4


def test_35_million_strips_take_no_object_each(tmp_path):
    make_dataset(tmp_path, [64])
    store = FolderStore(tmp_path)
    small = read_manifest(store, "drawn")
    count = 547_000
    pieces = RowSelection(
        shard=np.arange(count, dtype=np.int32) % 500,
        row_group=np.zeros(count, np.int32),
        rows=np.full(count, 2**64 - 1, np.uint64),
        count=np.full(count, 64, np.uint8),
    )
    nothing = replace(pieces, **{name: getattr(pieces, name)[:0] for name in pieces.__slots__})
    shards = tuple(f"shard-{number}.parquet" for number in range(500))
    for key in shards[1:]:
        (tmp_path / key).symlink_to("shard-0.parquet")
    draft = replace(small, name="large", shards=shards, shard_sha256=("0" * 64,) * 500)
    large = write_manifest(store, draft, {"train": pieces, "validation": nothing, "test": nothing})
    assert len(read_selection(store, large, "train")) == count
    with Loader(store, large, replace(CONFIG, batch=16, lanes=8)) as loader:
        assert len(loader) == 35_008_000
        loader.seek(35_000_000)
        assert next(loader).shape == (16, 3, 32, 64, 64)
        arrays = [pieces.shard, pieces.row_group, pieces.rows, pieces.count]
        order = [loader._order._sizes, loader._order._pieces, loader._order._ends]
        assert sum(array.nbytes for array in (*arrays, *order)) < 20e6
        assert len(loader._groups._live) < 50


def test_no_thread_is_left(root):
    batches(FolderStore(root), 2)
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(("read", "decode"))]


@pytest.mark.parametrize(
    ("name", "value"),
    [("batch", 0), ("lanes", 0), ("workers", 0), ("readers", 0), ("read_ahead", 0), ("seed", -1)],
)
def test_impossible_configurations_are_refused_by_name_and_value(name, value):
    with pytest.raises(ValueError, match=f"{name} must be .*{value}"):
        LoadConfig(**{name: value})


@pytest.mark.parametrize(("rank", "ranks"), [(2, 2), (-1, 2), (0, 5)])
def test_a_rank_without_a_share_is_refused(root, rank, ranks):
    with pytest.raises(ValueError, match=f"rank {rank} of {ranks} has no share in a batch of 4"):
        batches(FolderStore(root), 1, rank=rank, ranks=ranks)
