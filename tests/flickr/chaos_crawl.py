"""Kill -9 a run at random moments while it fetches from the imitation: nothing may be lost.

    python -m tests.flickr.chaos_crawl --kills 20 --seed 1

Three of four kills come within `WINDOW_S` seconds after the first request of a life, so while films
are fetched, curated and packed; the fourth comes `EARLY_S` seconds after its start, while it tidies
up what the one before has left. After each kill every count of the catalog is held against its
rows. At the end all videos must have ended as they have to, and the log of the imitation says what
was fetched: a film is asked for again only if it was one of the last of a life that was killed.

Cost: about 20 s per kill on a machine that does nothing else.
"""

import argparse
import itertools
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.imitation.population import Fate, Population, PopulationConfig, Video
from flows.imitation.server import Imitation, Request, imitate_flickr
from flows.imitation.truth import end_of, findable_videos
from flows.server import prefect_server
from pipeline.licenses import SHIPPED, allowed_numbers
from storage.place import Place
from tests.flickr.runs import Output

WINDOW_S, EARLY_S = 8.0, (1.0, 8.0)

AT_ONCE = 4
"""Films that a run fetches at the same time, as its settings have it."""

VIDEOS_PER_KILL = 8


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
        with Place.at(output.out).open() as opened:
            assert opened.catalog.books(recount=True).problems == []
    books = output.finish(output.start(imitation, "last"), "last")
    assert books["balanced"], books["problems"]
    assert output.ends() == {f"flickr-{video.photo_id}": end_of(video) for video in videos}
    files = imitation.requests("file")
    assert {line.subject for line in files} == {str(video.photo_id) for video in videos}
    return Survival(killed, len(videos), len(files), sum(map(len, check_lives(files))))


def live(imitation: Imitation, output: Output, name: str, chance: random.Random) -> bool:
    """Start a run, and kill it; tell whether it was still running then."""
    early, wait_s = chance.random() < 0.25, chance.uniform(0, WINDOW_S)
    before = len(imitation.requests())
    run = output.start(imitation, name, BATCH_VIDEOS=12)
    if early:
        wait_s = chance.uniform(*EARLY_S)
    else:
        while run.poll() is None and len(imitation.requests()) == before:
            time.sleep(0.01)
    try:
        run.wait(wait_s)
    except subprocess.TimeoutExpired:
        run.kill()
    run.communicate()
    return run.returncode < 0


def check_lives(files: Sequence[Request]) -> list[set[str]]:
    """Say which films each life but the last asked for that a later one asked for again.

    They can be no other than those that it was fetching when it was killed: its last ones.
    """
    lives: dict[str, list[str]] = {}
    for line in files:
        films = lives.setdefault(line.worker, [])
        if line.subject not in films:
            films.append(line.subject)
    found = []
    for name, films in lives.items():
        later = [each for other, each in lives.items() if other > name]  # "last" is after "killed"
        again = set(films).intersection(itertools.chain(*later))
        assert again <= set(films[-AT_ONCE:]), f"{name} had {again} already: {films}"
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
        f"end once; {told.requests} requests for films, {told.again} of them again, each one of "
        f"the last {AT_ONCE} of a life; the books balance\n"
    )


if __name__ == "__main__":
    main()
