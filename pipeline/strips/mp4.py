"""A strip -> a small film that every player shows: H.264 in MP4.

For people to look at; training reads strips. The film is lossy, and its color has half the
resolution, as the strip's own has.

Cost, 32 frames of 128 pixels: 62 ms.
"""

from fractions import Fraction
from pathlib import Path

import av

from tinyvideo.pipeline.types import Frames, check_frames

CRF = "18"
"""Quality of H.264, 0 is lossless, 51 the worst. Ours: 18 can hardly be told from the strip."""

REPEATABLE = "cpu-independent=1"
"""Without it, equal frames may give different bytes: one of x264's fast sums is not exact."""

DEFAULT_FPS = Fraction(25)
"""For strips that do not know theirs. That of the paper's films."""


def write_mp4(path: Path, frames: Frames, fps: Fraction = DEFAULT_FPS) -> None:
    """Write `frames`, (T, H, W, 3) with even H and W, as a film at `path`.

    Equal frames give equal bytes.

    Raises:
        ValueError: `frames` are no pictures.
        OSError: the file cannot be written.
    """
    check_frames(frames)
    options = {"crf": CRF, "x264-params": REPEATABLE}
    with av.open(path, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=fps, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        for frame in frames:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode(None))
