"""Where a window may lie: 32 frames of one shot, at an even pace, of a living picture.

bar_watch     Keep bars out of the frames of a film, while they go by: one crop per shot
bars          Find the black bars of a film in a film: letterbox, pillarbox, both, or a dark line
              at one side
blurred_sides  Find the blurred copies of an upright film that fill a wide picture to its left and
              right
border        Find where the picture begins behind a dark rim: the border of a bar, exact to the
              row
cuts          Find the cuts between shots, while the frames go by
on_screen     What stays on the screen while the picture moves, and a crop without it
one_scene     Check that a strip shows one scene from its first frame to its last: no dissolve, no
              jump cut
window_check  Check that a window holds 32 different moments of one living picture, at an even
              pace
"""

from tinyvideo.pipeline.windows.bar_watch import BarWatch
from tinyvideo.pipeline.windows.bars import BarsConfig, find_bars
from tinyvideo.pipeline.windows.cuts import CutDetector, ShotConfig
from tinyvideo.pipeline.windows.on_screen import (
    ScreenConfig,
    crop_beside,
    find_on_screen,
    overlay_of,
    refuse_overlay,
)
from tinyvideo.pipeline.windows.one_scene import (
    SceneChangeError,
    SceneConfig,
    check_one_scene,
)
from tinyvideo.pipeline.windows.window_check import WindowConfig, check_window

__all__ = [
    "BarWatch",
    "BarsConfig",
    "CutDetector",
    "SceneChangeError",
    "SceneConfig",
    "ScreenConfig",
    "ShotConfig",
    "WindowConfig",
    "check_one_scene",
    "check_window",
    "crop_beside",
    "find_bars",
    "find_on_screen",
    "overlay_of",
    "refuse_overlay",
]
