"""A file that may try anything -> small upright RGB frames, as a stream.

container  Open a video container and decode its film, whatever the file tries
frames     Turn a video file into a stream of small upright RGB frames; never a whole video in
           memory
repeats    Find out that a film shows its pictures more than once, and which frames are the
           repeats
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
