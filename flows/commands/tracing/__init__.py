"""`explain`, `failures`, `retry`, `credits`, `recheck`, `block`, `takedown`: single videos.

recheck_command   `tinyvideo recheck`: are the videos in the shards there still, and under the
                  same license?
single_videos     The commands about single videos: what became of them, trying again, credits,
                  the block list
takedown_command  The command `tinyvideo takedown`: a video or an owner goes out of everything,
                  for good
"""

from tinyvideo.flows.commands.tracing.recheck_command import recheck
from tinyvideo.flows.commands.tracing.single_videos import (
    block,
    credits,
    explain,
    failures,
    retry,
    unblock,
)
from tinyvideo.flows.commands.tracing.takedown_command import takedown

__all__ = [
    "block",
    "credits",
    "explain",
    "failures",
    "recheck",
    "retry",
    "takedown",
    "unblock",
]
