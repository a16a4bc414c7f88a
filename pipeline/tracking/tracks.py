"""Follow the background of frame 0 through a window.

SIFT finds points in frame 0. Every later frame is then met in two steps. A coarse one at half size:
points of the frame before are followed by pyramidal Lucas-Kanade (LK), RANSAC takes the similarity
on which most agree, and that says about where the frame lies in frame 0. A fine one: from there,
the squares around the points of frame 0 are found straight in the frame
(`pipeline.tracking.keyframes`), and RANSAC finds those that agree, or what the rim of the picture
says (`pipeline.tracking.agreement`). So no error adds up over time, and a rolled or zoomed square
is still found.

Where something else passes through most of the picture, the guess that the camera stood still is
tried as well; where LK loses the way, SIFT descriptors find it again
(`pipeline.tracking.matching`). Where most of the points have gone, as behind a car or out of view,
the frame gives new ones.

Where most points disagree in frame after frame, each costs three times as much: whoever knows
another way to find the camera may pause there (`Following`).

Source: Bouguet, "Pyramidal implementation of the Lucas Kanade feature tracker", 2001; Fischler and
Bolles, "Random sample consensus", 1981.

Points are (x, y) in pixels; T counts frames, N points. Cost on one core, 427 x 240 px, 160 points:
6.5 ms for the points of frame 0, then 1 ms per frame.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.pixels import halve, to_gray
from tinyvideo.pipeline.tracking.agreement import at_rim, find_agreement
from tinyvideo.pipeline.tracking.keyframes import KeyframeConfig, Keyframes
from tinyvideo.pipeline.tracking.keypoints import inside, too_few_points
from tinyvideo.pipeline.tracking.matching import MatchConfig, find_homography
from tinyvideo.pipeline.tracking.motion import project
from tinyvideo.pipeline.types import Frame, Frames, GrayFrame, Homographies, Homography

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_TO_HALF = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])
_FROM_HALF = np.linalg.inv(_TO_HALF)
_COARSE_POINTS = 40
_COARSE_PX = 1.0
"""Largest distance, in pixels of the half size, of a point that agrees with the others."""

_SAME_PX = 0.5
"""Searches that begin no farther apart, in pixels, end in the same place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackConfig:
    keyframes: KeyframeConfig = field(default_factory=KeyframeConfig)

    agree_px: float = 1.5
    """Largest distance, in pixels, of a point that agrees with the others."""

    sure_share: float = 0.5
    """Where more than this share of the points in view agree, the way is sure. Otherwise another
    guess is tried, a similarity is fitted instead of a homography, and the frame gives new
    points."""

    renew_frames: int = 4
    """New points come no sooner than this after the last ones, in frames. Ours."""

    max_in_vain: int = 2
    """Most times in a row that new points are taken while the way stays unsure. Ours: where two did
    not help, it is not points that are missing, and each makes all later frames slower."""

    min_points: int = 12
    """With fewer points found in a frame, tracking has lost the way."""

    def __post_init__(self) -> None:
        if self.min_points < 4:  # four points determine a homography, and agree with anything
            raise ValueError(f"min_points must be at least 4, got {self.min_points}")
        if not 0 < self.sure_share <= 1:
            raise ValueError(f"sure_share must be a share above 0, got {self.sure_share}")


DEFAULT_CONFIG = TrackConfig()


@dataclass(frozen=True, slots=True)
class Tracks:
    points: Array
    """Where they lie in frame 0, (N, 2); in it, or beside it."""

    positions: Array
    """In every frame, (T, N, 2); NaN where a point was not found."""

    guess: Homographies
    """About where every frame lies in frame 0, (T, 3, 3)."""

    salience: Array
    """How much it would be seen in the strip if they trembled, mean 1, (N,)."""

    @property
    def seen(self) -> Mask:
        """Whether a point was found in a frame, (T, N)."""
        found: Mask = ~np.isnan(self.positions[..., 0])
        return found


def first_points(frame: Frame | GrayFrame, config: TrackConfig = DEFAULT_CONFIG) -> Keyframes:
    """Take points from frame 0, RGB or brightness: once for all ways to follow them."""
    points = Keyframes(config.keyframes)
    points.add(to_gray(frame), np.eye(3))
    return points


def follow_points(
    frames: Frames | Sequence[GrayFrame],
    config: TrackConfig = DEFAULT_CONFIG,
    match: MatchConfig | None = None,
    first: Keyframes | None = None,
) -> Tracks:
    """Follow the keypoints of frame 0, or `first`, through `frames`, T of RGB or brightness.

    Raises:
        RejectedError: BLURRED or TOO_FEW_INLIERS, where there is too little to follow;
            OUT_OF_VIEW, where the camera has left frame 0.
    """
    following = Following(frames, config, match, first)
    following.advance()
    return following.tracks()


