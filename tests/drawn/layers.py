"""Pictures with an outline, laid over a view: bodies, heads, whatever comes before a room.

Cost: 0.2 ms for a layer of 100 x 100 pixels; what lies outside the view costs nothing.
"""

import cv2
import numpy as np
import numpy.typing as npt

from tests.drawn.films import pan
from tinyvideo.pipeline.types import Homography

Floats = npt.NDArray[np.float32]


def lay(view: Floats, picture: Floats, to_view: Homography) -> None:
    """Lay a picture (h, w, 4), color before its share, over a view (H, W, 3 or 4), in place.

    `to_view` maps pixels of the picture to those of the view. A view of four channels keeps the
    share that is covered in its last.
    """
    height, width = picture.shape[:2]
    corners = to_view @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1.0]])
    x, y = corners[:2] / corners[2]
    left, top = max(int(x.min()) - 1, 0), max(int(y.min()) - 1, 0)
    right, low = min(int(x.max()) + 2, view.shape[1]), min(int(y.max()) + 2, view.shape[0])
    if right <= left or low <= top:
        return
    warped = cv2.warpPerspective(picture, pan(-left, -top) @ to_view, (right - left, low - top))
    part = view[top:low, left:right]
    part *= 1 - warped[..., 3:]
    part += warped[..., : view.shape[2]]
