"""`tv.train`, `tv.generate`, `tv.predict`: from a dataset to new videos, as arrays."""

import numpy as np
import pytest
from PIL import Image

import tinyvideo as tv
from tinyvideo.models.use.generation import generate as write_generated
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip

SMALL = {"width": 2, "batch": 2, "pictures_every": 0, "device": "cpu"}


@pytest.fixture
def dataset(out):
    return out.build_dataset("all", validation=0, test=0)


def test_train_go_on_and_generate(dataset, tmp_path):
    told = []
    first = tv.train(dataset, steps=1, on_step=lambda line: told.append(line.step), **SMALL)
    assert first.checkpoint.parent == tmp_path / "out" / "training" / "all"
    done = tv.train(dataset, steps=2, on_step=lambda line: told.append(line.step), **SMALL)
    assert (done.step, told) == (2, [1, 2])

    made = tv.generate(done.checkpoint.parent, 2, seed=3)
    assert (len(made), made.step, made.checkpoint) == (2, 2, done.checkpoint)
    for array, shape in (
        (made.videos, (2, 32, 64, 64, 3)), (made.foregrounds, (2, 32, 64, 64, 3)),
        (made.masks, (2, 32, 64, 64)), (made.backgrounds, (2, 64, 64, 3)),
    ):  # fmt: skip
        assert array.shape == shape
    assert (made.videos.dtype, made.masks.dtype) == (np.uint8, np.float32)
    # The parts make up the video, and the video is what the command writes.
    mask, ground = made.masks[..., None], made.backgrounds[:, None].astype(np.float32)
    composed = mask * made.foregrounds + (1 - mask) * ground
    assert np.abs(composed - made.videos).max() <= 1.5
    clips = write_generated(done.checkpoint, 2, 3, tmp_path / "written")
    for clip, video in zip(clips, made.videos, strict=True):
        assert np.abs(decode_strip(clip.video.read_bytes()).astype(int) - video).mean() < 4
    # So little trained, both are gray to the last bit; their masks are not.
    assert not np.array_equal(made.masks[0], made.masks[1])
    assert np.array_equal(tv.generate(done.checkpoint, 1, seed=3).videos[0], made.videos[0])


def test_predict_what_follows_an_image(dataset, tmp_path):
    done = tv.train(dataset, run=tmp_path / "run", steps=1, condition="first-frame", **SMALL)
    image = tmp_path / "image.png"
    Image.fromarray(np.full((90, 160, 3), 128, np.uint8)).save(image)
    future = tv.predict(done.checkpoint, image)
    assert (future.shape, future.dtype) == ((32, 64, 64, 3), np.uint8)
    with pytest.raises(tv.ExpectedError, match="continues a first frame"):
        tv.generate(done.checkpoint, 1)
    with pytest.raises(tv.ExpectedError, match="cannot read"):
        tv.predict(done.checkpoint, tmp_path / "missing.png")


def test_what_cannot_be_trained_or_used(dataset, tmp_path):
    with pytest.raises(ValueError, match="training has no switch 'stepps'"):
        tv.train(dataset, stepps=1)
    with pytest.raises(ValueError, match="recipe must be one of"):
        tv.train(dataset, recipe="best")
    with pytest.raises(ValueError, match="width must be at least 1"):
        tv.train(dataset, width=0)
    with pytest.raises(tv.ExpectedError, match="8 clips to train on, fewer than a batch of 64"):
        tv.train(dataset, device="cpu")
    with pytest.raises(tv.ExpectedError, match="there is no checkpoint in"):
        tv.generate(tmp_path, 1)
    with pytest.raises(ValueError, match="count must be above 0"):
        tv.generate(tmp_path, 0)
