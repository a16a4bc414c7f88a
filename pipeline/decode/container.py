"""Open a video container and decode its film, whatever the file tries.

The file is opened by
us, so that the operating system's own words are kept and no file name is ever read as a URL.
Demuxers are limited to containers that hold their film themselves, which leaves out playlists,
and they may open nothing else: a hostile file reaches no other file and no network.

Cost of H.264 on one thread, per frame: 0.5 ms at 480 x 270, 0.8 ms at 640 x 360, 6.9 ms at 1920 x
1080. With as many threads as FFmpeg likes the CPU time is the same; on two idle cores 1080p takes
4.3 ms and the small sizes gain nothing. Workers share the cores, so each decodes on one thread.

Source: FFmpeg 8.1 and PyAV 18.1, as tried. MPEG transport streams announce no length: one that was
cut between two frames cannot be told from a whole one.
"""

import io
import stat
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tinyvideo.pipeline.decode.film_decoder import FilmDecoder
from tinyvideo.pipeline.decode.libav_border import libav_log, rejecting
from tinyvideo.pipeline.errors import RejectedError, RejectReason, UnreadableError

DEMUXERS = "mov,matroska,avi,flv,mpegts,mpeg,mpegvideo,asf,ogg,mxf,rm,dv"
"""FFmpeg's names of the containers that are read; `mov` is MP4 and 3GP too, `matroska` WebM."""

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
    """Choose the best video stream that is not a cover picture.

    Raises:
        RejectedError: NO_VIDEO_STREAM if there is none, or none that can be decoded.
    """
    films = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic and stream.codec_context
    ]
    if not films:
        kinds = ", ".join(stream.type for stream in container.streams) or "none"
        detail = f"no film that can be decoded; streams: {kinds}"
        raise RejectedError(RejectReason.NO_VIDEO_STREAM, detail)
    best = container.streams.best("video")
    return best if isinstance(best, VideoStream) and best in films else films[0]


def decode(
    container: InputContainer, film: VideoStream, fps: Fraction, max_pixels: int
) -> Generator[VideoFrame]:
    """Decode all frames of `film`, at least one, in the order in which they are shown.

    Raises:
        RejectedError: CORRUPT or BROKEN_STREAM as soon as something is wrong.
        UnreadableError: The disk fails.
    """
    size: tuple[int, int] | None = None
    end_s = 0.0
    decoder = FilmDecoder(film, max_pixels)
    with rejecting(RejectReason.BROKEN_STREAM):
        # What else plays is read along, as it may outlast the film: then nothing is missing.
        for packet in container.demux(*container.streams.video, *container.streams.audio):
            end_s = max(end_s, packet_end_s(packet))
            for frame in decoder.decode(packet) if packet.stream is film else ():
                size = size or (frame.width, frame.height)
                check_size_kept(frame, size, end_s)
                if container.format.name == "avi":  # stores the order of decoding only; the pts
                    frame.pts = frame.dts  # is libav's guess, and leaps where there are B-frames
                yield frame
    announced_s = find_announced_s(container, film, fps)
    if size is None or end_s + 2 / fps < WHOLE_SHARE * announced_s:
        detail = f"the header announces {announced_s:.2f} s, the film ends after {end_s:.2f} s"
        raise RejectedError(RejectReason.BROKEN_STREAM, detail)


def packet_end_s(packet: "Packet[Stream]") -> float:
    """Compute when what `packet` shows or sounds ends, in seconds; 0 if it does not say."""
    start = packet.dts if packet.pts is None else packet.pts
    if start is None or packet.time_base is None:
        return 0
    return float((start + (packet.duration or 0)) * packet.time_base)


def check_size_kept(frame: VideoFrame, size: tuple[int, int], near_s: float) -> None:
    """Check that `frame` is of the (width, height) of those before it.

    Raises:
        RejectedError: BROKEN_STREAM if not.
    """
    if (frame.width, frame.height) != size:
        change = f"from {size[0]} x {size[1]} to {frame.width} x {frame.height} px"
        detail = f"the picture changes {change} near {near_s:.2f} s"
        raise RejectedError(RejectReason.BROKEN_STREAM, detail)


def find_announced_s(container: InputContainer, film: VideoStream, fps: Fraction) -> float:
    """Find how long the header says that the film is, in seconds; 0 where FFmpeg only guesses."""
    if container.format.name == "avi":
        return float(film.frames / fps)
    if container.format.name.startswith(("mov,", "matroska,")) and container.duration:
        return container.duration / av.time_base
    return 0