class Following:
    """Follows the keypoints of frame 0 through a window, and may pause where they disagree.

    Arguments and errors are those of `follow_points`.
    """

    def __init__(
        self,
        frames: Frames | Sequence[GrayFrame],
        config: TrackConfig = DEFAULT_CONFIG,
        match: MatchConfig | None = None,
        first: Keyframes | None = None,
    ) -> None:
        first = first or first_points(frames[0], config)
        self._frames, self._next = frames, 1
        self._follower = _Follower(
            _Picture.of(frames[0]), first.copy(), config, match or MatchConfig()
        )

    def advance(self, max_unsure: int | None = None) -> bool:
        """Go on to the end, or until so many frames were unsure; say whether it was the end.

        Raises:
            RejectedError: as `follow_points`.
        """
        while self._next < len(self._frames):
            if max_unsure is not None and self._follower.unsure >= max_unsure:
                return False
            self._take_next()
        return True

    def tracks(self) -> Tracks:
        """Return what was found so far."""
        return self._follower.tracks()

    def _take_next(self) -> None:
        t, self._next = self._next, self._next + 1
        try:
            self._follower.take(_Picture.of(self._frames[t]))
        except RejectedError as error:
            reason = RejectReason.OUT_OF_VIEW if self._follower.has_left() else error.reason
            raise RejectedError(reason, f"frame {t} of the window: {error.detail}") from error


def follow_along(
    frames: Frames | Sequence[GrayFrame],
    path: Homographies,
    config: TrackConfig = DEFAULT_CONFIG,
    first: Keyframes | None = None,
) -> Tracks | None:
    """Look for keypoints of frame 0, or `first`, where `path`, (T, 3, 3), puts them in `frames`.

    These are T of RGB or brightness.

    So the points of whatever stands still along the path are found, whoever else has more of them.
    Returns None where there are too few.
    """
    points = first.copy() if first else first_points(frames[0], config)
    found = [points.points.astype(np.float64)]
    if len(points.points) < config.min_points:
        return None
    for frame, to_first in zip(frames[1:], path[1:], strict=True):
        positions, _, good = points.look(to_gray(frame), to_first)
        positions[~good] = np.nan
        off = np.linalg.norm(project(to_first, positions) - points.points, axis=1)
        points.remember(positions, to_first, off < config.agree_px)
        found.append(positions)
    salience = points.salience(frames[0].shape[:2])
    return Tracks(points.points.astype(np.float64), np.stack(found), path, salience)


class _Picture(NamedTuple):
    """One frame as tracking needs it."""

    gray: GrayFrame
    half: GrayFrame

    @classmethod
    def of(cls, frame: Frame | GrayFrame) -> "_Picture":
        gray = to_gray(frame)
        return cls(gray, halve(gray))


class _Sighting(NamedTuple):
    """The points in one frame."""

    to_first: Homography
    """About where the frame lies in frame 0."""

    positions: Array
    """(N, 2), NaN where a point was not found."""

    agree: Mask
    """The points that RANSAC found to agree on one map, (N,)."""

    share: float
    """How many these are of all that are in view, 0 to 1."""


