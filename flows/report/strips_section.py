"""The strips that a page shows: before and after, best and worst.

Films and strips are decoded in a process with the limits of `run`.

Cost: 1 s to start that process; 0.1 to 0.6 s per clip that is shown before and after, for decoding
its film again; 8 ms and 50 to 70 kB per ranked strip.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tinyvideo.flows.report.inline_pictures import Gallery, Picture
from tinyvideo.flows.report.shards_survey import (
    DECODED_AGAIN,
    HIGHER_IS_BETTER,
    RANKED,
    Found,
    Row,
    Survey,
    fetch_jpeg,
)
from tinyvideo.flows.workers import LimitedCalls
from tinyvideo.pipeline.curation import CurationConfig
from tinyvideo.pipeline.decode import FramesConfig
from tinyvideo.pipeline.errors import LimitError, RejectedError, UnreadableError
from tinyvideo.pipeline.find import path_of
from tinyvideo.pipeline.rerender import shrink_strip, unstabilized_strip
from tinyvideo.storage.objects import Store
from tinyvideo.storage.shards import crop_of
from tinyvideo.storage.storage_errors import StorageError

PAIR_PX, PAIR_QUALITY = 128, 75
THUMBNAIL_PX, THUMBNAIL_QUALITY = 96, 70
"""Largest size of a frame, in pixels, and JPEG quality. Ours: a page of 12 strips and 24 small
ones stays below 5 MB."""

FIGURES = {
    "visible_share": (
        "In view",
        "Share of the picture that the frame with the least of it still fills with its own "
        "pixels; the rest repeats what was seen last. Below {stabilize.min_visible:.0%} a clip is "
        "dropped.",
    ),
    "inlier_ratio": (
        "Agreement",
        "Share of the keypoints that agree, over the whole clip, on where the camera was; before a "
        "camera that did not move, of the parts of the picture. People have keypoints, too.",
    ),
    "reprojection_rmse_px": (
        "Precision",
        "How far those keypoints lie from where the camera path puts them, in pixels of the "
        "{frames.working_px}-pixel frame (root mean square, worst frame).",
    ),
    "camera_motion_px": (
        "Camera motion taken out",
        "Longest way that a corner of the strip was moved to hold the picture still, in pixels of "
        "the strip. Not good or bad in itself: 0 is a tripod.",
    ),
}
"""Name of every figure for people, and what it means, with places for limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A strip with its picture."""

    title: str
    where: str
    figure: str
    """The figure it was chosen for, written out."""

    picture: Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One clip before and after stabilization."""

    title: str
    where: str
    motion: str
    after: Picture
    before: Picture | None
    """None where the film is not decoded again; `note` says why."""

    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The best and the worst strips by one figure."""

    name: str
    meaning: str
    best_label: str
    worst_label: str
    best: list[Shown]
    worst: list[Shown]


def show_pairs(
    store: Store,
    survey: Survey,
    gallery: Gallery,
    frames: FramesConfig,
    *,
    uris: Mapping[str, str],
    calls: LimitedCalls,
) -> list[Pair]:
    """Fetch the chosen clips, decode their films again, and add both to the gallery.

    `frames` says which frames of a film the clips are made of, `uris` where the films are, by the
    id of the video; `calls` decode, with limits.
    """
    pairs = []
    for found in survey.moved.ranked():
        try:
            after = _fetch(store, found, PAIR_PX, PAIR_QUALITY, calls)
            uri = uris.get(found.row["video_id"], "")
            pairs.append(_pair(found, after, gallery, frames, uri=uri, calls=calls))
        except StorageError as error:
            survey.problems.append(str(error))
    return pairs


def show_rankings(
    store: Store, survey: Survey, gallery: Gallery, config: CurationConfig, calls: LimitedCalls
) -> list[Ranking]:
    """Fetch the best and the worst strips by every figure, no strip as both.

    `config` is what they are made with; the page names its limits.
    """

    def thumbnail(found: Found) -> bytes:
        return _fetch(store, found, THUMBNAIL_PX, THUMBNAIL_QUALITY, calls)

    rankings = []
    for column in HIGHER_IS_BETTER if survey.strips else ():
        name, meaning = FIGURES[column]
        motion = column == "camera_motion_px"
        best, worst = _ends(survey, column)
        ranking = Ranking(
            name=name,
            meaning=meaning.format(stabilize=config.stabilize, frames=config.frames),
            best_label="least" if motion else "best",
            worst_label="most" if motion else "worst",
            best=_show(thumbnail, survey, best, column, gallery),
            worst=_show(thumbnail, survey, worst, column, gallery),
        )
        rankings.append(ranking)
    return rankings


def _pair(
    found: Found,
    after: bytes,
    gallery: Gallery,
    frames: FramesConfig,
    *,
    uri: str,
    calls: LimitedCalls,
) -> Pair:
    row, title = found.row, _title(found.row)
    before, note = None, ""
    try:
        jpeg = calls(_decode_again, row, after, frames, uri)
        before = gallery.strip(jpeg, row["fps"], f"32 frames of {title}, as filmed")
    except (UnreadableError, RejectedError, LimitError, ValueError) as error:
        note = str(error)
    moved = f"a corner moved by {_written(row, 'camera_motion_px')}"
    return Pair(
        title=title,
        where=_where(found),
        motion="the camera stood still" if row["camera_still"] else moved,
        after=gallery.strip(after, row["fps"], f"32 frames of {title}, stabilized"),
        before=before,
        note=note,
    )


def _decode_again(row: Row, after: bytes, frames: FramesConfig, uri: str) -> bytes:
    start = row["start_frame"]
    if start is None:
        raise UnreadableError("it was imported, and nobody knows where in its film it begins")
    if start >= DECODED_AGAIN:
        raise UnreadableError(f"it begins at frame {start:,}, which is too far into the film")
    return unstabilized_strip(
        path_of(uri),
        start,
        after,
        PAIR_QUALITY,
        step=row["source_step"],
        source_frames=row["source_frames"],
        crop=crop_of(row),
        config=frames,
    )


def _ends(survey: Survey, column: str) -> tuple[list[Found], list[Found]]:
    best = survey.best[column].ranked()[: math.ceil(survey.strips / 2)]
    shown = {found.row["strip_id"] for found in best}
    worst = [f for f in survey.worst[column].ranked() if f.row["strip_id"] not in shown]
    return best, worst[:RANKED]


def _show(
    thumbnail: Callable[[Found], bytes],
    survey: Survey,
    chosen: list[Found],
    column: str,
    gallery: Gallery,
) -> list[Shown]:
    shown = []
    for found in chosen:
        try:
            jpeg = thumbnail(found)
        except StorageError as error:
            survey.problems.append(str(error))
            continue
        figure = _written(found.row, column)
        says = f"strip of {_title(found.row)}, {FIGURES[column][0].lower()} {figure}"
        picture = gallery.strip(jpeg, found.row["fps"], says)
        shown.append(
            Shown(title=_title(found.row), where=_where(found), figure=figure, picture=picture)
        )
    return shown


def _fetch(store: Store, found: Found, size: int, quality: int, calls: LimitedCalls) -> bytes:
    try:
        return calls(shrink_strip, fetch_jpeg(store, found), size, quality)
    except (LimitError, ValueError) as error:
        strip = f"strip {found.row['strip_id']} of {found.shard}"
        raise StorageError(f"{strip} cannot be decoded: {error}") from error


def _title(row: Row) -> str:
    return str(row["title"] or row["video_id"])


def _where(found: Found) -> str:
    if found.row["start_s"] is None:
        return f"window {found.row['clip_index']}"
    minutes, tenths = divmod(int(10 * found.row["start_s"]), 600)
    return f"from {minutes}:{tenths / 10:04.1f}"


def _written(row: Row, column: str) -> str:
    if row[column] is None:
        return "unknown"
    decimals = {"reprojection_rmse_px": 2, "camera_motion_px": 1}
    if column in decimals:
        return f"{row[column]:.{decimals[column]}f} px"
    return f"{row[column]:.0%}"
