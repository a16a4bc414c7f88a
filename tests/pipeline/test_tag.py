"""Tags are checked against means and orders that can be worked out by hand."""

import numpy as np
import pytest

from tinyvideo.pipeline.tag import TagConfig, tag_shot
from tinyvideo.pipeline.types import Tag

FRAMES = np.stack([np.full((4, 6, 3), value, np.uint8) for value in (0, 1, 2)])


class Table:
    """Answers with the row that a frame's first byte names."""

    model = "table"

    def __init__(self, rows, scenes):
        self.rows = np.array(rows, np.float32)
        self.scenes = scenes
        self.seen = 0

    def __call__(self, frames, /):
        self.seen += len(frames)
        return self.rows[frames[:, 0, 0, 0]]


SIX = ("airfield", "beach", "coast", "desert", "field", "garage")
ROWS = [
    [0.50, 0.25, 0.00, 0.25, 0.0, 0.0],
    [0.00, 0.75, 0.00, 0.25, 0.0, 0.0],
    [0.00, 0.00, 1.00, 0.00, 0.0, 0.0],
]


def pairs(tags):
    return [(tag.scene, tag.probability) for tag in tags.tags]


def test_takes_the_first_frame_only_and_keeps_the_order_of_equals():
    classifier = Table(ROWS, SIX)
    tags = tag_shot(FRAMES, classifier)
    assert tags.model == "table"
    assert pairs(tags) == [
        ("airfield", 0.5),
        ("beach", 0.25),
        ("desert", 0.25),
        ("coast", 0.0),
        ("field", 0.0),
    ]
    assert classifier.seen == 1


def test_averages_over_frames():
    tags = tag_shot(FRAMES, Table(ROWS, SIX), TagConfig(max_frames=2, top=3))
    assert pairs(tags) == [("beach", 0.5), ("airfield", 0.25), ("desert", 0.25)]


def test_a_shot_may_be_shorter_than_asked_for():
    tags = tag_shot(FRAMES[2:], Table(ROWS, SIX), TagConfig(max_frames=9, top=1))
    assert tags.tags == (Tag(scene="coast", probability=1.0),)


def test_fewer_scenes_than_asked_for_are_all_given():
    tags = tag_shot(FRAMES[:1], Table([[0.25, 0.5]], ("beach", "coast")))
    assert pairs(tags) == [("coast", 0.5), ("beach", 0.25)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param([[0.5]], r"table gave \(1, 1\), not \(1, 2\)", id="shape"),
        pytest.param([[0.5, np.nan]], "outside 0 to 1", id="nan"),
        pytest.param([[0.5, 1.5]], "outside 0 to 1", id="too-large"),
        pytest.param([[0.5, -0.5]], "outside 0 to 1", id="negative"),
    ],
)
def test_a_classifier_that_breaks_its_promise_is_a_bug(rows, message):
    with pytest.raises(ValueError, match=message):
        tag_shot(FRAMES[:1], Table(rows, ("beach", "coast")))


@pytest.mark.parametrize(
    "frames", [np.zeros((0, 4, 4, 3), np.uint8), np.zeros((1, 4, 4, 3), np.float32)]
)
def test_wrong_frames_are_a_bug(frames):
    with pytest.raises(ValueError, match="want RGB frames"):
        tag_shot(frames, Table(ROWS, SIX))


@pytest.mark.parametrize("field", ["max_frames", "top"])
def test_config_refuses_impossible_values(field):
    with pytest.raises(ValueError, match=f"{field} must be at least 1, got 0"):
        TagConfig(**{field: 0})
