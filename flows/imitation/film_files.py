"""Films of the imitation: which files a video has, where they are, and their bytes.

A file is reached in two steps, as with the real one: the page host redirects to an address on the
media host that is signed and expires soon. The bytes are real H.264 in MP4, drawn with nothing but
the encoder: a smooth random picture seen by a shaky hand, over which a patch wanders. Every video
has bytes of its own, though only a dozen different films are drawn; some are black, some too short.

Cost: 0.1 to 0.2 s for a film of 2 s at 512 x 288, once; it is kept.
"""

import base64
import hashlib
import json
import math
import random
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
from av.video.stream import VideoStream

from tinyvideo.flows.imitation.population import Fate, Video

FILMS = 12
"""How many different films there are; each is drawn at the sizes that are asked for."""

FPS, FRAMES, SHORT = 25, 50, 12
"""Frames per second, of most films, and of those that are too short for a strip."""

_CELL, _MARGIN, _PATCH = 8, 16, 48
"""In pixels: the grain of the picture, how far the hand shakes, and the side of the patch."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """One of the files of a video."""

    label: str
    long_side: int
    short_side: int
    told: bool = True
    """The API says how large it is."""

    retired: bool = False
    """The media host has it no more."""

    def play_url(self, video: Video) -> str:
        """Name the address that redirects to the file."""
        base = f"https://www.flickr.com/photos/{video.owner}/{video.photo_id}"
        return f"{base}/play/{self.label}/{video.secret}/"


NEW = (
    Rendition("1080p", 1920, 1080),
    Rendition("720p", 1280, 720),
    Rendition("appletv", 960, 540, told=False),
    Rendition("700", 700, 394, told=False),
    Rendition("360p", 640, 360),
    Rendition("iphone_wifi", 480, 270, told=False, retired=True),
    Rendition("288p", 512, 288),
)
OLD = (
    Rendition("700", 700, 394, told=False),
    Rendition("iphone_wifi", 480, 270, told=False, retired=True),
)
RETIRED = OLD[1:]
"""The files of videos that were encoded lately, of old ones, and of those left with none."""


def renditions_of(video: Video) -> Sequence[Rendition]:
    """List the files that the API names for a video."""
    if video.fate is Fate.RETIRED:
        return RETIRED
    return OLD if video.photo_id % 10 == 0 else NEW


def original_size(photo_id: int) -> tuple[int, int]:
    """Width and height of what was uploaded, in pixels; one in seven is upright."""
    return (1080, 1920) if _is_upright(photo_id) else (1920, 1080)


def page_url(video: Video) -> str:
    """Name the page of a video."""
    return f"https://www.flickr.com/photos/{video.owner}/{video.photo_id}/"


def sizes_of(video: Video, chance: random.Random) -> list[dict[str, Any]]:
    """Lay out the files of a video as getSizes does; the first is a player, and useless."""
    player = f"https://www.flickr.com/apps/video/stewart.swf?v=3&photo_id={video.photo_id}"
    rows = [{"label": "Video Player", "width": 1920, "height": 1080, "source": player}]
    for rendition in renditions_of(video):
        sides = [rendition.long_side, rendition.short_side]
        width, height = reversed(sides) if _is_upright(video.photo_id) else sides
        told = {"width": chance.choice((width, str(width))), "height": height}
        size: dict[str, Any] = told if rendition.told else {"width": "", "height": ""}
        rows.append({"label": rendition.label, **size, "source": rendition.play_url(video)})
    return [{**row, "url": page_url(video), "media": "video"} for row in rows]


def signed_url(video: Video, label: str, expires: int) -> str:
    """Name the address of a file on the media host, valid until `expires`, seconds since 1970."""
    ticket = {"i": video.photo_id, "e": expires, "s": _signature(video, label, expires), "v": 1}
    text = base64.urlsafe_b64encode(json.dumps(ticket).encode()).decode()
    host = "https://live.staticflickr.com"
    return f"{host}/video/{video.photo_id}/{video.secret}/{label}.mp4?s={text}"


def is_signed(video: Video, label: str, ticket: str, now: float) -> bool:
    """Tell whether an address is one of ours that has not expired."""
    try:
        told = json.loads(base64.urlsafe_b64decode(ticket))
        expires = int(told["e"])
        return told["s"] == _signature(video, label, expires) and now <= expires
    except (ValueError, KeyError, TypeError):
        return False


def film_of(video: Video, label: str) -> bytes:
    """Return the bytes of one file of a video.

    Raises:
        KeyError: the video has no such file, or the media host has it no more.
    """
    rendition = {r.label: r for r in renditions_of(video) if not r.retired}[label]
    sides = (rendition.long_side, rendition.short_side)
    width, height = reversed(sides) if _is_upright(video.photo_id) else sides
    number = str(video.photo_id).encode()
    # A box that players skip: no two videos are the same file.
    own = struct.pack(">I4s", 8 + len(number), b"free") + number
    return draw(video.photo_id % FILMS, width, height) + own


def _is_upright(photo_id: int) -> bool:
    return photo_id % 7 == 0


def _signature(video: Video, label: str, expires: int) -> str:
    text = f"imitation {video.photo_id} {label} {expires}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


@lru_cache(maxsize=64)
def draw(number: int, width: int, height: int) -> bytes:
    """Draw film `number` and encode it: MP4, whose index stands at the beginning."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"  # FFmpeg opens it again to move the index
        with av.open(path, "w", options={"movflags": "faststart"}) as output:
            quality = {"crf": "23", "preset": "veryfast"}
            stream = output.add_stream("libx264", rate=FPS, options=quality)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.thread_count = 1  # so that the same film is the same bytes
            for rows in _pictures(number, width, height):
                output.mux(stream.encode(_frame(rows, width, height, number)))
            output.mux(stream.encode())
        return path.read_bytes()


