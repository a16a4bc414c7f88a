"""Clips for PyTorch's own loaders: every sample once, resumed exactly, at any size, weighted."""

import pickle
import threading
from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

from tests.drawn.training_set import COLOR_STEP, draw_jpeg, make_dataset
from tinyvideo.models.data.clip_dataset import ClipDataset, SampleConfig
from tinyvideo.models.data.clip_order import EpochOrder, times_of
from tinyvideo.models.data.clip_shape import ClipShape
from tinyvideo.models.data.loader import LoadConfig, Loader
from tinyvideo.models.training_errors import DataError
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip
from tinyvideo.storage.datasets.manifest import read_manifest
from tinyvideo.storage.objects.folder import FolderStore

LOAD = LoadConfig(seed=3, lanes=2, workers=1)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Ten clips in shards of 3, 2 and 5; each has a brightness of its own."""
    root = tmp_path_factory.mktemp("clips")
    make_dataset(root, [3, 2, 5])
    return root


def clips(root, load=LOAD, *, rank=0, ranks=1, **config):
    store = FolderStore(root)
    manifest = read_manifest(store, "drawn")
    return ClipDataset(store, manifest, load, SampleConfig(**config), rank=rank, ranks=ranks)


def number(clip):
    """Which clip it is: the ground of clip k has the brightness 20 k."""
    return round(clip[:, 0, -4, -4].float().mean().item() / COLOR_STEP)


def numbers(samples):
    return [number(clip) for sample in samples for clip in torch.atleast_1d(sample["clip"])]


def test_an_iteration_is_one_epoch_and_the_next_is_another_order(root):
    dataset = clips(root)
    first, second = [*dataset], [*dataset]
    assert sorted(map(number, (s["clip"] for s in first))) == [*range(10)]
    assert sorted(number(s["clip"]) for s in second) == [*range(10)]
    assert [number(s["clip"]) for s in first] != [number(s["clip"]) for s in second]
    assert first[0]["clip"].shape == (3, 32, 64, 64)


def test_it_is_the_order_of_the_loader(root):
    store = FolderStore(root)
    with Loader(store, read_manifest(store, "drawn"), replace(LOAD, batch=10)) as loader:
        batch = next(loader)
    for clip, sample in zip(batch, clips(root), strict=True):
        assert torch.equal(clip, sample["clip"])


def test_columns_are_those_of_the_very_strip(root):
    samples = [*clips(root, columns=("strip_id", "clip_index", "fps"))]
    by_id = {sample["strip_id"]: number(sample["clip"]) for sample in samples}
    assert len(by_id) == 10
    assert [*samples[0]] == ["clip", "strip_id", "clip_index", "fps"]
    again = {s["strip_id"]: number(s["clip"]) for s in clips(root, columns=("strip_id",))}
    assert by_id == again


def test_columns_of_a_stand_in_are_its_own(tmp_path):
    make_dataset(tmp_path, [6], broken={2: b"no picture"})
    load = replace(LOAD, skip_bad_strips=True)
    dataset = clips(tmp_path, load, columns=("strip_id",))
    whose = Counter((s["strip_id"], number(s["clip"])) for s in dataset)
    assert len(whose) == 5
    assert sum(whose.values()) == 6
    assert dataset.skipped == 1


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated")  # theirs, with torch 2.14
@pytest.mark.parametrize(("workers", "batch"), [(0, None), (0, 3), (2, 3)])
def test_a_stateful_data_loader_goes_on_with_the_very_next_sample(root, workers, batch):
    def loader():
        return StatefulDataLoader(clips(root, endless=True), batch_size=batch, num_workers=workers)

    def ids(sample):
        found = sample["clip"]
        return [number(clip) for clip in (found if batch else [found])]

    whole = loader()
    seen = [ids(sample) for sample in islice(whole, 8)]
    first = loader()
    for _ in islice(first, 4):
        pass
    state = pickle.loads(pickle.dumps(first.state_dict()))
    second = loader()
    second.load_state_dict(state)
    assert [ids(sample) for sample in islice(second, 4)] == seen[4:8]


def test_a_state_at_the_end_of_an_epoch_begins_the_next(root):
    dataset = clips(root)
    for _ in dataset:
        pass
    state = dataset.state_dict()
    following = [number(s["clip"]) for s in dataset]
    other = clips(root)
    other.load_state_dict(state)
    assert [number(s["clip"]) for s in other] == following


@pytest.mark.parametrize("change", [{"seed": 4}, {"lanes": 1}])
def test_a_state_of_another_order_is_refused(root, change):
    with pytest.raises(DataError, match=f"the state is of {next(iter(change))}"):
        clips(root, replace(LOAD, **change)).load_state_dict(clips(root).state_dict())
    with pytest.raises(DataError, match="the state is of weights"):
        clips(root, weight="clip_index").load_state_dict(clips(root).state_dict())


def test_processes_and_ranks_share_the_clips_out(root):
    shares = [DataLoader(clips(root, rank=r, ranks=2), None, num_workers=2) for r in range(2)]
    seen = [number(sample["clip"]) for share in shares for sample in share]
    assert sorted(seen) == [*range(10)]


def test_another_epoch_can_be_asked_for(root):
    dataset = clips(root)
    epochs = []
    for epoch in (0, 1, 0):
        dataset.set_epoch(epoch)
        epochs.append([number(s["clip"]) for s in dataset])
    assert epochs[0] == epochs[2] != epochs[1]


def test_a_transform_has_the_last_word(root):
    lengths = DataLoader(clips(root, transform=lambda s: s["clip"].shape[1]), batch_size=10)
    assert next(iter(lengths)).tolist() == [32] * 10


SHAPES = {
    "as stored": ClipShape(),
    "half": ClipShape(size=32),
    "no eighth of it": ClipShape(size=20),
    "every third frame": ClipShape(frames=11, stride=3),
    "one small frame": ClipShape(size=8, frames=1),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_clip_shows_the_frames_and_the_size_that_were_asked_for(root, shape):
    for sample in clips(root, replace(LOAD, shape=shape)):
        clip = sample["clip"]
        assert clip.shape == (3, shape.frames, shape.size, shape.size)
        whole = decode_strip(draw_jpeg(number(clip)))
        frames = whole[:: shape.stride][: shape.frames].astype(np.float32)
        ours = clip.permute(1, 2, 3, 0).float().numpy()
        assert abs(ours.mean((1, 2)) - frames.mean((1, 2))).max() < 3  # of 255


def test_sizes_between_the_scales_are_means_of_areas():
    jpeg = draw_jpeg(4)
    out = np.empty((32, 24, 24, 3), np.uint8)
    ClipShape(size=24).decode(jpeg, out)
    scale = decode_strip(jpeg, 24)  # 24 of 64 is three eighths: the decoder's own
    assert np.array_equal(out, scale)
    out = np.empty((32, 30, 30, 3), np.uint8)
    ClipShape(size=30).decode(jpeg, out)
    large = decode_strip(jpeg, 32).astype(np.float64)
    corner = large[:, :2, :2] * np.outer([1, 1 / 15], [1, 1 / 15])[None, :, :, None]
    expected = corner.sum((1, 2)) / (16 / 15) ** 2
    assert abs(out[:, 0, 0] - expected).max() <= 0.51


def test_a_strip_that_is_too_small_is_named(root):
    load = replace(LOAD, shape=ClipShape(size=96))
    with pytest.raises(DataError, match="it has 64 pixels, and clips of 96 are wanted"):
        next(iter(clips(root, load)))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"size": 130}, "size must be from 8 to 128, got 130"),
        ({"frames": 17, "stride": 2}, "frames must lie within the 32 of a strip, got 17"),
        ({"stride": 0}, "frames and stride must be at least 1, got 32 and 0"),
    ],
)
def test_impossible_shapes_are_refused(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        ClipShape(**wrong)


def test_a_clip_of_double_weight_comes_twice_as_often():
    order = EpochOrder([3, 2], 5, 2, weights=np.array([1.0, 2, 1, 4, 2]))
    counts = Counter(order.take(np.arange(20 * 5)))
    assert sum(counts.values()) == 100
    # Shares of 5 clips per epoch: 0.5, 1, 0.5, 2, 1.
    expected = {(0, 0): 10, (0, 1): 20, (0, 2): 10, (1, 0): 40, (1, 1): 20}
    assert all(abs(counts[clip] - times) <= 1 for clip, times in expected.items()), counts
    assert {sum(times_of(np.array([1.0, 5, 0]), 0, epoch)) for epoch in range(20)} == {3}


def test_equal_weights_leave_every_clip_once(root):
    dataset = clips(root, weight=lambda _row: 1.0, weight_columns=("fps",))
    assert sorted(number(s["clip"]) for s in dataset) == [*range(10)]


def test_a_clip_of_no_weight_never_comes(root):
    ids = [s["strip_id"] for s in clips(root, columns=("strip_id",))]
    only = clips(
        root,
        columns=("strip_id",),
        weight=lambda row: row["strip_id"] == ids[0],
        weight_columns=("strip_id",),
    )
    assert {s["strip_id"] for s in only} == {ids[0]}


@pytest.mark.parametrize(
    ("weight", "sentence"),
    [
        ("strip_id", "weight must be numbers, 'strip_id' gives others"),
        (lambda _row: -1, "weight must be finite numbers from 0 on"),
        (lambda _row: 0, "weight must be above 0 for one clip"),
        ("colour", "strips have no column 'colour'"),
    ],
)
def test_weights_that_are_none_are_refused(root, weight, sentence):
    with pytest.raises(ValueError, match=sentence):
        clips(root, weight=weight, weight_columns=("fps",))


def test_many_threads_get_each_batch_once(root):
    store, seen = FolderStore(root), []
    with Loader(store, read_manifest(store, "drawn"), replace(LOAD, batch=2)) as loader:

        def take():
            for _ in range(5):
                seen.append([number(clip) for clip in next(loader)])

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    counted = Counter(one for batch in seen for one in batch)
    assert counted == dict.fromkeys(range(10), 4)  # 20 batches of 2 are four epochs