class _Follower:
    """Finds the points of frame 0 in one frame after the other."""

    def __init__(
        self, first: _Picture, keyframes: Keyframes, config: TrackConfig, match: MatchConfig
    ) -> None:
        self._first, self._config, self._match = first, config, match
        self._keyframes = keyframes
        self._sightings: list[_Sighting] = []
        self._renewed, self._in_vain = 0, 0
        self.unsure = 0
        """Frames so far in which most points in view did not agree."""

        found = len(keyframes.points)
        positions = keyframes.points.astype(np.float64)
        self._remember(first, _Sighting(np.eye(3), positions, np.ones(found, bool), 1.0))
        if found < config.min_points:
            keypoints = config.keyframes.keypoints
            raise too_few_points(first.gray, found, config.min_points, keypoints)

    def take(self, picture: _Picture) -> None:
        """Find the points in the next frame.

        Raises:
            RejectedError: TOO_FEW_INLIERS, if they are not there.
        """
        config, best = self._config, None
        for guess in self._guesses(picture):
            found = self._refine(picture.gray, guess)
            if found and (best is None or found.share > best.share):
                best = found
            if best and best.share > config.sure_share:
                break
        best = best or self._refine(picture.gray, self._find_again(picture.gray))
        if best is None:
            detail = f"fewer than {config.min_points} keypoints of frame 0 found"
            raise RejectedError(RejectReason.TOO_FEW_INLIERS, detail)
        self._remember(picture, self._renew(picture, best))

    def has_left(self) -> bool:
        """Whether the last frame that was found shows less than half of the points of frame 0."""
        last = self._sightings[-1].to_first
        return self._keyframes.share_in_view(last, self._first.gray.shape) < 0.5

    def tracks(self) -> Tracks:
        """Return what was found so far."""
        points = self._keyframes.points.astype(np.float64)
        positions = np.full((len(self._sightings), len(points), 2), np.nan)
        for t, sighting in enumerate(self._sightings):
            positions[t, : len(sighting.positions)] = sighting.positions
        guess = np.stack([sighting.to_first for sighting in self._sightings])
        salience = self._keyframes.salience(self._first.gray.shape)
        return Tracks(points, positions, guess, salience)

    def _remember(self, picture: _Picture, sighting: _Sighting) -> None:
        self._previous = picture
        self._keyframes.remember(sighting.positions, sighting.to_first, sighting.agree)
        self._sightings.append(sighting)

    def _renew(self, picture: _Picture, sighting: _Sighting) -> _Sighting:
        """Add new points to what was found in a frame, where the way is unsure."""
        config = self._config
        if sighting.share >= config.sure_share:
            self._in_vain = 0
            return sighting
        self.unsure += 1
        waited = len(self._sightings) - self._renewed
        if waited < config.renew_frames or self._in_vain >= config.max_in_vain:
            return sighting
        self._in_vain += 1
        return self._with_new_points(picture, sighting)

    def _with_new_points(self, picture: _Picture, sighting: _Sighting) -> _Sighting:
        """Look for points in a frame, and add them to what was found there."""
        found = self._keyframes.add(picture.gray, sighting.to_first)
        self._renewed = len(self._sightings)
        # New points have not agreed with anything yet.
        return sighting._replace(
            positions=np.concatenate([sighting.positions, found]),
            agree=np.concatenate([sighting.agree, np.zeros(len(found), bool)]),
        )

    def _guesses(self, picture: _Picture) -> Iterator[Homography]:
        """Say where `picture` may lie: as most points move, or where the frame before lay."""
        before = self._sightings[-1].to_first
        step = self._step(picture)
        if step is not None:
            yield before @ step
        if step is None or _moves(step, picture.gray.shape):
            yield before

    def _step(self, picture: _Picture) -> Homography | None:
        """Guess how `picture` lies in the one before it, from a few points at half size."""
        last, few = self._sightings[-1], self._config.min_points
        # Points that agreed before are background: what passes in front of others is not followed.
        points = self._keyframes.points
        points = points[last.agree] if last.agree.sum() >= 2 * few else points
        points = points[:: max(1, len(points) // _COARSE_POINTS)]
        ahead = project(_TO_HALF @ np.linalg.inv(last.to_first), points)
        points = np.asarray(ahead[inside(ahead, picture.half.shape, 1)], np.float32)
        if len(points) < few // 2:
            return None
        found, status, error = cv2.calcOpticalFlowPyrLK(
            self._previous.half,
            picture.half,
            points,
            None,  # type: ignore[call-overload]
            winSize=(11, 11),
            maxLevel=2,
            criteria=(cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 0.03),
        )
        good = (status.ravel() > 0) & (error.ravel() < self._config.keyframes.max_error)
        if good.sum() < few // 2:
            return None
        similarity, _ = cv2.estimateAffinePartial2D(
            found[good], points[good], ransacReprojThreshold=_COARSE_PX, refineIters=2
        )
        if similarity is None:
            return None
        return np.asarray(_FROM_HALF @ np.vstack([similarity, [0, 0, 1]]) @ _TO_HALF)

    def _refine(self, gray: GrayFrame, guess: Homography) -> _Sighting | None:
        """Find the points in `gray`, where `guess` says about where it lies in frame 0."""
        config = self._config
        positions, in_view, good = self._keyframes.look(gray, guess)
        if good.sum() < config.min_points:
            return None
        points = self._keyframes.points[good]
        to_first, agreeing = find_agreement(
            positions[good],
            points,
            at_rim(points, gray.shape),
            within_px=config.agree_px,
            least=config.sure_share * in_view.sum(),
        )
        if agreeing.sum() < config.min_points:
            return None
        positions[~good] = np.nan
        agree = np.zeros(len(good), bool)
        agree[good] = agreeing
        return _Sighting(to_first, positions, agree, float(agreeing.sum() / in_view.sum()))

    def _find_again(self, gray: GrayFrame) -> Homography:
        return find_homography(gray, self._first.gray, self._match)


def _moves(step: Homography, shape: Sequence[int]) -> bool:
    """Whether a corner of a frame moves so far that a search from there may find another place."""
    corners = np.array([[0, 0], [shape[1], 0], [0, shape[0]], [shape[1], shape[0]]], np.float64)
    return bool(np.abs(project(step, corners) - corners).max() > _SAME_PX)
