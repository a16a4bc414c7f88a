"""Turn a video file into a stream of small upright RGB frames; never a whole video in memory.

Every frame is decoded and checked; every `step`-th one is shrunk and converted by swscale in one
go, and turned upright as the display matrix of the file says. Interlaced films are made whole
(`pipeline.decode.fields`), HDR becomes SDR (`pipeline.decode.colors`). The pace comes from the time
stamps, as long as it lasts (`pipeline.decode.pacing`). Of a film that repeats its pictures, as one
of 24 per second that was stored as 30 frames, each is taken once (`pipeline.decode.repeats`).

Cost of H.264 on one thread, decoding included, per decoded frame: 1.2 ms at 480 x 270, 1.6 ms at
640 x 360, 8.8 ms at 1920 x 1080. Converting first and shrinking with OpenCV's INTER_AREA takes 2.4,
3.8 and 25.7 ms and is no more exact: in nine sizes the picture as a whole lies within 0.003 px of
where `source_to_working` puts it. Where bars are cut off, swscale sees the picture inside them
only, and shrinks that to the working size.

Source: Vondrick, Pirsiavash, Torralba, "Generating Videos with Scene Dynamics", NIPS 2016, for the
frame rate.
"""

from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from tinyvideo.pipeline.decode.cadences import HELD, Cadence
from tinyvideo.pipeline.decode.colors import Colors
from tinyvideo.pipeline.decode.container import FilmReader, choose_film, open_container, open_file
from tinyvideo.pipeline.decode.cutting import Cutter, see_luma
from tinyvideo.pipeline.decode.fields import ORDERS, WholePictures
from tinyvideo.pipeline.decode.frame_changes import FrameChanges
from tinyvideo.pipeline.decode.libav_border import rejecting
from tinyvideo.pipeline.decode.pacing import Pacer, Stretch, Timeline
from tinyvideo.pipeline.decode.picture_damage import DamageWatch, watched
from tinyvideo.pipeline.decode.repeats import Kept, RepeatFilter
from tinyvideo.pipeline.decode.upright import find_orientation
from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.pixels import Size, scaling, to_gray
from tinyvideo.pipeline.types import (
    Crop,
    Frame,
    GrayFrame,
    Homography,
    Pace,
    StoredAs,
    VideoFacts,
)

RATE_TOLERANCE = 0.002
"""Relative slack of the frame rate. Ours: twice the step from 20 to its NTSC sister, 20/1.001."""

WAITING_BYTES = 480 * 2**20
"""Decoded frames that may wait, at most, until it is known whether they are repeats. Ours: HELD
frames of 4K have 448 MB, of 1080p 112 MB. A film whose frames are larger, as 4K of 10 bits, is
taken as it is: they cannot be shrunk while they wait, since its bars are not known yet."""

MOST_FAULTS_OF = {"mjpeg": 0, "mpeg1video": 0, "mpeg2video": 0}
"""Damaged places behind which a film still goes on, by its codec; others have no limit. Ours: the
decoders of these see so little of damage that behind what they have seen there is more: strips of
it were garbage. What the container knows to be lost does not count."""

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

    max_step: int = 8
    """Take at most every eighth frame. Ours: phones film slow motion at 240 per second; what is
    still faster is for a laboratory."""

    drop_repeats: bool = True
    """Take a film that repeats its pictures in a steady cadence at its true rate. Ours: most are of
    24 or 15 per second, stored as 30 frames."""

    drop_corrupt: bool = True
    """End a film at a picture that shows damage: colors that do not exist, changes that end at
    blocks. Ours. What its decoder reports ends it in any case."""

    deinterlace: bool = True
    """Make whole pictures of interlaced films and of telecine. Ours: a walker has two outlines
    otherwise."""

    to_sdr: bool = True
    """Show HDR (PQ, HLG) and wide gamuts (BT.2020, P3) as a player for SDR does. Ours: as they are
    stored they look gray."""

    working_px: int | None = 240
    """Short side of the working frame; a smaller picture is not enlarged. Ours, because the
    stabilizer finds its features there. None: the pixels of the source as they are, turned upright;
    pixels that are not square are made so, by shrinking their longer side."""

    min_side_px: int = 64
    """Least short side of the picture, shown with square pixels. Ours: a frame of the paper; below
    128 px, a strip of 128 px is an enlargement."""

    max_side_px: int = 5760
    """Largest side of the picture as stored. Ours: 4K, 5.3K and 5.7K pass; 8K is refused by its
    header, before it takes 50 MB per reference frame."""

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


