"""What goes wrong between a client and Flickr, at a rate, and the same for the same seed.

Which fault befalls a request depends on the seed, on what is asked and for which time; so a run
with several workers meets the same faults in whatever order they come. Faults that belong to a
video and not to a request are its fate (`population.py`).

Cost: a random number per request.
"""

import random
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Which part of Flickr answers."""

    API = "api"
    PAGES = "pages"
    MEDIA = "media"


class Fault(StrEnum):
    """One way in which an answer is not the one that was due."""

    BUSY = "429"
    """Asked too often, without a word on how long to wait."""

    BUSY_UNTIL = "429-retry-after"
    """Asked too often, with Retry-After in seconds."""

    BAD_GATEWAY = "502"
    """A page for people, as a proxy writes it."""

    OVERLOADED = "503"
    BROKEN = "500"
    CODE_105 = "code-105"
    CODE_201 = "code-201"
    """The API says with HTTP 200 that it is not available."""

    GARBLED = "garbled"
    """JSON with a comma too many, as was seen."""

    PAGE = "html"
    """HTTP 200, and a page for people; where a film was due, it looks like a film by its header."""

    HANG = "hang"
    """No answer; the connection stays open."""

    RESET = "reset"
    """The connection is closed without an answer."""

    TRUNCATED = "truncated"
    """The connection is closed in the middle of the film."""

    STALLED = "stalled"
    """The film stops in the middle, and the connection stays open."""

    REFUSED = "403"
    """The signature of the address is not accepted, though it is fresh."""


_ALL = (Fault.BUSY, Fault.BUSY_UNTIL, Fault.BAD_GATEWAY, Fault.OVERLOADED, Fault.HANG, Fault.RESET)
POSSIBLE = {
    Kind.API: (
        *_ALL,
        Fault.BROKEN,
        Fault.CODE_105,
        Fault.CODE_201,
        Fault.GARBLED,
        Fault.PAGE,
    ),
    Kind.PAGES: (*_ALL, Fault.PAGE),
    Kind.MEDIA: (*_ALL, Fault.PAGE, Fault.TRUNCATED, Fault.STALLED, Fault.REFUSED),
}
"""What can go wrong where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultConfig:
    seed: int = 0
    rate: float = 0.0
    """Share of all answers, 0 to 1, that are faulty."""

    kinds: frozenset[Fault] = frozenset(Fault)
    """The faults that happen."""

    where: frozenset[Kind] = frozenset(Kind)
    """The hosts to which they happen."""

    hang_s: float = 30.0
    """How long a connection hangs before the server closes it."""

    retry_after_s: int = 2
    """What Retry-After says."""

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ValueError(f"rate is a share from 0 to 1, got {self.rate}")

    def choose(self, kind: Kind, asked_for: str, time: int) -> Fault | None:
        """Choose what befalls the `time`-th request, from 0, for one thing; None: nothing."""
        chance = random.Random(f"{self.seed} {kind} {asked_for} {time}")
        possible = [f for f in POSSIBLE[kind] if f in self.kinds and kind in self.where]
        return chance.choice(possible) if possible and chance.random() < self.rate else None
