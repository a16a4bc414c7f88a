"""Of a strip what a clip is to show: at which size, how many frames, every which of them.

Stage:  shard -> dataset -> [load] -> train -> generate

A strip is decoded at the smallest of the decoder's scales that is not below the size, and shrunk by
areas to what is left. All 32 frames at one of those scales (any number of eighths of the strip's
size) come straight into the batch.

Cost: that of `pipeline.strips.decode_strip`; of sizes that are no eighths of the
stored one up to 15 ms more, for 32 frames of 96 pixels.
"""

from dataclasses import dataclass

import numpy as np

from tinyvideo.models.networks import CLIP_SIZE
from tinyvideo.pipeline.strips import decode_strip, shrink_frames, strip_shape
from tinyvideo.pipeline.types import STRIP_FRAMES, Frames

LARGEST, SMALLEST = 128, 8
"""Sizes of a clip, in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipShape:
    size: int = CLIP_SIZE
    """Width and height of a frame, in pixels: 8 to 128, and at most the strip's."""

    frames: int = STRIP_FRAMES
    """Frames of a clip, 1 to 32."""

    stride: int = 1
    """Every which frame of the strip, from its first one on."""

    def __post_init__(self) -> None:
        if not SMALLEST <= self.size <= LARGEST:
            raise ValueError(f"size must be from {SMALLEST} to {LARGEST}, got {self.size}")
        if self.frames < 1 or self.stride < 1:
            raise ValueError(
                f"frames and stride must be at least 1, got {self.frames} and {self.stride}"
            )
        if (self.frames - 1) * self.stride >= STRIP_FRAMES:
            raise ValueError(
                f"frames must lie within the {STRIP_FRAMES} of a strip, got {self.frames} with a "
                f"stride of {self.stride}"
            )

    @property
    def of_clip(self) -> tuple[int, int, int, int]:
        """Frames, rows, columns and colors of a clip."""
        return self.frames, self.size, self.size, 3

    def decode(self, jpeg: bytes | memoryview, out: Frames) -> None:
        """Decode a strip into `out`, which has the shape `of_clip`.

        Raises:
            ValueError: it is no strip, or a smaller one.
        """
        scale = self._scale(jpeg)
        if scale == self.size and self.frames == STRIP_FRAMES:
            decode_strip(jpeg, scale, out)
            return
        last = (self.frames - 1) * self.stride + 1
        shown = decode_strip(jpeg, scale)[: last : self.stride]
        np.copyto(out, shown if scale == self.size else shrink_frames(shown, self.size))

    def _scale(self, jpeg: bytes | memoryview) -> int:
        """Find the least size, in eighths of the stored one, that is not below the wanted one."""
        stored = strip_shape(jpeg)[1]
        if stored < self.size:
            raise ValueError(f"it has {stored} pixels, and clips of {self.size} are wanted")
        eighths = -(-8 * self.size // stored)
        return stored * eighths // 8


AS_TRAINED = ClipShape()
"""What the networks here take: 32 frames of 64 pixels."""
