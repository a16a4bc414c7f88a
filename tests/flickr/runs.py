"""`tinyvideo run` beside the imitation, and what has to become of every video."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.flickr.clients import record_of
from tinyvideo.flows.imitation.flickr_server import KEY, SECRET, Imitation
from tinyvideo.flows.imitation.population import Video
from tinyvideo.storage.catalog.crawl_pace import read_pace
from tinyvideo.storage.outputs.output_address import OutputAddress

RATES = {"API": 40, "PAGE": 20, "MEDIA": 20}
"""Requests per second that are permitted."""


@dataclass(frozen=True, slots=True)
class Output:
    """An output folder whose catalog holds videos of the imitation."""

    folder: Path
    prefect_url: str

    def fill(self, videos: list[Video]) -> None:
        """Enter the videos, as a crawl would."""
        (self.folder / "in").mkdir(parents=True)
        self.out.mkdir()
        with OutputAddress.at(self.out).open(make=True) as output:
            output.catalog.add(map(record_of, videos))

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def start(self, imitation: Imitation, worker: str, **settings: object) -> subprocess.Popen:
        """Start a run; the imitation knows it as `worker`."""
        private = {"FLICKR_KEY": KEY, "FLICKR_SECRET": SECRET}
        rates = {f"{name}_RATE": rate for name, rate in RATES.items()}
        fast = {"PAUSE_S": 0.2, "FETCH_TIMEOUT_S": 5, "RETRY_WAIT_S": 0.5, "WORKERS": 1}
        named = {**private, **rates, **fast, **settings}
        environment = {
            **os.environ,
            **imitation.environment(worker),
            **{f"TINYVIDEO_{name}": str(value) for name, value in named.items()},
            "PREFECT_API_URL": self.prefect_url,
        }
        command = [sys.executable, "-m", "tinyvideo.flows.cli", "run", "--json"]
        paths = ["--folder", str(self.folder / "in"), "--out", str(self.out)]
        with (self.folder / f"{worker}.log").open("a") as log:
            return subprocess.Popen(
                [*command, *paths],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def finish(
        self, process: subprocess.Popen, worker: str, limit_s: float = 280
    ) -> Mapping[str, object]:
        """Wait for a run; return its books."""
        try:
            books, _ = process.communicate(timeout=limit_s)
        finally:
            process.kill()  # else it would go on in a folder that is deleted
        assert process.returncode == 0, (self.folder / f"{worker}.log").read_text()
        return json.loads(books)

    def progress(self) -> tuple[int, int]:
        """Count the videos that need nobody any more, and the shards."""
        with OutputAddress.at(self.out).open() as output:
            return output.catalog.position()[0], len(output.catalog.shards(committed=True))

    def films_fetched(self) -> int:
        """Read how many films were fetched."""
        with OutputAddress.at(self.out).open() as output:
            return read_pace(output.catalog).films_fetched

    def ends(self) -> dict[str, tuple[str, str]]:
        """Read what became of every video, by id."""
        with OutputAddress.at(self.out).open() as output:
            rows = output.catalog.videos()
        return {row.record.video_id: (row.state.value, row.reason) for row in rows}
