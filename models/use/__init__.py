"""A checkpoint -> new videos, and the page that shows them.

gallery   A page of generated clips: all of them moving in a grid, the parts of each beside it
generate  Checkpoint -> new videos, with the parts that they are composed of, and a page to look
          at
predict   A still image -> the 32 frames that a conditional network expects to follow
"""

from tinyvideo.models.use.generate import PAGE_NAME, generate
from tinyvideo.models.use.predict import predict

__all__ = [
    "PAGE_NAME",
    "generate",
    "predict",
]
