"""The one border to FFmpeg: what libav raises, or logs, becomes an error of ours here.

Cost: 2 us per block.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import av

from tinyvideo.pipeline.errors import RejectedError, RejectReason, UnreadableError


@contextmanager
def rejecting(reason: RejectReason, log: Sequence[tuple[int, str, str]] = ()) -> Iterator[None]:
    """Translate what libav raises to a rejection, or to what the operating system meant."""
    try:
        yield
    except MemoryError as error:
        raise MemoryError(str(error)) from error
    except av.FFmpegError as error:
        cause = f" ({log[-1][2].strip()})" if log else ""
        raise RejectedError(reason, f"{error.strerror}{cause}") from error
    except OSError as error:
        raise UnreadableError(str(error)) from error


@contextmanager
def libav_log(least: int = av.logging.ERROR) -> Iterator[Sequence[tuple[int, str, str]]]:
    """Collect what libav logs in this thread for a block, (level, who, text) each.

    Otherwise PyAV drops it, and with it the cause: `moov atom not found`.
    """
    level, skip = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(least)
    av.logging.set_skip_repeated(False)
    try:
        with av.logging.Capture() as log:
            yield log
    finally:
        av.logging.set_level(level)
        av.logging.set_skip_repeated(skip)
