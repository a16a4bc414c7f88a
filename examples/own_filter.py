"""Choose strips to train on by rules of your own, in two ways.

    python examples/own_filter.py OUT

The first looks at what is stored of each strip, and reads no picture. The second looks at the
pictures, decoded, and names the strips that it wants. Both come beside the built-in query, and the
manifest of the dataset records that an own choice was made, by what, and of which strips.
"""

import sys
from collections.abc import Mapping
from typing import Any

import tinyvideo as tv

out = tv.open(sys.argv[1])


def lively_and_steady(strip: Mapping[str, Any]) -> bool:
    """Take strips in which something moves while what stands still hardly flickers."""
    flicker, motion = strip["flicker"], strip["object_motion"]
    if flicker is None or motion is None:  # nobody knows them of an imported strip
        return False
    return bool(flicker < 10 * motion + 3)


by_figures = out.build_dataset(
    "lively",
    where=lively_and_steady,
    columns=["flicker", "object_motion"],
    max_jitter=1.0,  # and this of the built-in query
    validation=0,
    test=0,
)
print(by_figures, by_figures.query["own_choice"])

bright = [
    strip["strip_id"]
    for strip in out.strips(["strip_id"], frames=True)
    if strip["frames"].mean() > 100  # (32, size, size, 3) uint8
]
by_pictures = out.build_dataset("bright", strips=bright, validation=0, test=0)
print(by_pictures, by_pictures.query["own_choice"])
