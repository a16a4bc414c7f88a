"""The REST interface of Flickr: methods by name, answers as JSON, errors with HTTP 200.

Both ways of asking are understood: a form that is posted, with the key in an OAuth header, as
flickrapi does; and a query with `api_key`, as yt-dlp does with the key of Flickr's own pages.
Numbers are now texts, now numbers, as they have been over the years.

Cost: next to nothing beside the search.
Source: recorded answers of the real interface, of 2019 to 2025.
"""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import unquote

from tinyvideo.flows.imitation import film_files as media
from tinyvideo.flows.imitation.population import NEW_LICENSE, WORDS, Fate, Population, Video
from tinyvideo.flows.imitation.search_answers import ApiError, SearchConfig, answer_of, search
from tinyvideo.flows.imitation.vices import Vice, garbled, written

SITE_KEY = "5173ecae0000000000000000site4key"
"""The key that Flickr's own pages use."""

_CC = "https://creativecommons.org"
LICENSE_TABLE = (
    (0, "All Rights Reserved", "https://www.flickrhelp.com/hc/en-us/articles/10710266545556"),
    (1, "CC BY-NC-SA 2.0", f"{_CC}/licenses/by-nc-sa/2.0/"),
    (2, "CC BY-NC 2.0", f"{_CC}/licenses/by-nc/2.0/"),
    (3, "CC BY-NC-ND 2.0", f"{_CC}/licenses/by-nc-nd/2.0/"),
    (4, "CC BY 2.0", f"{_CC}/licenses/by/2.0/"),
    (5, "CC BY-SA 2.0", f"{_CC}/licenses/by-sa/2.0/"),
    (6, "CC BY-ND 2.0", f"{_CC}/licenses/by-nd/2.0/"),
    (7, "No known copyright restrictions", "https://www.flickr.com/commons/usage/"),
    (8, "United States Government Work", "http://www.usa.gov/copyright.shtml"),
    (9, "Public Domain Dedication (CC0)", f"{_CC}/publicdomain/zero/1.0/"),
    (10, "Public Domain Mark", f"{_CC}/publicdomain/mark/1.0/"),
    (11, "CC BY 4.0", f"{_CC}/licenses/by/4.0/"),
    (12, "CC BY-SA 4.0", f"{_CC}/licenses/by-sa/4.0/"),
    (13, "CC BY-ND 4.0", f"{_CC}/licenses/by-nd/4.0/"),
    (14, "CC BY-NC 4.0", f"{_CC}/licenses/by-nc/4.0/"),
    (15, "CC BY-NC-SA 4.0", f"{_CC}/licenses/by-nc-sa/4.0/"),
    (16, "CC BY-NC-ND 4.0", f"{_CC}/licenses/by-nc-nd/4.0/"),
)

Params: TypeAlias = Mapping[str, str]


