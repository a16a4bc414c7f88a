"""Whole pictures of films that were stored as fields: interlaced ones, and telecine.

    the frames say that they are interlaced      FFmpeg's fieldmatch, then bwdif
    rows comb where something moves              the same; many a converter has lost the flag
    neither                                      nothing is touched

`fieldmatch` finds the fields that belong to one picture: in a telecine those of 24 pictures per
second, which the film then repeats in a cadence that `pipeline.decode.repeats` takes out, and in a
film that only says that it is interlaced, the frame as it is. What still combs, `bwdif` makes of
one field and its neighbors. A film keeps as many frames as it has: 25 of 50 fields.

Frames wait, HELD at most, so that those before the first that combs go the same way. Once a film
has combed it is watched no longer, and all that follows is filtered.

Cost per frame at 640 x 360: 0.17 ms to watch each of the first frames, a quarter of that later;
nothing for films that are higher than 1088 px, which nobody interlaces. Filtered: 2.3 ms at 320 x
192, 13 ms at 960 x 720, most of it fieldmatch's search for combs.

Source: FFmpeg's filters; the measure is that of TFM and of fieldmatch (two rows of one field agree,
the row between them does not), where something has moved.
"""

from collections import deque
from collections.abc import Generator, Iterator
from fractions import Fraction
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt
from av.error import BlockingIOError as NotYet
from av.error import EOFError as AllOut
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

from tinyvideo.pipeline.decode.cutting import Samples, see_luma, see_plane
from tinyvideo.pipeline.errors import RejectedError

HELD = 10
"""Frames that wait until it is known whether the film combs. Ours: two cycles of a telecine."""

MIN_COMBED = 2
"""Frames of those that comb, at least. Ours: one may be a fault of its own."""

MAX_HEIGHT = 1088
"""Highest interlaced picture, in rows as they are stored: 1080i."""

WATCHED_CLOSELY = 120
"""Frames at the start of which each is watched; later every fourth. Ours."""

MOVED, STEP = 12, 8
"""Least change in time of what moves, and least height of a comb's tooth, 0 to 255. Ours: above the
noise of most films."""

MIN_SHARE = 0.003
"""Least share of a picture's samples that comb. Ours: a walker in a wide street."""

MIN_RATIO = 4
"""How many times more must comb between fields than within one: noise and roof tiles are alike in
both. Ours."""

COMBED_PIXELS = 20
"""Pixels of a block of 16 x 16 that comb, at least, for bwdif to make the frame anew. Ours:
fieldmatch's own 80 leaves the outline of a walker as it is."""

MATCHED = frozenset({"yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p", "yuvj444p"})
"""Pixel formats that fieldmatch takes; others are left to bwdif alone."""

ORDERS = {1: "progressive", 2: "top first", 3: "bottom first", 4: "top first", 5: "bottom first"}
"""FFmpeg's field orders, as rows say them. Fields are told by when they are shown."""

Rows = npt.NDArray[np.int16]


class WholePictures:
    """Iterates over decoded frames, with those made whole that were stored as fields."""

    was_interlaced = False
    """Whether frames from here on have been made of fields."""

    def __init__(self, frames: Generator[VideoFrame], *, deinterlace: bool = True) -> None:
        self._frames = frames
        self._pictures = self._run() if deinterlace else frames

    def __iter__(self) -> Iterator[VideoFrame]:
        return self._pictures

    def close(self) -> None:
        """End the iteration, and the decoder's."""
        self._pictures.close()
        self._frames.close()

    def _run(self) -> Generator[VideoFrame]:
        waiting: deque[VideoFrame] = deque()
        watch = _CombWatch()
        try:
            for frame in self._frames:
                waiting.append(frame)
                if frame.height > MAX_HEIGHT or frame.height < 8:
                    break
                if frame.interlaced_frame or watch.combs(frame):
                    self.was_interlaced = True
                    break
                if len(waiting) == HELD:
                    yield waiting.popleft()
        except RejectedError:
            yield from waiting  # it came before the fault
            raise
        if self.was_interlaced:
            yield from _Filter(waiting[0]).run(chain(waiting, self._frames))
        else:
            yield from chain(waiting, self._frames)


