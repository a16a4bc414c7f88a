"""A file that may try anything -> small upright RGB frames, as a stream.

cadences       The cadences in which a film may repeat its pictures, and which of them some frames
               follow
colors         Colors as people see them: HDR and wide gamuts become SDR
container      Open a video container and decode its film, whatever the file tries
cutting        Cut a decoded frame to a part of it, and see its brightness, without a copy
fields         Whole pictures of films that were stored as fields: interlaced ones, and telecine
film_decoder   A decoder that reports damage instead of painting over it
frame_changes  Measure by how much each frame of a film differs from the one before it
frames         Turn a video file into a stream of small upright RGB frames; never a whole video in
               memory
libav_border   The one border to FFmpeg: what libav raises, or logs, becomes an error of ours here
pacing         At what pace a film shows its frames, from their own time stamps
picture_damage  See by the pictures themselves that one is damaged, where its decoder has not
               noticed
repeats        Leave out the frames of a film that only repeat the one before, where it does so in a
               cadence
upright        How a stored picture becomes upright, as the display matrix of its file says
"""

from tinyvideo.pipeline.decode.container import choose_film, open_container, open_file
from tinyvideo.pipeline.decode.film_decoder import FilmDecoder
from tinyvideo.pipeline.decode.frames import FramesConfig, OpenVideo, TimedFrame, open_video
from tinyvideo.pipeline.decode.libav_border import rejecting
from tinyvideo.pipeline.decode.pacing import Stretch

__all__ = [
    "FilmDecoder",
    "FramesConfig",
    "OpenVideo",
    "Stretch",
    "TimedFrame",
    "choose_film",
    "open_container",
    "open_file",
    "open_video",
    "rejecting",
]