@dataclass(frozen=True)
class TimedFrame:
    index: int
    """Number among all decoded frames of the source, from 0."""

    time_s: float
    """Time stamp in seconds, counted from the first frame's."""

    image: Frame
    """Upright working frame, (H, W, 3)."""

    pace: Pace | None = None
    """At what pace frames are taken here; None: at that of `VideoFacts`."""

    stretch: Stretch | None = field(default=None, compare=False)
    """The frames of the film among which it lies, that follow each other at one pace."""

    source: VideoFrame | None = field(default=None, repr=False, compare=False)
    """The frame as it was decoded, as long as somebody may want it cut in another way: it is as
    large as the film's pictures are. `without_source` lets go of it."""

    @cached_property
    def gray(self) -> GrayFrame:
        """Its brightness, (H, W): made once for all stages that ask."""
        return to_gray(self.image)

    def without_source(self) -> "TimedFrame":
        """Return the same frame, which holds no more than its small picture."""
        small = replace(self, source=None)
        if "gray" in self.__dict__:
            small.__dict__["gray"] = self.gray
        return small


class OpenVideo:
    """Iterates, once, over the frames of an open video that are taken, as `TimedFrame`.

    That is every `facts.step`-th; of a film that repeats its pictures, each picture once.
    """

    facts: VideoFacts
    crop: Crop | None
    """The part of the upright source that working frames show; None: all of it."""

    source_to_working: Homography
    """Maps pixels of the upright source to those of the working frame, (3, 3)."""

    def __init__(self, container: InputContainer, config: FramesConfig) -> None:
        film = choose_film(container)
        pixel_aspect = film.sample_aspect_ratio or Fraction(1)
        check_size((film.width, film.height), pixel_aspect, config)
        rates = [rate for rate in (film.average_rate, film.guessed_rate, film.base_rate) if rate]
        fps = rates[0] if rates else Fraction(0)
        timeline = Timeline()
        self._reader = FilmReader(
            container, film, fps or Fraction(25), config.max_side_px**2, timeline
        )
        self._damage = DamageWatch(film.codec_context.name) if config.drop_corrupt else None
        self._codec, self._faults = film.codec_context.name, 0
        self._field_order = ORDERS.get(film.codec_context.field_order)
        self._pixel_aspect, self._config = pixel_aspect, config
        self._pacer = Pacer(timeline, rates)
        self._reformatter = VideoReformatter()
        self._section = self._shown = self._begin_section(None)
        self._start = self._section.first
        stretch = self._pacer.next(0.0 if self._start.pts is not None else None, self._shift_s())
        self._fps, self._step = stretch.fps, pace_of(every_frame(stretch), config)[1]
        self.crop = None
        self._show(self._section)
        self._frames = self._take_pictures()

    def __iter__(self) -> Iterator[TimedFrame]:
        return self._frames

    def take(self, indices: Collection[int]) -> Iterator[TimedFrame]:
        """Iterate over just these frames instead, by their numbers among all decoded frames."""
        self._frames = self._take_indices(frozenset(indices))
        return self._frames

    def crop_to(self, crop: Crop | None) -> None:
        """Let frames from here on show this part of the upright source, None all of it.

        Raises:
            ValueError: it does not lie in the picture.
        """
        first = self._shown.first
        stored = (first.width, first.height)
        left, top, size = 0, 0, (self.facts.width, self.facts.height)
        self._cutter = None
        if crop is not None:
            left, top, size = crop.left, crop.top, (crop.width, crop.height)
            self._cutter = Cutter(first, self._orientation.stored_crop(crop, stored))
        shown = self._orientation.turn_size(size)
        self._working_size = choose_working_size(shown, self._pixel_aspect, self._config.working_px)
        working = self._orientation.turn_size(self._working_size)
        to_corner = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]])
        self.source_to_working = scaling(size, working) @ to_corner
        self.crop = crop

    def cut_again(self, frame: TimedFrame, crop: Crop | None) -> TimedFrame:
        """Cut the frame that came last, and those behind it, as `crop_to` would.

        Raises:
            ValueError: the crop does not lie in the picture.
            RejectedError: BROKEN_STREAM if the frame cannot be converted.
        """
        self.crop_to(crop)
        assert frame.source is not None
        return replace(frame, image=self.cut(frame.source))

    @property
    def stored_as(self) -> StoredAs:
        """How the film stores the pictures that come now."""
        return StoredAs(
            transfer=self._colors.transfer_name,
            primaries=self._colors.primaries_name,
            field_order=self._field_order,
            interlaced_was=self._shown.pictures.was_interlaced,
        )

    def cut(self, source: VideoFrame) -> Frame:
        """Make the upright working frame, (H, W, 3), of a decoded one, as `crop_to` wants it.

        Raises:
            RejectedError: BROKEN_STREAM if it cannot be converted.
        """
        width, height = self._working_size
        deep = self._config.to_sdr and self._colors.need_more_than_a_matrix
        with rejecting(RejectReason.BROKEN_STREAM):
            rgb = self._reformatter.reformat(
                self._cutter.cut(source) if self._cutter else source,
                width,
                height,
                format="rgb48le" if deep else "rgb24",
                src_colorspace=self._colors.matrix,
                interpolation=EXACT_SHRINKING,
                threads=1,  # the default is every core of the machine
            ).to_ndarray()
        image = self._colors.to_sdr(np.asarray(rgb, np.uint16)) if deep else rgb
        return self._orientation.turn(np.asarray(image, np.uint8))

    def luma(self, source: VideoFrame) -> GrayFrame:
        """See the brightness of a decoded frame, upright and at full size, (H, W)."""
        return self._orientation.view(see_luma(source))

    def close(self) -> None:
        """End the iteration: reading on from a closed container would crash the process."""
        self._frames.close()
        self._section.pictures.close()

    def _take_pictures(self) -> Generator[TimedFrame]:
        stretch, look = self._pacer.stretch, _RepeatLook(self._pacer.stretch.fps)
        try:
            for moment in self._moments():
                if moment.stretch is not stretch:
                    for kept in look.repeats.flush():
                        yield from self._taken(kept)
                    stretch, look = moment.stretch, _RepeatLook(moment.stretch.fps)
                for kept in look.push(moment):
                    yield from self._taken(kept)
        except RejectedError:
            for kept in look.repeats.flush():  # it came before the break, and is as good as ever
                yield from self._taken(kept)
            raise
        for kept in look.repeats.flush():
            yield from self._taken(kept)

    def _taken(self, kept: Kept["_Moment"]) -> Iterator[TimedFrame]:
        stretch = kept.frame.stretch
        number = kept.number if kept.cadence else kept.frame.number - stretch.first
        pace, step = pace_of(kept.cadence or every_frame(stretch), self._config)
        if number % step == 0:
            yield self._cut_now(kept.frame, pace)

    def _take_indices(self, indices: frozenset[int]) -> Generator[TimedFrame]:
        last = max(indices, default=-1)
        for moment in self._moments():
            if moment.number in indices:
                yield self._cut_now(moment)
            if moment.number >= last:
                return

    def _cut_now(self, moment: "_Moment", pace: Pace | None = None) -> TimedFrame:
        # Not before it is handed out: what has waited shows what `crop_to` wants by now.
        if moment.section is not self._shown:
            self._show(moment.section)
        number, time_s, frame, stretch, _ = moment
        return TimedFrame(number, time_s, self.cut(frame), pace, stretch, frame)

    def _moments(self) -> Iterator["_Moment"]:
        shift_s, time_s, number = self._shift_s(), 0.0, 0
        stretch = self._pacer.stretch
        while True:
            try:
                for frame in self._section.frames():
                    if number:
                        found_s = self._seconds(frame)
                        stretch = self._pacer.next(found_s, shift_s)
                        interval_s = float(1 / stretch.fps) if stretch.fps else 0.0
                        time_s = time_s + interval_s if found_s is None else found_s
                    yield _Moment(number, time_s, frame, stretch, self._section)
                    number += 1
                return
            except RejectedError as fault:
                self._section = self._begin_section(self._count(fault))

    def _begin_section(self, fault: RejectedError | None) -> "_Section":
        """Begin with the next frames that can be decoded, behind a `fault` or at the start.

        Raises:
            RejectedError: there are none, because of the fault, or none that can be believed.
        """
        while True:
            try:
                section = self._next_section()
            except RejectedError as error:
                fault = fault or error
                self._count(error)
                section = None
            if section is not None:
                if fault is not None:
                    self._pacer.begin_behind(fault)
                return section
            if fault is not None and self._reader.is_over:
                raise fault

    def _count(self, fault: RejectedError) -> RejectedError:
        """Count a fault; raise it if too many have been for what is between them to be believed."""
        if fault.reason is RejectReason.CORRUPT:
            self._faults += 1
            if self._faults > MOST_FAULTS_OF.get(self._codec, self._faults):
                raise fault
        return fault

    def _next_section(self) -> "_Section | None":
        frames = self._reader.frames()
        if self._damage is not None:
            frames = watched(frames, self._damage)
        pictures = WholePictures(frames, deinterlace=self._config.deinterlace)
        first = next(iter(pictures), None)
        if first is None:
            return None
        check_size((first.width, first.height), self._pixel_aspect, self._config)
        frame_bytes = sum(plane.buffer_size for plane in first.planes)
        may_wait = self._config.drop_repeats and HELD * frame_bytes <= WAITING_BYTES
        return _Section(first, pictures, may_wait)

    def _show(self, section: "_Section") -> None:
        """Cut frames of `section` from here on."""
        before, self._shown = self._shown, section
        first = section.first
        self._colors = Colors.of(first)
        self._orientation = find_orientation(first)
        width, height = self._orientation.turn_size((first.width, first.height))
        self.facts = VideoFacts(width=width, height=height, fps=self._fps, step=self._step)
        same_size = (before.first.width, before.first.height) == (first.width, first.height)
        self.crop_to(self.crop if same_size else None)

    def _shift_s(self) -> float:
        first = self._start
        return float((first.pts or 0) * (first.time_base or 0))

    def _seconds(self, frame: VideoFrame) -> float | None:
        if frame.pts is None or self._start.pts is None or frame.time_base is None:
            return None
        return float((frame.pts - self._start.pts) * frame.time_base)


