"""Open a video container and decode its film, whatever the file tries.

The file is opened by us, so that the operating system's own words are kept and no file name is ever
read as a URL. Demuxers are limited to containers that hold their film themselves, which leaves out
playlists, and they may open nothing else: a hostile file reaches no other file and no network.

Cost of H.264 on one thread, per frame: 0.5 ms at 480 x 270, 0.8 ms at 640 x 360, 6.9 ms at 1920 x
1080. With as many threads as FFmpeg likes the CPU time is the same; on two idle cores 1080p takes
4.3 ms and the small sizes gain nothing. Workers share the cores, so each decodes on one thread.

Source: FFmpeg 8.1 and PyAV 18.1, as tried. MPEG transport streams announce no length: one that was
cut between two frames cannot be told from a whole one.
"""

import io
import stat
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tinyvideo.pipeline.decode.film_decoder import FilmDecoder
from tinyvideo.pipeline.decode.libav_border import libav_log, rejecting
from tinyvideo.pipeline.decode.pacing import Timeline, read_ahead
from tinyvideo.pipeline.errors import RejectedError, RejectReason, UnreadableError

DEMUXERS = "mov,matroska,avi,flv,mpegts,mpeg,mpegvideo,asf,ogg,mxf,rm,dv"
"""FFmpeg's names of the containers that are read; `mov` is MP4 and 3GP too, `matroska` WebM."""

PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
"""What marks a stream that is no film."""

LONG_SHARE = 0.5
"""A film plays this share of the longest stream's time, at least. Ours: two lenses of one camera
may end a second apart, a thumbnail has a frame or a few."""

WHOLE_SHARE = 0.9
"""A film that ends before this share of its announced length is truncated. Ours, because headers
are often a little off."""


class VideoFile(io.FileIO):
    """A file in which a senseless seek is an answer: the fault of the video, not of the disk."""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Seek as usual, or return -1 for a position that no file has."""
        try:
            return super().seek(offset, whence)
        except OSError:
            return -1


def open_file(path: Path) -> VideoFile:
    """Open a regular file; a FIFO or a device is not even touched, as it could block.

    Raises:
        UnreadableError: With the operating system's own words.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableError(f"not a regular file: {str(path)!r}")
        return VideoFile(path)
    except OSError as error:
        raise UnreadableError(str(error)) from error


def open_container(file: VideoFile) -> InputContainer:
    """Read the header of a video file.

    Raises:
        RejectedError: NOT_A_VIDEO, with FFmpeg's own words.
        UnreadableError: The disk fails.
    """
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none"}
    with libav_log() as log, rejecting(RejectReason.NOT_A_VIDEO, log):
        return av.open(file, "r", options=options, metadata_errors="replace")


def choose_film(container: InputContainer) -> VideoStream:
    """Choose the best film of a file, which is no cover picture.

    Raises:
        RejectedError: NO_VIDEO_STREAM if there is none, or none that can be decoded.
    """
    films = [
        stream
        for stream in container.streams.video
        if stream.codec_context and not stream.disposition & PICTURES
    ]
    if not films:
        kinds = ", ".join(stream.type for stream in container.streams) or "none"
        detail = f"no film that can be decoded; streams: {kinds}"
        raise RejectedError(RejectReason.NO_VIDEO_STREAM, detail)
    return best_film(films)


def best_film(films: Sequence[VideoStream]) -> VideoStream:
    """Choose the largest of those that play about as long as the longest; of equals, the first.

    A drone's preview and a cover that is called a film are short, or a single frame; a phone's
    second lens plays as long, and is smaller. What says nothing of its length may be the longest.
    """
    lengths = [_known_s(film) for film in films]
    longest = max((length for length in lengths if length is not None), default=0.0)
    long_enough = [
        film
        for film, length in zip(films, lengths, strict=True)
        if length is None or length >= LONG_SHARE * longest
    ]
    return max(long_enough, key=lambda film: (film.frames != 1, film.width * film.height))


def _known_s(film: VideoStream) -> float | None:
    """How long a stream plays, in seconds, as far as its header says; None: it does not."""
    if film.frames == 1:  # some give a cover the length of the film
        return 0.0
    if film.duration is None or film.time_base is None:
        return None
    return float(film.duration * film.time_base)


