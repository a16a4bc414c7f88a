"""The flow `train` as a worker of the pool `gpu` runs it: torchrun, with all GPUs of the machine.

It streams torchrun's log, shows progress, curves and generated clips on Prefect's page, and keeps
checkpoints in the object store where the output is there, so that another machine can go on.
Started again after a crash, training resumes from the newest checkpoint; a cancelled run ends its
processes.

Cost: that of `flows.machine.torchrun` and `models.training.training_run`; a look at the metrics
every 10 s.
"""

import asyncio
import base64
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run
from pydantic import BaseModel, ConfigDict, Field

from tinyvideo.flows.machine import Job, cause_of, start_training
from tinyvideo.flows.monitor import EVERY_S, Board, bar
from tinyvideo.flows.report import Chart, as_svg, draw_training
from tinyvideo.flows.run_start import over_defaults, refuse_hopeless_attempt
from tinyvideo.flows.which_output import output_at
from tinyvideo.models.step_metrics import METRICS_NAME, SAMPLES_NAME, last_metrics
from tinyvideo.models.train_config import Recipe, TrainConfig, configure
from tinyvideo.models.training_errors import TrainingError
from tinyvideo.storage.datasets import read_manifest
from tinyvideo.storage.objects import is_remote, open_store
from tinyvideo.storage.outputs import OutputAddress

MAX_ATTEMPTS = 20
"""Times that training is begun. Ours: it goes on for days, and loses little each time."""


