"""The page of a shard's columns, made from `storage/shards` each time the book is built.

A page says `<!-- made: schema -->` where it wants the table. The types come from the Arrow schema,
the sentences from the dataclasses in `pipeline/types.py` that the columns are filled from. A new
column without a sentence ends the build, so that it cannot be forgotten.

Cost: some milliseconds, and importing pyarrow.
"""

from typing import Any

from tinyvideo.pipeline.thresholds import sentences_of
from tinyvideo.pipeline.types import StabilizationFigures, StoredAs, Strip, VideoRecord
from tinyvideo.storage.shards import SCHEMA

MARK = "<!-- made: schema -->"

SOURCES = (VideoRecord, Strip, StoredAs, StabilizationFigures)
"""What a row is made of."""

OURS = {
    "strip_id": "Name of the strip: the video's id and the number of its window.",
    "video_id": "As in the catalog: `flickr-` and the photo's id, for instance.",
    "owner": "Who made it, as the source names them (Flickr: NSID); splits are disjoint by owner.",
    "title": "Title at the source; of a file, its name.",
    "page_url": "Page of the video at its source; empty where there is none.",
    "license_url": "Address of the license's text; empty where there is none.",
    "clip_index": "Number of the window within the video, from 0; dropped windows count too.",
    "source_width": "Width of the source picture, in pixels, after rotation.",
    "source_height": "Height of the source picture, in pixels, after rotation.",
    "crop_left": "Columns at the left that are a black bar, or hold a logo, in source pixels; "
    "null, as the other three, where nothing was cut off.",
    "crop_top": "Rows at the top that are a black bar, or hold a logo.",
    "crop_width": "Width of what is left of the picture, in pixels of the source.",
    "crop_height": "Height of what is left of the picture.",
    "overlay_share": "Share of the picture, 0 to 1, that stays on the screen while the rest moves; "
    "null where the camera hardly moves, so that nobody can tell.",
    "overlay_left": "Where the largest patch that stays on the screen begins, in pixels of the "
    "source; null, as the other three, where there is none.",
    "overlay_top": "The same from the top.",
    "overlay_width": "Width of that patch, in pixels of the source.",
    "overlay_height": "Height of that patch.",
    "frames": "Frames of the strip: 32.",
    "jpeg": "The strip as one JPEG, 32 frames below each other: `size` pixels wide, 32 x `size` "
    "high. In the file it is a pair of `bytes` and `path`, so that other programs show a picture.",
    "to_first": "32 matrices of 3 x 3, row by row: pixels of frame t of the source to those of "
    "frame 0.",
    "near_duplicate_group": "Name of the group of strips that show nearly the same; empty where "
    "nobody has looked.",
    "scene_model": "Which classifier has tagged the strip: `places365-resnet18`, "
    "`imagenet-proxy`; empty: none.",
    "scenes": "The most probable scenes, best first, each with its probability, 0 to 1.",
    "pipeline_version": "Version of tinyvideo that made the strip.",
    "config_hash": "Name of all settings that decide on pixels: strips with the same one were made "
    "alike.",
}  # fmt: skip
"""Columns that are put together, or whose dataclass says less than a reader of a shard needs."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the table in the place of the mark; mkdocs calls this for every page."""
    return markdown.replace(MARK, describe_schema()) if MARK in markdown else markdown


def describe_schema() -> str:
    """Write a table of every column: name, Arrow type, what it says."""
    told = {name: text for kind in SOURCES for name, text in sentences_of(kind).items()} | OURS
    lines = ["| column | type | what it says |", "|---|---|---|"]
    lines += [f"| `{f.name}` | `{_short(str(f.type))}` | {told[f.name]} |" for f in SCHEMA]
    return "\n".join(lines)


def _short(kind: str) -> str:
    return kind.replace("element: ", "").replace("item: ", "").replace(" not null", "")
