"""Whether the path that holds most is that of a room.

Some window has none: a crowd, the sea, a train. Some has one that nobody can tell from somebody:
then the keypoints, which are on people, and the faint edges, which are the room's, go two ways.
A picture of sky, or of a bare wall, has little that could stand still, and is kept all the same.

Cost: data only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.stabilize.hypotheses import Hypotheses, Hypothesis

_ELSEWHERE_PX = 3.0
"""A path whose corners lie farther off in some frame, in pixels, is another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictConfig:
    min_held: float = 0.2
    """Least share of the picture's texture that stands still to about a pixel, and that of the
    rim, 0 to 2 together. Ours: below, what fills the picture is not the background."""

    min_reach: float = 0.15
    """Or the least share of its parts, 0 to 1, those that are likely the room counted more."""

    min_held_frame: float = 0.5
    """Least share, 0 to 1, of what stands still that does so in each single frame. Ours: below,
    that frame shows something else."""

    max_contested_px: float = 4.5
    """Largest distance, in pixels of a 240-px frame, between the corners by keypoints and by the
    faint edges of the room. Ours: of a room 3 at most, of somebody before it 6 to 50."""

    uncontested: float = 0.9
    """Where keypoints hold this share of picture and rim, 0 to 2 together, edges are not asked."""

    least_contest: float = 0.08
    """Nor where they hold less than this share of its parts: water, of which all moves."""

    min_faint_rim: float = 0.4
    """Least share of the rim, 0 to 1, that shows next to nothing, as sky or a bare wall does, in a
    picture that may be kept although little in it can stand still."""

    max_moving_rim: float = 0.5
    """Largest share of the rim, 0 to 1, that may move in such a picture."""

    def __post_init__(self) -> None:
        for name in ("min_reach", "min_held_frame", "min_faint_rim", "max_moving_rim"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a share above 0, got {getattr(self, name)}")
        for name in ("min_held", "uncontested"):
            if not 0 < getattr(self, name) <= 2:
                raise ValueError(f"{name} must be above 0 and at most 2, got {getattr(self, name)}")


def check_held(best: Hypothesis, hypotheses: Hypotheses, config: VerdictConfig) -> None:
    """Refuse a path along which too little of the room stands still, or that may follow somebody.

    Raises:
        RejectedError: FOREGROUND, or why keypoints could not be followed.
    """
    if hypotheses.settled:
        return
    found, trouble = best.stillness, hypotheses.trouble
    if trouble is not None and trouble.reason is RejectReason.BLURRED:
        raise trouble
    holds = found.held >= config.min_held or found.reach >= config.min_reach
    if holds and found.worst_frame >= config.min_held_frame:
        _check_contested(best, hypotheses.judged, config)
        return
    if trouble is not None and trouble.reason is not RejectReason.TOO_FEW_INLIERS:
        raise trouble
    faint = found.faint_rim >= config.min_faint_rim and found.moving_rim <= config.max_moving_rim
    if faint and best.name in ("still", "direct"):
        return
    detail = f"{found.loose:.0%} of the texture stands still, {found.loose_rim:.0%} at the rim"
    if holds:
        detail = f"{detail}, but in one frame {found.worst_frame:.0%} of that, "
        detail = f"{detail}{config.min_held_frame:.0%} needed"
    else:
        detail = f"{detail}; {config.min_held:.0%} needed together"
    raise RejectedError(RejectReason.FOREGROUND, detail)


def _check_contested(best: Hypothesis, judged: Sequence[Hypothesis], config: VerdictConfig) -> None:
    """Refuse a path of keypoints that is not that of the room's edges, unless it holds most.

    Somebody who has the keypoints is told from the room by this: its edges go another way.

    Raises:
        RejectedError: FOREGROUND.
    """
    found = best.stillness
    rivals = [guess for guess in judged if guess.name == "direct"]
    of_keypoints = best.bundle is not None or best.name == "chain"
    if not rivals or not of_keypoints or found.held >= config.uncontested:
        return
    if found.reach < config.least_contest:
        return
    apart = float(np.median(_apart(best, rivals[0])))
    if apart > config.max_contested_px:
        detail = f"two paths hold as much, {apart:.0f} px apart: the keypoints follow one, "
        raise RejectedError(RejectReason.FOREGROUND, f"{detail}the edges of the room another")


def margin_of(best: Hypothesis, judged: Sequence[Hypothesis]) -> float:
    """By how much `best` holds more than any that lies elsewhere."""
    others = [guess.score for guess in judged if _apart(best, guess).max() > _ELSEWHERE_PX]
    return float(best.score - max(others, default=0.0))


def _apart(one: Hypothesis, other: Hypothesis) -> npt.NDArray[np.float64]:
    """How far two paths put the corners of a frame apart, in its pixels: mean of four, (T,)."""
    height, width = one.look.pictures.shape
    corners = np.array([[0, width, 0, width], [0, 0, height, height], [0.5] * 4]) * 2
    places = [guess.to_first @ corners for guess in (one, other)]
    ours, theirs = (place[:, :2] / place[:, 2:] for place in places)
    return np.asarray(np.linalg.norm(ours - theirs, axis=1).mean(axis=1))
