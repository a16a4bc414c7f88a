"""What decides how a VGAN is trained: one frozen record, saved with every checkpoint.

A recipe is a name for some fields. `paper` is the paper as it was, by mode: fp32, clips with
replacement, and with a condition a batch of 32 and no mask penalty. `modern` is our defaults and a
moving average of the generator. The rest are switches of their own: hinge loss, spectral
normalization, R1, two learning rates, and augmentation. They are said to help in long runs or with
few clips, and did not do so on every seed in short ones.

Cost: data only; nothing here imports torch.

Source of `paper`: Vondrick, Pirsiavash, Torralba, NIPS 2016; code: cvondrick/videogan. Of `modern`:
Karras et al., ICLR 2018. Of the switches: hinge loss and spectral normalization, Miyato et al.,
ICLR 2018; two learning rates, Heusel et al., NIPS 2017; differentiable augmentation, Zhao et al.,
NeurIPS 2020; R1, Mescheder et al., ICML 2018.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

PRECISIONS = ("bf16", "fp16", "fp32", "fp64")
LOSSES = ("cross-entropy", "hinge")
CONDITIONS = ("none", "first-frame")
ON_ALARM = ("warn", "stop", "roll-back")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    width: int = 64
    """Channels of the layers beside the video; the deepest have 8 times as many. Theirs."""

    streams: int = 2
    """2: foreground and mask over a still background; 1: one stream paints everything. Theirs."""

    condition: str = "none"
    """`first-frame`: continue a given first frame, by networks of twice the width; or `none`."""

    batch: int = 64
    """Clips per step, over all ranks together. Theirs; with a condition theirs is 32."""

    steps: int = 65_000
    """Steps of the whole run. Theirs, by the name of the released golf model."""

    seed: int = 0
    """Of the first weights, the noise z and the order of the clips; 0 or more."""

    loss: str = "cross-entropy"
    """`cross-entropy`, which does not saturate, or `hinge`. Theirs: cross-entropy."""

    learning_rate: float = 2e-4
    """Of the generator's Adam. Theirs."""

    discriminator_learning_rate: float = 2e-4
    """Of the discriminator's Adam. Theirs: the same as the generator's."""

    beta1: float = 0.5
    """Of Adam: share of the old mean gradient that stays. Theirs."""

    mask_penalty: float = 0.1
    """Weight of the mean of the mask in the generator's loss. Theirs."""

    first_frame_weight: float = 10.0
    """With a condition: weight of |generated - given| of the first frame. Theirs."""

    r1: float = 0.0
    """Weight of the squared gradient of the score by real clips; 0: none. Theirs: none."""

    r1_every: int = 16
    """Steps from one R1 penalty to the next; its weight is multiplied by as much. StyleGAN2's."""

    spectral_norm: bool = False
    """Divide the discriminator's weights by their largest singular value, in place of batch
    normalization. Theirs: no."""

    ema: float = 0.0
    """Share of the old moving average of the generator's weights that stays each step; 0: none."""

    augment: bool = False
    """Shift, recolor and cut real and generated clips alike before they are judged."""

    precision: str = "bf16"
    """Of the convolutions: `bf16`, `fp16` (scaled losses) or `fp32`; weights stay fp32. Theirs:
    fp32. `fp64`, weights too, is there to compare with."""

    compile: bool = False
    """Compile the networks with `torch.compile`; needs a C++ compiler, and minutes at first."""

    checkpoint_every: int = 1000
    """Steps from one checkpoint to the next; the last step always has one. Ours."""

    checkpoint_minutes: float = 10.0
    """Minutes after which there is a checkpoint too, whatever the steps; 0: none. Ours."""

    pictures_every: int = 500
    """Steps from one set of generated clips for TensorBoard to the next; 0: none. Ours."""

    on_alarm: str = "warn"
    """When training collapses: `warn`, `stop`, or `roll-back` to a checkpoint from before. What is
    not a number cannot be trained on: `warn` stops there."""

    lanes: int = 8
    """Row groups whose clips are mixed; see `models.data.loader.LoadConfig`."""

    replacement: bool = False
    """Draw the clips of each row group with replacement; else each comes once per epoch. Theirs:
    with replacement, from all clips."""

    skip_bad_strips: bool = False
    """Put another strip in the place of a bad one, and count it, instead of ending the run."""

    workers: int = 2
    """Threads that decode clips; may be another number in every run."""

    device: str = "cpu"
    """Where to train, in PyTorch's words: `cpu`, `cuda`, `cuda:1`. Of several ranks on `cuda`, each
    takes the device of its number on its machine."""

    def __post_init__(self) -> None:
        for names, fits, words in _RANGES:
            for name in names:
                if not fits(getattr(self, name)):
                    raise ValueError(f"{name} must {words}, got {getattr(self, name)}")
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        if self.condition != "none" and self.streams != 2:
            raise ValueError(f"streams must be 2 with a condition, got {self.streams}")


