"""`tinyvideo render`: cut the strips of a film anew from homographies that are stored.

What `tinyvideo stabilize` found stands in clips.json, in pixels of the film itself, so another
size or another crop needs the film and no second stabilization. The frames are those that
clips.json names, decoded at their full size, in a process with the limits of `run`; the table
`frames` of the thresholds only says how large a film may be, and how its colors and fields are
shown. The strips go to `OUT/NNNN.jpg`, under the numbers that they have in clips.json.

Cost: decoding, and what `pipeline.stabilize.rendering` says.
"""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from tinyvideo.flows.commands.curating.film_identity import (
    check_film,
    claim_folder,
    identity_of,
)
from tinyvideo.flows.commands.curating.stabilize_command import film_limits
from tinyvideo.flows.terminal import say
from tinyvideo.flows.workers import LimitedCalls
from tinyvideo.pipeline.curation import CurationConfig
from tinyvideo.pipeline.errors import LimitError, RejectedError, UnreadableError
from tinyvideo.pipeline.outside_json import read_json
from tinyvideo.pipeline.rerender import ClipPlace, cut_strips
from tinyvideo.storage.objects import FolderStore


def render_film(
    film: Path,
    clips: Path,
    out: Path,
    config: CurationConfig,
    crop: str,
    *,
    any_film: bool = False,
) -> dict[str, Any]:
    """Cut every accepted clip of `clips` from `film`; return how many, and where they are.

    Raises:
        ValueError: the crop is none, `clips` is no clips.json or that of another film, unless
            `any_film` is said, or the strips of another one lie in `out`.
        UnreadableError: the film cannot be opened or used, or ends before the clips do.
        StorageError: `out` cannot be written.
    """
    size = config.strips.size
    entries, places = read_places(clips)
    square = _read_square(crop)
    store, identity = FolderStore(out), identity_of(film)
    if not any_film:
        check_film(identity, entries, clips, film)
    store.probe()
    claim_folder(identity, store, [_name(place) for place in places])
    places.sort(key=lambda place: place.start_frame)
    try:
        with LimitedCalls(film_limits(), writable=[out]) as calls:
            calls(write_strips, film, places, out, config, square)
    except (RejectedError, LimitError) as error:
        raise UnreadableError(f"{film}: {error}") from error
    finally:
        store.remove_temporary()
    say(f"{film}: {len(places)} strips of {size} px in {out}")
    return {"film": str(film), "folder": str(out), "strips": len(places), "size": size}


def write_strips(
    film: Path,
    places: Sequence[ClipPlace],
    out: Path,
    config: CurationConfig,
    square: tuple[float, float, float] | None,
) -> None:
    """Cut the strips of `places`, which are in order, and write them, in this process.

    Raises:
        RejectedError, UnreadableError, ValueError: as `cut_strips`.
        StorageError: `out` cannot be written.
    """
    store, strip = FolderStore(out), config.strips
    strips = cut_strips(
        film, places, strip.size, square, frames=config.frames, quality=strip.jpeg_quality
    )
    for place, jpeg in zip(places, strips, strict=True):
        store.replace(_name(place), jpeg)


def _name(place: ClipPlace) -> str:
    return f"{place.index:04d}.jpg"


def read_places(clips: Path) -> tuple[list[dict[str, Any]], list[ClipPlace]]:
    """Read the entries of a clips.json, and where its accepted clips lie.

    Raises:
        ValueError: it is none.
    """
    try:
        entries = read_json(clips)
        return entries, [ClipPlace.of(entry) for entry in entries if entry["accepted"]]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise ValueError(f"{clips} is no clips.json of 'tinyvideo stabilize': {error}") from error


def _read_square(crop: str) -> tuple[float, float, float] | None:
    if not crop:
        return None
    numbers = [*islice(crop.split(","), 4)]
    try:
        left, top, side = (float(number) for number in numbers)
    except ValueError:
        raise ValueError(f"a crop is LEFT,TOP,SIDE in pixels, got {crop!r}") from None
    if side <= 0:
        raise ValueError(f"the side of a crop must be above 0, got {crop!r}")
    return left, top, side
