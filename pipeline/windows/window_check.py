"""Check that a window holds 32 different moments of one living picture, at an even pace.

This is what can be judged before the camera is looked for. It works on small gray copies.

Cost: 0.05 ms per frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.decode import TimedFrame
from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.pixels import thumbnail
from tinyvideo.pipeline.types import Frame, GrayFrame, VideoFacts

_THUMBNAIL = (96, 54)
"""Width and height, in pixels."""

_ROWS = 4
"""Every so many rows of a frame tell its contrast roughly."""

MAX_OFF = 1.1
"""How far pictures may be out of step where a film repeats some, in frames of the film. Ours: one
that was repeated evenly stays below 1, and a picture too many or too few makes 1.2 at least."""

RATE_SLACK = 0.01
"""How far the rate may be off that to which it was rounded, as a share. Ours: one film had 23.8."""

REPEAT_SHARE, LEAST_MOVING = 0.2, 0.15
"""Change of a repeat, at most, as a share of those before and behind it, and their least, 0 to 255:
of a small gray copy's mean pixel. Ours: at crf 18 to 28 repeats have 0.02 to 0.15 of it; shaking
hands and pendulums, drawn, have no such frame at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowConfig:
    max_gap: float = 1.5
    """Longest time between two frames, in frame intervals. Ours: a dropped frame makes 2."""

    min_contrast: float = 4.0
    """Least standard deviation of a frame's colors, 0 to 255. Ours: below, it is black or
    of one color, and nothing can be matched."""

    max_fade: float = 2.5
    """Largest ratio between the contrasts of two frames that show the same picture. Ours: an
    exposure that adapts stays below 2."""

    min_change: float = 0.02
    """Least change of a small gray copy's mean pixel, 0 to 255, between frames of a living picture.
    Ours: a street with a fixed camera has 0.1, an encoded still 0.01."""

    max_repeats: int = 4
    """Frames that hardly differ from the one before while the picture moves, at most. Ours: films
    of people that are worth keeping have up to 3 of 32 where somebody has converted them."""

    def __post_init__(self) -> None:
        if self.max_gap <= 1 or self.max_fade <= 1:
            raise ValueError(
                f"max_gap and max_fade must be above 1, got {self.max_gap}, {self.max_fade}"
            )
        if min(self.min_contrast, self.min_change) < 0:
            raise ValueError("min_contrast and min_change must not be negative")


DEFAULT_CONFIG = WindowConfig()


def check_window(
    window: Sequence[TimedFrame], facts: VideoFacts, config: WindowConfig = DEFAULT_CONFIG
) -> None:
    """Refuse a window whose frames are not different moments at an even pace.

    Raises:
        RejectedError: FADE, FLAT, FRAME_RATE, UNEVEN_TIMING, FROZEN or REPEATED_FRAME, with the
            frame.
    """
    contrasts = _contrasts(window, config)
    small = [thumbnail(frame.gray, _THUMBNAIL) for frame in window]
    _check_pace(window, facts, config)
    _check_fade(window, contrasts, small, config)
    _check_contrast(window, contrasts, config)
    _check_life(window, small, config)


def _check_fade(
    window: Sequence[TimedFrame],
    contrasts: Sequence[float],
    small: Sequence[GrayFrame],
    config: WindowConfig,
) -> None:
    dark, bright = int(np.argmin(contrasts)), int(np.argmax(contrasts))
    ratio = contrasts[bright] / max(contrasts[dark], 1e-3)
    if ratio <= config.max_fade or contrasts[bright] < config.min_contrast:
        return
    between = sorted((dark, bright))
    way = contrasts[between[0] : between[1] + 1]
    step = max(abs(after - before) for before, after in pairwise(way))
    # A fade takes many small steps; a flash, or the cut that was missed, one large one.
    if len(way) < 5 or step > (contrasts[bright] - contrasts[dark]) / 2:
        return
    if contrasts[dark] >= config.min_contrast and not _alike(small[dark], small[bright]):
        return
    detail = f"the contrast goes from {contrasts[between[0]]:.0f} in frame "
    detail += f"{window[between[0]].index} to {contrasts[between[1]]:.0f} in frame "
    raise RejectedError(RejectReason.FADE, f"{detail}{window[between[1]].index}")


