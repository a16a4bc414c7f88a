"""Who is asked where the background lies: most points, or those at the rim."""

import numpy as np
import pytest

from tinyvideo.pipeline.tracking.agreement import at_rim, find_agreement

SHAPE = (180, 320)


def points(seed, low, high, count):
    return np.random.default_rng(seed).uniform(low, high, (count, 2)).astype(np.float32)


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((160, 90), False),
        ((20, 90), True),
        ((300, 90), True),
        ((160, 10), True),
        ((160, 170), False),  # a body reaches down to the lower edge
        ((-30, 90), True),
    ],
    ids=["middle", "left", "right", "top", "bottom", "beside"],
)
def test_the_rim_is_left_right_and_top(point, expected):
    assert at_rim(np.array([point], np.float64), SHAPE).tolist() == [expected]


def test_the_rim_speaks_against_the_many_in_the_middle():
    room, body = points(1, (0, 0), (50, 180), 20), points(2, (100, 60), (220, 180), 60)
    places = np.concatenate([room, body])
    seen = np.concatenate([room - [7, 0], np.add(body, [0, 9])]).astype(np.float32)

    found, who = find_agreement(seen, places, at_rim(places, SHAPE), within_px=1.5, least=10)

    np.testing.assert_allclose(found, [[1, 0, 7], [0, 1, 0], [0, 0, 1]], atol=1e-2)
    assert who.tolist() == [True] * 20 + [False] * 60


def test_a_rim_that_does_not_agree_with_itself_is_not_asked():
    rim, body = points(3, (0, 0), (50, 180), 20), points(4, (100, 60), (220, 180), 60)
    places = np.concatenate([rim, body])
    ways = np.random.default_rng(5).uniform(-40, 40, (20, 2))
    seen = np.concatenate([rim + ways, np.add(body, [0, 9])]).astype(np.float32)

    _, who = find_agreement(seen, places, at_rim(places, SHAPE), within_px=1.5, least=10)

    assert who[20:].all()
    assert who[:20].sum() < 10


def test_what_fills_the_rim_is_not_asked_where_nearly_all_agree():
    bird, flower = points(6, (0, 0), (50, 180), 12), points(7, (60, 20), (250, 180), 80)
    places = np.concatenate([bird, flower])
    seen = np.concatenate([np.add(bird, [6, 3]), np.add(flower, [0, 9])]).astype(np.float32)

    _, who = find_agreement(seen, places, at_rim(places, SHAPE), within_px=1.5, least=10)

    assert who.tolist() == [False] * 12 + [True] * 80
