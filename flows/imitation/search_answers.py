"""flickr.photos.search as it is: the cap, pages that repeat, totals that are only about right.

* A query gives its first 4,000 results, or 250 per page of a search by place; what lies beyond
  shows earlier pages again.
* `total` is off by up to a share, always the same for the same question.
* On an unsteady page some rows are missing, and rows that were already shown stand in their place.
  Asked again, it may be right.

Cost: 15 ms to look through 50,000 videos; 80 ms for a page of 500 of them, as its client sees it.
Source: Flickr's own description of the method, and what its users report of it.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tinyvideo.flows.imitation.population import Population, Video
from tinyvideo.flows.imitation.vices import (
    Due,
    Vice,
    in_their_order,
    known_to,
    outage_of,
    shown,
)

CAP = 4_000
"""Results per query. Theirs."""

MAX_PER_PAGE, MAX_PER_PAGE_OF_PLACES = 500, 250
"""Rows per page. Theirs."""

_LIMITING = ("text", "tags", "user_id", "bbox", "min_upload_date", "max_upload_date", "license")


class ApiError(Exception):
    """An answer of the API that says no: HTTP 200, `stat` is `fail`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchConfig:
    seed: int = 0
    total_error: float = 0.2
    """Largest share by which `total` is wrong, to either side."""

    unsteady_pages: float = 0.2
    """Share of the pages of which some rows are missing and others stand twice."""

    repeated_rows: float = 0.06
    """Largest share of the rows of an unsteady page that is missing."""

    vice: Vice | None = None
    """What is wrong beside; see `vices`."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer."""

    number: int
    per_page: int
    total: int
    rows: Sequence[Video]

    @property
    def pages(self) -> int:
        """How many pages the total promises."""
        return -(-self.total // self.per_page)


def find(population: Population, params: Mapping[str, str]) -> Sequence[Video]:
    """Find everything that the words of a query mean, oldest first: the truth.

    Raises:
        ApiError: code 3 without a limiting word, code 2 for an owner whom nobody knows.
    """
    if not any(params.get(name) for name in _LIMITING):
        raise ApiError(3, "Parameterless searches have been disabled.")
    since, until = (
        _moment(params, "min_upload_date", 0),
        _moment(params, "max_upload_date", 1 << 33),
    )
    fits = _filter(params)
    positions = population.between(_candidates(population, params), since, until)
    return [video for video in map(population.videos.__getitem__, positions) if fits(video)]


def search(
    population: Population, params: Mapping[str, str], config: SearchConfig, asked: int
) -> Page:
    """Answer a query for the `asked`-th time, 0 the first.

    Raises:
        ApiError: as `find`.
    """
    named = "&".join(f"{name}={value}" for name, value in sorted(params.items()))
    vicious = random.Random(f"{config.seed} {named} {asked} {config.vice}")
    found = known_to(config.vice, find(population, params), vicious, population.config.until)
    if params.get("sort", "date-posted-desc") != "date-posted-asc":
        found = found[::-1]
    found = in_their_order(config.vice, found)
    if (code := outage_of(config.vice, vicious)) is not None:
        raise ApiError(code, "Service currently unavailable")
    most = MAX_PER_PAGE_OF_PLACES if params.get("bbox") else MAX_PER_PAGE
    per_page = max(1, min(most, int(params.get("per_page") or 100)))
    number = max(1, int(params.get("page") or 1))
    last = -(-CAP // per_page)
    seen = number if number <= last else (number - 1) % last + 1
    rows = found[:CAP][(seen - 1) * per_page : seen * per_page]
    chance = random.Random(f"{config.seed} {named} {asked}")
    if chance.random() < config.unsteady_pages:
        rows = _repeat(rows, found[: max(1, (seen - 1) * per_page)], config, chance)
    total = _about(len(found), params, config)
    rows, total = shown(config.vice, Due(rows, total, per_page, asked), vicious)
    return Page(number, per_page, total, rows)


def _repeat(
    rows: Sequence[Video], earlier: Sequence[Video], config: SearchConfig, chance: random.Random
) -> Sequence[Video]:
    if len(rows) < 2:
        return rows
    lost = set(chance.sample(range(len(rows)), max(1, int(len(rows) * config.repeated_rows))))
    kept = [row for place, row in enumerate(rows) if place not in lost]
    again = [*earlier[-len(rows) :], *kept]
    return [chance.choice(again) if place in lost else row for place, row in enumerate(rows)]


def _about(total: int, params: Mapping[str, str], config: SearchConfig) -> int:
    words = [f"{k}={v}" for k, v in sorted(params.items()) if k not in {"page", "per_page"}]
    chance = random.Random(f"{config.seed} {words}")
    return round(total * (1 + chance.uniform(-config.total_error, config.total_error)))


def _candidates(population: Population, params: Mapping[str, str]) -> Sequence[int]:
    if owner := params.get("user_id"):
        if owner not in population.by_owner:
            raise ApiError(2, "Unknown user")
        return population.by_owner[owner]
    wanted = [tag for tag in _tags(params) if not tag.startswith("-")]
    if not wanted:
        return range(len(population.videos))
    lists = [population.by_word.get(tag, ()) for tag in wanted]
    if params.get("tag_mode") == "all":
        return sorted(set(lists[0]).intersection(*lists[1:]))
    return lists[0] if len(lists) == 1 else sorted(set().union(*lists))


def _tags(params: Mapping[str, str]) -> list[str]:
    words = (tag.strip().lower() for tag in params.get("tags", "").split(","))
    return [word for word in words if word]


def _filter(params: Mapping[str, str]) -> Callable[[Video], bool]:
    media = params.get("media", "all")
    licenses = {int(number) for number in params.get("license", "").split(",") if number.strip()}
    words = set(params.get("text", "").lower().split())
    without = {tag[1:] for tag in _tags(params) if tag.startswith("-")}
    box = [float(edge) for edge in params.get("bbox", "").split(",") if edge]

    def fits(video: Video) -> bool:
        # Whoever has not logged in sees what is public and safe, whatever `safe_search` says.
        if not (video.public and video.safe):
            return False
        if media != "all" and video.is_video != (media == "videos"):
            return False
        if licenses and video.license not in licenses:
            return False
        if words and not words <= {*video.tags, *video.title.lower().split()}:
            return False
        return without.isdisjoint(video.tags) and (not box or _inside(video, box))

    return fits


def _inside(video: Video, box: Sequence[float]) -> bool:
    west, south, east, north = box
    if video.place is None:
        return False
    latitude, longitude = video.place
    return south <= latitude <= north and west <= longitude <= east


def _moment(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name, "")
    if not text:
        return default
    if text.lstrip("-").isdigit():
        return int(text)
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def row_of(video: Video, extras: str, chance: random.Random) -> dict[str, Any]:
    """Lay out one result; numbers are texts in one answer and numbers in the next."""

    def drift(number: float) -> float | str:
        return number if chance.random() < 0.5 else str(number)

    row: dict[str, Any] = {
        "id": str(video.photo_id),
        "owner": video.owner,
        "secret": video.secret,
        "server": "65535",
        "farm": 66,
        "title": video.title,
        "ispublic": 1,
        "isfriend": 0,
        "isfamily": 0,
    }
    taken = datetime.fromtimestamp(video.posted - 3_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    latitude, longitude = video.place or (0, 0)
    more: dict[str, Callable[[], dict[str, Any]]] = {
        "license": lambda: {"license": drift(video.license)},
        "date_upload": lambda: {"dateupload": drift(video.posted)},
        "date_taken": lambda: {"datetaken": taken, "datetakenunknown": drift(0)},
        "owner_name": lambda: {"ownername": f"owner {video.owner.partition('@')[0]}"},
        "path_alias": lambda: {"pathalias": chance.choice((None, "", f"at-{video.owner[:7]}"))},
        "tags": lambda: {"tags": " ".join(video.tags)},
        "views": lambda: {"views": drift(video.photo_id % 997)},
        "media": lambda: {
            "media": "video" if video.is_video else "photo",
            "media_status": "ready",
        },
        "geo": lambda: {
            "latitude": drift(latitude),
            "longitude": drift(longitude),
            "accuracy": drift(16 if video.place else 0),
        },
        "description": lambda: {"description": {"_content": ""}},
    }
    for name in extras.split(","):
        row |= more[name]() if name in more else {}
    return row


def answer_of(page: Page, extras: str, chance: random.Random) -> dict[str, Any]:
    """Lay out one page of results, as JSON has it."""
    total: int | str = page.total if chance.random() < 0.5 else str(page.total)
    rows = [row_of(video, extras, chance) for video in page.rows]
    head = {"page": page.number, "pages": page.pages, "perpage": page.per_page, "total": total}
    return {"photos": {**head, "photo": rows}, "stat": "ok"}


def least_calls(found: int, per_page: int = MAX_PER_PAGE) -> int:
    """Say how many calls prove a search at least: each row once, and a look from the other end."""
    return -(-found // per_page) + 1
