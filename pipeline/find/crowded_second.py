"""One second in which more was uploaded than a page shows: all its pages, from both ends.

A search shows 4,000 results. Read with the oldest first and with the newest first, up to twice as
many can be seen; where the two orders do not meet, the second is read license by license.

Cost: a call per 500 videos and order.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from tinyvideo.pipeline.find.search_windows import Span, WalkConfig, Wanted
from tinyvideo.pipeline.find.window_views import Answer, Sweep, Views


@dataclass(slots=True)
class Crowd:
    """What was seen of a crowded second."""

    views: Views = field(default_factory=Views)
    splits: int = 0
    whole: bool = True
    """Else it holds more than can be seen."""


def read_second(
    ask: Callable[[Wanted], Answer], second: int, config: WalkConfig, *, wary: bool
) -> Crowd:
    """Read a second whose first page, the oldest first, is full.

    Raises:
        Exception: whatever `ask` raises.
    """
    reading = _Reading(ask, Span(second, second), config, wary)
    crowd = Crowd()
    if reading.read(crowd, ""):
        return crowd
    if len(config.licenses) < 2:
        crowd.whole = False
        return crowd
    crowd.splits = len(config.licenses)
    parts = [Crowd() for _ in config.licenses]
    for part, license_ in zip(parts, config.licenses, strict=True):
        part.whole = reading.read(part, license_)
    _join(crowd, parts)
    return crowd


def _join(crowd: Crowd, parts: list[Crowd]) -> None:
    for part in parts:
        crowd.views.rows |= part.views.rows
        crowd.views.sweeps += part.views.sweeps
        crowd.views.contradicted |= part.views.contradicted
        crowd.whole &= part.whole
    crowd.views.agreed = all(part.views.agreed for part in parts)


@dataclass(slots=True)
class _Reading:
    ask: Callable[[Wanted], Answer]
    second: Span
    config: WalkConfig
    wary: bool
    total: int = 0
    """The latest that was told."""

    def read(self, crowd: Crowd, license_: str) -> bool:
        """Read from both ends until the views agree; tell whether everything could be seen."""
        views = crowd.views
        while len(views.sweeps) < self.config.most_views and not views.agreed:
            sweep = self._sweep(license_, newest_first=bool(len(views.sweeps) % 2))
            if not sweep.ended and not views.sweeps:
                return self._meet(views, sweep, license_)
            views.add(sweep, wary=self.wary)
        return True

    def _meet(self, views: Views, rising: Sweep, license_: str) -> bool:
        """Read from the other end what is more than the search shows; tell whether they meet."""
        falling = self._sweep(license_, newest_first=True)
        views.rows = rising.shown | falling.shown
        views.sweeps = [rising, falling]
        common = len(rising.shown.keys() & falling.shown.keys())
        # Where both orders show the same, only the total tells whether that is all.
        alike = common == len(views.rows)
        views.agreed = common > 0 and (not alike or self.total <= self.config.cap)
        return views.agreed

    def _sweep(self, license_: str, *, newest_first: bool) -> Sweep:
        sweep = Sweep(newest_first=newest_first)
        for page in range(1, self.config.cap // self.config.per_page + 1):
            answer = self.ask(Wanted(self.second, page, license_, newest_first))
            new, self.total = sweep.add(answer), answer.total
            if not new or answer.length < self.config.per_page:
                return sweep
        sweep.ended = False
        return sweep
