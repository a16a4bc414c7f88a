"""The Arrow schema of a shard's rows: one row is one strip, and everything that is known of it.

A row explains itself without the catalog: who made the video, under which licence, which
frames were taken, how well they were stabilized, by which code. Column names carry their
units (`_s`, `_px`). pyarrow, DuckDB, pandas and Hugging Face datasets read all of them; to Parquet
the fixed size of `to_first` is just a list. The schema's metadata holds its version.

`SCHEMA` is what a reader of `storage.shards.shard_reader` gets, of files of every version; `STORED`
is how it lies in a file. They differ in the picture: Hugging Face datasets show a column as
pictures only where it is a pair of `bytes` and `path`, and the schema says so.

Who takes pages apart without pyarrow finds the pictures in the leaf `jpeg.bytes` since version 2,
and `jpeg` of version 1. Both are plain and not compressed. A page of `jpeg.bytes` begins with its
definition levels (4 bytes of length, then that many bytes), because Hugging Face wants the pair and
its parts optional; `jpeg` has none.

Versions: 1, the first; 2 adds the certificate of the stabilization and `near_duplicate_group`, and
stores the picture as a pair; 3 adds the owner's name and the number and address of the license;
4 adds what bars and logos leave of the picture, how much of it stands still, how the film stored
it, and `source_frames`, for films that repeat their frames; 5 has null for all that is not known,
where older ones have NaN, -1, 0, "" or a default, adds `source_file`, leaves paths out of `uri`,
and says unit and meaning of each column in the file itself (`storage.shards.strip_columns`); 6 adds
`near_duplicate_hash`.
`storage.shards.schema_versions` reads all of them.

Cost: data only.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from tinyvideo.pipeline.alike import hash_clip
from tinyvideo.pipeline.masks import masked
from tinyvideo.pipeline.types import Crop, SceneTags, Strip, VideoRecord
from tinyvideo.storage.shards.strip_columns import (
    COLUMNS,
    CROP_COLUMNS,
    OVERLAY_COLUMNS,
    PICTURE,
)

SCHEMA_VERSION = 6

VERSION_KEY = b"tinyvideo.schema_version"
"""Where the schema's metadata holds its version."""

UNKNOWN = {"start_frame": -1, "source_width": 0, "source_height": 0, "motion_model": "unknown"}
"""What stands for "nobody knows" in a `Strip`, and in shards before version 5, besides NaN and
empty text."""

SEEN_TOGETHER = {
    "source_step": "start_frame",
    "camera_still": "camera_motion_px",
    "to_first": "camera_motion_px",
}
"""Columns with no value of their own for "nobody knows": known where this other one is."""

SCHEMA = pa.schema(COLUMNS, metadata={VERSION_KEY: str(SCHEMA_VERSION)})

# They want to know of this column only, and take the types of the others as they are.
_HUGGING_FACE = {"info": {"features": {PICTURE: {"_type": "Image"}}}}

# Nullable, because they take no other pair for a picture; the writer refuses a row without one.
_PAIR = pa.field(
    PICTURE,
    pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    metadata=SCHEMA.field(PICTURE).metadata,
)

STORED = pa.schema(
    [_PAIR if field.name == PICTURE else field for field in SCHEMA],
    metadata={**SCHEMA.metadata, b"huggingface": json.dumps(_HUGGING_FACE)},
)


