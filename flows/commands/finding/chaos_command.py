"""`tinyvideo chaos-demo`: the crawl of an imitation of Flickr with all its vices, and its books.

`tinyvideo run`, or `crawl`, is started in a process of its own, whose environment leads to
the imitation instead of Flickr: the same flickrapi and yt-dlp, the same catalog, the same workers.
What the imitation knows of its videos is then held against what the crawl says became of them, and
its own log against the permitted rates. Anybody can judge a crawl that way, without a key.

Cost, two busy cores: 14 to 24 s to search 50,000 videos; 2 to 5 s per video to fetch and stabilize.
"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinyvideo.flows.commands.output_options import Json, folder_to_write
from tinyvideo.flows.terminal import ExitCode, end_with, show_facts, write_json
from tinyvideo.pipeline.errors import ExpectedError, install_extra

if TYPE_CHECKING:
    from tinyvideo.flows.imitation import Imitation, Population
    from tinyvideo.storage.outputs import OutputAddress

RATES = {"api": 20, "pages": 10, "media": 10}
"""Requests per second that the demo permits itself. Ours: at Flickr's own rate of one call per
second, 200 videos would take seven minutes."""

SETTINGS = {
    "api_rate": RATES["api"],
    "page_rate": RATES["pages"],
    "media_rate": RATES["media"],
    "pause_s": 0.2,
    "fetch_timeout_s": 5,
    "retry_wait_s": 1,
}
"""Patience in proportion: the imitation's troubles are over sooner than Flickr's."""


class ChaosError(ExpectedError):
    """The crawl of the imitation has failed; its own words stand above."""

    exit_code = ExitCode.FAILED


def chaos_demo(
    *,
    videos: Annotated[int, typer.Option(min=1, help="Videos that the imitation has.")] = 200,
    seed: Annotated[int, typer.Option(help="Another seed, other videos and faults.")] = 0,
    faults: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of all answers that are wrong.")
    ] = 0.1,
    search_only: Annotated[
        bool, typer.Option("--search-only", help="Find the videos, fetch none.")
    ] = False,
    vice: Annotated[
        str, typer.Option(help="One vice more of the search; a wrong name lists them.")
    ] = "",
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            "--out",
            help="Folder on this disk to keep the output in, as its `out`; else it is deleted.",
            callback=folder_to_write,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Crawl an imitation of Flickr with all its vices, and print the books: no key, no network.

    Example: tinyvideo chaos-demo --videos 50
    """
    result = crawl_imitation(videos, seed, faults, search_only=search_only, out=to, vice=vice)
    told = {name: value for name, value in result.items() if name != "videos"}
    show_facts("held against what the imitation knows", told)
    if json:
        write_json(result)
    if result["wrong_ends"] or not result["balanced"] or result["lost_in_proven"]:
        end_with(ExitCode.NOT_WHOLE, "the crawl has not come out as the imitation knows it")


def crawl_imitation(
    videos: int, seed: int, faults: float, *, search_only: bool, out: Path | None, vice: str = ""
) -> dict[str, Any]:
    """Run the crawl; return its books beside what the imitation knows.

    Raises:
        ChaosError: trustme is not installed, or the crawl has failed.
        typer.BadParameter: there is no such vice.
    """
    try:
        from tinyvideo.flows.imitation import (
            FaultConfig,
            ImitationConfig,
            Population,
            PopulationConfig,
            SearchConfig,
            Vice,
            imitate_flickr,
        )
        from tinyvideo.storage.outputs import OutputAddress
    except ModuleNotFoundError as error:
        raise ChaosError(f"chaos-demo needs {error.name}: {install_extra('demo')}") from error

    if vice and vice not in set(Vice):
        raise typer.BadParameter(f"--vice is one of {', '.join(Vice)}; got {vice!r}")
    population = Population(PopulationConfig(videos=videos, seed=seed))
    config = ImitationConfig(
        search=SearchConfig(seed=seed, vice=Vice(vice) if vice else None),
        faults=FaultConfig(seed=seed, rate=faults, retry_after_s=1),
    )
    with _folder(out) as folder, imitate_flickr(population, folder / "tls", config) as imitation:
        run_crawl(imitation, folder / "out", "crawl" if search_only else "run")
        return _judge(population, imitation, OutputAddress.at(folder / "out"))


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    if out is not None:
        yield out.absolute()
        return
    with TemporaryDirectory(prefix="tinyvideo-chaos-") as folder:
        yield Path(folder)


