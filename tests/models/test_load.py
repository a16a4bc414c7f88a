"""Clips come out as they were drawn, and in an order that knows nothing but seed and position."""

from itertools import product

import pytest
import torch

from models import load
from models.errors import DataError
from models.load import WINDOW, Clips, EpochOrder, shuffled
from pipeline.strips import encode_strip
from storage.objects import StorageError
from tests.models.drawn_dataset import COLOR_STEP, draw_clip, make_dataset

SIZES = [(1,), (3,), (5, 1, 64, 2), (5, 1, 64, 2, 7), (2,) * (3 * WINDOW), (9,) * (2 * WINDOW + 1)]


def test_a_clip_is_what_was_drawn(tmp_path):
    clips = Clips(tmp_path, make_dataset(tmp_path, [2, 3]))
    assert len(clips) == 5
    for number in range(5):
        clip = clips[number]
        assert clip.shape == (3, 32, 64, 64)
        assert clip.dtype == torch.uint8
        drawn = torch.from_numpy(draw_clip(number)).permute(3, 0, 1, 2)
        assert (clip.int() - drawn.int()).abs().float().mean() < 1  # JPEG, 0 to 255


def test_strips_of_128_pixels_are_halved(tmp_path):
    large = encode_strip(draw_clip(7).repeat(2, axis=1).repeat(2, axis=2))
    clips = Clips(tmp_path, make_dataset(tmp_path, [1], broken={0: large}))
    assert clips[0].shape == (3, 32, 64, 64)
    assert clips[0][:, 0, 60, 60].tolist() == [7 * COLOR_STEP] * 3
    assert clips[0][:, 0, 4, 4].tolist() == [255] * 3


def test_a_batch_is_its_clips(tmp_path):
    clips = Clips(tmp_path, make_dataset(tmp_path, [3]))
    batch = clips.batch([2, 0])
    assert torch.equal(batch, torch.stack([clips[2], clips[0]]))
    assert batch.is_contiguous(memory_format=torch.channels_last_3d)


@pytest.mark.parametrize("index", [-1, 3])
def test_there_are_no_clips_outside(tmp_path, index):
    clips = Clips(tmp_path, make_dataset(tmp_path, [3]))
    with pytest.raises(IndexError, match=f"no clip {index} among 3"):
        clips[index]


@pytest.mark.parametrize(
    "jpeg",
    [
        pytest.param(b"not a picture", id="no-jpeg"),
        pytest.param(encode_strip(draw_clip(0)[:, :32, :32]), id="too-small"),
        pytest.param(encode_strip(draw_clip(0))[:-2000], id="truncated"),
    ],
)
def test_a_bad_strip_is_named(tmp_path, jpeg):
    clips = Clips(tmp_path, make_dataset(tmp_path, [3], broken={1: jpeg}))
    assert clips[0].shape == (3, 32, 64, 64)
    with pytest.raises(DataError, match=r"^strip film-00001 of shard-0\.parquet cannot be used"):
        clips[1]


def test_a_shard_that_is_gone_is_named(tmp_path):
    manifest = make_dataset(tmp_path, [1])
    (tmp_path / "shard-0.parquet").unlink()
    with pytest.raises(StorageError, match=r"shard-0\.parquet"):
        Clips(tmp_path, manifest)[0]


def test_only_a_window_of_row_groups_is_held_and_each_is_read_once_per_epoch(tmp_path, monkeypatch):
    clips = Clips(tmp_path, make_dataset(tmp_path, [2] * (2 * WINDOW + 1)))
    read = []

    def counted(path, *args):
        read.append(path.name)
        return load_rows(path, *args)

    load_rows = load.read_rows
    monkeypatch.setattr(load, "read_rows", counted)
    for index in EpochOrder(clips.piece_sizes, seed=5).take(0, len(clips)):
        clips[index]
        assert len(clips._held) <= WINDOW
    assert sorted(read) == sorted(f"shard-{i}.parquet" for i in range(2 * WINDOW + 1))


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_every_epoch_is_a_permutation_of_all_clips(sizes):
    count = sum(sizes)
    order = EpochOrder(sizes, seed=1)
    for epoch in range(3):
        assert sorted(order.take(epoch * count, count)) == list(range(count))


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_order_is_the_same_from_any_position(sizes):
    count = 2 * sum(sizes) + 1
    whole = EpochOrder(sizes, seed=1).take(0, count + 2)
    for position in range(0, count, 3):
        resumed = EpochOrder(sizes, seed=1).take(position, 2)
        assert resumed == whole[position : position + 2]


def test_a_batch_wraps_into_the_next_epoch():
    order = EpochOrder([5], seed=1)
    batch = order.take(3, 4)
    assert batch == [*order.take(0, 5)[3:], *order.take(5, 5)[:2]]


def test_epochs_and_seeds_differ():
    orders = [
        tuple(EpochOrder([64] * 3, seed).take(epoch * 192, 192))
        for seed, epoch in product((1, 2), (0, 1))
    ]
    assert len(set(orders)) == 4


@pytest.mark.parametrize("sizes", [[30], [1] * 30], ids=["one-group", "one-clip-groups"])
def test_clips_and_row_groups_are_shuffled_anew_in_every_epoch(sizes):
    order = EpochOrder(sizes, seed=1)
    epochs = {tuple(order.take(30 * epoch, 30)) for epoch in range(3)}
    assert len({*epochs, tuple(range(30))}) == 4


def test_clips_of_a_window_are_mixed_and_windows_are_drawn_from_everywhere():
    windows = set()
    for seed in range(5):
        first = EpochOrder([64] * 8, seed).take(0, 64 * WINDOW)
        assert len({clip // 64 for clip in first[:64]}) == WINDOW
        windows.add(frozenset(clip // 64 for clip in first))
    assert len(windows) > 1


def test_a_shuffle_stays_what_it_was():
    # As it came out in version 0.1.0. Another result would break the resume of every old run.
    assert shuffled(8, 1, 2, 3).tolist() == [1, 3, 7, 5, 2, 0, 4, 6]
