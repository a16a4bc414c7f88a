"""Check that a strip shows one scene from its first frame to its last: no dissolve, no jump cut.

Both are asked of the stabilized frames, where the background of one scene lies still.

    dissolve    Two frames are compared block by block. Where a block of both shows the same
                structure, its contrast in the one is so many times that in the other. Light that
                changes takes contrast and brightness along; a scene that fades under another loses
                contrast alone, everywhere at once. So the ratio, less that of the brightness, is
                1 in the median of a scene, and 1 - a where a share `a` of another has come in.
    jump cut    Between two neighbors many blocks lose their structure at once, as never before or
                after: somebody has jumped, or the picture of a television.

A flash is no jump: the picture loses its structure twice. A lamp that is switched on keeps it.

Cost: 5 ms per window.

Source: ours. Behind the limits stand 127 strips of 26 honest films, of which two, a pool and a pen
that is a blur, keep less than min_contrast_kept; and 42 of drawn dissolves between them in which
the share of the other scene changes by 0.2 and more: all but 3 keep less.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.pixels import to_gray
from tinyvideo.pipeline.types import STRIP_FRAMES, Frame, Frames

SIDE, BLOCK, STEP = 64, 8, 4
"""Frames are shrunk to SIDE x SIDE, and seen in blocks of BLOCK x BLOCK, every STEP pixels."""

COMPARED = (0, 3, 6, 9, 12, 15, 18, 21, 24, 27, STRIP_FRAMES - 1)
"""Frames that are compared for a dissolve, each with those behind it at DISTANCES and the last."""

DISTANCES = (1, 2, 4)
"""In steps of COMPARED. Ours: the shortest dissolve is over in five frames, of the longest a window
sees a third."""

AROUND = 2
"""Of a frame and those that lie so far to both sides, the median is compared: a flash is over."""

HALF_WAY = 0.35
"""Share of the evidence that is enough while a dissolve is on its way. Ours: in its middle half of
the contrast is that of the other scene, which has hardly less in any frame."""

TEXTURE = 5.0
"""Least root mean square of a block's structure, 0 to 255."""

SAME = 0.8
"""Least correlation of two blocks that show the same structure."""

BLACK = 16.0
"""Added to brightness: the black of most films, and of dark blocks the noise."""

LOST, CHANGED, USUAL = 0.6, 6.0, 3.0
"""A block that loses its structure: most correlation with what was there before, and least change
of it, root mean square, 0 to 255, and as a multiple of what is usual in this block."""

SETTLED = 5
"""Frames at the end of a window that must be alike for its last scene to be clear of another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneConfig:
    look: bool = True
    """Whether it is asked if a strip shows one scene. Ours: true."""

    min_contrast_kept: float = 0.74
    """Least contrast that the structure of a scene keeps, as a median of its blocks, 0 to 1, when
    brightness is taken out. Ours: a fifth of another scene may be seen through it."""

    min_same: float = 0.2
    """Share of the blocks with structure, 0 to 1, that two frames must have in common, at least, to
    be compared. Ours."""

    min_structure: float = 0.08
    """The same as a share of all blocks, 0 to 1. Ours: a coin on a table says little."""

    min_jump: float = 0.1
    """Share of the blocks, 0 to 1, that lose their structure at a jump cut, at least. Ours."""

    max_contrast_gained: float = 1.25
    """Most contrast that a structure gains, as a multiple: what comes up out of a wall was not to
    be seen before. Ours: honest strips have 1.19 at most."""

    jump_ratio: float = 2.5
    """How many times more that must be than between any other two frames of the window. Ours: a
    fast hand makes 2.3."""

    jump_change: float = 4.0
    """How many times more the picture must change than it usually does in the window. Ours."""

    @property
    def doubtful(self) -> float:
        """Below this, contrast may be lost to another scene, if the window beside says so."""
        return 1 - HALF_WAY * (1 - self.min_contrast_kept)


DEFAULT_CONFIG = SceneConfig()


class SceneChangeError(RejectedError):
    """A window shows two scenes; the second, or what is left of it, begins at `frame`."""

    def __init__(self, reason: RejectReason, detail: str, frame: int) -> None:
        super().__init__(reason, detail)
        self.args = (reason, detail, frame)
        self.frame = frame
        """Number within the window, from 0; 32 if the second scene is not clear to its end."""


def check_one_scene(
    frames: Frames, config: SceneConfig = DEFAULT_CONFIG, *, fading: bool = False
) -> bool:
    """Refuse stabilized frames, (32, S, S, 3), that show more than one scene.

    `fading` says that a dissolve went on as the window before ended: less evidence is enough, since
    its end may be in this one. Returns whether there would have been as much.

    Raises:
        SceneChangeError: DISSOLVE or JUMP_CUT, with the frame behind it.
    """
    if not config.look:
        return False
    small = np.stack([_shrink(frame) for frame in frames])
    _check_jump(_Blocks.of(small), config)
    needed = config.doubtful if fading else config.min_contrast_kept
    return _check_dissolve(small, config, needed) < config.doubtful


@dataclass(frozen=True, slots=True)
class _Blocks:
    """What frames show, block by block."""

    structure: npt.NDArray[np.float32]
    """The blocks, their mean taken away, (T, K, BLOCK * BLOCK)."""

    energy: npt.NDArray[np.float32]
    """Mean square of the structure, (T, K)."""

    brightness: npt.NDArray[np.float32]
    """(T, K)."""

    @classmethod
    def of(cls, small: npt.NDArray[np.float32]) -> "_Blocks":
        shape = (BLOCK, BLOCK)
        every = np.lib.stride_tricks.sliding_window_view(small, shape, axis=(1, 2))
        blocks = every[:, ::STEP, ::STEP].reshape(len(small), -1, BLOCK * BLOCK)
        brightness = blocks.mean(axis=2)
        structure = blocks - brightness[..., None]
        return cls(structure, mean_product(structure, structure), brightness)


def _shrink(frame: Frame) -> npt.NDArray[np.float32]:
    small = cv2.resize(to_gray(frame), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (3, 3), 0.6), np.float32)


def _settled(small: npt.NDArray[np.float32], at: Sequence[int]) -> _Blocks:
    """See, of each of these frames, the median of it and those around it."""
    last = len(small) - 1
    one, two, three = (small[np.clip(np.asarray(at) + by, 0, last)] for by in (-AROUND, 0, AROUND))
    low, high = np.minimum(one, two), np.maximum(one, two)
    return _Blocks.of(np.maximum(low, np.minimum(high, three)))


def mean_product(
    one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Multiply structures, (..., P), and take the mean over each block."""
    return np.asarray(np.einsum("...p,...p->...", one, other) / one.shape[-1], np.float32)