def row_of(record: VideoRecord, strip: Strip, version: str, config_hash: str) -> dict[str, Any]:
    """Lay out one strip, with the rights of its video, as a row of `SCHEMA`."""
    row = {
        "strip_id": f"{record.video_id}-{strip.index:05d}",
        "video_id": record.video_id,
        "source": record.source,
        "uri": public_uri(record.uri),
        "source_file": source_file_of(record.uri),
        "page_url": record.page_url,
        "owner": record.owner,
        "title": record.title,
        "owner_name": record.owner_name,
        "license": record.license,
        "license_id": record.license_id,
        "license_url": record.license_url,
        "clip_index": strip.index,
        "start_frame": strip.start_frame,
        "start_s": strip.start_s,
        "fps": strip.fps,
        "source_step": strip.source_step,
        "source_frames": None if strip.source_frames is None else list(strip.source_frames),
        "source_width": strip.source_width,
        "source_height": strip.source_height,
        **_rectangle(CROP_COLUMNS, strip.crop),
        "overlay_share": None if strip.overlay is None else strip.overlay.share,
        **_rectangle(OVERLAY_COLUMNS, None if strip.overlay is None else strip.overlay.place),
        **asdict(strip.stored_as),
        "size": strip.size,
        "frames": len(strip.to_first),
        "jpeg": strip.jpeg,
        "to_first": strip.to_first.ravel().tolist(),
        "inlier_ratio": strip.figures.inlier_ratio,
        "reprojection_rmse_px": strip.figures.reprojection_rmse_px,
        "visible_share": strip.figures.visible_share,
        "camera_motion_px": strip.figures.camera_motion_px,
        "camera_still": strip.figures.camera_still,
        "motion_model": strip.figures.motion_model,
        "condition_number": strip.figures.condition_number,
        "drift_px": strip.figures.drift_px,
        "jitter_px": strip.figures.jitter_px,
        "residual_motion_px": strip.figures.residual_motion_px,
        "filled_share": strip.figures.filled_share,
        "object_motion": strip.figures.object_motion,
        "flicker": strip.figures.flicker,
        "still_share": strip.figures.still_share,
        "still_rim": strip.figures.still_rim,
        "still_sides": strip.figures.still_sides,
        "still_margin": strip.figures.still_margin,
        "near_duplicate_group": None,
        "near_duplicate_hash": hash_of(strip.jpeg),
        "scene_model": strip.scenes.model if strip.scenes else "",
        "scenes": list(_tag_rows(strip.scenes)),
        "pipeline_version": version,
        "config_hash": config_hash,
    }
    known = {name: None if is_unknown(name, value) else value for name, value in row.items()}
    return known | {name: None for name, by in SEEN_TOGETHER.items() if known[by] is None}


def hashed(row: dict[str, Any]) -> dict[str, Any]:
    """Add to a row the hash of its picture, where it has none."""
    return row | {"near_duplicate_hash": row["near_duplicate_hash"] or hash_of(row[PICTURE])}


def hash_of(jpeg: bytes) -> bytes | None:
    """Hash a picture for near duplicates; None where it is no strip, which its reader will find."""
    try:
        return hash_clip(jpeg)
    except ValueError:
        return None


def is_unknown(name: str, value: Any) -> bool:
    """Tell whether a value of a column says that nobody knows."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str) and not value) or value == UNKNOWN.get(name)


def public_uri(uri: str) -> str | None:
    """Say where a film was, to anybody: no path of a disk, no password, no signature."""
    return None if not uri or uri.startswith("file:") else masked(uri)


def source_file_of(uri: str) -> str | None:
    """Name the file that an address leads to, without its folders; None where it has no name."""
    scheme, _, rest = uri.partition(":")
    if scheme in {"file", "http", "https"}:
        rest = unquote(urlsplit(uri).path)
    elif scheme not in {"s3", "tinyvideo"}:
        return None
    return (PurePosixPath(rest).name if rest.strip("/") else "") or None


def _rectangle(columns: tuple[str, ...], part: Crop | None) -> dict[str, int | None]:
    """Lay out a rectangle as four columns of a row, all null for none."""
    cut = (None,) * len(columns) if part is None else astuple(part)
    return dict(zip(columns, cut, strict=True))


def crop_of(row: Mapping[str, Any]) -> Crop | None:
    """Read the crop of a row that has all of `CROP_COLUMNS`; None where nothing was cut off."""
    left, top, width, height = (row[name] for name in CROP_COLUMNS)
    return None if width is None else Crop(left=left, top=top, width=width, height=height)


def _tag_rows(scenes: SceneTags | None) -> Iterator[dict[str, Any]]:
    for tag in scenes.tags if scenes else ():
        yield {"scene": tag.scene, "probability": tag.probability}
