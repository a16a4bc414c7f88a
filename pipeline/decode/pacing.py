"""At what pace a film shows its frames, from their own time stamps, as long as that lasts.

The rate in a header is a mean over all of the film: one pause of twenty seconds makes 7 frames per
second of 30. So packets are read a little ahead of the decoder, and their time stamps say how far
apart the next frames are. Where a frame comes too late or too early for that, a new stretch begins,
if what follows is even again:

    stretch     frames that follow each other at one pace
    uneven      frames with no pace, up to the next that have one; no window can be made of them

A rate near one that the header names, or that is usual, is that one: time stamps are rounded to
milliseconds in many containers. Of frames without time stamps the header's rate is all there is.
Two borders in a row make an uneven stretch, so that a film whose stamps are all equal has one, and
not one per frame.

Cost: 10 us per frame; the packets of LOOK_AHEAD frames, as they are stored, wait in memory.

Source: ours.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from statistics import median

from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from tinyvideo.pipeline.errors import RejectedError, RejectReason

LOOK_AHEAD = 16
"""Packets of the film that are read ahead. Ours: eight frames that are shown next, behind as many
that are stored in another order."""

REMEMBERED = 4 * LOOK_AHEAD
"""Packets whose time stamps are remembered. Ours: beside those that are read ahead, those that wait
in the decoder and behind it."""

NEXT = 8
"""Frames whose distances are looked at. Ours: a second of a slow film would be too long to wait."""

EVEN = 3
"""Distances that must be even for a new stretch to begin. Ours."""

MAX_GAP = 1.5
"""Longest distance of two frames, in those of the stretch, and the shortest as 1 / MAX_GAP. Ours: a
dropped frame makes 2, rounding to a hundredth of a second 1.3."""

TOLD, USED = 0.005, 0.01
"""Share by which a rate may differ from one that the header tells, and from one that is usual, and
mean it. Ours: time stamps are rounded, and a header's mean counts a pause."""

USUAL = [Fraction(rate) for rate in (24, 25, 30, 48, 50, 60, 100, 120, 240)]
USUAL += [Fraction(rate * 1000, 1001) for rate in (24, 30, 60, 120, 240)]


class Timeline:
    """The time stamps of the packets that were read last, in seconds."""

    def __init__(self) -> None:
        self._times: deque[tuple[int, float]] = deque(maxlen=REMEMBERED)
        self._run = self._now = 0
        self._stored_s = -math.inf

    def add(self, packet: "Packet[Stream]", *, as_stored: bool) -> None:
        """Take the next packet of the film; `as_stored` by its place in the file alone."""
        if packet.time_base is None:
            return
        if packet.dts is not None:
            stored_s = float(packet.dts * packet.time_base)
            self._run += stored_s < self._stored_s
            self._stored_s = stored_s
        stamp = packet.dts if as_stored else packet.pts
        if stamp is not None:
            self._times.append((self._run, float(stamp * packet.time_base)))

    def turn_back(self) -> None:
        """Take note that time now runs from an earlier moment on: what it passed before is over."""
        later = {run for run, _ in self._times if run > self._now}
        self._now = min(later, default=self._now)

    def after(self, time_s: float) -> Sequence[float]:
        """List the next times behind `time_s`, at most NEXT."""
        times = (time for run, time in self._times if run == self._now and time > time_s + 1e-9)
        return sorted(times)[:NEXT]


