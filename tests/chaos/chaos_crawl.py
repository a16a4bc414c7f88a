"""Kill -9 a run at random moments while it fetches from the imitation: nothing may be lost.

    python -m tests.chaos.chaos_crawl --kills 20 --seed 1

What a kill waits for is drawn: nothing (so that it comes while the run starts, and tidies up what
the one before has left), some requests, some videos at their end, or the next shard; and then up to
`LATER_S` seconds more. After each kill every count of the catalog is held against its
rows. At the end all videos must have ended as they have to, and the log of the imitation says what
was fetched: of each life that was killed, later ones ask again for no more films than it can have
been fetching at that moment.

Cost: about 20 s per kill on a machine that does nothing else.
"""

import argparse
import itertools
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.flickr.runs import Output
from tinyvideo.flows.imitation.flickr_server import Imitation, Request, imitate_flickr
from tinyvideo.flows.imitation.population import Fate, Population, PopulationConfig, Video
from tinyvideo.flows.imitation.truth import end_of, findable_videos
from tinyvideo.flows.server.private_server import prefect_server
from tinyvideo.pipeline.hosts.licenses import SHIPPED, allowed_numbers
from tinyvideo.storage.outputs.output_address import OutputAddress

EARLY_S, LATER_S = 8.0, 1.0

WEIGHTS = (2, 3, 4, 1)
"""Of ten kills, how many wait for nothing, for requests, for videos, and for a shard."""

BATCH = 12
"""Videos that share a shard."""

AT_ONCE = 4
"""Films that a run fetches at the same time, as its settings have it."""

VIDEOS_PER_KILL = 6


@dataclass(frozen=True, slots=True)
class Survival:
    """What came of it."""

    kills: int
    """Lives that were killed while they ran; the others had come to their end."""

    videos: int
    requests: int
    """For films."""

    again: int
    """Films that were asked for in more than one life."""


def survive(
    imitation: Imitation, output: Output, videos: Sequence[Video], kills: int, seed: int
) -> Survival:
    """Kill run after run, let the last one finish, and check what must hold."""
    chance, killed = random.Random(seed), 0
    output.fill(list(videos))
    for number in range(kills):
        killed += live(imitation, output, f"killed-{number:02d}", chance)
        with OutputAddress.at(output.out).open() as opened:
            assert opened.catalog.books(recount=True).problems == []
    books = output.finish(output.start(imitation, "last"), "last", limit_s=3_600)
    assert books["balanced"], books["problems"]
    assert output.ends() == {f"flickr-{video.photo_id}": end_of(video) for video in videos}
    files = imitation.requests("file")
    assert {line.subject for line in files} == {str(video.photo_id) for video in videos}
    return Survival(killed, len(videos), len(files), sum(map(len, check_lives(files))))


def live(imitation: Imitation, output: Output, name: str, chance: random.Random) -> bool:
    """Start a run, and kill it at a moment that is drawn; tell whether it was still running."""
    done, shards = output.progress()
    asked = len(imitation.requests())
    moments: list[Callable[[], bool]] = [
        lambda: True,
        lambda: len(imitation.requests()) > asked + more,
        lambda: output.progress()[0] > done + more,
        lambda: output.progress()[1] > shards,
    ]
    (comes,), more = chance.choices(moments, WEIGHTS), chance.randrange(BATCH)
    wait_s = chance.uniform(0, EARLY_S if comes is moments[0] else LATER_S)
    run = output.start(imitation, name, BATCH_VIDEOS=BATCH)
    while run.poll() is None and not comes():
        time.sleep(0.02)
    try:
        run.wait(wait_s)
    except subprocess.TimeoutExpired:
        run.kill()
    run.communicate()
    return run.returncode < 0


def check_lives(files: Sequence[Request]) -> list[set[str]]:
    """Say which films each life asked for that later ones asked for again: those under way."""
    lives: dict[str, set[str]] = {}
    for line in files:
        lives.setdefault(line.worker, set()).add(line.subject)
    found = []
    for name, films in lives.items():
        later = [each for other, each in lives.items() if other > name]  # "last" is after "killed"
        again = films.intersection(itertools.chain(*later))
        assert len(again) <= AT_ONCE, f"{name} had {len(again)} of {films} under way"
        found.append(again)
    return found


def choose(count: int, seed: int) -> tuple[Population, list[Video]]:
    """Draw a population, and videos of it that are all well."""
    population = Population(PopulationConfig(videos=6 * count, seed=seed))
    found = findable_videos(population, allowed_numbers(SHIPPED))
    return population, [video for video in found if video.fate is Fate.WELL][:count]


def main() -> None:
    """Kill as often as was asked for, and say so."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    population, videos = choose(VIDEOS_PER_KILL * wanted.kills, wanted.seed)
    with (
        tempfile.TemporaryDirectory(prefix="tinyvideo-chaos-") as name,
        prefect_server(Path(name) / "prefect", None, keep=False) as server,
        imitate_flickr(population, Path(name) / "tls") as imitation,
    ):
        output = Output(Path(name), server.api_url)
        told = survive(imitation, output, videos, wanted.kills, wanted.seed)
    sys.stdout.write(
        f"killed {told.kills} of {wanted.kills} lives at work: {told.videos} videos, each at its "
        f"end once; {told.requests} requests for films; {told.again} films were asked for again, "
        f"never more than {AT_ONCE} of one life; the books balance\n"
    )


if __name__ == "__main__":
    main()