_RANGES: tuple[tuple[tuple[str, ...], Callable[[float], bool], str], ...] = (
    (
        ("width", "batch", "steps", "checkpoint_every", "r1_every", "lanes", "workers"),
        lambda value: value >= 1,
        "be at least 1",
    ),
    (
        ("mask_penalty", "first_frame_weight", "r1", "pictures_every", "checkpoint_minutes"),
        lambda value: value >= 0,
        "not be negative",
    ),
    (
        ("learning_rate", "discriminator_learning_rate"),
        lambda value: value > 0,
        "be above 0",
    ),
    (("beta1", "ema"), lambda value: 0 <= value < 1, "be from 0 to below 1"),
    (("seed",), lambda value: 0 <= value < 2**63, "be from 0 to below 2 ** 63"),
)

_CHOICES: Mapping[str, tuple[object, ...]] = {
    "streams": (1, 2),
    "condition": CONDITIONS,
    "loss": LOSSES,
    "precision": PRECISIONS,
    "on_alarm": ON_ALARM,
}

MAY_CHANGE = frozenset(
    {
        "steps",
        "learning_rate",
        "discriminator_learning_rate",
        "checkpoint_every",
        "checkpoint_minutes",
        "pictures_every",
        "on_alarm",
        "compile",
        "workers",
        "device",
    }
)
"""Fields with which a run can go on when they change; all others make it another run."""

OF_NETWORKS = ("width", "streams", "condition", "spectral_norm")
"""Fields that have to be those of a checkpoint whose weights a new run begins with."""

Recipe = Literal["paper", "modern"]
"""The names in `RECIPES`, for programs that are checked and for the form in Prefect's page."""

RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "paper": {"precision": "fp32", "replacement": True},
        "modern": {"ema": 0.999},
    }
)
"""What each recipe sets beside the defaults."""

CONDITIONAL: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"paper": {"batch": 32, "mask_penalty": 0.0}}
)
"""What a recipe sets beside that with a condition. Theirs: main_conditional.lua."""


def configure(recipe: str, **changes: Any) -> TrainConfig:
    """Take a recipe by name and change some fields; those that are None stay as they are.

    Raises:
        ValueError: there is no such recipe, or a value is out of range.
    """
    if recipe not in RECIPES:
        raise ValueError(f"recipe must be one of {tuple(RECIPES)}, got {recipe!r}")
    wanted = {name: value for name, value in changes.items() if value is not None}
    conditional = wanted.get("condition", "none") != "none"
    by_mode = CONDITIONAL.get(recipe, {}) if conditional else {}
    return TrainConfig(**{**RECIPES[recipe], **by_mode, **wanted})


def from_saved(saved: Mapping[str, Any]) -> TrainConfig:
    """Build the configuration of a checkpoint; what older versions did not save is the default.

    Raises:
        TypeError: a field is unknown: a newer version has written it.
        ValueError: a value is out of range.
    """
    if "learning_rate" in saved:  # it once was that of both networks
        saved = {"discriminator_learning_rate": saved["learning_rate"], **saved}
    return TrainConfig(**saved)
