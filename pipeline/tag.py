"""Name the scene of a shot from its first frames.

Stage:  frames -> stabilize -> [tag] -> strips -> shard

A scene does not change within a shot, so a shot is tagged once and every strip of it carries the
same tags. The network is an argument: this package knows no torch, and tests need no weights.

Cost: nothing beside the classifier itself, which `models.scenes.places` gives in figures.

Source: Vondrick, Pirsiavash, Torralba, NIPS 2016, section 3: a scene classifier sorts the clips
by category. How many frames it saw is not said there.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.types import Frames, SceneTags, Tag, check_frames


class Classifier(Protocol):
    """A network that knows scenes; `models.scenes.places` has two."""

    @property
    def model(self) -> str:
        """Name of who says so: `places365-resnet18`, or `imagenet-proxy`."""

    @property
    def scenes(self) -> tuple[str, ...]:
        """Names of the S scenes, in the order of the probabilities."""

    def __call__(self, frames: Frames, /) -> npt.NDArray[np.float32]:
        """Return the probability of every scene in every frame of `frames`, (N, S)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagConfig:
    max_frames: int = 1
    """Frames looked at, from the start of the shot. Ours, because neighboring frames are
    nearly equal: more of them cost in proportion and say little new."""

    top: int = 5
    """Tags kept. Theirs (the Places365 demo): 5."""

    def __post_init__(self) -> None:
        if self.max_frames < 1:
            raise ValueError(f"max_frames must be at least 1, got {self.max_frames}")
        if self.top < 1:
            raise ValueError(f"top must be at least 1, got {self.top}")


DEFAULT_CONFIG = TagConfig()


def tag_shot(
    frames: Frames, classifier: Classifier, config: TagConfig = DEFAULT_CONFIG
) -> SceneTags:
    """Tag a shot by the mean probabilities of its first `frames`, (T, H, W, 3), best first.

    Equal probabilities keep the order of the classifier's scenes.

    Raises:
        ValueError: `frames` has the wrong shape or dtype, or the classifier breaks its promise.
    """
    check_frames(frames)
    looked_at = frames[: config.max_frames]
    probabilities = np.asarray(classifier(looked_at))
    _check_probabilities(probabilities, len(looked_at), classifier)
    mean = probabilities.mean(axis=0, dtype=np.float64)
    best = np.argsort(-mean, kind="stable")[: config.top]
    return SceneTags(
        model=classifier.model,
        tags=tuple(
            Tag(scene=classifier.scenes[index], probability=float(mean[index])) for index in best
        ),
    )


def _check_probabilities(
    probabilities: npt.NDArray[np.float32], frames: int, classifier: Classifier
) -> None:
    wanted = (frames, len(classifier.scenes))
    if probabilities.shape != wanted:
        raise ValueError(f"{classifier.model} gave {probabilities.shape}, not {wanted}")
    # Written so that NaN fails too: broken weights must not reach a shard as a tag.
    if not np.all((probabilities >= 0) & (probabilities <= 1)):
        raise ValueError(f"{classifier.model} gave a probability outside 0 to 1")
