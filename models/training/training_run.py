"""Train a VGAN on a dataset, so that it can be stopped anywhere and goes on exactly there.

Stage:  shard -> dataset -> load -> [train] -> generate

The folder of a run holds `metrics.jsonl`, one line per step, the checkpoints that stay, and
`tensorboard/`. Training starts from the newest checkpoint that can be read. On the CPU, with the
same number of threads, a run that was killed and started again gives bit for bit the losses of one
that was not. Started by `torchrun`, all its processes train together (`models.step.ranks`), and may
be another number after a resume. With a mirror, checkpoints are kept in a store too.

Cost: that of the steps (`models.step.trainer`), and a checkpoint now and then
(`models.checkpoints.checkpoint`). Reading and decoding the clips takes 1 to 4 % of the time of the
steps.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tinyvideo.models.checkpoints import Checkpoint, load_checkpoint, load_newest, pull
from tinyvideo.models.data import LoadConfig, Loader
from tinyvideo.models.step import Ranks, Trainer, joined_ranks
from tinyvideo.models.step_metrics import StepMetrics
from tinyvideo.models.train_config import MAY_CHANGE, OF_NETWORKS, TrainConfig, from_saved
from tinyvideo.models.training.train_loop import Events, Run
from tinyvideo.models.training_errors import CheckpointError, TrainingError
from tinyvideo.storage.datasets import Manifest, read_manifest
from tinyvideo.storage.objects import Store, open_store


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
    *,
    events: Events | None = None,
    mirror: Store | None = None,
    begin_with: Path | None = None,
) -> TrainResult:
    """Train on a dataset in the store or at the address `source` until `config.steps` are done.

    Goes on from the newest readable checkpoint in `out`, or in `mirror` if that is ahead. A run
    that is already done, or further, is left as it is. `on_step` is short for that event.
    A run that has no checkpoint yet begins with the weights of `begin_with`, one of another run.

    Raises:
        TrainingError: too few clips for a batch, another configuration or dataset than `out` was
            trained with, other networks than those of `begin_with`, no such device, a loss that
            is not finite, or a collapse.
        CheckpointError: no checkpoint in `out` can be read, or a new one cannot be written.
        DataError: a strip cannot be decoded.
        StorageError: the dataset, a shard of it or the mirror cannot be used.
    """
    store = open_store(source) if isinstance(source, str | Path) else source
    manifest = read_manifest(store, dataset) if isinstance(dataset, str) else dataset
    check_enough(manifest.counts["train"], manifest.name, config.batch)
    with joined_ranks(config.device) as ranks:
        ranks.check(config.batch)
        newest = _find_newest(out, mirror, ranks)
        if newest:
            _check_same_run(newest[1], config, manifest, out)
            if newest[1].step >= config.steps:
                return _result(*newest)
        trainer = Trainer(config, manifest.manifest_id, ranks)
        if newest:
            trainer.restore(newest[1])
        elif begin_with is not None:
            trainer.begin_with(_read_other(begin_with, config, ranks))
        del newest  # as large as the networks and their optimizers
        loading, events = _load_config(config), events or Events(on_step=on_step)
        with (
            Loader(store, manifest, loading, rank=ranks.rank, ranks=ranks.count) as loader,
            Run(trainer, loader, out, ranks=ranks, events=events, mirror=mirror) as run,
        ):
            loader.seek(trainer.cursor)
            path, last = run.until_done()
        return TrainResult(checkpoint=path, step=last.step, last=last)


def _find_newest(out: Path, mirror: Store | None, ranks: Ranks) -> tuple[Path, Checkpoint] | None:
    """Read the newest checkpoint on the first rank, whose files the others may not see."""
    newest = None
    if ranks.first:
        if mirror is not None:
            pull(mirror, out)
        newest = load_newest(out)
    return ranks.from_first(newest)


def _read_other(path: Path, config: TrainConfig, ranks: Ranks) -> Checkpoint:
    """Read the checkpoint, or the newest of the folder, whose weights a run begins with."""
    found: Checkpoint = ranks.from_first(_open_other(path) if ranks.first else None)
    try:
        theirs = from_saved(found.config)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is of another tinyvideo: {error}") from error
    for name in OF_NETWORKS:
        if (its := getattr(theirs, name)) != (ours := getattr(config, name)):
            raise TrainingError(
                f"{path} has networks of {name}={its!r}, not {ours!r}; use {_option(name, its)}, "
                "or another checkpoint"
            )
    return found


def _option(name: str, value: object) -> str:
    words = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{words}" if value else f"--no-{words}"
    return f"--{words} {value}"


def _open_other(path: Path) -> Checkpoint:
    if not path.is_dir():
        return load_checkpoint(path)
    newest = load_newest(path)
    if newest is None:
        raise CheckpointError(f"there is no checkpoint in {path}")
    return newest[1]


def _load_config(config: TrainConfig) -> LoadConfig:
    shared = {field.name for field in fields(LoadConfig)} & {field.name for field in fields(config)}
    return LoadConfig(**{name: getattr(config, name) for name in shared})


def _result(path: Path, checkpoint: Checkpoint) -> TrainResult:
    return TrainResult(
        checkpoint=path, step=checkpoint.step, last=StepMetrics(**checkpoint.metrics)
    )


def check_enough(clips: int, dataset: str, batch: int) -> None:
    """Refuse a dataset with fewer clips than a batch.

    Raises:
        TrainingError: it has too few.
    """
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
    try:
        started = asdict(from_saved(checkpoint.config))
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"the run in {out} is of another tinyvideo: {error}") from error
    for name, now in asdict(config).items():
        if name not in MAY_CHANGE and (before := started[name]) != now:
            raise TrainingError(
                f"the run in {out} was started with {name}={before!r}, not {now!r}; "
                "use the same, or another folder"
            )
    if checkpoint.manifest_id != manifest.manifest_id:
        raise TrainingError(
            f"the run in {out} was started on another dataset than {manifest.name!r} is now; "
            "use another folder"
        )