class TrainOptions(BaseModel):
    """Parameters of `train`; what is left empty is the recipe's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = Field("unfiltered", description="Name of the dataset to train on.")
    out: str = Field("", description="Output that holds it. Empty: the worker's TINYVIDEO_STORAGE.")
    name: str = Field("", description="Name of the training run. Empty: that of the dataset.")
    recipe: Recipe = Field("paper", description="As the paper did, or better.")
    steps: int | None = Field(None, ge=1, description="Steps of the whole run.")
    batch: int | None = Field(None, ge=1, description="Clips per step, of all GPUs together.")
    width: int | None = Field(None, ge=1, description="Channels of the networks; the paper's: 64.")
    device: Literal["", "cuda", "cpu"] = Field("", description="Empty: the GPUs, or else the CPU.")
    processes: int | None = Field(
        None, ge=1, le=64, description="Processes. Empty: one per GPU, or one on the CPU."
    )
    more: dict[str, Any] = Field(
        default_factory=dict, description="Further fields of the configuration, by name."
    )


AS_SET = TrainOptions.model_validate({})


def run_name() -> str:
    """Name the flow run after what it trains on: "train · beach · modern"."""
    options = TrainOptions.model_validate(flow_run.parameters.get("options") or {})
    return f"train · {options.name or options.dataset} · {options.recipe}"


@flow(name="train", flow_run_name=run_name, validate_parameters=True)
async def train(options: TrainOptions = AS_SET) -> str:
    """Train a VGAN with all GPUs of this machine; return the folder of the run.

    Args:
        options: On what, by which recipe, for how long.

    Raises:
        AttemptsError: it was begun too often.
        TrainingError: training has failed; the text is what the process that failed has said.
        StorageError: the dataset or the output cannot be used.
    """
    refuse_hopeless_attempt(MAX_ATTEMPTS)
    options = await over_defaults(options)
    job = plan(options, output_at(options.out))
    logger = get_run_logger()
    await asyncio.to_thread(check_dataset, job)
    logger.info("%d processes train in %s", job.processes, job.run)
    words_of_all: deque[str] = deque(maxlen=200)
    async with _running(job) as process, _shown(job):
        assert process.stdout is not None
        async for line in process.stdout:
            words = line.decode(errors="replace").rstrip()
            words_of_all.append(words)
            logger.info("%s", words)
        code = await process.wait()
    if code:
        raise TrainingError(cause_of(words_of_all, code))
    return job.run


def check_dataset(job: Job) -> None:
    """See that there is a dataset, and that it suffices, before processes are started for it.

    Raises:
        StorageError, TrainingError: it cannot be read, or is too small.
    """
    from tinyvideo.models.training import check_enough  # noqa: PLC0415  loads torch

    manifest = read_manifest(open_store(job.out), job.dataset)
    check_enough(manifest.counts["train"], job.dataset, job.config.batch)


def plan(options: TrainOptions, place: OutputAddress) -> Job:
    """Lay out what the processes are to do on this machine.

    Raises:
        ValueError: a value is out of range.
    """
    from tinyvideo.models.devices import count_gpus  # noqa: PLC0415  loads torch

    gpus = 0 if options.device == "cpu" else count_gpus()
    device = options.device or ("cuda" if gpus else "cpu")
    processes = options.processes or max(1, gpus)
    chosen = {"steps": options.steps, "batch": options.batch, "width": options.width}
    config = configure(options.recipe, **{**options.more, **chosen, "device": device})
    name = options.name or options.dataset
    mirror = f"{place.address}/training/{name}" if is_remote(place.address) else ""
    return Job(
        out=place.address,
        dataset=options.dataset,
        run=str(place.work / "training" / name),
        mirror=mirror,
        config=config,
        processes=processes,
    )


@asynccontextmanager
async def _running(job: Job) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await start_training(job)
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


@asynccontextmanager
async def _shown(job: Job) -> AsyncIterator[None]:
    async with get_client() as client:
        board = Board(client, UUID(flow_run.id) if flow_run.id else None)

        async def follow() -> None:
            while True:
                await asyncio.sleep(EVERY_S)
                await _show(board, job, last=False)

        following = asyncio.create_task(follow())
        try:
            yield
        finally:
            following.cancel()
            await _show(board, job, last=True)


async def _show(board: Board, job: Job, *, last: bool) -> None:
    run, key = Path(job.run), f"training-{board_key(Path(job.run).name)}"
    try:
        text, how_far = await asyncio.to_thread(training_text, run, job.config)
    except (OSError, TrainingError, ValueError):  # a line of the metrics is being written
        return
    await board.text(key, text, how_far, last=last)
    # Apart, since it changes seldom and weighs a hundred times as much.
    if samples := await asyncio.to_thread(samples_text, run):
        await board.text(f"{key}-samples", samples, "what it generates", last=last)


def training_text(run: Path, config: TrainConfig) -> tuple[str, str]:
    """Say how far a training run is, with its curves as pictures; and in a few words."""
    metrics = last_metrics(run / METRICS_NAME)
    if metrics is None:
        return "The first step is not done yet.", "loading"
    how_far = f"step {metrics.step:,} of {config.steps:,}"
    losses = (
        f"discriminator {metrics.discriminator_loss:.3f} · generator {metrics.generator_loss:.3f}"
        f" · {metrics.clips_per_second:.1f} clips/s"
    )
    drawn = draw_training(run / METRICS_NAME)
    charts = [_picture(chart) for chart in (drawn.charts if drawn else [])]
    return "\n\n".join([bar(metrics.step, config.steps), how_far, losses, *charts]), how_far


def samples_text(run: Path) -> str:
    """Show the newest generated clips of a training run; empty before there are some."""
    try:
        picture = (run / SAMPLES_NAME).read_bytes()
    except FileNotFoundError:
        return ""
    encoded = base64.b64encode(picture).decode()
    return (
        "Four clips of the same noise each time. From top to bottom: the clip, and of two streams "
        "its foreground, its mask (white shows the foreground) and its background.\n\n"
        f"![generated clips](data:image/webp;base64,{encoded})"
    )


def board_key(name: str) -> str:
    """Write a name as the key of an artifact: lowercase letters, digits and dashes."""
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())


def _picture(chart: Chart) -> str:
    svg = base64.b64encode(as_svg(chart).encode()).decode()
    return f"**{chart.title}.** {chart.note}\n\n![{chart.says}](data:image/svg+xml;base64,{svg})"