def read_ahead(
    packets: Iterator["Packet[Stream]"], film: VideoStream, timeline: Timeline, *, as_stored: bool
) -> Iterator["Packet[Stream]"]:
    """Hand packets on, while those of LOOK_AHEAD more frames are entered in `timeline`."""
    waiting: deque[Packet[Stream]] = deque()
    ahead = 0
    for packet in packets:
        waiting.append(packet)
        if packet.stream is film:
            timeline.add(packet, as_stored=as_stored)
            ahead += 1
        while ahead > LOOK_AHEAD:
            first = waiting.popleft()
            ahead -= first.stream is film
            yield first
    yield from waiting


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames that follow each other at one pace."""

    first: int
    """Number of its first frame among all decoded ones."""

    fps: Fraction
    """Frames per second, as they are stored."""

    cause: str = ""
    """Why it begins there, in words; empty at the start of the film."""

    even: bool = True
    """False: its frames have no pace."""

    reason: RejectReason = RejectReason.UNEVEN_TIMING
    """What lies before it: its frames come at another time or pace, or the film has a fault."""

    @property
    def is_behind_fault(self) -> bool:
        """Whether the film was damaged, or had pictures of another size, before it."""
        return self.reason is not RejectReason.UNEVEN_TIMING


class Pacer:
    """Tells, frame by frame, to which stretch it belongs."""

    def __init__(self, timeline: Timeline, rates: Sequence[Fraction]) -> None:
        self._timeline = timeline
        self._rates = [rate for rate in rates if rate > 0]
        self._last_s: float | None = None
        self._number = -1
        self._fault: RejectedError | None = None
        self.stretch = Stretch(0, self._rates[0] if self._rates else Fraction(0))

    def begin_behind(self, fault: RejectedError) -> None:
        """Take note that the next frame is the first behind a fault of the film."""
        self._fault = fault

    def next(self, time_s: float | None, shift_s: float = 0.0) -> Stretch:
        """Take the next frame, at `time_s`; None: its time is not known.

        `time_s` counts from the first frame, `shift_s` more makes it that of the packets.
        """
        self._number += 1
        last, self._last_s = self._last_s, time_s
        if time_s is not None and last is not None and time_s < last:
            self._timeline.turn_back()
        if self._fault is not None:
            return self._begin_anew(self._fault, time_s, shift_s)
        if time_s is None:
            return self.stretch
        at = time_s + shift_s
        if last is None:
            self.stretch = self._begin(at, "", even=True)
        elif not self.stretch.even:
            cause = f"the time stamps are even again from frame {self._number} on"
            anew = self._begin(at, cause, even=self._fits(time_s - last))
            self.stretch = anew if anew.even else self.stretch
        elif not self._fits(time_s - last):
            gap = (time_s - last) * float(self.stretch.fps)
            cause = f"frame {self._number} comes {gap:.2f} intervals after the one before it"
            self.stretch = self._begin(at, cause, even=self._number > self.stretch.first + 1)
        return self.stretch

    def _begin_anew(self, fault: RejectedError, time_s: float | None, shift_s: float) -> Stretch:
        self._fault = None
        anew = Stretch(self._number, self.stretch.fps)
        if time_s is not None:
            anew = self._begin(time_s + shift_s, "", even=True)
        self.stretch = replace(anew, cause=fault.detail, reason=fault.reason)
        return self.stretch

    def _fits(self, gap_s: float) -> bool:
        if self.stretch.fps == 0:
            return True
        return 1 / MAX_GAP < gap_s * float(self.stretch.fps) < MAX_GAP

    def _begin(self, time_s: float, cause: str, *, even: bool) -> Stretch:
        """Begin a stretch, which is `even` or not where the next time stamps are not known."""
        times = [time_s, *self._timeline.after(time_s)]
        gaps = [after - before for before, after in pairwise(times)]
        if len(gaps) < EVEN:  # the film ends, or does not say
            return Stretch(self._number, self.stretch.fps, cause, even)
        # Two at a time: where pictures take two and three fields by turns, neither is the pace.
        pairs = zip(times, times[2:], strict=False)
        interval = median((after - before) / 2 for before, after in pairs)
        fits = [1 / MAX_GAP < gap / interval < MAX_GAP for gap in gaps] if interval > 0 else []
        if fits and all(fits):
            interval = (times[-1] - times[0]) / len(gaps)
        if not fits or not all(fits[:EVEN]):
            return Stretch(self._number, self.stretch.fps, cause, even=False)
        return Stretch(self._number, self._meant(1 / interval), cause)

    def _meant(self, fps: float) -> Fraction:
        for known, slack in ((self._rates, TOLD), (USUAL, USED)):
            nearest = min(known, key=lambda rate: abs(fps / float(rate) - 1), default=None)
            if nearest is not None and abs(fps / float(nearest) - 1) <= slack:
                return nearest
        return Fraction(fps).limit_denominator(1000)
