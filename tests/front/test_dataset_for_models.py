"""Batches for models of one's own: the loader's clips, as floats, to be resumed and closed."""

import threading
from itertools import islice

import pytest
import torch

import tinyvideo as tv
from tinyvideo.models.data.loader import LoadConfig, Loader
from tinyvideo.storage.objects.stores import open_store


@pytest.fixture
def dataset(out):
    return out.build_dataset("all", validation=0, test=0)


def test_batches_are_the_loaders_clips_in_floats(dataset, out):
    config = LoadConfig(batch=3, seed=5)
    with (
        Loader(open_store(out.address), dataset.manifest, config) as bytes_,
        dataset.loader(batch=3, seed=5) as floats,
    ):
        assert len(floats) == 8
        for expected, found in islice(zip(bytes_, floats, strict=False), 4):
            assert (found.shape, found.dtype) == ((3, 3, 32, 64, 64), torch.float32)
            assert torch.equal(found, expected.float() / 127.5 - 1)
            assert found.min() >= -1
            assert found.max() <= 1


def test_other_kinds_of_floats_and_shares_of_ranks(dataset):
    with (
        dataset.loader(batch=4, dtype=torch.bfloat16) as whole,
        dataset.loader(batch=4, dtype=torch.bfloat16, rank=1, ranks=2) as share,
    ):
        clips = next(whole)
        assert clips.dtype == torch.bfloat16
        assert torch.equal(next(share), clips[1::2])


def test_bytes_are_handed_on_as_they_are(dataset, out):
    with (
        Loader(open_store(out.address), dataset.manifest, LoadConfig(batch=4)) as expected,
        dataset.loader(batch=4, dtype=torch.uint8) as found,
    ):
        assert torch.equal(next(found), next(expected))


def test_a_batch_that_somebody_holds_is_not_written_over(dataset):
    with dataset.loader(batch=2) as batches:
        held = next(batches)
        before, last_clip = held.clone(), held[1]
        del held
        for _ in range(8):
            next(batches)
        assert torch.equal(last_clip, before[1])


def test_it_goes_on_where_its_state_was_saved(dataset):
    with dataset.loader(batch=3, seed=1) as first:
        next(first)
        state = first.state_dict()
        expected = [next(first) for _ in range(3)]
    with dataset.loader(batch=3, seed=1, workers=1) as second:
        second.load_state_dict(state)
        assert all(torch.equal(next(second), clips) for clips in expected)
    with dataset.loader(batch=3, seed=2) as other, pytest.raises(tv.ExpectedError, match="seed"):
        other.load_state_dict(state)


def test_closing_ends_its_threads(dataset):
    before = threading.active_count()
    with dataset.loader(batch=2) as batches:
        clips = next(batches)
        assert threading.active_count() > before
    assert threading.active_count() == before
    assert clips.isfinite().all()


def test_what_cannot_be_loaded(dataset):
    with pytest.raises(ValueError, match="split must be one of train, validation, test"):
        dataset.loader("dev")
    with pytest.raises(ValueError, match="batch must be at least 1"):
        dataset.loader(batch=0)
    with pytest.raises(tv.ExpectedError, match="no clips in its split 'test'"):
        dataset.loader("test")
