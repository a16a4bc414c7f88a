"""Keep bars out of the frames of a film, while they go by: one crop per shot.

Frames are cut as the film was cut before, and every window asks whether that is right. As soon as
its frames show it, by light at the rims and behind the borders, nothing more is looked at: most
windows end at their first frame. Until then the decoded frames are kept. If the window is full and
bars are found, or the old ones are gone, its frames are cut anew. A window that is too dark to tell
is cut as the film was before, if nothing speaks against it; the longer a shot stays dark, the
fewer of its windows are searched: the 1st, 2nd, 4th, 8th. Blurred copies of the picture at its
sides are cut off like bars.

Cost, as a share of decoding and shrinking: 0.4 % of a bright film of 360p, 0.1 % at 1080p; of one
that is dark at a side all along, 2.2 and 0.9 % in its first windows, less later; 1.5 and 0.8 % of a
letterboxed one. Where bars begin, the frames of one window are shrunk twice. The decoded frames of
a window are kept until it is settled: 100 MB at 1080p, 128 MB at most.
"""

from dataclasses import replace

from tinyvideo.pipeline.decode import OpenVideo, TimedFrame
from tinyvideo.pipeline.types import STRIP_FRAMES, Crop, GrayFrame
from tinyvideo.pipeline.windows.bars import (
    DEFAULT_CONFIG,
    BarsConfig,
    allow_bars,
    confirmed_sides,
    find_bars,
)
from tinyvideo.pipeline.windows.blurred_sides import find_blurred_sides, may_have_blurred_sides

HELD_BYTES = 128 * 2**20
"""Decoded frames that are kept at most. Ours: a window of 1080p, or ten frames of 4K."""

LOOK_EVERY = 4
"""Of a window, every fourth frame is looked at. Ours: more say the same."""

SIDES = 4
"""Top, bottom, left, right."""

SAME_PX = 3
"""Bars that differ by no more are the same bars, within a shot. Ours: dark frames blur a border."""


class BarWatch:
    """Looks for bars in the frames of `video`, and has it cut them off."""

    def __init__(self, video: OpenVideo, config: BarsConfig = DEFAULT_CONFIG) -> None:
        self._video = video
        self._config = config
        self.begin_shot()
        self.begin_window()

    def begin_shot(self) -> None:
        """Take note that the next frame is the first of another shot."""
        self._seen_in_shot = False
        self._in_vain = 0
        self._rest = 0

    def begin_window(self) -> None:
        """Take note that the next frame is the first of a window."""
        self._held: list[TimedFrame] = []
        self._held_bytes = 0
        self._confirmed: set[int] = set()
        self._blurred = False
        self._settled = not self._config.look

    def look(self, frame: TimedFrame) -> list[TimedFrame] | None:
        """Look at the next frame of a window; return its frames so far if they were cut anew.

        Raises:
            RejectedError: BROKEN_STREAM if they cannot be.
        """
        if self._settled or frame.source is None:
            return None
        if len(self._held) % LOOK_EVERY == 0:
            luma = self._video.luma(frame.source)
            if not self._held:
                self._blurred = may_have_blurred_sides(luma)
            known, crop = self._confirmed, self._video.crop
            self._confirmed |= confirmed_sides(luma, crop, known, self._config)
        if len(self._confirmed) == SIDES and not self._blurred:
            self._settled, self._held, self._seen_in_shot = True, [], True
            return None
        if not self._held and self._rest > 0:
            self._settled, self._rest = True, self._rest - 1
            return None
        self._held.append(frame)
        self._held_bytes += sum(plane.buffer_size for plane in frame.source.planes)
        if len(self._held) < STRIP_FRAMES and self._held_bytes < HELD_BYTES:
            return None
        return self._decide()

    def _decide(self) -> list[TimedFrame] | None:
        held, self._held, self._settled = self._held, [], True
        crop = self._find(held)
        if crop == self._video.crop:
            # What could not be told once and again will hardly be told in the next window.
            self._in_vain, self._rest = self._in_vain + 1, 2**self._in_vain - 1
            return None
        self._video.crop_to(crop)
        return [
            replace(frame, image=self._video.cut(frame.source), source=None)
            for frame in held
            if frame.source is not None
        ]

    def _find(self, held: list[TimedFrame]) -> Crop | None:
        looked_at = held if len(held) < STRIP_FRAMES else held[::LOOK_EVERY]
        lumas = [self._video.luma(f.source) for f in looked_at if f.source is not None]
        before, found = self._video.crop, find_bars(lumas, self._config)
        if found is None and self._blurred:
            found = find_blurred_sides(lumas)
        stay = before is not None and self._may_stay(before, found, lumas)
        self._seen_in_shot = self._seen_in_shot or found is not None
        return before if stay else found

    def _may_stay(self, before: Crop, found: Crop | None, lumas: list[GrayFrame]) -> bool:
        """Whether bars of frames before may hold for a window in which `found` was found."""
        if found is None:
            seen = self._seen_in_shot
            return allow_bars(lumas, before, written=seen, config=self._config)
        return self._seen_in_shot and _are_near(before, found)


def _are_near(one: Crop, other: Crop) -> bool:
    edges = (
        (one.left, other.left),
        (one.top, other.top),
        (one.left + one.width, other.left + other.width),
        (one.top + one.height, other.top + other.height),
    )
    return all(abs(before - now) <= SAME_PX for before, now in edges)
