"""A decoder that reports damage instead of painting over it.

FFmpeg's decoders conceal what they cannot read, and some never say so. So they are told to be
strict (`STRICT`), what they log is held against them, and VP8 and VP9 are decoded by libvpx, which
sees where its arithmetic decoder has run past the end of the data; FFmpeg's own goes on there and
paints smears that stand still.

    FFmpeg's VP9, of 6 films whose packets were swapped or damaged     reports none
    libvpx, of the same                                                all
    WMV and MJPEG with STRICT, of 11 films that reported nothing       5

Behind damage, decoding begins anew at a key frame, which needs none of the pictures before it.

Cost: none. Per frame of 640 x 360 on one thread FFmpeg takes 2.0 ms for VP8 and 2.1 for VP9, libvpx
1.8 and 2.1.

Source: FFmpeg 8.1, libvpx 1.16, as tried (tests/fuzz/mutated_films.py).
"""

from collections.abc import Sequence
from typing import Any

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from tinyvideo.pipeline.decode.libav_border import libav_log
from tinyvideo.pipeline.decode.upright import AS_STORED, find_orientation
from tinyvideo.pipeline.errors import RejectedError, RejectReason

STRICT = {"err_detect": "crccheck+bitstream+buffer+explode", "flags": "-output_corrupt"}
"""What decoders are told, so that they report what they would else conceal."""

REPORTING = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Decoders that report more than FFmpeg's own, by the name of the latter."""

LOGGED = av.logging.INFO
"""Level of what is read of the decoder's log: concealment is told as a piece of news."""

MAX_LEADING = 16
"""Packets behind a key frame that may be shown before it, at most. Ours: as many as any codec
reorders."""

LOST_ALREADY = "mmco: unref short failure"
"""What H.264 says where a picture may be forgotten that was never decoded: behind a fault, one of
those that were left out."""

SHOWS_ALL = (PictureType.I, PictureType.NONE)
"""Pictures that need no other; NONE: libvpx does not say, and complains where one is missing."""


class FilmDecoder:
    """Decodes the packets of a film, in order."""

    def __init__(self, film: VideoStream, max_pixels: int) -> None:
        self._options = {"max_pixels": str(max_pixels), **STRICT}
        self._context = film.codec_context
        self._context.thread_count, self._context.options = 1, self._options
        self._held: list[Packet[Any]] | None = [] if _may_report_more(film) else None
        self._frames = 0
        self._resync: Resync | None = None

    def skip_to_key_frame(self) -> None:
        """Forget all packets so far; what comes before the next key frame is not decoded."""
        self._context.flush_buffers()
        self._held = None if self._held is None else []
        self._resync = Resync()

    def decode(self, packet: "Packet[Any]") -> list[VideoFrame]:
        """Decode a packet to the frames that are complete by now; an empty one ends the film.

        Raises:
            RejectedError: CORRUPT, a frame is damaged; BROKEN_STREAM, a part is missing.
            MemoryError: the decoder got no memory.
        """
        if self._resync is not None and not self._resync.may_decode(packet):
            return []
        if packet.is_corrupt:  # so the container says
            detail = f"the film breaks off, or has a gap, after {self._frames} frames"
            raise RejectedError(RejectReason.BROKEN_STREAM, detail)
        with libav_log(LOGGED) as log:
            try:
                frames = self._context.decode(packet)
                if self._held is not None:
                    frames = self._choose(self._held, packet, frames)
            except MemoryError as error:
                raise MemoryError(str(error)) from error
            except av.FFmpegError as error:
                self._check(log)
                if self._resync is None or not any(_is_lost_already(line) for line in log):
                    raise self._damaged(error.strerror or str(error)) from error
                frames = []
            self._check(log)
        return self._believe(frames)

    def _believe(self, frames: list[VideoFrame]) -> list[VideoFrame]:
        if self._resync is not None:
            frames = self._resync.real(frames)
        if any(frame.is_corrupt for frame in frames):
            raise self._damaged("its decoder has marked it")
        self._frames += len(frames)
        return frames

    def _choose(
        self,
        held: "list[Packet[Any]]",
        packet: "Packet[Any]",
        frames: list[VideoFrame],
    ) -> list[VideoFrame]:
        """Go over to a decoder that reports more, once it is seen that nothing is lost by it."""
        held.append(packet)
        if not frames:
            return []
        self._held = None
        if find_orientation(frames[0]) != AS_STORED:
            return frames  # the container says so, and only to the decoder that it came with
        self._context = self._reporting()
        return [frame for each in held for frame in self._context.decode(each)]

    def _reporting(self) -> VideoCodecContext:
        own = self._context
        other = av.CodecContext.create(REPORTING[own.name], "r")
        assert isinstance(other, VideoCodecContext)
        other.thread_count, other.options = 1, self._options
        other.color_range, other.colorspace = own.color_range, own.colorspace
        return other

    def _check(self, log: Sequence[tuple[int, str, str]]) -> None:
        for level, _, text in log:
            if self._resync is not None and _is_lost_already((level, "", text)):
                continue
            if "get_buffer() failed" in text:  # H.264 calls that invalid data
                raise MemoryError(text.strip())
            if "exceeds specified max pixel count" in text:
                raise RejectedError(RejectReason.BROKEN_STREAM, text.strip())
            if level <= av.logging.ERROR or text.startswith("concealing"):
                raise self._damaged(text.strip())

    def _damaged(self, why: str) -> RejectedError:
        return RejectedError(RejectReason.CORRUPT, f"at frame {self._frames}: {why}")


class Resync:
    """Finds where decoding can begin anew: at a key frame.

    Pictures that are stored behind it and shown before it need some that are lost: they are left
    out. What the container calls a key frame may be none; the decoder knows.
    """

    def __init__(self) -> None:
        self._key: Packet[Any] | None = None
        self._behind = 0
        self._is_real = False

    def may_decode(self, packet: "Packet[Any]") -> bool:
        """Tell whether `packet`, the next of the film, can be decoded."""
        if packet.size == 0:  # the end of the film
            return True
        if packet.is_keyframe and not self._is_real:
            self._key, self._behind = packet, 0
            return True
        self._behind += 1
        return self._key is not None and not self._leads(packet, self._key)

    def real(self, frames: list[VideoFrame]) -> list[VideoFrame]:
        """Return what of `frames` is to be believed: those from a true key frame on."""
        for number, frame in enumerate(frames):
            if self._is_real or frame.key_frame or frame.pict_type in SHOWS_ALL:
                self._is_real = True
                return frames[number:]
            self._key = None  # so it was none
        return []

    def _leads(self, packet: "Packet[Any]", key: "Packet[Any]") -> bool:
        if packet.pts is None or key.pts is None or self._behind > MAX_LEADING:
            return False
        if packet.pts > key.pts:
            self._behind = MAX_LEADING + 1
        return packet.pts < key.pts


def _is_lost_already(line: tuple[int, str, str]) -> bool:
    return line[2].startswith(LOST_ALREADY)


def _may_report_more(film: VideoStream) -> bool:
    context = film.codec_context
    eight_bits = not str(context.pix_fmt).endswith(("le", "be"))  # libvpx may know no others
    return eight_bits and REPORTING.get(context.name) in av.codecs_available
