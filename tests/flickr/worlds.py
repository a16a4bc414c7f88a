"""Random worlds with one vice each, walked through without a network, and what was proven of them.

    python -m tests.flickr.worlds [--seeds 20] [--videos 20000] [--vice NAME ...]

prints a line per vice: how much of what can be found was found, how much of what is missing lies in
windows that are called proven (which must be next to nothing), and calls beside the least.

Cost: 2 to 6 s per world of 20,000 videos.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flickrapi import FlickrAPI

from tinyvideo.flows.imitation.population import Population, PopulationConfig
from tinyvideo.flows.imitation.rest_api import SITE_KEY, Api
from tinyvideo.flows.imitation.search_answers import SearchConfig, find, least_calls
from tinyvideo.flows.imitation.vices import LATE_S, Vice
from tinyvideo.pipeline.find.flickr_query import Query
from tinyvideo.pipeline.find.flickr_walk import search_with, walk_config
from tinyvideo.pipeline.find.search_walk import walk
from tinyvideo.pipeline.find.search_windows import Page, Span, Wanted, Window
from tinyvideo.pipeline.hosts.flickr_api import Flickr
from tinyvideo.pipeline.hosts.licenses import SHIPPED, allowed_numbers
from tinyvideo.pipeline.hosts.request_budget import Host

QUERY = Query(tags="video", licenses=allowed_numbers(SHIPPED))


@dataclass(frozen=True, slots=True)
class Walked:
    """What a walk through a world has found and claimed."""

    findable: int
    found: int
    proven_missing: int
    """Videos that were not found, though they lie in windows that are called proven."""

    windows: int
    proven: int
    calls: int
    least: int
    reasons: Counter[str]
    uncalled: int
    """Questions that no window has counted."""


class Wire(FlickrAPI):
    """What makes calls and reads answers, without a network between the two."""

    def __init__(self, imitation: Api) -> None:
        super().__init__("key", "secret", format="parsed-json", store_token=False, cache=False)
        self.imitation = imitation
        self.asked: Counter[str] = Counter()

    def _flickr_call(self, timeout: float | None = None, **words: object) -> bytes:
        params = {name: str(value) for name, value in words.items()} | {"api_key": SITE_KEY}
        text = self.imitation.text(params, "", self.asked[str(params)])
        self.asked[str(params)] += 1
        return text


class Unpaced:
    """A budget without limits."""

    def acquire(self, host: Host) -> None:
        """Permit it."""

    def penalize(self, host: Host, retry_after_s: float | None) -> None:
        """Forget it."""


def walk_world(seed: int, videos: int, vice: Vice | None, search: SearchConfig) -> Walked:
    """Walk through everything in a world."""
    population = Population(PopulationConfig(videos=videos, seed=seed))
    api = Api(population, search, SITE_KEY)
    wire = Wire(api)
    once = search_with(Flickr(wire, Unpaced()), QUERY, SHIPPED)
    asks = 0

    def ask(wanted: Wanted) -> Page:
        nonlocal asks
        asks += 1
        return once(wanted)

    span = Span(population.config.since, population.config.until)
    # What the index may not know yet is asked for, and never called proven.
    settled = span.until - (LATE_S if vice is Vice.LATE_INDEX else 0)
    told: dict[Span, Window] = {}
    found: set[str] = set()
    calls = 0
    for window in walk(ask, span, walk_config(QUERY)):
        found |= {record.video_id for record in window.records}
        calls += window.calls
        for old in [
            each
            for each in told
            if each.since <= window.span.until and each.until >= window.span.since
        ]:
            del told[old]
        told[window.span] = window
    truth = {f"flickr-{v.photo_id}": v.posted for v in _truth(population, span)}
    proven = [w.span for w in told.values() if w.proven]
    lost = [
        time
        for name, time in truth.items()
        if name not in found and time <= settled and any(s.since <= time <= s.until for s in proven)
    ]
    return Walked(
        findable=len(truth),
        found=len(found & truth.keys()),
        proven_missing=len(lost),
        windows=len(told),
        proven=len(proven),
        calls=wire.asked.total(),
        least=least_calls(len(truth)),
        reasons=Counter(w.doubt or "proven" for w in told.values()),
        uncalled=asks - calls,
    )


def _truth(population: Population, span: Span) -> Sequence:
    params = QUERY.parameters(span.since, span.until, 1)
    return find(population, {name: str(value) for name, value in params.items()})


def main() -> None:
    """Walk through the worlds that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--videos", type=int, default=20_000)
    parser.add_argument("--vice", nargs="*", default=["steady", "unsteady", *Vice])
    options = parser.parse_args()
    say("| vice | worst found | worst in windows called proven | proven | calls of the least |")
    say("|---|---:|---:|---:|---:|")
    for name in options.vice:
        vice = Vice(name) if name in set(Vice) else None
        steady = {} if name == "unsteady" else {"total_error": 0, "unsteady_pages": 0}
        worlds = [
            walk_world(seed, options.videos, vice, SearchConfig(seed=seed, vice=vice, **steady))
            for seed in range(options.seeds)
        ]
        worst = min(world.found / world.findable for world in worlds)
        claimed = max(world.proven_missing / world.findable for world in worlds)
        proven = sum(w.proven for w in worlds) / sum(w.windows for w in worlds)
        calls = max(world.calls / world.least for world in worlds)
        say(f"| {name} | {worst:.3%} | {claimed:.3%} | {proven:.0%} | {calls:.2f} |")


def say(line: str) -> None:
    """Write a line at once, since the next one takes minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
