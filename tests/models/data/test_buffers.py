"""Memory of a batch is used again when nobody sees it any more, and not before."""

import gc

import torch

from tests.drawn.training_set import make_dataset
from tinyvideo.models.data.buffers import Memory
from tinyvideo.models.data.loader import LoadConfig, Loader
from tinyvideo.storage.datasets.manifest import read_manifest
from tinyvideo.storage.objects.folder import FolderStore


def at(frames):
    return frames.ctypes.data


def test_what_was_let_go_is_taken_again():
    memory = Memory(spare=1)
    frames = memory.take(4, 32, 64, 64, 3)
    assert (frames.shape, frames.dtype) == ((4, 32, 64, 64, 3), "uint8")
    before = at(frames)
    del frames
    fewer = memory.take(3, 32, 64, 64, 3)
    assert (at(fewer), len(fewer)) == (before, 3)


def test_a_tensor_keeps_it():
    memory = Memory(spare=1)
    tensor = torch.from_numpy(memory.take(2, 32, 64, 64, 3))
    clip = tensor.permute(0, 4, 1, 2, 3)[1]
    del tensor
    clip.fill_(7)
    other = memory.take(2, 32, 64, 64, 3)
    other.fill(9)
    assert int(clip.min()) == int(clip.max()) == 7


def test_no_more_than_spare_are_kept():
    memory = Memory(spare=2)
    held = [memory.take(1, 32, 64, 64, 3) for _ in range(5)]
    assert len({at(frames) for frames in held}) == 5
    del held
    gc.collect()
    assert len(memory._free) == 2


def test_batches_that_are_held_stay_as_they_were(tmp_path):
    manifest = read_manifest(FolderStore(tmp_path), make_dataset(tmp_path, [7]).name)
    with Loader(FolderStore(tmp_path), manifest, LoadConfig(batch=2, workers=2)) as loader:
        held = [next(loader) for _ in range(8)]
        copies = [batch.clone() for batch in held]
        for turn in range(30):
            next(loader)
            if turn % 5 == 0:
                loader.seek(turn)  # while threads still write to batches that nobody will get
        assert all(torch.equal(a, b) for a, b in zip(held, copies, strict=True))