def contrast_kept(seen: "_Blocks", one: int, other: int, config: SceneConfig) -> float | None:
    """Measure how much contrast the structure of frame `one` has in frame `other`.

    1 is as much, as a median over the blocks that both show. None: they share too little.
    """
    both = mean_product(seen.structure[one], seen.structure[other])
    return _medians_kept(seen, [(one, other)], both[None], config)[0]


def _contrasts_kept(
    seen: "_Blocks", pairs: Sequence[tuple[int, int]], config: SceneConfig
) -> list[float | None]:
    """Measure the same for many pairs of few frames, in one go."""
    blocks = seen.structure.transpose(1, 0, 2)
    products = blocks @ blocks.transpose(0, 2, 1) / np.float32(blocks.shape[-1])  # (K, T, T)
    one, other = np.array(pairs).T
    return _medians_kept(seen, pairs, products[:, one, other].T, config)


def _medians_kept(
    seen: "_Blocks",
    pairs: Sequence[tuple[int, int]],
    both: npt.NDArray[np.float32],
    config: SceneConfig,
) -> list[float | None]:
    """Take the medians over blocks, of products `both` of the structures of pairs, (M, K)."""
    one, other = np.array(pairs).T
    energy = seen.energy[one]
    rich = energy > TEXTURE**2
    same = rich & (both > SAME * np.sqrt(energy * seen.energy[other]))
    light = (seen.brightness[other] + BLACK) / (seen.brightness[one] + BLACK)
    kept = np.sort(np.where(same, both / np.maximum(energy, 1e-6) / light, np.inf), axis=1)
    needed = np.maximum(config.min_same * rich.sum(1), max(config.min_structure * rich.shape[1], 1))
    return [
        float((kept[at, (count - 1) // 2] + kept[at, count // 2]) / 2) if count >= least else None
        for at, (count, least) in enumerate(zip(same.sum(1), needed, strict=True))
    ]


def _check_dissolve(small: npt.NDArray[np.float32], config: SceneConfig, needed: float) -> float:
    """Measure the least contrast that anything keeps.

    Raises:
        SceneChangeError: it is less than needed.
    """
    compared = [at for at in COMPARED if at < len(small)]
    seen, last = _settled(small, compared), len(compared) - 1
    pairs = {(at, min(at + by, last)) for at in range(last) for by in (*DISTANCES, last)}
    both_ways = sorted(pairs | {(after, before) for before, after in pairs})
    kept = zip(both_ways, _contrasts_kept(seen, both_ways, config), strict=True)
    told = {pair: figure for pair, figure in kept if figure is not None}
    pair, least = min(told.items(), key=lambda item: item[1], default=((0, 0), 1.0))
    grown, most = max(told.items(), key=lambda item: item[1], default=((0, 0), 1.0))
    if most > config.max_contrast_gained:
        pair, least = grown, min(least, 1 / most)
    elif least >= needed:
        return least
    one, other = sorted(compared[number] for number in pair)
    detail = f"one scene fades into another: what frames {one} and {other} of the window "
    detail += f"both show has {least:.0%} of its contrast, {needed:.0%} needed"
    raise SceneChangeError(RejectReason.DISSOLVE, detail, _clear_from(small, config))


def _clear_from(small: npt.NDArray[np.float32], config: SceneConfig) -> int:
    """From which frame on a window shows what its last frame does, and nothing of another scene."""
    seen = _settled(small, range(len(small)))
    last = len(small) - 1
    for at in range(last - 1, -1, -1):
        for pair in ((last, at), (at, last)):
            kept = contrast_kept(seen, *pair, config)
            if kept is None or kept < config.doubtful:
                # What differs from its last frames as well is still on its way.
                return at + 1 if at < last - SETTLED else len(small)
    return 0


def _check_jump(seen: _Blocks, config: SceneConfig) -> None:
    before, after = slice(None, -1), slice(1, None)
    both = mean_product(seen.structure[before], seen.structure[after])
    energies = seen.energy[before], seen.energy[after]
    change = np.sqrt(np.maximum(energies[0] + energies[1] - 2 * both, 0))
    usual = np.median(change, axis=0)
    lost = (change > CHANGED) & (change > USUAL * np.maximum(usual, 1))
    lost &= both < LOST * np.sqrt(energies[0] * energies[1])
    shares = lost.mean(axis=1)
    at = int(shares.argmax())
    second = float(np.delete(shares, at).max(initial=0))
    sudden = change[at].mean() >= config.jump_change * np.median(change.mean(axis=1))
    if sudden and shares[at] >= max(config.min_jump, config.jump_ratio * second):
        detail = f"{shares[at]:.0%} of the picture is another from frame {at + 1} of the window on"
        raise SceneChangeError(RejectReason.JUMP_CUT, detail, at + 1)
