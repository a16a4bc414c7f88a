"""Vices of a search that a crawl has to survive, each of which can be switched on.

Each changes the answers of `flickr.photos.search` in one way, the same for the same seed. What
they hide can all be found by asking again, or otherwise; so what a crawl calls proven can be held
against what there is.

Cost: next to nothing beside the search. Source: what users have reported (flickrmirrorer 21,
gallery-dl 116, flickrapi 109), and what replicas of databases do.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
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

    TWICE = "twice"
    """One row in ten stands twice on a page, which has room for fewer others."""

    MOVING = "moving"
    """A row in fifty says another date from one answer to the next, up to an hour off."""

    SHUFFLED = "shuffled"
    """The right rows of a page, in any order."""

    UNSORTED = "unsorted"
    """Results come by relevance, whatever order is asked for."""

    COARSE_DATES = "coarse-dates"
    """Rows say the hour of their upload, rounded down."""

    WORDED_TOTALS = "worded-totals"
    """Totals are written "1,234", "12.0", "about 500", true or null."""

    NO_PHOTOS = "no-photos"
    """One answer in ten lacks its rows, or has something else in their place."""

    FAIL_CODES = "fail-codes"
    """One answer in ten says with HTTP 200 that Flickr is not available: 0, 10, 105, 106, 201."""

    NO_JSON = "no-json"
    """One answer in ten is a page for people, or ends in the middle."""

    POISON = "poison"
    """A video in 3,000 has a title that makes no JSON of every answer that it is in."""


SHORT_PAGE, LACKING, EMPTY, LATE_S = 480, 0.1, 0.1, 2 * DAY_S
"""Rows of a page, share that a replica lacks, share of answers that are empty, and seconds that the
index is late."""

BROKEN, POISONED = 0.1, 1 / 3_000
"""Share of answers that say nothing, and of videos whose rows do so."""

_WORDED = ("{:,}", "{}.0", "about {}", " {} ", "{}\u00b2", "-{}")
_NO_ROWS: Sequence[Any] = (
    {},
    None,
    {"photo": None},
    {"photo": {}},
    {"photo": "none"},
    {"total": 0},
    [],
    "",
)
_OUTAGES = (0, 10, 105, 106, 201)
_PAGE = b"<!DOCTYPE html><html><body><h1>flickr is having a massage</h1></body></html>"


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
    return _in_their_places(vice, rows, due.full, chance), total


def _in_their_places(
    vice: Vice | None, rows: Sequence[Video], full: int, chance: random.Random
) -> Sequence[Video]:
    if vice is Vice.TWICE:
        return [row for row in rows for _ in range(1 + (chance.random() < 0.1))][:full]
    if vice is Vice.SHUFFLED:
        return chance.sample(rows, len(rows))
    return rows


def in_their_order(vice: Vice | None, found: Sequence[Video]) -> Sequence[Video]:
    """Put results into another order than was asked for."""
    if vice is Vice.UNSORTED:
        return sorted(found, key=lambda video: _share(video, "relevance"))
    return found


def outage_of(vice: Vice | None, chance: random.Random) -> int | None:
    """Choose the code by which an answer says that there is none."""
    failing = vice is Vice.FAIL_CODES and chance.random() < BROKEN
    return chance.choice(_OUTAGES) if failing else None


def written(vice: Vice | None, answer: Mapping[str, Any], chance: random.Random) -> bytes:
    """Write an answer down, as it goes over the wire."""
    text = json.dumps(answer).encode()
    if vice is Vice.POISON:
        return text.replace(_POISON.encode(), b"\x01")  # which JSON has to escape
    if vice is Vice.NO_JSON and chance.random() < BROKEN:
        return chance.choice((_PAGE, text[: len(text) // 2], b"", b"[]", b"null", b"\xff"))
    return text


_POISON = "poisonous"


def garbled(vice: Vice | None, answer: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    """Change the JSON of an answer."""
    photos = dict(answer["photos"])
    if vice is Vice.EMPTY_STRINGS:
        if not photos["photo"] or chance.random() < EMPTY:
            photos["total"] = ""
        photos["photo"] = [_emptied(row, chance) for row in photos["photo"]]
    change = _ROWS.get(vice) if vice else None
    if change is not None:
        photos["photo"] = [change(row, chance) for row in photos["photo"]]
    if vice is Vice.WORDED_TOTALS:
        words = [text.format(int(photos["total"])) for text in _WORDED]
        photos["total"] = chance.choice([*words, True, None])
    if vice is Vice.NO_PHOTOS and chance.random() < BROKEN:
        return {"photos": chance.choice(_NO_ROWS), "stat": "ok"}
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


def _moving(row: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    if chance.random() >= 1 / 50:
        return dict(row)
    return {**row, "dateupload": int(row["dateupload"]) + chance.randint(-3_600, 3_600)}


def _coarse(row: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    return {**row, "dateupload": int(row["dateupload"]) // 3_600 * 3_600}


def _poisonous(row: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    harmless = random.Random(f"{row['id']} poison").random() >= POISONED
    return {**row, "title": row["title"] if harmless else _POISON}


_ROWS: Mapping[Vice, Callable[[Mapping[str, Any], random.Random], dict[str, Any]]] = {
    Vice.MISSING_FIELDS: _lacking,
    Vice.MOVING: _moving,
    Vice.COARSE_DATES: _coarse,
    Vice.POISON: _poisonous,
}
"""What becomes of each row."""


def _share(video: Video, of: str) -> float:
    return random.Random(f"{video.photo_id} {of}").random()
