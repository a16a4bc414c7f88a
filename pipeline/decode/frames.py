"""Turn a video file into a stream of small upright RGB frames; never a whole video in memory.

Every frame is decoded and checked; every `step`-th one is shrunk and converted by swscale in one
go, and turned upright as the display matrix of the file says. Interlaced and HDR films are taken
as they are stored. Time stamps that contradict the frame rate of the header are handed on: windows
of frames are judged by them. Of a film that repeats its pictures, as one of 24 per second that was
stored as 30 frames, each is taken once (`pipeline.decode.repeats`).

Cost of H.264 on one thread, decoding included, per decoded frame: 1.2 ms at 480 x 270, 1.6 ms at
640 x 360, 8.8 ms at 1920 x 1080. Converting first and shrinking with OpenCV's INTER_AREA takes 2.4,
3.8 and 25.7 ms and is no more exact: in nine sizes the picture as a whole lies within 0.003 px of
where `source_to_working` puts it.

Source: Vondrick, Pirsiavash, Torralba, "Generating Videos with Scene Dynamics", NIPS 2016, for the
frame rate; ISO/IEC 14496-12, 8.3.2, for the display matrix.
"""

import struct
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from tinyvideo.pipeline.decode.cadences import Cadence
from tinyvideo.pipeline.decode.container import (
    choose_film,
    decode,
    open_container,
    open_file,
    rejecting,
)
from tinyvideo.pipeline.decode.frame_changes import FrameChanges
from tinyvideo.pipeline.decode.repeats import Kept, RepeatFilter
from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.pixels import Size, scaling
from tinyvideo.pipeline.types import Frame, Homography, Pace, VideoFacts

RATE_TOLERANCE = 0.002
"""Relative slack of the frame rate. Ours: twice the step from 20 to its NTSC sister, 20/1.001."""

WAITING_PIXELS = 2560 * 1440
"""Largest picture that may wait as it was decoded until it is known whether it is a repeat: 36 such
frames have 200 MB. Ours; larger ones are shrunk before."""