def _check_contrast(
    window: Sequence[TimedFrame], contrasts: Sequence[float], config: WindowConfig
) -> None:
    for frame, contrast in zip(window, contrasts, strict=True):
        if contrast < config.min_contrast:
            detail = (
                f"frame {frame.index} has contrast {contrast:.1f}, {config.min_contrast} needed"
            )
            raise RejectedError(RejectReason.FLAT, detail)


def _check_pace(window: Sequence[TimedFrame], facts: VideoFacts, config: WindowConfig) -> None:
    pace = window[0].pace or facts.pace
    if pace.refusal:
        raise RejectedError(RejectReason.FRAME_RATE, pace.refusal)
    stretch = window[0].stretch
    if stretch is not None and not stretch.even:
        detail = f"no two frames of {window[0].index} to {window[-1].index} are equally far apart"
        raise RejectedError(RejectReason.UNEVEN_TIMING, detail)
    fps = float(facts.fps if stretch is None else stretch.fps)
    for before, frame in pairwise(window):
        # Frames of the source are even; which of them are taken need not be.
        gap = (frame.time_s - before.time_s) * fps / (frame.index - before.index)
        if not 1 / config.max_gap < gap < config.max_gap:
            detail = f"frame {frame.index} comes {gap:.2f} intervals after the one before it"
            raise RejectedError(RejectReason.UNEVEN_TIMING, detail)
    off = _out_of_step([frame.index for frame in window], float(pace.step))
    if off > MAX_OFF:
        detail = f"pictures at {float(pace.fps):.5g} per second lie up to {off:.2f} frames of the "
        raise RejectedError(RejectReason.UNEVEN_TIMING, f"{detail}film out of step")


def _out_of_step(indices: Sequence[int], step: float) -> float:
    numbers = np.arange(len(indices))
    off = np.array(indices) - step * numbers
    # A rate is a round number, and the film's own may be a little off.
    slope = np.polyfit(numbers, off, 1)[0] if len(numbers) > 2 and np.ptp(off) > 1 else 0.0
    return float(np.ptp(off - np.clip(slope, -RATE_SLACK * step, RATE_SLACK * step) * numbers))


def _check_life(
    window: Sequence[TimedFrame], small: Sequence[GrayFrame], config: WindowConfig
) -> None:
    changes = [float(np.mean(cv2.absdiff(one, other))) for one, other in pairwise(small)]
    if changes and float(np.median(changes)) < config.min_change:
        detail = f"the picture changes by {np.median(changes):.3f} per frame, "
        raise RejectedError(RejectReason.FROZEN, f"{detail}{config.min_change} needed")
    for (before, frame), change in zip(pairwise(window), changes, strict=True):
        if change == 0 and np.array_equal(before.image, frame.image):
            detail = f"frame {frame.index} is equal to the one before it"
            raise RejectedError(RejectReason.REPEATED_FRAME, detail)
    if (count := count_repeats(changes)) > config.max_repeats:
        detail = f"{count} of {len(window)} frames hardly differ from the one before, "
        detail += f"{config.max_repeats} may, while the picture moves"
        raise RejectedError(RejectReason.REPEATED_FRAME, detail)


def count_repeats(changes: Sequence[float]) -> int:
    """Count the changes from frame to frame that are small beside what comes before and behind.

    A codec alters a repeat by what is its noise in this film, so the film itself is the measure. A
    picture that comes to rest, or a pendulum that turns, is slow on the way there.
    """
    count = 0
    for number in range(1, len(changes) - 1):
        before, behind = changes[max(0, number - 2) : number], changes[number + 1 : number + 3]
        moving = min(max(before), max(behind))
        count += moving >= LEAST_MOVING and changes[number] <= REPEAT_SHARE * moving
    return count


def _contrasts(window: Sequence[TimedFrame], config: WindowConfig) -> list[float]:
    """Measure the contrast of every frame; roughly, where it is far from any limit."""
    rough = [_contrast(frame.image[::_ROWS]) for frame in window]
    far = min(rough) > 2 * config.min_contrast
    if far and max(rough) < (1 + (config.max_fade - 1) / 2) * min(rough):
        return rough
    return [_contrast(frame.image) for frame in window]


def _contrast(image: Frame) -> float:
    return float(cv2.meanStdDev(image)[1].max())


def _alike(one: GrayFrame, other: GrayFrame) -> bool:
    """Whether two small pictures differ in brightness and contrast only."""
    flat: npt.NDArray[np.float64] = np.corrcoef(one.ravel(), other.ravel())
    return bool(flat[0, 1] > 0.8)
