"""Where the points of frame 0 are in later frames: SIFT, optical flow, RANSAC.

agreement  Find the map of a frame on which the points of the background agree
keyframes  The points that are followed: those of frame 0, and those of later frames that gave
           new ones
keypoints  SIFT keypoints, spread over the picture
matching   Find one frame in another: SIFT features, the ratio test, and a homography by RANSAC
motion     Small camera motions: how they move points, and how to fit them to many frames at
           once
patches    Squares around the points of frame 0, found in other frames
tracks     Follow the background of frame 0 through a window
"""

from tinyvideo.pipeline.tracking.agreement import FEWEST, at_rim
from tinyvideo.pipeline.tracking.keyframes import Keyframes
from tinyvideo.pipeline.tracking.matching import MatchConfig, find_homography
from tinyvideo.pipeline.tracking.motion import MODELS, MotionFit, carry, motions, slopes_at
from tinyvideo.pipeline.tracking.tracks import (
    Following,
    TrackConfig,
    Tracks,
    first_points,
    follow_along,
    follow_points,
)

__all__ = [
    "FEWEST",
    "MODELS",
    "Following",
    "Keyframes",
    "MatchConfig",
    "MotionFit",
    "TrackConfig",
    "Tracks",
    "at_rim",
    "carry",
    "find_homography",
    "first_points",
    "follow_along",
    "follow_points",
    "motions",
    "slopes_at",
]