EXACT_SHRINKING = (
    Interpolation.AREA
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FramesConfig:
    min_fps: float = 10
    """Least frames per second after stepping. Ours: many old cameras filmed at 15, some at 10; what
    is slower is a row of pictures. A dataset chooses by the rate once more."""

    max_fps: float = 35
    """Most frames per second after stepping. Ours, because theirs are about 25."""

    max_step: int = 3
    """Take at most every third frame. Ours: what is still faster is slow motion."""

    drop_repeats: bool = True
    """Take a film that repeats its pictures in a steady cadence at its true rate. Ours: most are of
    24 or 15 per second, stored as 30 frames."""

    working_px: int | None = 240
    """Short side of the working frame; a smaller picture is not enlarged. Ours, because the
    stabilizer finds its features there. None: the pixels of the source as they are, not even made
    square, only turned upright."""

    min_side_px: int = 64
    """Least short side of the picture, shown with square pixels. Ours: a frame of the paper; below
    128 px, a strip of 128 px is an enlargement."""

    max_side_px: int = 4096
    """Largest side of the picture as stored. Ours: 4K passes; 8K is refused by its header, before
    it takes 50 MB per reference frame."""

    def __post_init__(self) -> None:
        if not 0 < self.min_fps <= self.max_fps:
            raise ValueError(f"need 0 < min_fps <= max_fps, got {self.min_fps}, {self.max_fps}")
        if self.max_step < 1:
            raise ValueError(f"max_step must be at least 1, got {self.max_step}")
        if self.working_px is not None and self.working_px < 1:
            raise ValueError(f"working_px must be None or at least 1, got {self.working_px}")
        if not 1 <= self.min_side_px <= self.max_side_px:
            sides = f"{self.min_side_px}, {self.max_side_px}"
            raise ValueError(f"need 1 <= min_side_px <= max_side_px, got {sides}")


DEFAULT_CONFIG = FramesConfig()


@dataclass(frozen=True, slots=True)
class TimedFrame:
    index: int
    """Number among all decoded frames of the source, from 0."""

    time_s: float
    """Time stamp in seconds, counted from the first frame's."""

    image: Frame
    """Upright working frame, (H, W, 3)."""

    pace: Pace | None = None
    """At what pace frames are taken here; None: at that of `VideoFacts`."""


class OpenVideo:
    """Iterates, once, over the frames of an open video that are taken, as `TimedFrame`.

    That is every `facts.step`-th; of a film that repeats its pictures, each picture once.
    """

    facts: VideoFacts
    source_to_working: Homography
    """Maps pixels of the upright source to those of the working frame, (3, 3)."""

    def __init__(self, container: InputContainer, config: FramesConfig) -> None:
        film = choose_film(container, max_pixels=config.max_side_px**2)
        pixel_aspect = film.sample_aspect_ratio or Fraction(1)
        check_size((film.width, film.height), pixel_aspect, config)
        fps = film.average_rate or film.guessed_rate or Fraction(0)
        step = choose_step(fps, config)

        self._decoded = decode(container, film, fps)
        self._first = next(self._decoded)
        stored = (self._first.width, self._first.height)
        self._orientation = find_orientation(self._first)
        self._working_size = choose_working_size(stored, pixel_aspect, config.working_px)
        self._reformatter = VideoReformatter()

        width, height = self._orientation.turn_size(stored)
        self.facts = VideoFacts(width=width, height=height, fps=fps, step=step)
        working = self._orientation.turn_size(self._working_size)
        self.source_to_working = scaling((width, height), working)
        self._config = config
        self._native: tuple[Pace, int] = (self.facts.pace, step)
        self._frames = self._take_pictures() if config.drop_repeats else self._take_steps()

    def __iter__(self) -> Iterator[TimedFrame]:
        return self._frames

    def take(self, indices: Collection[int]) -> Iterator[TimedFrame]:
        """Iterate over just these frames instead, by their numbers among all decoded frames."""
        self._frames = self._take_indices(frozenset(indices))
        return self._frames

    def close(self) -> None:
        """End the iteration: reading on from a closed container would crash the process."""
        self._frames.close()

    def _take_pictures(self) -> Generator[TimedFrame]:
        changes, repeats = FrameChanges(), RepeatFilter[_Waiting](self.facts.fps)
        large = self._first.width * self._first.height > WAITING_PIXELS
        broken: RejectedError | None = None
        try:
            for index, time_s, frame in self._moments():
                waiting = _Waiting(index, time_s, frame)
                if large and repeats.is_waiting:
                    waiting.shrink(self._convert)
                for kept in repeats.push(waiting, changes.measure(frame)):
                    yield from self._taken(kept)
        except RejectedError as error:
            broken = error  # what waits came before the break, and is as good as ever
        for kept in repeats.flush():
            yield from self._taken(kept)
        if broken is not None:
            raise broken

    def _taken(self, kept: Kept["_Waiting"]) -> Iterator[TimedFrame]:
        frame, number = kept.frame, kept.frame.index
        pace, step = self._native
        if kept.cadence is not None:
            pace, step = pace_of(kept.cadence, self._config)
            number = kept.number
        if number % step == 0:
            yield TimedFrame(frame.index, frame.time_s, frame.shrink(self._convert), pace)

    def _take_steps(self) -> Generator[TimedFrame]:
        for index, time_s, frame in self._moments():
            if index % self.facts.step == 0:
                yield TimedFrame(index, time_s, self._convert(frame))

    def _take_indices(self, indices: frozenset[int]) -> Generator[TimedFrame]:
        last = max(indices, default=-1)
        for index, time_s, frame in self._moments():
            if index in indices:
                yield TimedFrame(index, time_s, self._convert(frame))
            if index >= last:
                return

    def _moments(self) -> Iterator[tuple[int, float, VideoFrame]]:
        interval_s = float(1 / self.facts.fps)
        time_s = -interval_s
        for index, frame in enumerate(chain([self._first], self._decoded)):
            time_s = self._seconds(frame, default=time_s + interval_s)
            yield index, time_s, frame

    def _seconds(self, frame: VideoFrame, default: float) -> float:
        if frame.pts is None or self._first.pts is None or frame.time_base is None:
            return default
        return float((frame.pts - self._first.pts) * frame.time_base)

    def _convert(self, frame: VideoFrame) -> Frame:
        width, height = self._working_size
        with rejecting(RejectReason.BROKEN_STREAM):
            rgb = self._reformatter.reformat(
                frame,
                width,
                height,
                format="rgb24",
                interpolation=EXACT_SHRINKING,
                threads=1,  # the default is every core of the machine
            )
        return self._orientation.turn(np.asarray(rgb.to_ndarray(), np.uint8))


@dataclass(slots=True)
class _Waiting:
    """A decoded frame that may be a repeat."""

    index: int
    time_s: float
    frame: VideoFrame | None
    image: Frame | None = None

    def shrink(self, convert: Callable[[VideoFrame], Frame]) -> Frame:
        """Convert the decoded frame, once, and let go of it."""
        if self.image is None:
            assert self.frame is not None
            self.image, self.frame = convert(self.frame), None
        return self.image


@contextmanager
def open_video(path: Path, config: FramesConfig = DEFAULT_CONFIG) -> Iterator[OpenVideo]:
    """Open a video and decode its first frame; the rest is decoded while iterating.

    Raises:
        UnreadableError: The file is missing, not permitted or not a regular file, or its disk
            fails.
        RejectedError: NOT_A_VIDEO, NO_VIDEO_STREAM, FRAME_SIZE or FRAME_RATE by the header.
            BROKEN_STREAM, also while iterating: a frame is damaged or changes its size, or the
            film ends early.
        MemoryError: The decoder got no memory.
    """
    with open_file(path) as file, open_container(file) as container:
        video = OpenVideo(container, config)
        try:
            yield video
        finally:
            video.close()


def choose_step(fps: Fraction, config: FramesConfig) -> int:
    """Choose the smallest step that brings `fps` into the range of `config`.

    Raises:
        RejectedError: FRAME_RATE if there is none.
    """
    low, high = config.min_fps * (1 - RATE_TOLERANCE), config.max_fps * (1 + RATE_TOLERANCE)
    for step in range(1, config.max_step + 1):
        if low <= fps / step <= high:
            return step
    wanted = f"{config.min_fps:g} to {config.max_fps:g} fps"
    detail = f"{float(fps):.5g} fps; no step of 1 to {config.max_step} frames gives {wanted}"
    raise RejectedError(RejectReason.FRAME_RATE, detail)


@cache
def pace_of(cadence: Cadence, config: FramesConfig) -> tuple[Pace, int]:
    """Tell at what pace pictures of `cadence` are taken, and every how many of them."""
    try:
        step = choose_step(cadence.fps, config)
    except RejectedError as error:
        stored = float(cadence.fps * cadence.frames_per_picture)
        refusal = f"{stored:.5g} frames per second, most of them repeats: {error.detail}"
        return Pace(cadence.fps, cadence.frames_per_picture, refusal), 1
    return Pace(cadence.fps / step, cadence.frames_per_picture * step), step


def check_size(size: Size, pixel_aspect: Fraction, config: FramesConfig) -> None:
    """Check the size of a stored picture, whose pixels are `pixel_aspect` times as wide as high.

    Raises:
        RejectedError: FRAME_SIZE if it is too small or too large.
    """
    found = f"{size[0]} x {size[1]} px"
    if max(size) > config.max_side_px:
        detail = f"{found}; a side may have {config.max_side_px} px at most"
        raise RejectedError(RejectReason.FRAME_SIZE, detail)
    if min(square_size(size, pixel_aspect)) < config.min_side_px:
        detail = f"{found}; the short side must have {config.min_side_px} px at least"
        raise RejectedError(RejectReason.FRAME_SIZE, detail)


def square_size(size: Size, pixel_aspect: Fraction) -> tuple[Fraction, Fraction]:
    """Compute the size that shows the picture with square pixels, enlarging neither side."""
    width, height = size
    return width * min(pixel_aspect, Fraction(1)), height / max(pixel_aspect, Fraction(1))


def choose_working_size(size: Size, pixel_aspect: Fraction, working_px: int | None) -> Size:
    """Choose the size to which a stored picture is shrunk."""
    if working_px is None:
        return size
    width, height = square_size(size, pixel_aspect)
    shrink = min(Fraction(1), working_px / min(width, height))
    return round(width * shrink), round(height * shrink)


class Orientation(NamedTuple):
    """How a stored picture becomes upright: first transposed, then mirrored."""

    transpose: bool
    mirror_x: bool
    mirror_y: bool

    def turn(self, image: Frame) -> Frame:
        """Turn `image` (H, W, 3) upright: (H, W, 3), or (W, H, 3) if it lies on its side."""
        upright = image.transpose(1, 0, 2) if self.transpose else image
        upright = upright[:: -1 if self.mirror_y else 1, :: -1 if self.mirror_x else 1]
        return np.ascontiguousarray(upright)

    def turn_size(self, size: Size) -> Size:
        """Swap width and height if the picture lies on its side."""
        return (size[1], size[0]) if self.transpose else size


def find_orientation(frame: VideoFrame) -> Orientation:
    """Find how players turn `frame`, to the nearest right angle."""
    a, b, c, d = display_matrix(frame)
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(transpose=True, mirror_x=c < 0, mirror_y=b < 0)
    return Orientation(transpose=False, mirror_x=a < 0, mirror_y=d < 0)


def display_matrix(frame: VideoFrame) -> tuple[float, float, float, float]:
    """Read (a, b, c, d): stored pixel (x, y) is shown at (ax + cy, bx + dy), shifts left out."""
    try:
        data: Any = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV 18.1 gives no side data at all if it has no name for one kind: EXIF
        angle = np.radians(frame.rotation)
        return np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data))
    return a, b, c, d
