"""How fast a host is asked: the arithmetic of one account, without a clock or a database.

Requests get moments, evenly spaced, and never two at once: no burst, however long nobody asked. The
spacing is a little wider than the rate wants, by a guard that makes up for requests which are on
their way for different times, so that the host too counts no more than the rate in any window.
A refusal (HTTP 429 or 503) pauses the account: for as long as the host says, else for a time that
doubles; and what follows is asked half as fast, until requests have gone well for a while.

No library does this: limits and aiolimiter know neither a database nor a pause, and pyrate-limiter,
which has SQLite and PostgreSQL, answers yes or no where a moment is wanted, and knows no refusals.

Cost: arithmetic only.
"""

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a host permits."""

    rate: float
    """Requests per second."""

    guard_s: float = 0.1
    """Seconds by which two requests may be on their way for different times. Ours."""

    first_pause_s: float = 5
    max_pause_s: float = 900
    """Seconds of pause after a refusal that names none; it doubles up to the longest. Ours: media
    hosts of Flickr have been seen to refuse for minutes."""

    def __post_init__(self) -> None:
        if not (self.rate > 0 and self.guard_s >= 0 and 0 < self.first_pause_s <= self.max_pause_s):
            raise ValueError(f"a limit needs a rate above 0 and pauses that grow, got {self}")

    @property
    def spacing_s(self) -> float:
        """Seconds from one request to the next.

        As many requests as are permitted in a second take a second and one guard.
        """
        return 1 / self.rate + self.guard_s / math.ceil(self.rate)


MAX_SLOWDOWN, RECOVERY = 16.0, 0.9
"""Up to how many times slower refusals make us, and what is left of that after each request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is known of one host; moments are in seconds of one and the same clock."""

    next_at: float = 0
    """When the next request may go."""

    paused_until: float = 0
    slowdown: float = 1
    """How many times slower than permitted it is asked."""

    strikes: int = 0
    """Refusals since it last went well for a while."""

    granted: int = 0
    refused: int = 0

    def moment(self, now: float) -> float:
        """Say when one more request could go."""
        return max(now, self.next_at, self.paused_until)

    def take(self, limit: Limit, now: float) -> "Account":
        """Count a request, which goes at `moment(now)`."""
        slowdown = max(1.0, self.slowdown * RECOVERY)
        return replace(
            self,
            next_at=self.moment(now) + limit.spacing_s * self.slowdown,
            slowdown=slowdown,
            strikes=self.strikes if slowdown > 1 else 0,
            granted=self.granted + 1,
        )

    def refuse(self, limit: Limit, now: float, retry_after_s: float | None) -> "Account":
        """Pause after a refusal; of several that were on their way, the first counts."""
        refused = self.refused + 1
        if now < self.paused_until:
            until = max(self.paused_until, now + (retry_after_s or 0))
            return replace(self, paused_until=until, refused=refused)
        pause = min(limit.first_pause_s * 2**self.strikes, limit.max_pause_s)
        return replace(
            self,
            paused_until=now + (pause if retry_after_s is None else retry_after_s),
            slowdown=min(2 * self.slowdown, MAX_SLOWDOWN),
            strikes=min(self.strikes + 1, 30),
            refused=refused,
        )
