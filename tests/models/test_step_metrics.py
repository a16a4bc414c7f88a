"""One whole line per step, whatever happened before."""

import json

import pytest

from tinyvideo.models.step_metrics import MetricsLog, StepMetrics, read_metrics
from tinyvideo.models.training_errors import TrainingError


def line(step):
    return StepMetrics(
        step=step,
        discriminator_loss=1.0 / 3,
        generator_loss=0.5,
        accuracy_real=1.0,
        accuracy_fake=0.0,
        mask_mean=0.25,
        clips_per_second=10.0,
    )


def steps_in(path):
    return [metrics.step for metrics in read_metrics(path)]


def test_lines_are_json_and_come_back_as_they_were(tmp_path):
    path = tmp_path / "new" / "metrics.jsonl"
    with MetricsLog(path, step=0) as log:
        log.append(line(1))
        log.append(line(2))
        assert steps_in(path) == [1, 2]  # readable while the training goes on
    assert read_metrics(path) == [line(1), line(2)]
    assert json.loads(path.read_text().splitlines()[0])["mask_mean"] == 0.25


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(b"", id="whole"),
        pytest.param(b'{"step": 4, "discrim', id="torn-by-a-kill"),
        pytest.param(b"\0" * 100, id="zeros-after-a-power-cut"),
        pytest.param(b'{"step": 4}\n', id="fields-missing"),
    ],
)
def test_lines_after_the_checkpoint_are_cut(tmp_path, tail):
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path, step=0) as log:
        for step in (1, 2, 3):
            log.append(line(step))
    path.write_bytes(path.read_bytes() + tail)
    with MetricsLog(path, step=2) as log:
        log.append(line(3))
    assert steps_in(path) == [1, 2, 3]


def test_no_file_no_metrics(tmp_path):
    assert read_metrics(tmp_path / "metrics.jsonl") == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match=r"cannot write .*file/metrics\.jsonl: .+"):
        MetricsLog(tmp_path / "file" / "metrics.jsonl", step=0)