def _pictures(number: int, width: int, height: int) -> Iterable[list[bytes]]:
    """Yield the brightness of every frame, row by row."""
    frames = SHORT if number == 1 else FRAMES
    if number == 0:
        yield from ([bytes([16]) * width] * height for _ in range(frames))
        return
    scene = _texture(number, width + 2 * _MARGIN, height + 2 * _MARGIN)
    patch = _texture(number + 1_000, _PATCH, _PATCH)
    for time in range(frames):
        x = _MARGIN + round(_MARGIN * math.sin(time / 7 + number))
        y = _MARGIN + round(_MARGIN / 2 * math.cos(time / 5 + number))
        rows = [row[x : x + width] for row in scene[y : y + height]]
        left = width // 4 + 2 * time - (x - _MARGIN)
        top = height // 3 - (y - _MARGIN)
        for place, row in enumerate(patch, top):
            rows[place] = rows[place][:left] + row + rows[place][left + _PATCH :]
        yield rows


def _texture(seed: int, width: int, height: int) -> list[bytes]:
    """Draw a smooth random picture, as rows of brightness."""
    columns, lines = width // _CELL + 2, height // _CELL + 2
    chance = random.Random(seed)
    grid = [bytes(chance.randrange(40, 216) for _ in range(columns)) for _ in range(lines)]
    small = av.VideoFrame(columns, lines, "gray")
    _fill(small, 0, grid)
    large = small.reformat(width, height, format="gray", interpolation="BICUBIC")
    plane = bytes(large.planes[0])
    stride = large.planes[0].line_size
    return [plane[line * stride : line * stride + width] for line in range(height)]


def _frame(rows: list[bytes], width: int, height: int, number: int) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, "yuv420p")
    _fill(frame, 0, rows)
    for plane, color in ((1, 128 + 4 * (number % 5)), (2, 128 - 4 * (number % 7))):
        _fill(frame, plane, [bytes([color]) * (width // 2)] * (height // 2))
    return frame


def _fill(frame: av.VideoFrame, plane: int, rows: list[bytes]) -> None:
    target = frame.planes[plane]
    target.update(b"".join(row.ljust(target.line_size, b"\0") for row in rows))
