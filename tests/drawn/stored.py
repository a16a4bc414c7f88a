"""Films as converters and cameras store them: in fields, as telecine, as HDR. Drawn, with truth.

Frames are RGB uint8, (T, H, W, 3). Cost: as `tests.drawn.films`; 10 ms per frame of HDR.
"""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from tinyvideo.pipeline.types import Frames

PQ, HLG, SDR = 16, 18, 1
BT709, BT2020, DISPLAY_P3 = 1, 9, 12

SDR_WHITE = 203.0
"""cd/m2, as in BT.2408."""

BT709_TO_BT2020 = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
)
"""Light of BT.709's primaries -> light of BT.2020's. BT.2087, table 2."""


def as_fields(moments: Frames, *, top_first: bool = True) -> Frames:
    """Weave 2 T pictures, one per field, to T interlaced frames."""
    first, second = moments[0::2], moments[1::2]
    frames = (second if top_first else first).copy()
    frames[:, 0::2] = (first if top_first else second)[:, 0::2]
    return frames


def as_telecine(pictures: Frames) -> Frames:
    """Weave 4 T pictures to 5 T frames by 2:3 pulldown, top field first."""
    fields: list[int] = []
    for number in range(len(pictures)):
        fields += [number] * (2 + number % 2)
    frames = [pictures[bottom].copy() for bottom in fields[1::2]]
    for frame, top in zip(frames, fields[0::2], strict=False):
        frame[0::2] = pictures[top][0::2]
    return np.stack(frames)


def hdr_codes(frames: Frames, transfer: int) -> np.ndarray:
    """Code SDR frames as a grader puts them into HDR: white at 203 cd/m2, BT.2020, 0 to 1."""
    light = (frames / 255.0) ** 2.4 @ BT709_TO_BT2020.T
    if transfer == PQ:
        y = (np.maximum(light, 0) * SDR_WHITE / 10_000) ** (2610 / 16384)
        return ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32)
    # The display raises the scene's light to 1.2, by its luminance.
    shown = light * SDR_WHITE / 1000
    luminance = shown @ [0.2627, 0.6780, 0.0593]
    scene = shown * np.maximum(luminance, 1e-9)[..., None] ** (1 / 1.2 - 1)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    low, high = np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c
    return np.where(scene <= 1 / 12, low, high)


def write_colors(
    path: Path,
    codes: np.ndarray,
    *,
    matrix: tuple[float, float] = (0.2126, 0.0722),
    tags: tuple[int, int, int] = (2, 2, 2),
    bits: int = 8,
) -> Path:
    """Encode RGB of 0 to 1, (T, H, W, 3), as YUV 4:4:4 in limited range, without loss.

    `matrix` holds the shares of red and blue in the luminance; `tags` the numbers of matrix,
    transfer and primaries that the film bears, 2 for none.
    """
    red, blue = matrix
    y = codes @ [red, 1 - red - blue, blue]
    cb, cr = (codes[..., 2] - y) / (2 - 2 * blue), (codes[..., 0] - y) / (2 - 2 * red)
    scale = 1 << (bits - 8)
    planes = np.stack([16 + 219 * y, 128 + 224 * cb, 128 + 224 * cr], axis=1) * scale
    samples = np.rint(planes).astype("<u2" if bits > 8 else np.uint8)
    pixels = "yuv444p10le" if bits > 8 else "yuv444p"
    with av.open(path, "w") as output:
        stream = output.add_stream("ffv1", rate=Fraction(25))
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = codes.shape[1:3]
        stream.pix_fmt = pixels
        context = stream.codec_context
        context.colorspace, context.color_trc, context.color_primaries = tags
        for picture in samples:
            frame = av.VideoFrame(stream.width, stream.height, pixels)
            for plane, rows in zip(frame.planes, picture, strict=True):
                lines = np.zeros((plane.height, plane.line_size), np.uint8)
                lines[:, : rows.nbytes // len(rows)] = rows.view(np.uint8)
                plane.update(lines)
            frame.colorspace, frame.color_trc, frame.color_primaries = tags
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path
