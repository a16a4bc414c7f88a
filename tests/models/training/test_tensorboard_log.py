"""TensorBoard reads back what was shown: curves, moving pictures, and nothing of a lost future."""

import dataclasses
import io

import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.drawn.training_set import make_dataset
from tinyvideo.models.step_metrics import METRICS_NAME, SAMPLES_NAME, read_metrics
from tinyvideo.models.train_config import TrainConfig
from tinyvideo.models.training import tensorboard_log as board_module
from tinyvideo.models.training.tensorboard_log import BOARD_NAME
from tinyvideo.models.training.training_run import train

CONFIG = TrainConfig(
    width=1, batch=2, steps=4, checkpoint_every=2, precision="fp32", pictures_every=2
)
CURVES = {
    "loss/discriminator_loss",
    "loss/generator_loss",
    "accuracy/accuracy_real",
    "accuracy/accuracy_fake",
    "mask/mask_mean",
    "mask/mask_entropy",
    "diversity/diversity",
    "diversity/real_diversity",
    "gradient/generator_gradient",
    "gradient/discriminator_gradient",
    "speed/clips_per_second",
    "speed/data_share",
}


@pytest.fixture(autouse=True)
def every_step(monkeypatch):
    monkeypatch.setattr(board_module, "EVERY", 1)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("dataset")
    make_dataset(root, [3, 2])
    return root


def read(out):
    events = EventAccumulator(str(out / BOARD_NAME))
    events.Reload()
    return events


def test_shows_curves_and_the_parts_of_generated_clips(root, tmp_path):
    train(root, "drawn", CONFIG, tmp_path)
    events = read(tmp_path)
    assert set(events.Tags()["scalars"]) == CURVES
    lines = read_metrics(tmp_path / METRICS_NAME)
    shown = events.Scalars("loss/generator_loss")
    assert [point.step for point in shown] == [1, 2, 3, 4]
    assert [point.value for point in shown] == pytest.approx([m.generator_loss for m in lines])
    parts = {f"generated/{part}" for part in ("video", "foreground", "mask", "background")}
    assert set(events.Tags()["images"]) == parts
    for part in parts:
        images = events.Images(part)
        assert [image.step for image in images] == [2, 4]
        with Image.open(io.BytesIO(images[0].encoded_image_string)) as gif:
            assert gif.size == (4 * 64, 64)
    with Image.open(tmp_path / SAMPLES_NAME) as samples:
        assert samples.size == (4 * 64, 4 * 64)


def test_one_stream_has_no_parts(root, tmp_path):
    train(root, "drawn", dataclasses.replace(CONFIG, streams=1), tmp_path)
    assert read(tmp_path).Tags()["images"] == ["generated/video"]
    with Image.open(tmp_path / SAMPLES_NAME) as samples:
        assert samples.size == (4 * 64, 64)


def test_a_resume_replaces_what_came_after_its_checkpoint(root, tmp_path):
    def stop(metrics):
        if metrics.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(root, "drawn", CONFIG, tmp_path, stop)
    train(root, "drawn", CONFIG, tmp_path)
    steps = [point.step for point in read(tmp_path).Scalars("mask/mask_mean")]
    assert steps == [1, 2, 3, 4]


def test_pictures_do_not_change_what_is_learned(root, tmp_path):
    train(root, "drawn", CONFIG, tmp_path / "with")
    train(root, "drawn", dataclasses.replace(CONFIG, pictures_every=0), tmp_path / "without")
    losses = [
        [m.generator_loss for m in read_metrics(tmp_path / name / METRICS_NAME)]
        for name in ("with", "without")
    ]
    assert losses[0] == losses[1]
