"""Small files that want far more than they weigh: time, memory.

Cost: 1 s each.
"""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream


def write_bomb(path: Path, *, side: int, frames: int, fps: int) -> Path:
    """Write a film of `frames` gray pictures of `side` x `side` pixels, each a key frame.

    The picture is encoded once and stored again and again: some 10 kB each at 4096 pixels.
    """
    with av.open(path, "w") as output:
        stream = output.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "g": "1"})
        assert isinstance(stream, VideoStream)
        stream.width = stream.height = side
        stream.pix_fmt = "yuv420p"
        gray = av.VideoFrame.from_ndarray(np.full((side * 3 // 2, side), 128, np.uint8), "yuv420p")
        (packet,) = [*stream.encode(gray), *stream.encode()]
        payload = bytes(packet)
        for number in range(frames):
            again = av.Packet(payload)
            again.stream, again.time_base, again.is_keyframe = stream, Fraction(1, fps), True
            again.pts = again.dts = number
            output.mux(again)
    return path
