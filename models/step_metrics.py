"""`metrics.jsonl`: one line of figures per training step, no step twice, none missing.

A line is written when its step is done and synced to disk before a checkpoint is. A run that goes
on from a checkpoint first cuts the lines of later steps, and a last line that a kill has torn.

Cost: 0.1 ms and about 200 bytes per step; on a resume the file is read and written once.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from tinyvideo.models.training_errors import TrainingError

METRICS_NAME = "metrics.jsonl"
"""File name, in the folder of a run."""

SAMPLES_NAME = "samples.webp"
"""File name of the newest generated clips, in the folder of a run;
`models.training.tensorboard_log` draws them."""

_TAIL = 10_000
"""Bytes at the end of the file that hold the last line, and more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepMetrics:
    """One line of the file."""

    step: int
    """Counted from 1."""

    discriminator_loss: float
    """Cross-entropies of real and generated clips; 2 ln 2 = 1.386 when it knows nothing."""

    generator_loss: float
    """Without the mask penalty; ln 2 = 0.693 when the discriminator knows nothing."""

    accuracy_real: float
    """Share of real clips, 0 to 1, that the discriminator calls real."""

    accuracy_fake: float
    """Share of generated clips, 0 to 1, that the discriminator calls fake."""

    mask_mean: float
    """Share of the generated video, 0 to 1, that is foreground."""

    clips_per_second: float
    """Real clips, reading and decoding included."""

    mask_entropy: float | None = None
    """Bits per pixel: 1 where the mask is undecided, 0 where it is 0 or 1. Here and below, None is
    what older versions did not measure."""

    diversity: float | None = None
    """Deviation of a pixel from generated clip to clip, on the scale of [-1, 1]; 0: all equal."""

    real_diversity: float | None = None
    """The same of the real clips."""

    generator_gradient: float | None = None
    discriminator_gradient: float | None = None
    """Lengths of the gradients; None also where scaled numbers overflowed."""

    data_share: float | None = None
    """Share of the time, 0 to 1, that was spent waiting for clips."""


class MetricsLog:
    """The file of one run, as a context manager; keeps the lines up to `step`.

    Raises:
        TrainingError: the file cannot be read or written.
    """

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _cut(path, step)
            self._file = path.open("ab")
        except OSError as error:
            raise _unwritable(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def cut(self, step: int) -> None:
        """Forget the lines of steps after `step`."""
        self._file.close()
        _cut(self._path, step)
        self._file = self._path.open("ab")

    def append(self, metrics: StepMetrics) -> None:
        """Write one line, whole for every reader that comes after."""
        try:
            self._file.write(json.dumps(asdict(metrics)).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def sync(self) -> None:
        """Bring all lines to disk, so that no checkpoint is ahead of them after a power cut."""
        os.fsync(self._file.fileno())


def read_metrics(path: Path) -> list[StepMetrics]:
    """Read the lines of the file up to the first broken one; none if there is no file."""
    metrics: list[StepMetrics] = []
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
        try:
            metrics.append(StepMetrics(**json.loads(line)))
        except (ValueError, TypeError):
            break
    return metrics


def last_metrics(path: Path) -> StepMetrics | None:
    """Read the last whole line of the file, whatever its length; None if there is none."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        lines = file.read().splitlines(keepends=True)
    for line in reversed(lines):
        try:
            return StepMetrics(**json.loads(line))
        except (ValueError, TypeError):
            continue
    return None


def _cut(path: Path, step: int) -> None:
    kept = [metrics for metrics in read_metrics(path) if metrics.step <= step]
    shorter = path.with_name(f"{path.name}.partial")
    shorter.write_text("".join(json.dumps(asdict(metrics)) + "\n" for metrics in kept))
    shorter.replace(path)


def _unwritable(path: Path, error: OSError) -> TrainingError:
    return TrainingError(f"cannot write {path}: {error.strerror}")
