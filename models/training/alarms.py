"""Signs that a GAN has collapsed: told once, as one sentence each, when they begin.

* The discriminator is always right: the generator learns nothing from it any more.
* All generated clips look alike: little is left of the deviation that real clips have, or half of
  what there was is lost.
* Nothing is learned: the discriminator is nearly always right, and clips differ no more than
  before, by less than half of what real ones do.
* The mask is 0, or 1, everywhere: one of the two streams is not used.

A sign has to last for 200 steps, since all of them come and go in the first minutes of a run.
Numbers that are not finite are no alarm but an error, at once (`models.step.trainer`).

Cost: 0.1 ms per step.
"""

from collections import deque
from collections.abc import Mapping

from tinyvideo.models.checkpoints import OLD_ENOUGH
from tinyvideo.models.train_config import TrainConfig

WINDOW = OLD_ENOUGH
"""Steps for which a sign must last. Ours: a tenth of what one run takes to show motion."""

PINNED = 0.995
"""Mean accuracy on real and generated clips from which on the discriminator counts as pinned."""

ALIKE = 0.02
"""Least deviation of generated clips, as a share of that of real ones. Ours: a healthy run of
`benchmarks.learn` has 0.05 after 50 steps and 0.15 after 250."""

FALLEN = 0.5
"""Share of its best window's deviation below which clips count as falling together. Ours."""

SEEN = 0.1
"""Least deviation, as a share of that of real clips, from which a fall is told. Ours."""

NEARLY = 0.97
"""Mean accuracy from which on a generator that does not get better counts as stuck. Ours."""

APART = 0.5
"""Deviation, as a share of that of real clips, above which a generator is not stuck. Ours."""

DEAD = 0.002
"""Least mean of a mask, or of what it leaves of the background."""


class Alarms:
    """Watches the figures of each step; `window` may be shorter in tests."""

    def __init__(self, config: TrainConfig, window: int = WINDOW) -> None:
        self._config = config
        self.window = window
        self._figures: deque[Mapping[str, float]] = deque(maxlen=window)
        self._shares: deque[float] = deque(maxlen=window)
        self._best = 0.0
        self._sounding: set[str] = set()

    def observe(self, figures: Mapping[str, float]) -> list[str]:
        """Take in the figures of one step; return the sentences of alarms that begin with it."""
        self._figures.append(figures)
        if len(self._figures) < self.window:
            return []
        signs = self._signs()
        new = [sentence for name, sentence in signs.items() if name not in self._sounding]
        self._sounding = set(signs)
        return new

    def reset(self) -> None:
        """Forget everything, after a roll-back."""
        self._figures.clear()
        self._shares.clear()
        self._best = 0.0
        self._sounding.clear()

    def _signs(self) -> dict[str, str]:
        signs = {}
        right = (self._mean("accuracy_real") + self._mean("accuracy_fake")) / 2
        if right >= PINNED:
            signs["pinned"] = (
                f"the discriminator was right in {right:.1%} of the last {self.window} steps; "
                "try a lower discriminator_learning_rate, spectral_norm or augment"
            )
        signs |= self._diversity_signs(right) if self._config.batch > 1 else {}
        signs |= self._dead_mask() if self._config.streams == 2 else {}
        return signs

    def _diversity_signs(self, right: float) -> dict[str, str]:
        real = self._mean("real_diversity")
        share = self._mean("diversity") / real if real else 1.0
        before = self._shares[0] if len(self._shares) == self.window else None
        self._shares.append(share)
        self._best = max(self._best, share)
        if share < ALIKE:
            return self._alike(share)
        if share < FALLEN * self._best and self._best >= SEEN:
            return self._falling(share)
        stuck = before is not None and share <= before and share < APART
        return self._stuck(share, right) if stuck and NEARLY <= right < PINNED else {}

    def _falling(self, share: float) -> dict[str, str]:
        return {
            "falling": f"generated clips differ by {share:.1%} of what real ones differ by, over "
            f"the last {self.window} steps, and had differed by {self._best:.1%}; try a larger "
            "batch, spectral_norm or r1"
        }

    def _stuck(self, share: float, right: float) -> dict[str, str]:
        return {
            "stuck": f"the discriminator was right in {right:.1%} of the last {self.window} steps, "
            f"and generated clips differ by {share:.1%} of what real ones differ by, no more than "
            "before; try a lower discriminator_learning_rate, spectral_norm or augment"
        }

    def _alike(self, share: float) -> dict[str, str]:
        return {
            "alike": f"generated clips differ by {share:.1%} of what real ones differ by, over the "
            f"last {self.window} steps; try a larger batch, spectral_norm or r1"
        }

    def _dead_mask(self) -> dict[str, str]:
        mask = self._mean("mask_mean")
        if DEAD <= mask <= 1 - DEAD:
            return {}
        way_out = "lower" if mask < 0.5 else "higher"
        return {
            "mask": f"the mask was {mask:.2%} foreground over the last {self.window} steps: one "
            f"stream is not used; try a {way_out} mask_penalty"
        }

    def _mean(self, name: str) -> float:
        return sum(figures[name] for figures in self._figures) / len(self._figures)
