"""What a dataset is made of: the query, and which rows of a table of strips it takes.

Everything is a vector operation on the small columns; the pictures are never read. A figure that a
shard of an older schema does not hold is no reason to guess: such a query is refused. `PRESETS` are
the four categories of the paper as queries, and `unfiltered`.

Cost: 0.01 us per row for a scene, 0.001 us for a figure.

Source of the categories: Vondrick, Pirsiavash, Torralba, NIPS 2016, section 3: golf course,
hospital rooms (babies), beaches and train stations.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tinyvideo.storage.storage_errors import StorageError

IDENTITY = (
    "source",
    "owner",
    "video_id",
    "source_file",
    "near_duplicate_group",
    "near_duplicate_hash",
    "scene_model",
)
"""Columns that every query reads; of shards before version 6 those that they have."""

BALANCES = ("", "owner")

USUAL_FPS = (20.0, 35.0)
"""Least and most frames per second that a dataset takes unless somebody asks for others."""

RATE_TOLERANCE = 0.002
"""Relative slack of a frame rate: twice the step from 20 to its NTSC sister, 20/1.001."""

UNKNOWN_FPS = 25.0
"""What a strip counts as whose rate nobody knows: theirs, of the released dataset."""

MOTION_MODELS = ("still", "shift", "similarity", "affine", "homography", "parallax")
"""What `motion_model` may be."""

_FIGURES = {
    "min_motion": ("object_motion", pc.greater_equal),
    "max_flicker": ("flicker", pc.less_equal),
    "min_visible": ("visible_share", pc.greater_equal),
    "max_filled": ("filled_share", pc.less_equal),
    "max_jitter": ("jitter_px", pc.less_equal),
    "min_inliers": ("inlier_ratio", pc.greater_equal),
    "min_still": ("still_share", pc.greater_equal),
    "min_still_rim": ("still_rim", pc.greater_equal),
}
"""By field of the query: the column, and how it is compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetConfig:
    __pydantic_config__: ClassVar = {"use_attribute_docstrings": True}
    """The sentences below are shown where a form asks for the fields."""

    scenes: tuple[str, ...] = ()
    """Scenes of which a strip must show one; none takes all."""

    min_probability: float = 0.0
    """Least probability, 0 to 1, of that scene."""

    scene_model: str = ""
    """Classifier that must have tagged the strip; empty takes any, but never a proxy and
    another one together, where scenes are asked for."""

    min_motion: float | None = None
    """Least `object_motion`, share of the picture, 0 to 1."""

    max_flicker: float | None = None
    """Greatest `flicker`, 0 to 255."""

    min_visible: float | None = None
    """Least `visible_share`, 0 to 1."""

    max_filled: float | None = None
    """Greatest `filled_share`, 0 to 1."""

    max_jitter: float | None = None
    """Greatest `jitter_px`, in strip pixels."""

    min_inliers: float | None = None
    """Least `inlier_ratio`, 0 to 1."""

    min_still: float | None = None
    """Least `still_share`, 0 to 1; a strip of which it is not known is not taken."""

    min_still_rim: float | None = None
    """Least `still_rim`, 0 to 1; a strip of which it is not known is not taken."""

    leave_out: tuple[str, ...] = ()
    """Motion models of the camera, as `motion_model` names them, that are not taken."""

    fps: tuple[float, float] = USUAL_FPS
    """Least and greatest frames per second of a strip; there are strips from 10 to 35. Ours: what
    is trained on then moves at about one speed. An unknown rate counts as 25, as the paper's."""

    licenses: tuple[str, ...] = ()
    """Licenses, as the shards spell them, of which a strip must have one; none takes all."""

    max_per_owner: int = 0
    """Most strips of one owner; 0 is no limit."""

    balance: str = ""
    """`owner`: nobody has more strips than the median owner. Empty takes them as they come."""

    near_duplicates: bool = True
    """Look by hash for strips that show nearly the same. Without, only groups that the shards name
    keep owners together."""

    one_per_group: bool = False
    """Take one strip of each group of near duplicates: the first, in the order of the shards."""

    same_stem: bool = True
    """Films of a folder or bucket, of which nobody knows the owner, and whose names differ only in
    their ending, count as one owner's: holiday.mp4 and holiday.mov are the same film."""

    seed: int = 0
    """Decides which strips of an owner stay where there are too many."""

    validation: float = 0.05
    """Share of owners, 0 to 1, held out to watch training. Ours."""

    test: float = 0.05
    """Share of owners, 0 to 1, held out until the end. Ours."""

    def __post_init__(self) -> None:
        self._check_finite()
        if not 0 <= self.min_probability <= 1:
            raise ValueError(f"min_probability must be from 0 to 1, got {self.min_probability}")
        check_fps(self.fps)
        for model in self.leave_out:
            if model not in MOTION_MODELS:
                known = ", ".join(MOTION_MODELS)
                raise ValueError(f"leave_out must be of {known}, got {model!r}")
        if self.max_per_owner < 0 or self.seed < 0:
            raise ValueError(
                f"max_per_owner and seed must not be negative, got {self.max_per_owner} "
                f"and {self.seed}"
            )
        if self.balance not in BALANCES:
            raise ValueError(f"balance must be 'owner' or nothing, got {self.balance!r}")
        if min(self.validation, self.test) < 0 or self.validation + self.test >= 1:
            raise ValueError(
                f"validation and test must leave owners to train on, got {self.validation} "
                f"and {self.test}"
            )

    def _check_finite(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, float) and not math.isfinite(value):  # no comparison finds them
                raise ValueError(f"{each.name} must be a finite number, got {value}")

    def asked(self) -> dict[str, object]:
        """Return the fields that are not as they come, for messages."""
        return {
            f.name: value for f in fields(self) if (value := getattr(self, f.name)) != f.default
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    scenes: tuple[str, ...] = ()
    """Places365 names first, then the proxy's; none takes all strips."""

    min_probability: float = 0.0
    """Least probability, 0 to 1, of one of them."""


_SURE = 0.3
"""Ours: the best of 365 scenes, when it is at 0.3 or more, is right far more often than not."""

PRESETS: Mapping[str, Preset] = {
    "beach": Preset(scenes=("beach", "proxy:beach"), min_probability=_SURE),
    "golf": Preset(scenes=("golf_course", "proxy:golf_course"), min_probability=_SURE),
    "train_station": Preset(
        scenes=("train_station/platform", "proxy:train_station"), min_probability=_SURE
    ),
    "hospital": Preset(
        scenes=("hospital", "hospital_room", "proxy:hospital_room"), min_probability=_SURE
    ),
    "unfiltered": Preset(),
}
"""A category is one or more Places365 scenes; where shards were tagged by the ImageNet proxy, its
stand-in serves instead. Both are asked for, and `build_dataset` refuses to mix them."""


def check_fps(fps: Sequence[float]) -> None:
    """Refuse a range of frame rates that is none.

    Raises:
        ValueError: it is not two numbers above 0, the smaller one first.
    """
    if isinstance(fps, str) or len(fps) != 2 or not 0 < fps[0] <= fps[1] < math.inf:
        raise ValueError(f"fps must be two rates above 0, the smaller one first, got {fps!r}")


def columns_of(config: DatasetConfig) -> list[str]:
    """Name the columns that a query needs."""
    figures = [column for name, (column, _) in _FIGURES.items() if _is_asked(config, name)]
    scenes = ["scenes"] if config.scenes else []
    return [*IDENTITY, "fps", *scenes, *_others(config), *figures]


def _others(config: DatasetConfig) -> list[str]:
    licenses = ["license"] if config.licenses else []
    return [*licenses, "motion_model"] if config.leave_out else licenses


def check_columns(present: Sequence[str], asked: Sequence[str], named: str) -> None:
    """Refuse a shard, `named`, that cannot answer what is asked of its columns.

    Raises:
        StorageError: it does not hold a figure that the query compares.
    """
    missing = set(asked) - set(present) - set(IDENTITY)
    if missing:
        raise StorageError(
            f"{named} does not hold {', '.join(sorted(missing))}: an older tinyvideo wrote it; "
            "leave that out of the query, or make its strips anew in another folder"
        )


def matches(table: pa.Table, config: DatasetConfig) -> npt.NDArray[np.bool_]:
    """Tell for each of the N rows whether the query takes it, as (N,)."""
    fits = np.ones(len(table), np.bool_)
    if config.scenes:
        fits &= _shows(table["scenes"].combine_chunks(), config)
    if config.scene_model:
        fits &= _mask(pc.equal(table["scene_model"], config.scene_model))
    if config.licenses:
        fits &= _mask(pc.is_in(table["license"], pa.array(config.licenses)))
    fits &= _plays_at(table["fps"], config.fps)
    if config.leave_out:
        fits &= ~_mask(pc.is_in(table["motion_model"], pa.array(config.leave_out)))
    for name, (column, compare) in _FIGURES.items():
        if _is_asked(config, name):
            # As the shard stores it: 0.9 is not less than 0.9.
            limit = pa.scalar(np.float32(getattr(config, name)), pa.float32())
            fits &= _mask(pc.fill_null(compare(table[column], limit), False))
    return fits


def _plays_at(fps: pa.ChunkedArray, wanted: tuple[float, float]) -> npt.NDArray[np.bool_]:
    rates = np.asarray(fps.to_numpy(), np.float64)
    rates = np.where(np.isnan(rates), UNKNOWN_FPS, rates)
    low, high = wanted[0] * (1 - RATE_TOLERANCE), wanted[1] * (1 + RATE_TOLERANCE)
    return np.asarray((low <= rates) & (rates <= high), np.bool_)


def _shows(scenes: pa.ListArray, config: DatasetConfig) -> npt.NDArray[np.bool_]:
    tags, owners = pc.list_flatten(scenes), pc.list_parent_indices(scenes)
    named = pc.is_in(pc.struct_field(tags, "scene"), pa.array(config.scenes))
    least = pa.scalar(np.float32(config.min_probability), pa.float32())
    probable = pc.greater_equal(pc.struct_field(tags, "probability"), least)
    fits = np.zeros(len(scenes), np.bool_)
    fits[owners.to_numpy()[_mask(pc.and_(named, probable))]] = True
    return fits


def _is_asked(config: DatasetConfig, name: str) -> bool:
    return getattr(config, name) is not None


def _mask(values: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(values.to_numpy(zero_copy_only=False), np.bool_)
