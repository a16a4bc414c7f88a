"""A search on Flickr: what is asked for, how a call says it, and what a result says of a video.

Everything that a crawl needs comes with the search itself (`extras`), so that finding costs one
call per 500 videos and none per video. Flickr's types have changed over the years: a number may
come as text, a title as a dictionary, an alias as nothing at all.

Cost: data only. Source: Flickr's description of `flickr.photos.search`, recorded answers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tinyvideo.pipeline.errors import RejectReason
from tinyvideo.pipeline.hosts import License, refusal_of
from tinyvideo.pipeline.types import VideoRecord

MOST_PER_PAGE, MOST_PER_PAGE_OF_PLACES = 500, 250
"""Results per call. Theirs; a search by place gives fewer."""

EXTRAS = "license,date_upload,date_taken,owner_name,tags,geo,views,media,path_alias"
"""What a result says beside its id, owner, secret and title."""

SAFE = 1
"""What `safe_search` calls safe; without it one who is logged in would see more."""

PREFIX = "flickr-"
"""Before the photo's id, by whichever way a video of Flickr came in."""


_MOST_DIGITS = 18
"""Digits of a number that fits into eight bytes, whatever its digits are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is searched for; at least one of the first four says it."""

    tags: str = ""
    """Words that owners gave, separated by commas: any of them; `-word` excludes."""

    text: str = ""
    """Words of title, description or tags: all of them."""

    owner: str = ""
    """NSID, as `12345678@N00`."""

    bbox: str = ""
    """West, south, east and north edge in degrees, separated by commas."""

    licenses: tuple[str, ...] = ()
    """Flickr's numbers of the licenses that are wanted; none: all, whatever they forbid."""

    safe: bool = True

    def __post_init__(self) -> None:
        if self.bbox:
            _check_bbox(self.bbox)

    @property
    def per_page(self) -> int:
        """How many results a call gives."""
        return MOST_PER_PAGE_OF_PLACES if self.bbox else MOST_PER_PAGE

    @property
    def name(self) -> str:
        """Name it, the same for the same question: `tags=beach license=1,2,4 safe`."""
        words = {"tags": self.tags, "text": self.text, "owner": self.owner, "bbox": self.bbox}
        named = [f"{name}={value}" for name, value in words.items() if value]
        license_ = f"license={','.join(self.licenses) or 'any'}"
        return " ".join([*named, license_, "safe" if self.safe else "unsafe"])

    def parameters(
        self,
        since: int,
        until: int,
        page: int,
        license_: str = "",
        *,
        newest_first: bool = False,
    ) -> dict[str, Any]:
        """Say it in the words of a call: uploads from `since` to `until`, both included.

        `license_` narrows it to one license. The oldest come first, or the newest.
        """
        words = {
            "tags": self.tags,
            "text": self.text,
            "user_id": self.owner,
            "bbox": self.bbox,
            "license": license_ or ",".join(self.licenses),
        }
        return {
            **{name: value for name, value in words.items() if value},
            "media": "videos",
            "video_content_types": 0,  # no screencasts, cartoons or games
            **({"safe_search": SAFE} if self.safe else {}),
            "min_upload_date": since,
            "max_upload_date": until,
            "sort": f"date-posted-{'desc' if newest_first else 'asc'}",
            "extras": EXTRAS,
            "per_page": self.per_page,
            "page": page,
        }


class NotUnderstoodError(ValueError):
    """An answer, or a row of it, of a form that we do not know; the text names the part."""


