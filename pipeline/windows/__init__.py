"""Where a window may lie: 32 frames of one shot, at an even pace, of a living picture.

cuts          Find the cuts between shots, while the frames go by
window_check  Check that a window holds 32 different moments of one living picture, at an even
              pace
"""

from tinyvideo.pipeline.windows.cuts import CutDetector, ShotConfig
from tinyvideo.pipeline.windows.window_check import WindowConfig, check_window

__all__ = [
    "CutDetector",
    "ShotConfig",
    "WindowConfig",
    "check_window",
]
