"""What each host of Flickr answers, and how a fault spoils the answer.

Cost: that of `api.py` and `media.py`.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from tinyvideo.flows.imitation import film_files as media
from tinyvideo.flows.imitation.faults import Fault, FaultConfig, Kind
from tinyvideo.flows.imitation.population import Fate, Population, Video
from tinyvideo.flows.imitation.rest_api import SITE_KEY, Api

HOSTS = {
    "api.flickr.com": Kind.API,
    "www.flickr.com": Kind.PAGES,
    "live.staticflickr.com": Kind.MEDIA,
}

HTML = b"<!DOCTYPE html><html><head><title>Flickr</title></head><body>Bad, bad panda!</body></html>"
SORRY = "Sorry, the Flickr API service is not currently available."
"""The words of a page for people, and those of the API."""

_PLAY = re.compile(r"^/photos/[^/]+/(\d+)/play/([^/]+)/([0-9a-f]+)/?$")
_FILE = re.compile(r"^/video/(\d+)/([0-9a-f]+)/([^/]+)\.mp4$")
_SITE_KEY_PAGE = "/hermes_error_beacon.gne"


@dataclass(frozen=True, slots=True)
class Question:
    """One request, as far as the answer depends on it."""

    kind: Kind
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]

    @classmethod
    def of(cls, host: str, target: str, form: str, headers: Mapping[str, str]) -> "Question":
        """Take a request apart; `form` is what was posted."""
        url = urlsplit(target)
        params = dict(parse_qsl(url.query, keep_blank_values=True)) | dict(parse_qsl(form))
        return cls(HOSTS[host], url.path, params, headers)

    @property
    def named(self) -> str:
        """Say what is asked for, without what is another each time."""
        lasting = {k: v for k, v in self.params.items() if k != "s" and not k.startswith("oauth_")}
        return f"{self.kind} {self.path} {sorted(lasting.items())}"

    @property
    def method(self) -> str:
        """Name the method of the API, or `site_key`, `play`, `file`, `page`."""
        if self.kind is Kind.API:
            return self.params.get("method", "")
        for name, form in (("play", _PLAY), ("file", _FILE)):
            if form.match(self.path):
                return name
        return "site_key" if self.path == _SITE_KEY_PAGE else "page"

    @property
    def subject(self) -> str:
        """Name the video that is asked for, if it is one."""
        match = _PLAY.match(self.path) or _FILE.match(self.path)
        return match[1] if match else self.params.get("photo_id", "")


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent: an answer, or what a fault has made of it."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """The three hosts, without any fault."""

    population: Population
    api: Api
    signed_for_s: float

    def reply(self, question: Question, asked: int) -> Reply:
        """Answer for the `asked`-th time, 0 the first."""
        if question.kind is Kind.API:
            authorization = question.headers.get("Authorization", "")
            return Reply(self.api.text(question.params, authorization, asked))
        if question.kind is Kind.MEDIA:
            return self._file(question)
        if question.path == _SITE_KEY_PAGE:
            return Reply(json.dumps({"site_key": SITE_KEY}).encode())
        return self._redirect(question.path)

    def _redirect(self, path: str) -> Reply:
        match = _PLAY.match(path)
        video = self._video(match[1], match[3]) if match else None
        labels = [r.label for r in media.renditions_of(video) if not r.retired] if video else []
        if match is None or video is None or match[2] not in labels:
            return Reply(HTML, 404, "text/html")
        location = media.signed_url(video, match[2], int(time.time() + self.signed_for_s))
        return Reply(b"", 302, "text/html", {"Location": location})

    def _file(self, question: Question) -> Reply:
        match = _FILE.match(question.path)
        video = self._video(match[1], match[2]) if match else None
        if match is None or video is None:
            return Reply(HTML, 404, "text/html")
        if not media.is_signed(video, match[3], question.params.get("s", ""), time.time()):
            return Reply(b"signature expired", 403, "text/plain")
        if video.fate is Fate.TEXT:
            return Reply(HTML, content_type="video/mp4")
        film = media.film_of(video, match[3])
        etag = f'"{video.secret}-{match[3]}"'
        return _part_of(film, question.headers.get("Range", ""), etag)

    def _video(self, photo_id: str, secret: str) -> Video | None:
        video = self.population.by_id.get(int(photo_id))
        if video is None or video.secret != secret or not (video.public and video.is_video):
            return None
        gone = video.fate in {Fate.DELETED, Fate.PRIVATE, Fate.LOCKED}
        return None if gone else video


def _part_of(film: bytes, wanted: str, etag: str) -> Reply:
    headers = {"Accept-Ranges": "bytes", "ETag": etag}
    first = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
    if first is None:
        return Reply(film, content_type="video/mp4", headers=headers)
    start, end = int(first[1]), int(first[2] or len(film) - 1)
    if start >= len(film):
        return Reply(b"", 416, "text/plain", {"Content-Range": f"bytes */{len(film)}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{len(film)}"
    return Reply(film[start : end + 1], 206, "video/mp4", headers)


def spoil(reply: Reply, fault: Fault, faults: FaultConfig) -> Reply:
    """Put what goes wrong in the place of an answer, where it is not a matter of sending it."""
    spoiled = {
        Fault.BUSY: Reply(HTML, 429, "text/html"),
        Fault.BUSY_UNTIL: Reply(HTML, 429, "text/html", {"Retry-After": str(faults.retry_after_s)}),
        Fault.BAD_GATEWAY: Reply(HTML, 502, "text/html"),
        Fault.OVERLOADED: Reply(HTML, 503, "text/html"),
        Fault.BROKEN: Reply(HTML, 500, "text/html"),
        Fault.CODE_105: _sorry(105),
        Fault.CODE_201: _sorry(201),
        Fault.GARBLED: Reply(_sorry(201).body + b","),
        Fault.PAGE: Reply(HTML, content_type=reply.content_type),
        Fault.REFUSED: Reply(b"signature expired", 403, "text/plain"),
    }
    return spoiled.get(fault, reply)


def _sorry(code: int) -> Reply:
    return Reply(json.dumps({"stat": "fail", "message": SORRY, "code": code}).encode())
