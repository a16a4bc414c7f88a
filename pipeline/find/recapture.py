"""How many videos a search is likely to have that were never seen, by capture and recapture.

A window that was seen with the oldest first and with the newest first was seen twice. What the
second look shows and the first did not tells how much one look misses; if looks miss independently
of each other, that tells how much both have missed (Chapman's estimate). What was seen once misses
as much as one look does. Where nothing was missed, "at most three in so many" is the rule of three.

It assumes that looks miss independently. What no look ever shows is not counted.

Cost: arithmetic only. Source: Chapman 1951; Seber, The Estimation of Animal Abundance, 1982.
"""

import math
from dataclasses import dataclass

_Z = 1.96
"""Standard deviations of an interval of 95 %."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Videos that are likely missing, and the interval that holds the true number in 95 of 100."""

    low: float
    likely: float
    high: float


def likely_missing(rising: int, falling: int, both: int, once: int) -> Estimate | None:
    """Estimate what is missing from what was seen in each order, in both, and `once` elsewhere.

    None where nothing was seen in both orders.
    """
    if not both:
        return None
    first, second, common = rising + 1, falling + 1, both + 1
    seen = rising + falling - both
    unseen = max(0.0, first * second / common - 1 - seen)
    variance = first * second * (rising - both) * (falling - both) / (common**2 * (common + 1))
    missed = 1 - both / falling
    spread = _Z * math.sqrt(variance + (once**2 * missed * (1 - missed) / falling))
    likely = unseen + once * missed / (1 - missed)
    at_most = once * 3 / falling if falling == both else 0.0
    return Estimate(max(0.0, likely - spread), likely, likely + spread + at_most)