def run_crawl(imitation: "Imitation", out: Path, command: str) -> None:
    """Run `tinyvideo crawl` or `tinyvideo run` for everything that the imitation has.

    Raises:
        ChaosError: it has failed.
    """
    from tinyvideo.flows.imitation import EVERY, KEY, SECRET

    span = imitation.hosts.population.config
    since, until = (datetime.fromtimestamp(t, UTC).date() for t in (span.since, span.until + 1))
    search = ["--flickr", "--tag", EVERY, "--since", str(since), "--until", str(until)]
    told = {**SETTINGS, "flickr_key": KEY, "flickr_secret": SECRET}
    settings = {f"TINYVIDEO_{name.upper()}": str(value) for name, value in told.items()}
    process = subprocess.run(
        [sys.executable, "-m", "tinyvideo.flows.cli", command, *search, "--out", str(out)],
        env=os.environ | settings | imitation.environment(),
        check=False,
    )
    if process.returncode not in {ExitCode.DONE, ExitCode.NOT_WHOLE}:  # which is judged here
        raise ChaosError(f"the crawl of the imitation ended with exit code {process.returncode}")


def _judge(
    population: "Population", imitation: "Imitation", place: "OutputAddress"
) -> dict[str, Any]:
    from tinyvideo.flows.imitation import findable_videos, least_calls, wrong_ends
    from tinyvideo.pipeline.hosts import SHIPPED, allowed_numbers
    from tinyvideo.storage.catalog import proven_spans, summarize
    from tinyvideo.storage.outputs import read_books

    findable = findable_videos(population, allowed_numbers(SHIPPED))
    with place.open() as output:
        rows = output.catalog.videos()
        searches = summarize(output.catalog.engine)
        proven = [
            s for search in searches for s in proven_spans(output.catalog.engine, search.query)
        ]
    books = read_books(place)
    ends = {
        int(row.record.uri.partition(":")[2]): (row.state.value, row.reason)
        for row in rows
        if row.state.value not in {"pending", "leased"}
    }
    known = {int(row.record.uri.partition(":")[2]) for row in rows}
    wrong = wrong_ends(findable, ends)
    lost = [video for video in findable if video.photo_id not in known]
    windows = sum(search.windows for search in searches)
    return {
        "findable": len(findable),
        "found": sum(video.photo_id in known for video in findable),
        "lost_in_proven": sum(
            any(span.since <= video.posted <= span.until for span in proven) for video in lost
        ),
        "proven": f"{sum(s.proven for s in searches)} of {windows} windows",
        "doubts": dict(sum((Counter(s.doubts) for s in searches), Counter[str]())),
        "least_calls": least_calls(len(findable)),
        **_count_requests(imitation),
        "wrong_ends": {str(photo_id): list(pair) for photo_id, pair in wrong.items()},
        "balanced": books["balanced"],
        "videos": books["videos"],
    }


def _count_requests(imitation: "Imitation") -> dict[str, Any]:
    from tinyvideo.flows.imitation import most_in

    searches = imitation.requests("flickr.photos.search")
    answered = sum(line.fault is None for line in searches)
    by_host = {
        host: most_in([line for line in imitation.log if line.kind == host]) for host in RATES
    }
    return {
        "calls": answered,
        "spoiled_calls": len(searches) - answered,
        "max_calls_per_second": by_host["api"],
        "max_requests_per_second": by_host,
        "permitted_per_second": RATES,
    }
