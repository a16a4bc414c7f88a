"""A file that may try anything -> small upright RGB frames, as a stream.

cadences       The cadences in which a film may repeat its pictures, and which of them some frames
               follow
colors         Colors as people see them: HDR and wide gamuts become SDR
container      Open a video container and decode its film, whatever the file tries
cutting        Cut a decoded frame to a part of it, and see its brightness, without a copy
fields         Whole pictures of films that were stored as fields: interlaced ones, and telecine
frame_changes  Measure by how much each frame of a film differs from the one before it
frames         Turn a video file into a stream of small upright RGB frames; never a whole video in
               memory
pacing         At what pace a film shows its frames, from their own time stamps
repeats        Leave out the frames of a film that only repeat the one before, where it does so in a
               cadence
upright        How a stored picture becomes upright, as the display matrix of its file says
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
