"""A checkpoint -> new videos, and the page that shows them.

gallery           A page of generated clips: all of them moving in a grid, the parts of each
                  beside it
generated_arrays  Checkpoint -> new videos as arrays, for programs
generation        Checkpoint -> new videos, with the parts that they are composed of, and a page
                  to look at
prediction        A still image -> the 32 frames that a conditional network expects to follow
"""

from tinyvideo.models.use.generated_arrays import GeneratedVideos, generate_arrays
from tinyvideo.models.use.generation import PAGE_NAME, generate
from tinyvideo.models.use.prediction import predict, predict_frames

__all__ = [
    "PAGE_NAME",
    "GeneratedVideos",
    "generate",
    "generate_arrays",
    "predict",
    "predict_frames",
]
