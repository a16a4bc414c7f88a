"""The future of an image begins with that image's network, and strange files are one sentence."""

import numpy as np
import pytest
import torch
from PIL import Image

from tinyvideo.models.checkpoints.checkpoint import save_checkpoint
from tinyvideo.models.step.trainer import Trainer
from tinyvideo.models.step_metrics import StepMetrics
from tinyvideo.models.train_config import TrainConfig
from tinyvideo.models.training_errors import CheckpointError, DataError
from tinyvideo.models.use.generation import generate, open_generator
from tinyvideo.models.use.prediction import predict
from tinyvideo.pipeline.strips.strip_jpeg import decode_strip

LINE = StepMetrics(
    step=0,
    discriminator_loss=1.0,
    generator_loss=1.0,
    accuracy_real=0.5,
    accuracy_fake=0.5,
    mask_mean=0.5,
    clips_per_second=1.0,
)


def save(folder, condition):
    trainer = Trainer(TrainConfig(width=1, batch=1, condition=condition), "ab" * 32)
    checkpoint = trainer.checkpoint(LINE)
    for name, weight in checkpoint.generator.items():
        if weight.ndim > 1:
            checkpoint.generator[name] = weight * 20  # large enough to paint something
    return save_checkpoint(folder, checkpoint)


@pytest.fixture(scope="module")
def conditional(tmp_path_factory):
    return save(tmp_path_factory.mktemp("run"), "first-frame")


@pytest.fixture
def image(tmp_path):
    """A picture of which the middle is noise, and the sides are white."""
    pixels = np.full((64, 128, 3), 255, np.uint8)
    pixels[:, 32:96] = np.random.default_rng(0).integers(0, 256, (64, 64, 3))
    path = tmp_path / "image.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("name", ["future.gif", "future.mp4", "deep/future.jpg"])
def test_writes_what_the_ending_says(conditional, image, tmp_path, name):
    out = predict(conditional, image, tmp_path / name)
    start = {".gif": b"GIF89a", ".mp4": b"\x00\x00\x00", ".jpg": b"\xff\xd8"}[out.suffix]
    assert out.read_bytes().startswith(start)
    assert not list(tmp_path.rglob("*.partial"))


def test_shows_the_centered_square_as_the_network_continues_it(conditional, image, tmp_path):
    frames = decode_strip(predict(conditional, image, tmp_path / "f.jpg").read_bytes())
    middle = np.asarray(Image.open(image))[:, 32:96]
    first = torch.from_numpy(middle.copy()).permute(2, 0, 1).float() / 127.5 - 1
    with torch.inference_mode():
        video = open_generator(conditional)[3](first.unsqueeze(0)).video[0]
    expected = ((video + 1) * 127.5).permute(1, 2, 3, 0).numpy()
    difference = frames.mean(axis=-1) - expected.mean(axis=-1)  # JPEG halves the color
    assert np.abs(difference).mean() < 6


def test_an_image_that_is_no_image_is_named(conditional, tmp_path):
    path = tmp_path / "image.png"
    path.write_text("I am no picture")
    with pytest.raises(DataError, match=r"image\.png is no picture that can be read"):
        predict(conditional, path, tmp_path / "f.gif")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"half")
    with pytest.raises(DataError, match=r"image\.png is no picture that can be read"):
        predict(conditional, path, tmp_path / "f.gif")
    with pytest.raises(DataError, match=r"cannot read .*missing\.png: No such file"):
        predict(conditional, tmp_path / "missing.png", tmp_path / "f.gif")
    assert not (tmp_path / "f.gif").exists()


def test_networks_and_commands_must_fit(conditional, image, tmp_path):
    with pytest.raises(CheckpointError, match="was trained without a first frame"):
        predict(save(tmp_path / "run", "none"), image, tmp_path / "f.gif")
    with pytest.raises(CheckpointError, match="continues a first frame; use: tinyvideo predict"):
        generate(conditional, 1, 0, tmp_path / "out")
    with pytest.raises(ValueError, match=r"must end with one of \.gif, \.mp4, \.jpg"):
        predict(conditional, image, tmp_path / "f.webm")
