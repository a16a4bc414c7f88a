"""A file that may try anything -> small upright RGB frames, as a stream.

container  Open a video container and decode its film, whatever the file tries
cutting    Cut a decoded frame to a part of it, and see its brightness, without a copy
frames     Turn a video file into a stream of small upright RGB frames; never a whole video in
           memory
upright    How a stored picture becomes upright, as the display matrix of its file says
"""

from tinyvideo.pipeline.decode.container import choose_film, open_container, open_file, rejecting
from tinyvideo.pipeline.decode.frames import FramesConfig, OpenVideo, TimedFrame, open_video

__all__ = [
    "FramesConfig",
    "OpenVideo",
    "TimedFrame",
    "choose_film",
    "open_container",
    "open_file",
    "open_video",
    "rejecting",
]
