"""A checkpoint -> new videos, and the page that shows them.

gallery     A page of generated clips: all of them moving in a grid, the parts of each beside it
generation  Checkpoint -> new videos, with the parts that they are composed of, and a page to
            look at
prediction  A still image -> the 32 frames that a conditional network expects to follow
"""

from tinyvideo.models.use.generation import PAGE_NAME, generate
from tinyvideo.models.use.prediction import predict

__all__ = [
    "PAGE_NAME",
    "generate",
    "predict",
]
