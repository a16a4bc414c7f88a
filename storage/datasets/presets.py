"""The four categories of the paper as queries, and `unfiltered`.

A category is one or more Places365 scenes; where shards were tagged by the ImageNet proxy, its
stand-in serves instead. Both are asked for, and `build_dataset` refuses to mix them.

Cost: data only.

Source: Vondrick, Pirsiavash, Torralba, NIPS 2016, section 3: golf course, hospital rooms (babies),
beaches and train stations.
"""

from collections.abc import Mapping
from dataclasses import dataclass


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
