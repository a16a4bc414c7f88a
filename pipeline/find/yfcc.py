"""The videos of YFCC100M, out of its metadata: text of 23 or 25 columns, packed or not, or SQLite.

The text has no header; its columns are split at tabs, and then each is decoded, because `+` and
`%09` stand in titles. The later form has a line number and a hash beside what the first has. One
line in 126 is a video. Media come from the public bucket of Multimedia Commons, whose names follow
from the download address, or from Flickr, where many are gone by now.

A record's id is `flickr-` and the photo's: a video is the same whichever way it comes in.

Cost: that of reading the file; only the lines of videos are taken apart.
Source: the dataset's own description; Thomee et al., YFCC100M (2016), table 1.
"""

import hashlib
import logging
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import IO
from urllib.parse import unquote_plus

from tinyvideo.pipeline.errors import UnreadableError
from tinyvideo.pipeline.find.flickr_query import degrees, whole_number
from tinyvideo.pipeline.hosts import license_of, refusal_of
from tinyvideo.pipeline.outside_packed import UNPACKING, open_packed
from tinyvideo.pipeline.types import VideoRecord

BUCKET = "s3://multimedia-commons"
"""Where the videos of YFCC100M are kept for everybody."""

logger = logging.getLogger(__name__)

# fmt: off
COLUMNS = (
    "photoid", "uid", "unickname", "datetaken", "dateuploaded", "capturedevice", "title",
    "description", "usertags", "machinetags", "longitude", "latitude", "accuracy", "pageurl",
    "downloadurl", "licensename", "licenseurl", "serverid", "farmid", "secret", "secretoriginal",
    "ext", "marker",
)
# fmt: on
"""Of the first form, and of the table of the SQLite form."""

MOST_LINE_BYTES = 2**22
"""Longest line that is read. Ours: descriptions of Flickr end at 65,535 characters."""

VIDEO = "1"
"""What the last column says of a video; a photo has 0."""

_LATER_FORM = 25
_PHOTO_ID = re.compile(r"[0-9]{1,20}")
_SQLITE = b"SQLite format 3\0"


def read_yfcc100m(
    path: Path, *, from_flickr: bool = False, any_license: bool = False
) -> Iterator[VideoRecord]:
    """Yield the videos of a metadata file; those whose license forbids derivatives are refused.

    Raises:
        UnreadableError: it cannot be read, or has neither form.
    """
    for number, row in _read_rows(path):
        if _PHOTO_ID.fullmatch(row["photoid"]):
            yield _record_of(row, from_flickr=from_flickr, any_license=any_license)
        else:
            yield _bad_row(row, f"line {number} of {path}")


def _read_rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        with path.open("rb") as file:
            head = file.read(len(_SQLITE))
        if head == _SQLITE:
            yield from _read_table(path)
            return
        with open_packed(path) as lines:
            yield from _read_lines(path, lines)
    except (*UNPACKING, sqlite3.Error) as error:
        raise UnreadableError(f"{path} cannot be read as YFCC100M: {error}") from error


def _read_lines(path: Path, lines: IO[bytes]) -> Iterator[tuple[int, Mapping[str, str]]]:
    for number, line in enumerate(iter(lambda: lines.readline(MOST_LINE_BYTES), b""), 1):
        if len(line) == MOST_LINE_BYTES:
            raise UnreadableError(
                f"{path} is not the metadata of YFCC100M: line {number} has more than "
                f"{MOST_LINE_BYTES} bytes"
            )
        # Most lines are photos, which are told by their end.
        if number > 1 and not line.rstrip(b"\r\n").endswith(b"\t" + VIDEO.encode()):
            continue
        fields = line.decode(errors="backslashreplace").rstrip("\r\n").split("\t")
        if len(fields) == _LATER_FORM:
            fields = [fields[1], *fields[3:]]
        if len(fields) != len(COLUMNS) and number == 1:
            raise UnreadableError(
                f"{path} is not the metadata of YFCC100M: its first line has {len(fields)} columns "
                f"instead of {len(COLUMNS)} or {_LATER_FORM}"
            )
        if len(fields) != len(COLUMNS):
            logger.warning("line %d of %s has %d columns: left out", number, path, len(fields))
        elif fields[-1] == VIDEO:
            yield number, dict(zip(COLUMNS, map(unquote_plus, fields), strict=True))


def _read_table(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        videos = f"CAST(marker AS INTEGER) = {VIDEO}"  # text or number, by who made the file
        query = f"SELECT {', '.join(COLUMNS)} FROM yfcc100m_dataset WHERE {videos}"
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_LINE_BYTES)
        db.text_factory = lambda content: content.decode(errors="backslashreplace")
        for number, row in enumerate(db.execute(query), 1):
            texts = ("" if value is None else unquote_plus(str(value)) for value in row)
            yield number, dict(zip(COLUMNS, texts, strict=True))


def _bad_row(row: Mapping[str, str], where: str) -> VideoRecord:
    # It is a video of the file, so it is in the books; but nothing that it says is a name of ours.
    digest = hashlib.sha256("\t".join(row.values()).encode(errors="backslashreplace")).hexdigest()
    return VideoRecord(
        video_id=f"yfcc100m-bad-{digest[:16]}",
        source="yfcc100m",
        uri="yfcc100m:",
        problem=f"{where} has a photoid that is no number: {row['photoid'][:80]!r}",
    )


def _record_of(row: Mapping[str, str], *, from_flickr: bool, any_license: bool) -> VideoRecord:
    photo_id, license_ = row["photoid"], license_of(row["licenseurl"])
    refused, problem = refusal_of(
        name=row["licensename"], url=row["licenseurl"], any_license=any_license
    )
    return VideoRecord(
        video_id=f"flickr-{photo_id}",
        source="yfcc100m",
        uri=f"flickr:{photo_id}" if from_flickr else commons_uri(row["downloadurl"]),
        title=row["title"],
        owner=row["uid"],
        owner_name=row["unickname"],
        page_url=row["pageurl"],
        license=license_.name if license_ else row["licensename"],
        license_id=license_.number if license_ else "",
        license_url=row["licenseurl"],
        tags=" ".join(row["usertags"].split(",")),
        uploaded_at=whole_number(row["dateuploaded"]),
        taken_at=row["datetaken"],
        **degrees(row["latitude"], row["longitude"]),
        secret=row["secret"],
        refused=refused,
        problem=problem,
    )


def commons_uri(download_url: str) -> str:
    """Name the object of a YFCC100M video in the public bucket, from its download URL.

    Each byte of the MD5 is written without a leading zero, as whoever filled the bucket did.
    """
    digest = hashlib.md5(download_url.encode(), usedforsecurity=False).digest()
    name = "".join(f"{byte:x}" for byte in digest)
    return f"{BUCKET}/data/videos/mp4/{name[:3]}/{name[3:6]}/{name}.mp4"
