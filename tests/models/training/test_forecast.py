"""A forecast counts what can be counted, and grows with what is asked."""

from dataclasses import replace

import pytest

from tinyvideo.models.train_config import TrainConfig
from tinyvideo.models.training.cost_forecast import forecast
from tinyvideo.models.training_errors import TrainingError

CONFIG = TrainConfig(width=2, batch=4, steps=10, precision="fp32")


def test_counts_parameters_and_bytes():
    found = forecast(CONFIG)
    parameters = found.generator_parameters + found.discriminator_parameters
    assert found.checkpoint_mb == round(12 * parameters / 1e6, 1)  # a weight and Adam's two
    assert found.config["width"] == 2
    assert found.step_seconds > 0
    assert found.hours == pytest.approx(found.step_seconds * 10 / 3600, abs=0.01)


def test_memory_grows_with_the_batch_and_the_width():
    small, batch, width = (
        forecast(config).memory_mb
        for config in (CONFIG, replace(CONFIG, batch=68), replace(CONFIG, batch=4, width=8))
    )
    # 64 clips more, each of at least the 5 videos of 32 x 64 x 64 x 3 numbers that a step handles.
    assert batch - small > 64 * 5 * 32 * 64 * 64 * 3 * 4 / 1e6 / 2
    assert width > small


def test_a_device_that_does_not_exist_is_one_sentence():
    with pytest.raises(TrainingError, match="cannot train on device 'cuda:99'"):
        forecast(replace(CONFIG, device="cuda:99"))
