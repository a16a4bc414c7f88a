"""How long something will still take, from how far it has come since a bar began to watch it.

What was done before, by a run that is now continued, counts for nothing: it took no time of ours.
The mean since then is steadier than a recent speed, and holds for steps of minutes, too.

Cost: none.
"""

import time
from collections.abc import Callable


class Pace:
    """Remembers when a bar began, and how far its work had come by then."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: tuple[float, int] | None = None

    def left(self, done: int, total: int | None) -> str:
        """Write out how long the rest will take: "0:02:30 left"; nothing as long as none can say.

        Args:
            done: Steps that are done.
            total: Steps in all; None if nobody knows.
        """
        if total is None:
            return ""
        now = self._clock()
        if self._began is None or done < self._began[1]:  # a bar may begin anew
            self._began = (now, done)
        began, before = self._began
        return time_left(now - began, done - before, total - done)


def time_left(seconds: float, done: int, left: int) -> str:
    """Write out how long `left` steps will take if `done` took `seconds`; nothing if none did."""
    if done <= 0 or left <= 0:
        return ""
    return f"{clock_time(seconds / done * left)} left"


def clock_time(seconds: float) -> str:
    """Write a time as hours, minutes and seconds: "0:02:30"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