@dataclass(slots=True)
class Api:
    """What answers on api.flickr.com."""

    population: Population
    search: SearchConfig
    key: str
    """The one key, beside that of Flickr's pages, which is known."""

    def answer(self, params: Params, authorization: str, asked: int) -> dict[str, Any]:
        """Answer one call, which is made for the `asked`-th time, 0 the first."""
        try:
            self._check_key(params, authorization)
            method = params.get("method", "")
            call = self._methods().get(method.removeprefix("flickr."))
            if call is None:
                raise ApiError(112, f'Method "{method}" not found')
            return call(params, asked)
        except ApiError as error:
            return {"stat": "fail", "code": error.code, "message": error.message}

    def text(self, params: Params, authorization: str, asked: int) -> bytes:
        """Answer as `answer`, as it goes over the wire."""
        document, chance = self.answer(params, authorization, asked), _chance(params, asked)
        return written(self.search.vice, document, chance)

    def _methods(self) -> dict[str, Callable[[Params, int], dict[str, Any]]]:
        return {
            "photos.search": self._search,
            "photos.getInfo": self._info,
            "photos.getSizes": self._sizes,
            "video.getStreamInfo": self._streams,
            "photos.licenses.getInfo": self._licenses,
            "tags.getHotList": self._hot_tags,
            "test.echo": self._echo,
        }

    def _check_key(self, params: Params, authorization: str) -> None:
        signed = re.search(r'oauth_consumer_key="([^"]*)"', authorization)
        key = unquote(signed[1]) if signed else params.get("api_key", "")
        if key not in {self.key, SITE_KEY}:
            raise ApiError(100, "Invalid API Key (Key has invalid format)")

    def _search(self, params: Params, asked: int) -> dict[str, Any]:
        page = search(self.population, _asking(params), self.search, asked)
        chance = _chance(params, asked)
        return garbled(self.search.vice, answer_of(page, params.get("extras", ""), chance), chance)

    def _info(self, params: Params, asked: int) -> dict[str, Any]:
        video, chance = self._present(params), _chance(params, asked)
        license_ = NEW_LICENSE if video.fate is Fate.RELICENSED else video.license
        width, height = media.original_size(video.photo_id)
        photo = {
            "id": str(video.photo_id),
            "secret": video.secret,
            "server": "65535",
            "farm": 66,
            "dateuploaded": str(video.posted),
            "license": chance.choice((license_, str(license_))),
            "safety_level": chance.choice((0, "0")),
            "owner": {
                "nsid": video.owner,
                "username": f"owner {video.owner.partition('@')[0]}",
                "realname": "",
                "path_alias": chance.choice((None, "")),
            },
            "title": {"_content": video.title},
            "description": {"_content": ""},
            "visibility": {"ispublic": 1, "isfriend": 0, "isfamily": 0},
            "views": chance.choice((12, "12")),
            "usage": {"candownload": int(video.fate is not Fate.LOCKED)},
            "comments": {"_content": "0"},
            "tags": {
                "tag": [{"id": f"1-{tag}", "raw": tag, "_content": tag} for tag in video.tags]
            },
            "urls": {"url": [{"type": "photopage", "_content": media.page_url(video)}]},
            "media": "video" if video.is_video else "photo",
        }
        if video.is_video:
            size = {"width": str(width), "height": str(height)}
            pending = int(
                self.search.vice is Vice.PROCESSING and not asked and video.photo_id % 50 == 0
            )
            ready = {"ready": 1 - pending, "failed": 0, "pending": pending}
            photo["video"] = {**ready, "duration": "2", **size}
        return {"photo": photo, "stat": "ok"}

    def _sizes(self, params: Params, asked: int) -> dict[str, Any]:
        video, chance = self._present(params), _chance(params, asked)
        if video.fate is Fate.LOCKED:
            raise ApiError(2, "Permission denied")
        sizes = [
            {
                "label": label,
                "width": chance.choice((side, str(side))),
                "height": chance.choice((side, str(side))),
                "source": f"https://live.staticflickr.com/65535/{video.photo_id}_{video.secret}.jpg",
                "url": media.page_url(video),
                "media": "photo",
            }
            for label, side in (("Square", 75), ("Medium", 500), ("Original", 1280))
        ]
        sizes += media.sizes_of(video, chance) if video.is_video else []
        head = {"canblog": 0, "canprint": 0, "candownload": 1}
        return {"sizes": {**head, "size": sizes}, "stat": "ok"}

    def _streams(self, params: Params, asked: int) -> dict[str, Any]:
        video = self._present(params)
        if video.fate is Fate.LOCKED:
            raise ApiError(2, "Permission denied")
        streams = [
            {"type": int(r.label) if r.label.isdigit() else r.label, "_content": r.play_url(video)}
            for r in media.renditions_of(video)
        ]
        return {"streams": {"stream": streams}, "stat": "ok"}

    def _licenses(self, params: Params, asked: int) -> dict[str, Any]:
        chance = _chance(params, asked)
        rows = [
            {"id": chance.choice((number, str(number))), "name": name, "url": url}
            for number, name, url in LICENSE_TABLE
        ]
        return {"licenses": {"license": rows}, "stat": "ok"}

    def _hot_tags(self, params: Params, asked: int) -> dict[str, Any]:
        count = int(params.get("count") or 20)
        tags = [{"_content": word, "thm_data": {}} for word in WORDS[:count]]
        return {"period": "day", "count": count, "hottags": {"tag": tags}, "stat": "ok"}

    def _echo(self, params: Params, asked: int) -> dict[str, Any]:
        return {"method": {"_content": params.get("method", "")}, "stat": "ok"}

    def _present(self, params: Params) -> Video:
        # Of what is private, strangers hear the same as of what was deleted.
        text = params.get("photo_id", "")
        video = self.population.by_id.get(int(text)) if text.isdigit() else None
        if video is None or not video.public or video.fate in {Fate.DELETED, Fate.PRIVATE}:
            raise ApiError(1, f'Photo "{text}" not found (invalid ID)')
        return video


def _asking(params: Params) -> dict[str, str]:
    """Leave out what changes from call to call, or says nothing of what is asked for."""
    outer = {"method", "format", "nojsoncallback", "api_key", "extras"}
    return {k: v for k, v in params.items() if k not in outer and not k.startswith("oauth_")}


def _chance(params: Params, asked: int) -> random.Random:
    return random.Random(f"{sorted(_asking(params).items())} {asked}")
