"""Vices of a search that a crawl has to survive, each of which can be switched on.

Each changes the answers of `flickr.photos.search` in one way, the same for the same seed. What
they hide can all be found by asking again, or otherwise; so what a crawl calls proven can be held
against what there is.

Cost: next to nothing beside the search. Source: what users have reported (flickrmirrorer 21,
gallery-dl 116, flickrapi 109), and what replicas of databases do.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tinyvideo.flows.imitation.population import DAY_S, Video


class Vice(StrEnum):
    """One habit of a bad search."""

    ONE_ROW_LESS = "one-row-less"
    """A full page lacks one of its rows."""

    SHORT_PAGES = "short-pages"
    """No page has more than 480 rows."""

    REPLICAS = "replicas"
    """One of two servers lacks a tenth of all videos."""

    EMPTY_WITHOUT_TOTAL = "empty-without-total"
    """One answer in ten is empty, with a total of 0."""

    EMPTY_WITH_TOTAL = "empty-with-total"
    """The first two answers to a question are empty, beside the right total."""

    SHRINKING = "shrinking"
    """Asked again, a page has half of its rows."""

    HIGH_TOTALS = "high-totals"
    """The total is half above what there is."""

    EMPTY_STRINGS = "empty-strings"
    """Numbers are empty texts at times, and always where there is nothing."""

    MISSING_FIELDS = "missing-fields"
    """A row in 200 has no date of upload, or no id."""

    PROCESSING = "processing"
    """A video in fifty is not ready yet when it is first asked for."""

    LATE_INDEX = "late-index"
    """Half of what the last two days have brought is not shown yet."""


SHORT_PAGE, LACKING, EMPTY, LATE_S = 480, 0.1, 0.1, 2 * DAY_S
"""Rows of a page, share that a replica lacks, share of answers that are empty, and seconds that the
index is late."""


def known_to(
    vice: Vice | None, found: Sequence[Video], chance: random.Random, until: int
) -> Sequence[Video]:
    """Leave out what the server that answers does not know."""
    if vice is Vice.REPLICAS and chance.random() < 0.5:
        return [video for video in found if _share(video, "replica") >= LACKING]
    if vice is Vice.LATE_INDEX:
        late = until - LATE_S
        return [v for v in found if v.posted <= late or _share(v, "late") >= 0.5]
    return found


@dataclass(frozen=True, slots=True)
class Due:
    """The page that is due, before a vice changes it."""

    rows: Sequence[Video]
    total: int
    full: int
    """Rows that make it full."""

    asked: int
    """How often the same was asked for before."""


def shown(vice: Vice | None, due: Due, chance: random.Random) -> tuple[Sequence[Video], int]:
    """Change the rows of a page, and its total."""
    rows, total = due.rows, due.total
    if vice is Vice.ONE_ROW_LESS and len(rows) == due.full:
        lost = chance.randrange(due.full)
        rows = [*rows[:lost], *rows[lost + 1 :]]
    elif vice is Vice.SHORT_PAGES:
        rows = rows[:SHORT_PAGE]
    elif vice is Vice.EMPTY_WITHOUT_TOTAL and chance.random() < EMPTY:
        rows, total = (), 0
    elif vice is Vice.EMPTY_WITH_TOTAL and due.asked < 2:
        rows = ()
    elif vice is Vice.SHRINKING and due.asked:
        rows = rows[: len(rows) // 2]
    elif vice is Vice.HIGH_TOTALS:
        total = round(total * 1.5)
    return rows, total


def garbled(vice: Vice | None, answer: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    """Change the JSON of an answer."""
    photos = dict(answer["photos"])
    if vice is Vice.EMPTY_STRINGS:
        if not photos["photo"] or chance.random() < EMPTY:
            photos["total"] = ""
        photos["photo"] = [_emptied(row, chance) for row in photos["photo"]]
    if vice is Vice.MISSING_FIELDS:
        photos["photo"] = [_lacking(row, chance) for row in photos["photo"]]
    return {**answer, "photos": photos}


def _emptied(row: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    names = ("views", "latitude", "longitude", "accuracy", "title", "datetaken", "pathalias")
    name = chance.choice(names)
    return {**row, name: ""} if chance.random() < EMPTY else dict(row)


def _lacking(row: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    if chance.random() >= 1 / 200:
        return dict(row)
    lost = chance.choice(("dateupload", "id"))
    return {name: value for name, value in row.items() if name != lost}


def _share(video: Video, of: str) -> float:
    return random.Random(f"{video.photo_id} {of}").random()
