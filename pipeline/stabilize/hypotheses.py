"""Several guesses of what the camera did, one after the other, until one holds the room still.

    still       it stood on a tripod: nothing is moved at all, and where that holds it is final
    keypoints   most keypoints agree on it, over all frames (`bundle`)
    direct      faint edges of what is likely the room agree on it (`direct`)
    rest        the same without what stands still along the best of these: that may be somebody
    room        the keypoints of what stands still along the best of these (`bundle`)
    chain       the keypoints agree on it from neighbor to neighbor
    paper       that of 2016, where the others hold next to nothing

Each is judged by the area that stands still along it (`stillness`), so that none wins because
somebody wears a shirt with texture. A guess costs more than the one before it; most windows end at
the first or second. Keypoints that disagree in frame after frame cost most and are rarely those of
the room: they wait until the faint edges have been asked, and are followed to the end only where
these hold too little. Nor is more tried where a camera that did not move holds nearly as much.

Cost on one core, 32 frames of 427 x 240 px: 8 ms for a tripod, 60 ms where keypoints hold, 200 ms
where all are tried.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.errors import RejectedError
from tinyvideo.pipeline.stabilize.blocks import Floats
from tinyvideo.pipeline.stabilize.bundle import fit_bundle
from tinyvideo.pipeline.stabilize.direct import drift_of, fit_direct, settle_direct
from tinyvideo.pipeline.stabilize.fitting import Bundle, BundleConfig
from tinyvideo.pipeline.stabilize.paper import find_paper_path
from tinyvideo.pipeline.stabilize.stillness import Look, Pictures, Stillness
from tinyvideo.pipeline.tracking import (
    Following,
    Keyframes,
    MatchConfig,
    TrackConfig,
    Tracks,
    first_points,
    follow_along,
)
from tinyvideo.pipeline.types import GrayFrame, Homographies

Array = npt.NDArray[np.float64]


_LEAST_TEXTURE = 12
"""In a picture with fewer blocks that show something, nothing is known to stand still."""

_AS_MUCH = 0.97
"""A path that holds this share of what another does holds as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HypothesisConfig:
    tripod_rim: float = 0.25
    """Least share of the rim, 0 to 1, that stands still to a third of a pixel where the camera
    stands on a tripod. Ours: on real tripods 0.29 or more, in hands 0.13 at most."""

    exact_blocks: float = 12.0
    """Or so many blocks that do not move at all. Ours: on tripods before which somebody fills most
    of the picture 14 or more, in hands 6 at most, beside a logo 11."""

    exact_parts: int = 3
    """Least number of the 24 parts of the picture over which they are spread."""

    settled_px: float = 0.45
    """Largest way that all that stands still moves if it is taken together, in any frame, in pixels
    of a 240-px frame, where no other path is tried. Ours: as much is hardly seen in a strip; real
    tripods have 0.02 to 0.34, but one that is pushed."""

    settled_share: float = 0.4
    """Least share of the picture, 0 to 1, and of its rim, that a path holds to a pixel where no
    other is tried."""

    settled_both: float = 0.9
    """Least sum of the two, 0 to 2. Ours: along a path that follows somebody, 0.8 at most."""

    near_still: float = 0.75
    """Where a camera that did not move holds this share of what another path holds, 0 to 1, it did
    not move. Ours: whoever breathes before a tripod makes 0.79 to 1, a weak hand 0.71 at most."""

    held_frame: float = 0.6
    """Least share, 0 to 1, of what stands still that stands still in each single frame."""

    max_unsure: int = 8
    """Frames in which less than half of the keypoints in view agree, at most: with as many, faint
    edges are asked first. Ours: in drawn rooms whose keypoints are followed rightly 0 to 7."""

    unsure_reach: float = 0.15
    """Where the best guess holds this share of the picture's parts, 0 to 1, such keypoints are not
    followed to the end. Ours: as much is enough for a verdict (`min_reach`)."""

    hopeless: float = 0.25
    """Where the best path holds less of picture and rim together, that of 2016 is tried."""

    def __post_init__(self) -> None:
        for name in (
            "tripod_rim",
            "settled_share",
            "near_still",
            "held_frame",
            "unsure_reach",
            "hopeless",
        ):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a share above 0, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A camera path, and what stands still along it."""

    name: str
    to_first: Homographies
    """(T, 3, 3), the first one the identity."""

    look: Look = field(repr=False)
    bundle: Bundle | None = field(default=None, repr=False)
    """Where it comes from keypoints."""

    tracks: Tracks | None = field(default=None, repr=False)

    @property
    def stillness(self) -> Stillness:
        """What stands still along it."""
        return self.look.stillness

    @property
    def score(self) -> float:
        """What hypotheses compete by, 0 to 1."""
        return self.stillness.reach


class Hypotheses:
    """Makes and judges the guesses for one window."""

    def __init__(
        self,
        frames: Sequence[GrayFrame],
        config: HypothesisConfig,
        *,
        tracks: TrackConfig,
        match: MatchConfig,
        bundle: BundleConfig,
    ) -> None:
        self._frames, self._config = frames, config
        self.shape = frames[0].shape
        self._tracks, self._match, self._bundle = tracks, match, bundle
        self.pictures = Pictures(frames)
        self.judged: list[Hypothesis] = []
        self._along: dict[str, Tracks | None] = {}
        self._following: Following | None = None
        self.trouble: RejectedError | None = None
        """Why keypoints could not be followed."""

        self.settled = False
        """Whether the last guess was so good that no other was tried."""

    def best(self) -> Hypothesis:
        """Judge guesses until one holds the room, and return the one that holds most."""
        for guess in self._guesses():
            self.judged.append(guess)
            self.settled = self._is_final(guess)
            if self.settled:
                return guess
        best = self._best()
        if self._may_be_still(best):
            return self.judged[0]
        # Keypoints are more exact than the pictures, where both hold as much.
        exact = [guess for guess in self.judged if guess.bundle is not None]
        near = [guess for guess in exact if guess.score >= _AS_MUCH * best.score]
        return max(near, key=lambda guess: guess.score) if near else best

    def _may_be_still(self, guess: Hypothesis) -> bool:
        """Whether a camera that did not move holds nearly as much as `guess`."""
        still, near = self.judged[0], self._config.near_still
        by_parts = still.score >= near * guess.score
        return by_parts and still.stillness.held >= near / 2 * guess.stillness.held

    def _is_final(self, guess: Hypothesis) -> bool:
        config, found = self._config, guess.stillness
        if guess.name == "still" and self.pictures.textured < _LEAST_TEXTURE:
            return False
        if guess.name == "still":
            held = found.strict_rim >= config.tripod_rim and found.sides >= 2
            held |= found.exact >= config.exact_blocks and found.exact_parts >= config.exact_parts
        else:
            held = min(found.loose, found.loose_rim) >= config.settled_share
            held &= (
                found.held >= config.settled_both
                and found.sides >= 3
                and not self._may_be_still(guess)
            )
        if not held or found.worst_frame < config.held_frame:
            return False
        return bool(drift_of(guess.look).max() < config.settled_px)

    def _guesses(self) -> Iterator[Hypothesis]:
        still = np.tile(np.eye(3), (len(self._frames), 1, 1))
        yield Hypothesis("still", still, self.pictures.look(None))
        yield from self._of_keypoints(self._config.max_unsure)
        yield self._direct("direct", self.pictures.room)
        if self._following is not None and self._best().score < self._config.unsure_reach:
            yield from self._of_keypoints(None)
        if self._best().name != "direct":
            yield self._direct("rest", self._rest())
        if not self._may_be_still(self._best()):
            yield from self._of_room()
            yield from self._of_chain()
        if max(sum(self._held(guess)) for guess in self.judged) < self._config.hopeless:
            yield from self._of_2016()

    def _of_keypoints(self, max_unsure: int | None) -> Iterator[Hypothesis]:
        """Follow the keypoints, or leave that for later where they disagree in so many frames."""
        try:
            if self._following is None:
                self._following = Following(self._frames, self._tracks, self._match, self._first)
            if not self._following.advance(max_unsure):
                return
        except RejectedError as error:
            self.trouble, self._following = error, None
            return
        tracks, self._following = self._following.tracks(), None
        yield self._of_bundle("keypoints", fit_bundle(tracks, self._bundle), tracks)

    def _of_chain(self) -> Iterator[Hypothesis]:
        for guess in self.judged:
            bundle = guess.bundle
            if guess.name == "keypoints" and bundle is not None and bundle.model != "still":
                yield Hypothesis("chain", bundle.chained, self.pictures.look(bundle.chained))
                return

    def _of_bundle(self, name: str, bundle: Bundle, tracks: Tracks) -> Hypothesis:
        look = (
            self.judged[0].look if bundle.model == "still" else self.pictures.look(bundle.to_first)
        )
        return Hypothesis(name, bundle.to_first, look, bundle, tracks)

    def _direct(self, name: str, say: Floats) -> Hypothesis:
        path, look = settle_direct(self.pictures, fit_direct(self.pictures, say))
        return Hypothesis(name, path, look)

    def _best(self) -> Hypothesis:
        return max(self.judged, key=lambda guess: guess.score)

    def _rest(self) -> Floats:
        """Say how likely each block is the room if what the best path holds is somebody."""
        return np.asarray(self.pictures.room * (1 - self._best().look.graded), np.float32)

    def _of_room(self) -> Iterator[Hypothesis]:
        best = self._best()
        tracks = self.along(best)
        if tracks is not None:
            trust = best.look.standing_still(tracks.points)
            yield self._of_bundle("room", fit_bundle(tracks, self._bundle, trust), tracks)

    def along(self, guess: Hypothesis) -> Tracks | None:
        """Find the keypoints of what stands still along a guess; None where there are too few."""
        if guess.name not in self._along:
            tracks = follow_along(self._frames, guess.to_first, self._tracks, self._first)
            self._along[guess.name] = tracks
        return self._along[guess.name]

    @cached_property
    def _first(self) -> Keyframes:
        return first_points(self._frames[0], self._tracks)

    def _of_2016(self) -> Iterator[Hypothesis]:
        try:
            path = find_paper_path(self._frames)
        except RejectedError:
            return
        yield Hypothesis("paper", path, self.pictures.look(path))

    def _held(self, guess: Hypothesis) -> tuple[float, float]:
        return guess.stillness.loose, guess.stillness.loose_rim
