"""32 frames -> 32 frames of a camera that stands still, and a certificate.

blocks       Textures of frames, their blocks, and what each pixel is over time
bundle       Fit the camera path of a window to the tracks of its background, all frames at once
certificate  Measure how well a clip was stabilized, and judge it
depth        The path along which a scene with depth trembles least
direct       Fit a camera path to the pictures themselves, where keypoints have little to hold
fitting      The unknowns of a camera path, and steps that bring them nearer to the tracks
hypotheses   Several guesses of what the camera did, until one holds the room still
overlay      What stays on the screen although the camera moves: a caption, a border, a recorded
             screen
paper        The stabilization of 2016, as it was: the yardstick for ours
rendering    Warp frames into the place of frame 0, and fill what they do not show
stabilizer   Remove camera motion: 32 frames -> 32 frames of a camera that stands still, and a
             certificate
stillness    Measure, in the picture, how much of a room stands still along a camera path
verdict      Whether the path that holds most is that of a room
"""

from tinyvideo.pipeline.stabilize.rendering import render
from tinyvideo.pipeline.stabilize.stabilizer import (
    METHODS,
    CameraPath,
    StabilizeConfig,
    certify,
    find_camera_path,
    render_clip,
)

__all__ = [
    "METHODS",
    "CameraPath",
    "StabilizeConfig",
    "certify",
    "find_camera_path",
    "render",
    "render_clip",
]
