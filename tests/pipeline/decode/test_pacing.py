"""Stretches of a film, from time stamps that a film may have, and from such as it may not."""

from fractions import Fraction

import pytest

from tinyvideo.pipeline.decode.pacing import Pacer, Timeline


def stretches(times, rates=(Fraction(25),)):
    """List the stretches of frames at these times, whose packets say no more than the frames."""
    pacer = Pacer(Timeline(), rates)
    found = [pacer.next(time_s) for time_s in times]
    return [found[at] for at in range(len(found)) if at == 0 or found[at] is not found[at - 1]]


def test_a_film_without_time_stamps_has_the_rate_of_its_header():
    assert [(s.fps, s.even) for s in stretches([None] * 40)] == [(25, True)]


@pytest.mark.parametrize("step", [0, -0.04, 1.0], ids=["equal", "backwards", "far apart"])
def test_stamps_that_never_fit_make_few_stretches_and_no_even_one(step):
    found = stretches([step * at for at in range(500)])
    assert len(found) <= 3
    assert not found[-1].even


def test_a_gap_is_a_border_and_what_follows_is_even():
    times = [at / 25 + (3 if at >= 40 else 0) for at in range(80)]
    assert [(s.first, s.even) for s in stretches(times)] == [(0, True), (40, True)]


def test_what_was_uneven_is_even_again_when_frames_fit():
    times = [0, 0.04, 0.04, 0.04, 0.04, *(1 + at / 25 for at in range(40))]
    found = stretches(times)
    assert [s.even for s in found] == [True, True, False, True]
    assert found[-1].first == 6
