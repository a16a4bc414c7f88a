"""The change between two frames is that of their brightness, whatever they are stored as."""

import math

import av
import numpy as np
import pytest

from tinyvideo.pipeline.decode.frame_changes import FrameChanges


def gray(value, layout="gray"):
    shape, kind = ((90, 62, 3), np.uint8) if layout == "rgb24" else ((90, 62), np.uint8)
    if layout == "gray10le":
        kind = np.uint16
    return av.VideoFrame.from_ndarray(np.full(shape, value, kind), format=layout)


@pytest.mark.parametrize(("layout", "ten"), [("gray", 10), ("rgb24", 10), ("gray10le", 40)])
def test_ten_steps_of_brightness_are_a_change_of_ten(layout, ten):
    changes = FrameChanges()
    assert changes.measure(gray(0, layout)) == math.inf
    assert changes.measure(gray(0, layout)) == 0
    assert changes.measure(gray(ten, layout)) == pytest.approx(10, abs=0.05)


def test_half_of_the_picture_counts_as_half_of_the_squares():
    changes, half = FrameChanges(), np.zeros((90, 62), np.uint8)
    half[:, :31] = 40
    changes.measure(gray(0))
    assert changes.measure(av.VideoFrame.from_ndarray(half, format="gray")) == pytest.approx(
        40 * 0.5**0.5
    )


def test_another_size_is_no_change_that_could_be_told():
    changes = FrameChanges()
    changes.measure(gray(0))
    other = av.VideoFrame.from_ndarray(np.zeros((44, 44), np.uint8), format="gray")
    assert changes.measure(other) == math.inf
