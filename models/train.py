"""Train a VGAN on a dataset, so that it can be stopped anywhere and goes on exactly there.

Stage:  shard -> dataset -> load -> [train] -> generate

The folder of a run holds `metrics.jsonl`, one line per step, and the last three checkpoints.
Training starts from the newest one that can be read. On the CPU, with the same number of threads,
a run that was killed and started again gives bit for bit the losses of one that was not.

Cost: that of the steps (`models.trainer`), and a checkpoint now and then (`models.checkpoint`).
Reading and decoding the clips takes 1 to 4 % of the time of the steps.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from models.checkpoint import Checkpoint, load_newest, save_checkpoint
from models.errors import TrainingError
from models.load import LoadConfig, Loader
from models.metrics import METRICS_NAME, MetricsLog, StepMetrics
from models.trainer import TrainConfig, Trainer
from storage.dataset import Manifest, read_manifest
from storage.objects import Store, open_store

__all__ = ["StepMetrics", "TrainConfig", "TrainResult", "TrainingError", "train"]

_MAY_CHANGE = {"steps", "workers"}
"""What a run can go on with another value of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    checkpoint: Path
    step: int
    """Steps done in all, earlier runs included."""

    last: StepMetrics
    """Losses and the rest, of the last step."""


def train(
    source: Store | Path | str,
    dataset: Manifest | str,
    config: TrainConfig,
    out: Path,
    on_step: Callable[[StepMetrics], None] | None = None,
) -> TrainResult:
    """Train on a dataset in the store or at the address `source` until `config.steps` are done.

    Goes on from the newest readable checkpoint in `out`. A run that is already done, or
    further, is left as it is.

    Raises:
        TrainingError: too few clips for a batch, another configuration or dataset than `out` was
            trained with, no such device, or a loss that is not finite.
        CheckpointError: no checkpoint in `out` can be read, or a new one cannot be written.
        DataError: a strip cannot be decoded.
        StorageError: the dataset or a shard of it cannot be read.
    """
    store = open_store(source) if isinstance(source, str | Path) else source
    manifest = read_manifest(store, dataset) if isinstance(dataset, str) else dataset
    _check_enough(manifest.counts["train"], manifest.name, config.batch)
    newest = load_newest(out)
    if newest:
        _check_same_run(newest[1], config, manifest, out)
        if newest[1].step >= config.steps:
            return _result(*newest)
    trainer = Trainer(config, manifest.manifest_id)
    if newest:
        trainer.restore(newest[1])
    with Loader(store, manifest, _load_config(config)) as loader:
        loader.seek(trainer.cursor)
        return _run(trainer, loader, out, on_step)


def _run(
    trainer: Trainer,
    loader: Loader,
    out: Path,
    on_step: Callable[[StepMetrics], None] | None,
) -> TrainResult:
    config = trainer.config
    with MetricsLog(out / METRICS_NAME, trainer.step) as log:
        while True:
            start = time.perf_counter()
            values = trainer.take_step(next(loader))
            speed = config.batch / (time.perf_counter() - start)
            metrics = StepMetrics(step=trainer.step, clips_per_second=speed, **values)
            log.append(metrics)
            if on_step:
                on_step(metrics)
            if trainer.step % config.checkpoint_every and trainer.step < config.steps:
                continue
            log.sync()
            path = save_checkpoint(out, trainer.checkpoint(metrics))
            if trainer.step >= config.steps:
                return TrainResult(checkpoint=path, step=trainer.step, last=metrics)


def _load_config(config: TrainConfig) -> LoadConfig:
    shared = {field.name for field in fields(LoadConfig)} & {field.name for field in fields(config)}
    return LoadConfig(**{name: getattr(config, name) for name in shared})


def _result(path: Path, checkpoint: Checkpoint) -> TrainResult:
    return TrainResult(
        checkpoint=path, step=checkpoint.step, last=StepMetrics(**checkpoint.metrics)
    )


def _check_enough(clips: int, dataset: str, batch: int) -> None:
    # A batch that holds a clip twice would be legal, but it is more likely a mistake.
    if clips < batch:
        way_out = f"set the batch to {clips} or less, or add videos" if clips else "add videos"
        raise TrainingError(
            f"dataset {dataset!r} has {clips} clips to train on, fewer than a batch of {batch}; "
            f"{way_out}"
        )


def _check_same_run(
    checkpoint: Checkpoint, config: TrainConfig, manifest: Manifest, out: Path
) -> None:
    for name in (field.name for field in fields(config) if field.name not in _MAY_CHANGE):
        before, now = checkpoint.config.get(name), getattr(config, name)
        if before != now:
            raise TrainingError(
                f"the run in {out} was started with {name}={before!r}, not {now!r}; "
                "use the same, or another folder"
            )
    if checkpoint.manifest_id != manifest.manifest_id:
        raise TrainingError(
            f"the run in {out} was started on another dataset than {manifest.name!r} is now; "
            "use another folder"
        )
