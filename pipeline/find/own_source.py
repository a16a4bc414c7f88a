"""Videos from a source of somebody's own: their records, held to what ours promise.

Whoever writes a source knows what is where; this sees that the rest of the pipeline can live with
what they say: an address that can be opened, and a license under which strips may be made. A
license that a record names is judged by the gate that all sources pass; of a record that names
none, whoever enters it answers for the rights.

Cost: 14 us per record; nothing is opened.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from tinyvideo.pipeline.find.folders import path_of
from tinyvideo.pipeline.find.lists import SCHEMES
from tinyvideo.pipeline.hosts import refusal_of
from tinyvideo.pipeline.types import VideoRecord

_SCHEMES = SCHEMES | {"flickr"}


def checked_records(
    records: Iterable[VideoRecord], *, any_license: bool = False
) -> Iterator[VideoRecord]:
    """Yield the records as they may be entered; what must not be fetched says so in `refused`.

    `any_license` takes videos whatever their license says.

    Raises:
        ValueError: an id or an address cannot be used; the text names the video.
    """
    for record in records:
        _check(record)
        yield _judged(record, any_license=any_license)


def _check(record: VideoRecord) -> None:
    if not record.source:
        raise ValueError(f"video {record.video_id} has no source; give the way it came in a name")
    scheme = record.uri.partition(":")[0]
    if scheme not in _SCHEMES:
        raise ValueError(
            f"video {record.video_id} has no address of {', '.join(sorted(_SCHEMES))}: "
            f"{record.uri!r}; of a path, Path(...).absolute().as_uri() makes one"
        )
    if scheme == "file":
        path_of(record.uri)


def _judged(record: VideoRecord, *, any_license: bool) -> VideoRecord:
    if record.refused is not None:
        return record
    refused, problem = refusal_of(
        name=record.license,
        url=record.license_url,
        number=record.license_id,
        any_license=any_license,
        own=True,  # whoever writes a source has chosen its videos
    )
    return replace(record, refused=refused, problem=problem) if refused else record
