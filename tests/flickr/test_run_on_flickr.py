"""A whole crawl against everything that goes wrong: true ends, books that balance, rates kept."""

from collections import Counter

import pytest

from tests.chaos.chaos_crawl import choose as choose_well
from tests.chaos.chaos_crawl import survive
from tests.flickr.runs import RATES, Output
from tinyvideo.flows.imitation.faults import FaultConfig, Kind
from tinyvideo.flows.imitation.flickr_server import KEY, SECRET, most_in
from tinyvideo.flows.imitation.population import Fate, Population, PopulationConfig
from tinyvideo.flows.imitation.truth import end_of, findable_videos
from tinyvideo.pipeline.hosts.licenses import SHIPPED, allowed_numbers

SEED = 4
ALLOWED = allowed_numbers(SHIPPED)
PERMITTED = dict(zip(Kind, RATES.values(), strict=True))


@pytest.fixture(scope="module")
def population():
    """One in five has a fate of its own: 60 videos hold all of them."""
    return Population(PopulationConfig(videos=420, seed=SEED))


def choose(population, number):
    videos = findable_videos(population, ALLOWED)
    strange = [video for video in videos if video.fate is not Fate.WELL]
    chosen = {video.fate: video for video in strange}
    rest = [video for video in videos if video.fate is Fate.WELL]
    return [*chosen.values(), *rest[: number - len(chosen)]]


def test_four_runs_at_once_with_a_tenth_of_all_answers_wrong(
    imitate, tmp_path, prefect_url, population
):
    videos = choose(population, 40)
    imitation = imitate(population, faults=FaultConfig(rate=0.1, hang_s=20, retry_after_s=1))
    output = Output(tmp_path, prefect_url)
    output.fill(videos)
    workers = [f"worker-{number}" for number in range(4)]

    runs = {w: output.start(imitation, w, BATCH_VIDEOS=10) for w in workers}
    books = [output.finish(run, worker) for worker, run in runs.items()]

    assert output.ends() == {f"flickr-{video.photo_id}": end_of(video) for video in videos}
    assert all(each["balanced"] for each in books)
    assert books[-1]["videos"]["found"] == len(videos)
    # Four runs have counted together what came whole, also of what then gave no strip.
    whole = {"", "too_short", "flat"}
    assert output.films_fetched() == sum(reason in whole for _, reason in output.ends().values())
    for kind, permitted in PERMITTED.items():
        requests = [line for line in imitation.requests() if line.kind is kind]
        assert len({line.worker for line in requests}) > 1
        assert most_in(requests) <= permitted
    final = {Fate.DELETED, Fate.PRIVATE, Fate.RELICENSED}
    asked = Counter(
        line.subject
        for line in imitation.requests("flickr.photos.getInfo")
        if line.fault is None and population.by_id[int(line.subject)].fate in final
    )
    assert set(asked.values()) == {1}  # what is final is not asked again
    secrets = (KEY.encode(), SECRET.encode())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if any(s in path.read_bytes() for s in secrets)]


@pytest.mark.long
def test_killed_at_random_moments_nothing_is_lost_or_fetched_twice(imitate, tmp_path, prefect_url):
    """`python -m tests.chaos.chaos_crawl` does twenty kills."""
    population, videos = choose_well(30, SEED)
    output = Output(tmp_path, prefect_url)
    assert survive(imitate(population), output, videos, kills=4, seed=SEED).kills <= 4