class _CombWatch:
    """Tells whether frames comb, one after the other."""

    def __init__(self) -> None:
        self._number = 0
        self._before: Samples | None = None
        self._lately: deque[bool] = deque(maxlen=HELD)

    def combs(self, frame: VideoFrame) -> bool:
        """Take the next frame; say whether by now enough of the last ones comb."""
        self._number += 1
        close = self._number <= WATCHED_CLOSELY
        if not close and self._number % 4 > 1:
            self._before = None
            return False
        (luma, bits), before = _brightness(frame), self._before
        self._before = luma
        if before is None or before.shape != luma.shape:
            return False
        self._lately.append(is_combed(luma, before, bits))
        return sum(self._lately) >= MIN_COMBED


def _brightness(frame: VideoFrame) -> tuple[Samples, int]:
    """See the brightness of a frame, (H, W), and of how many bits it is; no YUV is converted."""
    layout = frame.format
    bits = layout.components[0].bits
    if layout.name.startswith("yuv") and layout.is_planar and not layout.is_big_endian:
        samples = see_plane(frame.planes[0], bits)
        if samples is not None:
            return samples[:, : frame.width], bits
    return see_luma(frame), 8


def is_combed(luma: Samples, before: Samples, bits: int = 8) -> bool:
    """Tell whether the rows of `luma`, (H, W), come from two moments; `before` is the last frame.

    Some 60 rows are looked at, in every fourth column.
    """
    height = len(luma)
    step = max(1, (height - 4) // 60)
    # Of both parities, whatever the step.
    at = np.arange(2, height - 2, step)
    at = np.minimum(at - (at + np.arange(len(at))) % 2, height - 3)
    rows = [_of_bytes(luma[at + shift, ::4], bits) for shift in (-2, -1, 0, 1, 2)]
    moved = np.abs(rows[2] - _of_bytes(before[at, ::4], bits)) > MOVED
    if np.count_nonzero(moved) < MIN_SHARE * moved.size:
        return False
    between = np.count_nonzero(_stands_out(rows[2], rows[1], rows[3]) & moved)
    within = np.count_nonzero(_stands_out(rows[2], rows[0], rows[4]) & moved)
    return bool(between >= max(MIN_SHARE * moved.size, MIN_RATIO * within))


def _of_bytes(rows: Samples, bits: int) -> Rows:
    """Values of 0 to 255, that can be subtracted."""
    return np.asarray(rows >> (bits - 8) if bits > 8 else rows, np.int16)


def _stands_out(row: Rows, above: Rows, below: Rows) -> npt.NDArray[np.bool_]:
    """Where a row differs, to one side, from two that agree, (R, C)."""
    up, down = row - above, row - below
    least = np.minimum(np.abs(up), np.abs(down))
    agreed = 2 * np.abs(above - below) + STEP
    return np.asarray(((up > 0) == (down > 0)) & (least > agreed), np.bool_)


class _Filter:
    """FFmpeg's filters for frames like `frame`."""

    def __init__(self, frame: VideoFrame) -> None:
        self._graph = Graph()
        self._graph.threads = 1
        steps: list[FilterContext] = [
            self._graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base or Fraction(1, 1000),
            )
        ]
        if frame.format.name in MATCHED:
            # Without a flag nobody knows which field comes first; both neighbors are tried anyway.
            order = "auto" if frame.interlaced_frame else "tff"
            matching = f"order={order}:mode=pcn:combmatch=full:combpel={COMBED_PIXELS}"
            steps.append(self._graph.add("fieldmatch", matching))
            steps.append(self._graph.add("bwdif", "mode=send_frame:deint=interlaced"))
        else:
            steps.append(self._graph.add("bwdif", "mode=send_frame:deint=all"))
        steps.append(self._graph.add("buffersink"))
        for one, other in pairwise(steps):
            one.link_to(other)
        self._graph.configure()

    def run(self, frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
        """Filter frames, in order; what is in the filter comes before a fault."""
        try:
            for frame in frames:
                self._graph.vpush(frame)
                yield from self._ready()
        except RejectedError:
            yield from self._rest()
            raise
        yield from self._rest()

    def _rest(self) -> Iterator[VideoFrame]:
        self._graph.vpush(None)
        yield from self._ready()

    def _ready(self) -> Iterator[VideoFrame]:
        while True:
            try:
                yield self._graph.vpull()
            except (NotYet, AllOut):
                return
