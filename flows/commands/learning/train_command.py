"""The command `tinyvideo train`: a dataset of strips -> the checkpoints of a VGAN.

Started by `torchrun`, the first process reports and writes, the others compute. `--dry-run` starts
nothing: it takes two small steps and says what the run would take.

Cost: that of `models.training.training_run`; the private Prefect server, if none is set, takes 5 to
20 s to start.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinyvideo.flows.commands.output_options import Json, KeepUi, Out
from tinyvideo.flows.terminal import Position, progress, show_facts, with_option, write_json
from tinyvideo.models.step_metrics import METRICS_NAME, last_metrics
from tinyvideo.models.train_config import RECIPES

if TYPE_CHECKING:
    from tinyvideo.models.train_config import TrainConfig
    from tinyvideo.storage.outputs import OutputAddress


def train(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset.", show_default=False)] = "",
    out: Out = "",
    run: Annotated[
        str,
        typer.Option(help="Folder or s3:// address of checkpoints; default: training/DATASET."),
    ] = "",
    begin_with: Annotated[
        Path | None,
        typer.Option("--from", help="Checkpoint, or folder of a run, whose weights to begin with."),
    ] = None,
    recipe: Annotated[str, typer.Option(help=" or ".join(RECIPES) + ".")] = "paper",
    width: Annotated[int | None, typer.Option(help="Channels; 64 is the paper's.")] = None,
    batch: Annotated[int | None, typer.Option(help="Clips per step, of all processes.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of the whole run.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, noise and order.")] = None,
    streams: Annotated[int | None, typer.Option(help="2, or 1: no background apart.")] = None,
    condition: Annotated[
        str | None, typer.Option(help="`first-frame`: learn to continue a still image.")
    ] = None,
    loss: Annotated[str | None, typer.Option(help="`cross-entropy` or `hinge`.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of the generator.")] = None,
    discriminator_learning_rate: Annotated[float | None, typer.Option()] = None,
    mask_penalty: Annotated[float | None, typer.Option(help="Weight of the mask's mean.")] = None,
    r1: Annotated[float | None, typer.Option(help="Weight of R1; 0: none.")] = None,
    spectral_norm: Annotated[
        bool | None, typer.Option("--spectral-norm/--no-spectral-norm", show_default=False)
    ] = None,
    ema: Annotated[float | None, typer.Option(help="Moving average of G; 0: none.")] = None,
    augment: Annotated[
        bool | None,
        typer.Option("--augment/--no-augment", help="Change clips alike before they are judged."),
    ] = None,
    replacement: Annotated[
        bool | None,
        typer.Option("--replacement/--no-replacement", help="Draw clips with replacement."),
    ] = None,
    precision: Annotated[str | None, typer.Option(help="bf16, fp16, fp32 or fp64.")] = None,
    compile: Annotated[
        bool | None, typer.Option("--compile/--no-compile", help="Use torch.compile.")
    ] = None,
    checkpoint_every: Annotated[int | None, typer.Option(help="Steps.")] = None,
    checkpoint_minutes: Annotated[
        float | None, typer.Option(help="A checkpoint after so long, too; 0: none.")
    ] = None,
    pictures_every: Annotated[int | None, typer.Option(help="Steps; 0: none.")] = None,
    on_alarm: Annotated[
        str | None, typer.Option(help="On a collapse: warn, stop or roll-back.")
    ] = None,
    skip_bad_strips: Annotated[
        bool | None, typer.Option("--skip-bad-strips", help="Put others in their place.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Threads that decode.")] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda, cuda:1; default: the best.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would take, and do nothing.")
    ] = False,
    json: Json = False,
    keep_ui: KeepUi = False,
) -> None:
    """Train a VGAN on a dataset, or go on where the last run was stopped or killed.

    On several devices: torchrun --nproc-per-node 4 --no-python tinyvideo train ...

    Example: tinyvideo train beaches --out strips --steps 10000
    """
    wishes = {
        "width": width,
        "batch": batch,
        "steps": steps,
        "seed": seed,
        "streams": streams,
        "condition": condition,
        "loss": loss,
        "learning_rate": learning_rate,
        "discriminator_learning_rate": discriminator_learning_rate,
        "mask_penalty": mask_penalty,
        "r1": r1,
        "spectral_norm": spectral_norm,
        "ema": ema,
        "augment": augment,
        "replacement": replacement,
        "precision": precision,
        "compile": compile,
        "checkpoint_every": checkpoint_every,
        "checkpoint_minutes": checkpoint_minutes,
        "pictures_every": pictures_every,
        "on_alarm": on_alarm,
        "skip_bad_strips": skip_bad_strips,
        "workers": workers,
        "device": device,
    }
    config = choose_config(recipe, wishes)
    if dry_run:
        show_forecast(dataset, out, recipe, config, json=json)
        return
    if not dataset:
        raise typer.BadParameter("name the dataset to train on", param_hint="DATASET")
    begin_with = begin_with.absolute() if begin_with else None
    summary = train_with_progress(dataset, out, run, config, begin_with, keep_ui=keep_ui)
    if json and summary is not None:
        write_json(summary)


def choose_config(recipe: str, wishes: Mapping[str, Any]) -> "TrainConfig":
    """Build the configuration of a command; without a device, the best there is.

    Raises:
        BadParameter: there is no such recipe, or a value is out of range.
    """
    from tinyvideo.models.step import best_device
    from tinyvideo.models.train_config import configure

    try:
        return configure(recipe, **{**wishes, "device": wishes["device"] or best_device()})
    except ValueError as error:
        raise typer.BadParameter(with_option(error)) from error


def show_forecast(
    dataset: str, out: str, recipe: str, config: "TrainConfig", *, json: bool
) -> None:
    """Print the configuration and what a run would take; with a dataset, see that it suffices.

    Raises:
        StorageError, TrainingError: the dataset cannot be read, or is too small.
    """
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.models.training import forecast

    clips: dict[str, Any] = {}
    if dataset:
        clips = {"dataset": dataset, "clips": count_clips(output_at(out), dataset, config)}
    found = {"recipe": recipe, **clips, **asdict(forecast(config))}
    show_facts("configuration", found.pop("config"))
    show_facts("forecast, by one process on this machine as busy as it is now", found)
    if json:
        write_json({**found, "config": asdict(config)})


def count_clips(place: "OutputAddress", dataset: str, config: "TrainConfig") -> int:
    """See that a dataset suffices; return how many clips there are to train on.

    Raises:
        StorageError, TrainingError: it cannot be read, or is too small.
    """
    from tinyvideo.models.training import check_enough
    from tinyvideo.storage.datasets import read_manifest

    clips = read_manifest(place.open_store(), dataset).counts["train"]
    check_enough(clips, dataset, config.batch)
    return clips


def train_with_progress(
    dataset: str,
    out: str,
    run: str,
    config: "TrainConfig",
    begin_with: Path | None,
    *,
    keep_ui: bool,
) -> dict[str, Any] | None:
    """Train, with a bar and reported to Prefect; None for all processes but the first.

    Raises:
        StorageError, TrainingError, CheckpointError, ServerError: as their texts say.
    """
    from tinyvideo.flows.commands.curating import announced_server, run_flow
    from tinyvideo.flows.settings import read_settings
    from tinyvideo.flows.which_output import output_at
    from tinyvideo.models.step import check_device, is_launched

    settings = read_settings()
    place = output_at(out)
    target = run_place(place, dataset, run)
    if is_launched() and settings.rank:
        from tinyvideo.models.training import train as train_now

        train_now(place.address, dataset, config, target.work, begin_with=begin_with)
        return None
    check_device(config.device)  # what is told now needs no server
    count_clips(place, dataset, config)
    with announced_server(place.work, settings, keep_ui=keep_ui):
        from tinyvideo.flows.train_here import train as train_flow  # after the server

        mirror = target.address if target.address != str(target.work) else ""
        with progress("training", training_position(target.work, config.steps)):
            path = run_flow(
                train_flow(
                    place.address, dataset, target.work, config, mirror, begin_with=begin_with
                )
            )
    last = last_metrics(target.work / METRICS_NAME)
    show_facts(
        "where things are",
        {
            "checkpoint": path,
            "curves": f"tensorboard --logdir {target.work}",
            "next": f"tinyvideo generate {path} -n 16 --to {target.work / 'generated'}",
        },
    )
    return {"checkpoint": path, "run": target.address, "last": asdict(last) if last else None}


def run_place(place: "OutputAddress", dataset: str, run: str) -> "OutputAddress":
    """Name where a run lies: what --run says, or the work folder of the output."""
    from tinyvideo.flows.settings import read_settings
    from tinyvideo.storage.outputs import OutputAddress

    if not run:
        return OutputAddress.at(place.work / "training" / dataset)
    return OutputAddress.at(run, read_settings().work)


def training_position(folder: Path, steps: int) -> Callable[[], Position]:
    """Read from the metrics of a training run how many steps are done."""

    def read() -> Position:
        last = last_metrics(folder / METRICS_NAME)
        if last is None:
            return Position(0, steps, "loading")
        losses = f"D {last.discriminator_loss:.2f}  G {last.generator_loss:.2f}"
        return Position(last.step, steps, f"{losses}  {last.clips_per_second:.1f} clips/s")

    return read
