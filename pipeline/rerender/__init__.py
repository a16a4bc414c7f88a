"""Strips and windows from a film once more: at another size, or as they were before.

preview  Small copies of strips for people to look at, and the same clip before it was
         stabilized
recrop   Cut strips from a film again, at another size or crop, with the homographies that are
         stored
"""

from tinyvideo.pipeline.rerender.preview import (
    contact_sheet,
    same_picture,
    shrink_strip,
    unstabilized_strip,
)
from tinyvideo.pipeline.rerender.recrop import ClipPlace, cut_strips

__all__ = [
    "ClipPlace",
    "contact_sheet",
    "cut_strips",
    "same_picture",
    "shrink_strip",
    "unstabilized_strip",
]