@dataclass(frozen=True, slots=True, eq=False)
class _Section:
    """The frames of a film up to its next fault, which are all of one size."""

    first: VideoFrame
    pictures: WholePictures
    may_wait: bool
    """Whether frames are small enough to wait until it is known whether they are repeats."""

    def frames(self) -> Iterator[VideoFrame]:
        """Iterate, once, over all of them."""
        return chain([self.first], self.pictures)


class _Moment(NamedTuple):
    """A decoded frame, before it is known whether it is taken."""

    number: int
    time_s: float
    frame: VideoFrame
    stretch: Stretch
    section: _Section


class _RepeatLook:
    """Leaves out repeats among the frames of one stretch, if these are small enough to wait."""

    def __init__(self, fps: Fraction) -> None:
        self._changes, self.repeats = FrameChanges(), RepeatFilter[_Moment](fps)

    def push(self, moment: _Moment) -> Iterator[Kept[_Moment]]:
        if not moment.section.may_wait:
            return iter([Kept(moment, None, -1)])
        return self.repeats.push(moment, self._changes.measure(moment.frame))


@contextmanager
def open_video(path: Path, config: FramesConfig = DEFAULT_CONFIG) -> Iterator[OpenVideo]:
    """Open a video and decode its first frame; the rest is decoded while iterating.

    Raises:
        UnreadableError: The file is missing, not permitted or not a regular file, or its disk
            fails.
        RejectedError: NOT_A_VIDEO, NO_VIDEO_STREAM or FRAME_SIZE by the header.
            CORRUPT or BROKEN_STREAM, also while iterating: nothing that can be decoded follows a
            damaged frame, or the film ends early. Where something does, its `Stretch` says why.
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


def every_frame(stretch: Stretch) -> Cadence:
    """The cadence of frames that repeat no picture."""
    return Cadence(stretch.fps, Fraction(1))


@lru_cache(maxsize=256)
def pace_of(cadence: Cadence, config: FramesConfig) -> tuple[Pace, int]:
    """Tell at what pace pictures of `cadence` are taken, and every how many of them."""
    try:
        step = choose_step(cadence.fps, config)
    except RejectedError as error:
        refusal = error.detail
        if cadence.frames_per_picture != 1:
            stored = float(cadence.fps * cadence.frames_per_picture)
            refusal = f"{stored:.5g} frames per second, most of them repeats: {refusal}"
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
    width, height = square_size(size, pixel_aspect)
    shrink = Fraction(1)
    if working_px is not None:
        shrink = min(shrink, working_px / min(width, height))
    return round(width * shrink), round(height * shrink)
