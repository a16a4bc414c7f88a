"""Scenes of two planes, and rooms with somebody in them, drawn along paths that are known."""

import numpy as np
import pytest

from tests.drawn.films import HEIGHT, WIDTH, camera_path, film, pan, shaky_path
from tinyvideo.pipeline.stabilize.bundle import fit_bundle
from tinyvideo.pipeline.stabilize.certificate import flicker
from tinyvideo.pipeline.stabilize.depth import fit_depth
from tinyvideo.pipeline.stabilize.rendering import render
from tinyvideo.pipeline.stabilize.stabilizer import (
    StabilizeConfig,
    certify,
    find_camera_path,
    render_clip,
)
from tinyvideo.pipeline.strips.strip_jpeg import crop_to_strip
from tinyvideo.pipeline.tracking.tracks import Tracks, follow_points

SIZE = 64
CROP = crop_to_strip(WIDTH, HEIGHT, SIZE)
SHAPE = (HEIGHT, WIDTH)


@pytest.fixture(scope="module")
def two_planes():
    """A meadow before mountains: from half the height on, the picture moves twice as far."""
    truth = shaky_path(20, seed=4, strength=10)
    near = truth.copy()
    near[:, :2, 2] *= 2
    frames = film(truth, 1)
    frames[:, 90:] = film(near, 2)[:, 90:]
    return frames


def test_two_planes_tremble_less_along_a_path_for_both(two_planes):
    tracks = follow_points(two_planes)
    background = fit_bundle(tracks)

    both = fit_depth(tracks, background, SHAPE)

    assert both is not None
    assert both.model == "parallax"
    np.testing.assert_array_equal(both.to_first[0], np.eye(3))
    np.testing.assert_array_equal(both.chained, background.to_first)
    shown = [
        flicker(render(two_planes, found.to_first, CROP, SIZE).frames)
        for found in (both, background)
    ]
    assert shown[0] < 0.7 * shown[1]


def test_a_clip_of_two_planes_is_rendered_along_it_and_says_so(two_planes):
    path = find_camera_path(two_planes)

    taken, rendering = render_clip(two_planes, path, CROP, SIZE)
    figures = certify(taken, rendering, CROP)

    assert path.model != "parallax"
    assert figures.motion_model == "parallax"
    assert 1 < figures.drift_px < 10  # the planes have moved apart
    plain = render(two_planes, path.to_first, CROP, SIZE)
    assert figures.flicker < 0.97 * flicker(plain.frames)


@pytest.mark.parametrize("limit", [{"max_parallax_px": 0.5}, {"max_steadier": 0.1}])
def test_where_it_slides_or_gains_nothing_the_background_is_followed(two_planes, limit):
    path = find_camera_path(two_planes)

    taken, _ = render_clip(two_planes, path, CROP, SIZE, StabilizeConfig(**limit))

    assert taken is path


def test_somebody_in_the_middle_is_not_met_halfway():
    truth = shaky_path(16, seed=4, strength=4)
    frames = film(truth, 1)
    sway = camera_path([pan(0.9, 0)] * 15)
    frames[:, 30:, 90:230] = film(sway, 2, HEIGHT - 30, 140)
    tracks = follow_points(frames)
    background = fit_bundle(tracks)

    beside = np.nanmax(background.distances, axis=0) > 1
    assert beside.mean() > 0.25
    assert fit_depth(tracks, background, SHAPE) is None


def test_one_plane_has_one_path():
    tracks = follow_points(film(shaky_path(8, seed=2, strength=6)))

    assert fit_depth(tracks, fit_bundle(tracks), SHAPE) is None


def test_without_a_rim_nobody_can_tell_a_plane_from_a_person(two_planes):
    tracks = follow_points(two_planes)
    x, y = tracks.points.T
    inner = (x > 60) & (x < 260) & (y > 24)
    few = Tracks(
        tracks.points[inner], tracks.positions[:, inner], tracks.guess, tracks.salience[inner]
    )

    assert fit_depth(few, fit_bundle(few), SHAPE) is None
