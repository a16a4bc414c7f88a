"""Generated tensors -> pictures that everybody can look at: frames, grids, animated GIFs and WebPs.

A GIF has 256 colors, chosen per clip here, and plays in any page and mail; a WebP takes a fifth of
its bytes and plays in browsers. They are for looking; MP4 (`pipeline.strips.mp4`) is closer to the
network's output, and strips closer still.

Cost, 32 frames of 64 pixels: 25 ms for a GIF of 100 kB.
"""

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from tinyvideo.pipeline.types import Frames

GIF_FRAME_MS = 40
"""25 frames per second, as the paper's films; a GIF counts in hundredths of a second."""

_WEBP_QUALITY = 60
"""Ours: what clips of 64 pixels show stays."""


def to_frames(video: Tensor) -> Frames:
    """Turn (C, T, H, W) in [-1, 1] into (T, H, W, C) uint8."""
    scaled = video.detach().float().cpu().permute(1, 2, 3, 0).add(1).mul(127.5).round()
    return np.ascontiguousarray(scaled.numpy().astype(np.uint8))


def mask_to_frames(mask: Tensor) -> Frames:
    """Turn (1, T, H, W) in [0, 1] into (T, H, W, 3) uint8; white shows the foreground."""
    return to_frames((mask * 2 - 1).expand(3, -1, -1, -1))


def tile(clips: list[Frames], columns: int) -> Frames:
    """Lay clips (T, H, W, 3) side by side, `columns` to a row; what is left over is black."""
    rows = -(-len(clips) // columns)
    frames, height, width, colors = clips[0].shape
    sheet = np.zeros((frames, rows * height, columns * width, colors), np.uint8)
    for number, clip in enumerate(clips):
        y, x = height * (number // columns), width * (number % columns)
        sheet[:, y : y + height, x : x + width] = clip
    return sheet


def encode_gif(frames: Frames) -> bytes:
    """Encode (T, H, W, 3) as an endless GIF; equal frames give equal bytes."""
    # One palette for the whole clip: one per frame would make still colors flicker.
    sheet = Image.fromarray(frames.reshape(-1, *frames.shape[2:]))
    palette = sheet.quantize(256, method=Image.Quantize.MEDIANCUT)
    pictures = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in frames
    ]
    return _animate(pictures, "GIF", optimize=False)


def encode_webp(frames: Frames) -> bytes:
    """Encode (T, H, W, 3) as an endless WebP, lossy and small enough to be sent with a page."""
    pictures = [Image.fromarray(frame) for frame in frames]
    return _animate(pictures, "WEBP", quality=_WEBP_QUALITY, method=2)


def _animate(pictures: list[Image.Image], kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    first, *others = pictures
    first.save(
        file, kind, save_all=True, append_images=others, duration=GIF_FRAME_MS, loop=0, **options
    )
    return file.getvalue()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
