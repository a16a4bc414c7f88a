"""Is this file a film, from its first to its last second?

A file that came whole can still be a page for people, or a film whose end was never uploaded. Its
container is opened, and what is shown in the first and in the last second is decoded.

Cost: decoding two seconds, and what lies between a key frame and them, however long the film is;
at most 600 frames at either end. The film may be a bomb: `flows.workers` has a process for it.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tinyvideo.pipeline.decode import FilmDecoder, choose_film, open_container, open_file, rejecting
from tinyvideo.pipeline.errors import FailCause, RejectedError, RejectReason, TransientError

MAX_PIXELS = 8192 * 8192
MOST_FRAMES = 600
"""Frames that are decoded at either end, at most. Ours: key frames are 10 s apart at most, but for
screens that were recorded; of those the rest is read and not decoded."""

_HTML = (b"<!doctype", b"<html", b"<head", b"<?xml", b"{")
"""How what is meant for people, or for programs, begins."""


def check_film(path: Path) -> None:
    """Decode the first and the last second of the film at `path`.

    Raises:
        TransientError: HTML_BODY, a page came in the place of a film.
        RejectedError: NOT_A_VIDEO, NO_VIDEO_STREAM, CORRUPT or BROKEN_STREAM.
        UnreadableError: the disk fails.
    """
    with open_file(path) as file:
        begin = file.read(64).lstrip().lower()
        if begin.startswith(_HTML):
            detail = f"{path.stat().st_size} bytes that begin with {begin[:20]!r}"
            raise TransientError(FailCause.HTML_BODY, detail)
        file.seek(0)
        with open_container(file) as container:
            film = choose_film(container)
            with rejecting(RejectReason.BROKEN_STREAM):
                _decode_second(container, film)
                _decode_end(container, film)


def _decode_second(container: InputContainer, film: VideoStream) -> None:
    first_s: float | None = None
    for frame in islice(_frames(container, film), MOST_FRAMES):
        first_s = first_s if first_s is not None else frame.time
        if frame.time is None or first_s is None or frame.time - first_s > 1:
            break
    if first_s is None:
        raise RejectedError(RejectReason.BROKEN_STREAM, "not a single frame can be decoded")


def _frames(container: InputContainer, film: VideoStream) -> Iterator[VideoFrame]:
    """Decode frames, and go on behind damage, as `pipeline.decode` does.

    Raises:
        RejectedError: there are none, because of the damage.
    """
    decoder = FilmDecoder(film, MAX_PIXELS)
    fault: RejectedError | None = None
    shown = False
    for packet in container.demux(film):
        try:
            frames = decoder.decode(packet)
        except RejectedError as error:
            fault = fault or error
            decoder.skip_to_key_frame()
            continue
        shown = shown or bool(frames)
        yield from frames
    if fault is not None and not shown:
        raise fault


def _decode_end(container: InputContainer, film: VideoStream) -> None:
    length = film.duration
    if length is None or film.time_base is None:
        return  # nothing is promised; `pipeline.decode.container` reads to the end anyway
    start = film.start_time or 0
    last = start + max(0, length - round(1 / film.time_base))
    container.seek(last, stream=film)
    shown = 0
    for packet in container.demux(film):
        # Behind a key frame in the middle there may be frames that lack what they refer to.
        with suppress(av.InvalidDataError):
            shown += len(packet.decode()) if shown < MOST_FRAMES else 0
    if not shown:
        detail = f"the last of its {float(length * film.time_base):.2f} s cannot be decoded"
        raise RejectedError(RejectReason.BROKEN_STREAM, detail)
