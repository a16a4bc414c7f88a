"""Measure how well a clip was stabilized, and judge it.

Every accepted strip carries these figures, so that whoever trains on it can ask for better ones
than we did. Distances are in pixels of the strip. What is measured on pictures is
measured before JPEG, which adds about 0.6 to the flicker of any strip.

Cost on one core: 6 ms per clip of 32 frames, 0.2 ms per frame.
"""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.pixels import to_gray
from tinyvideo.pipeline.stabilize.blocks import ranked
from tinyvideo.pipeline.stabilize.fitting import Bundle
from tinyvideo.pipeline.stabilize.rendering import Rendering
from tinyvideo.pipeline.stabilize.stillness import LOOSE_PX, Look, Stillness
from tinyvideo.pipeline.tracking import Tracks
from tinyvideo.pipeline.types import Frames, Homographies, Homography, StabilizationFigures

Array = npt.NDArray[np.float64]

MOVED = 12
"""Change of a pixel's brightness, 0 to 255, that counts as motion. Ours: twice what JPEG, noise
and a misfit of a tenth of a pixel make of a sharp edge."""

MOTION_STEP = 4
"""Frames between which motion is looked for: a sixth of a second."""


def measure_tracks(tracks: Tracks, bundle: Bundle, inlier_px: float) -> dict[str, float]:
    """Measure what the tracks say of the camera path, in pixels of the frames."""
    weights, seen = bundle.weights, tracks.seen
    distances = np.nan_to_num(bundle.distances)
    often = seen.sum(axis=0) >= 2
    background = often & (bundle.of_track < inlier_px)
    total = np.maximum(weights.sum(axis=1), 1e-12)
    rmse = np.sqrt((weights * distances**2).sum(axis=1) / total)
    middle = [
        np.median(distances[t][background & seen[t]] if (background & seen[t]).any() else 0)
        for t in range(len(seen))
    ]
    bent = bundle.carried[2:] - 2 * bundle.carried[1:-1] + bundle.carried[:-2]
    three = seen[2:] & seen[1:-1] & seen[:-2] & background
    jitter = np.sqrt((bent**2).sum(axis=2)[three].mean()) if three.any() else 0.0
    return {
        "inlier_ratio": _share(background, often),
        "reprojection_rmse_px": float(rmse.max()),
        "residual_motion_px": float(max(middle)),
        "jitter_px": float(jitter),
    }


def measure_blocks(look: Look) -> dict[str, float]:
    """Measure the same where no tracks are, by the blocks of the picture that stand still."""
    held = (look.say > 0) & (look.moved_px < LOOSE_PX)
    moved = look.moved_px[held] if held.any() else np.zeros(1)
    return {
        "inlier_ratio": look.stillness.loose,
        "reprojection_rmse_px": float(np.sqrt((moved**2).mean())),
        "residual_motion_px": float(np.median(moved)),
        "jitter_px": 0.0,
    }


def _share(some: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_]) -> float:
    return float((some & among).sum() / max(int(among.sum()), 1))


def figures_of(
    to_first: Homographies,
    chained: Homographies,
    rendering: Rendering,
    crop: Homography,
    *,
    model: str,
    of_tracks: dict[str, float],
    stillness: Stillness | None,
    margin: float | None,
) -> StabilizationFigures:
    """Sum a stabilized clip up in the figures that are stored with it."""
    size = rendering.frames.shape[1]
    scale = float(crop[0, 0])
    still = np.tile(np.eye(3), (len(to_first), 1, 1))
    return StabilizationFigures(
        inlier_ratio=of_tracks["inlier_ratio"],
        reprojection_rmse_px=of_tracks["reprojection_rmse_px"],
        visible_share=float(rendering.visible.min()),
        camera_motion_px=corner_distance(to_first, still, crop, size),
        camera_still=model == "still",
        motion_model=model,
        condition_number=_condition_number(to_first, crop, size),
        drift_px=corner_distance(chained, to_first, crop, size),
        jitter_px=of_tracks["jitter_px"] * scale,
        residual_motion_px=of_tracks["residual_motion_px"] * scale,
        filled_share=float(1 - rendering.visible.mean()),
        object_motion=object_motion(rendering.frames),
        flicker=flicker(rendering.frames),
        still_share=stillness.loose if stillness else None,
        still_rim=stillness.loose_rim if stillness else None,
        still_sides=stillness.sides if stillness else None,
        still_margin=margin,
    )


def flicker(frames: Frames) -> float:
    """Mean over pixels of the median over time of the change between neighbors, 0 to 255.

    `frames` are (T, S, S, 3); the median over time keeps passing objects out.
    """
    return median_change([cv2.absdiff(one, other) for one, other in pairwise(frames)])


def median_change(changes: Sequence[npt.NDArray[np.generic]]) -> float:
    """Mean over pixels of the median over time of T `changes`, 0 to 255."""
    return float(ranked(changes, ((len(changes) - 1) // 2,))[0].mean())


def object_motion(frames: Frames) -> float:
    """Say how much of a stabilized picture moves: mean share of pixels, 0 to 1.

    A pixel moves if its brightness, at half size, changes by more than `MOVED` in `MOTION_STEP`
    frames. A slide has 0, a street with walkers a few hundredths.
    """
    half = frames.shape[1] // 2, frames.shape[2] // 2
    gray = [cv2.resize(to_gray(frame), half, interpolation=cv2.INTER_AREA) for frame in frames]
    shares = [
        float((cv2.absdiff(one, other) > MOVED).mean())
        for one, other in zip(gray, gray[MOTION_STEP:], strict=False)
    ]
    return float(np.mean(shares)) if shares else 0.0


def corner_distance(one: Homographies, other: Homographies, crop: Homography, size: int) -> float:
    """Largest distance, in strip pixels, between where two paths put the corners of the strip."""
    edge = size - 0.5
    corners = np.array([[-0.5, edge, -0.5, edge], [-0.5, -0.5, edge, edge], [1, 1, 1, 1]])
    moved = crop @ one @ np.linalg.inv(other) @ np.linalg.inv(crop) @ corners
    away = np.linalg.norm(moved[:, :2] / moved[:, 2:] - corners[:2], axis=1)
    return float(away.max())


def _condition_number(to_first: Homographies, crop: Homography, size: int) -> float:
    """Worst condition number of a frame's map, in a strip whose corners lie at -1 and 1."""
    unit = np.array([[2 / size, 0, -1 + 1 / size], [0, 2 / size, -1 + 1 / size], [0, 0, 1]]) @ crop
    return float(np.linalg.cond(unit @ to_first @ np.linalg.inv(unit)).max())