class FilmReader:
    """Decodes the frames of one film, and goes on behind a fault at the next key frame."""

    def __init__(
        self,
        container: InputContainer,
        film: VideoStream,
        fps: Fraction,
        max_pixels: int,
        timeline: Timeline,
    ) -> None:
        self._container, self._film, self._fps = container, film, fps
        # It stores the order of decoding only: the pts is libav's guess, and leaps at B-frames.
        self._as_stored = container.format.name == "avi"
        self._packets = read_ahead(container.demux(), film, timeline, as_stored=self._as_stored)
        self._decoder = FilmDecoder(film, max_pixels)
        self._look: Look | None = None
        self._next: deque[VideoFrame] = deque()
        self._has_begun = self._changed = False
        self._end_s = 0.0
        self.is_over = False
        """Whether all of the file has been read."""

    def frames(self) -> Generator[VideoFrame]:
        """Decode frames in the order in which they are shown, up to the next fault.

        Asked again, it goes on behind it. The time stamps of the next frames are entered in the
        timeline before. All frames of one call are of one size and pixel format.

        Raises:
            RejectedError: CORRUPT or BROKEN_STREAM as soon as something is wrong.
            UnreadableError: The disk fails.
        """
        self._go_on()
        with rejecting(RejectReason.BROKEN_STREAM):
            yield from self._waiting()
            # What else is there is read along: sound, or a subtitle, may outlast the film, and the
            # header counts it. Then nothing is missing.
            for packet in self._packets:
                self._end_s = max(self._end_s, packet_end_s(packet))
                if packet.stream is self._film:
                    self._next.extend(self._decoder.decode(packet))
                    yield from self._waiting()
        self.is_over = True
        self._check_length()

    def _go_on(self) -> None:
        if self._changed:
            self._look, self._changed = None, False
        elif self._has_begun:
            self._next.clear()
            self._decoder.skip_to_key_frame()
        self._has_begun = True

    def _waiting(self) -> Iterator[VideoFrame]:
        while self._next:
            look = Look.of(self._next[0])
            self._look = self._look or look
            if look != self._look:
                self._changed = True
                raise self._look.changes_to(look, self._end_s)
            frame = self._next.popleft()
            if self._as_stored:
                frame.pts = frame.dts
            yield frame

    def _check_length(self) -> None:
        announced_s = find_announced_s(self._container, self._film, self._fps)
        if self._look is None or self._end_s + 2 / self._fps < WHOLE_SHARE * announced_s:
            film_ends = f"the film ends after {self._end_s:.2f} s"
            detail = f"the header announces {announced_s:.2f} s, {film_ends}"
            raise RejectedError(RejectReason.BROKEN_STREAM, detail)


class Look(NamedTuple):
    """What all frames up to a fault have in common."""

    width: int
    height: int
    pixels: str

    @classmethod
    def of(cls, frame: VideoFrame) -> "Look":
        """See it in a frame."""
        return cls(frame.width, frame.height, frame.format.name)

    def changes_to(self, other: "Look", near_s: float) -> RejectedError:
        """Say how the picture changes."""
        change = f"from {self.width} x {self.height} to {other.width} x {other.height} px"
        if self[:2] == other[:2]:
            change = f"its format from {self.pixels} to {other.pixels}"
        detail = f"the picture changes {change} near {near_s:.2f} s"
        return RejectedError(RejectReason.BROKEN_STREAM, detail)


def packet_end_s(packet: "Packet[Stream]") -> float:
    """Compute when what `packet` shows or sounds ends, in seconds; 0 if it does not say."""
    start = packet.dts if packet.pts is None else packet.pts
    if start is None or packet.time_base is None:
        return 0
    return float((start + (packet.duration or 0)) * packet.time_base)


def find_announced_s(container: InputContainer, film: VideoStream, fps: Fraction) -> float:
    """Find how long the header says that the film is, in seconds; 0 where FFmpeg only guesses."""
    if container.format.name == "avi":
        return float(film.frames / fps)
    if container.format.name.startswith(("mov,", "matroska,")) and container.duration:
        return container.duration / av.time_base
    return 0