def least_calls(videos: int, name: str) -> int:
    """Say how many calls prove a search of this name at least: rows once, and the other end."""
    of_places = any(word.startswith("bbox=") for word in name.split())
    per_page = MOST_PER_PAGE_OF_PLACES if of_places else MOST_PER_PAGE
    return -(-videos // per_page) + 1


def parse_answer(answer: Mapping[str, Any]) -> tuple[int, list[Any]]:
    """Read the total and the rows of an answer of `flickr.photos.search`.

    Where nothing is found the total is an empty text at times; then the rows are counted.

    Raises:
        NotUnderstoodError: it has another form.
    """
    try:
        photos = answer["photos"]
        rows = photos["photo"]
        if not isinstance(rows, list):
            raise TypeError
    except (KeyError, TypeError) as error:
        raise NotUnderstoodError("an answer of the search without a list of results") from error
    total = whole_number(photos.get("total"))
    return len(rows) if total is None else total, rows


def parse_result(
    row: Any, table: Mapping[str, License], *, any_license: bool = False
) -> VideoRecord:
    """Describe one result; it is refused if its license is, or if it is a photo.

    Raises:
        NotUnderstoodError: it lacks an id or the time of its upload.
    """
    if not isinstance(row, Mapping):
        raise NotUnderstoodError("a result of the search that is no object")
    number = _text(row.get("license"))
    license_ = table.get(number)
    photo_id, uploaded_at = whole_number(row.get("id")), whole_number(row.get("dateupload"))
    if photo_id is None or uploaded_at is None:
        lost = "id" if photo_id is None else "dateupload"
        raise NotUnderstoodError(f"a result of the search without {lost}")
    owner = _text(row.get("owner"))
    home = _text(row.get("pathalias")) or owner
    return VideoRecord(
        video_id=f"{PREFIX}{photo_id}",
        source="flickr",
        uri=f"flickr:{photo_id}",
        title=_text(row.get("title")),
        owner=owner,
        owner_name=_text(row.get("ownername")),
        page_url=f"https://www.flickr.com/photos/{home}/{photo_id}/",
        license=license_.name if license_ else "",
        license_id=number,
        license_url=license_.url if license_ else "",
        tags=_text(row.get("tags")),
        uploaded_at=uploaded_at,
        taken_at=_taken_at(row),
        views=whole_number(row.get("views")),
        **_place(row),
        secret=_text(row.get("secret")),
        **_refusal(row, license_, any_license=any_license),
    )


def _refusal(
    row: Mapping[str, Any], license_: License | None, *, any_license: bool
) -> dict[str, Any]:
    if _text(row.get("media")) not in {"", "video"}:
        return {"refused": RejectReason.NOT_A_VIDEO, "problem": "Flickr says it is a photo"}
    refused, problem = refusal_of(
        name=license_.name if license_ else "",
        url=license_.url if license_ else "",
        number=_text(row.get("license")) or "unknown",
        any_license=any_license,
    )
    return {"refused": refused, "problem": problem} if refused else {}


def whole_number(value: object) -> int | None:
    """Read a number that is now a text, now a number; None if it is none that a row can hold."""
    text = _text(value).strip()
    if not (text.isascii() and text.isdecimal()) or len(text) > _MOST_DIGITS:
        return None
    return int(text)


def degrees(latitude: object, longitude: object) -> dict[str, Any]:
    """Read a place; None for both where it is none on the globe."""
    try:
        place = float(_text(latitude)), float(_text(longitude))
    except ValueError:
        place = (math.nan, math.nan)
    if abs(place[0]) <= 90 and abs(place[1]) <= 180:
        return {"latitude": place[0], "longitude": place[1]}
    return {"latitude": None, "longitude": None}


def _place(row: Mapping[str, Any]) -> dict[str, Any]:
    # Without a place Flickr says 0, 0 with an accuracy of 0, which a place never has.
    known = whole_number(row.get("accuracy"))
    return degrees(row.get("latitude"), row.get("longitude")) if known else degrees("", "")


def _taken_at(row: Mapping[str, Any]) -> str:
    # Where the camera did not say, Flickr repeats when it was uploaded, and admits that.
    return "" if whole_number(row.get("datetakenunknown")) else _text(row.get("datetaken"))


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        value = value.get("_content")
    return "" if value is None else str(value)


def _check_bbox(bbox: str) -> None:
    try:
        west, south, east, north = (float(edge) for edge in bbox.split(","))
    except ValueError as error:
        raise ValueError(f"a box is WEST,SOUTH,EAST,NORTH in degrees, got {bbox!r}") from error
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise ValueError(f"a box is WEST,SOUTH,EAST,NORTH in degrees, got {bbox!r}")
