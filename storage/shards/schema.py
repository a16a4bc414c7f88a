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
it, and `source_frames`, for films that repeat their frames.
`storage.shards.schema_versions` reads all of them.

Cost: data only.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple
from typing import Any

import pyarrow as pa

from tinyvideo.pipeline.types import STRIP_FRAMES, Crop, SceneTags, Strip, VideoRecord

SCHEMA_VERSION = 4

VERSION_KEY = b"tinyvideo.schema_version"
"""Where the schema's metadata holds its version."""

PICTURE = "jpeg"
"""The one large column."""

CROP_COLUMNS = ("crop_left", "crop_top", "crop_width", "crop_height")
"""What `Strip.crop` is in a row, in the order of its fields."""

OVERLAY_COLUMNS = ("overlay_left", "overlay_top", "overlay_width", "overlay_height")
"""What the place of `Strip.overlay` is in a row."""

_TAG = pa.struct([("scene", pa.string()), ("probability", pa.float32())])

SCHEMA = pa.schema(
    [
        pa.field("strip_id", pa.string(), nullable=False),
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("page_url", pa.string(), nullable=False),
        pa.field("owner", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("owner_name", pa.string(), nullable=False),
        pa.field("license", pa.string(), nullable=False),
        pa.field("license_id", pa.string(), nullable=False),
        pa.field("license_url", pa.string(), nullable=False),
        pa.field("clip_index", pa.int32(), nullable=False),
        pa.field("start_frame", pa.int64(), nullable=False),
        pa.field("start_s", pa.float64(), nullable=False),
        pa.field("fps", pa.float64(), nullable=False),
        pa.field("source_step", pa.int8(), nullable=False),
        # Null where every `source_step`-th frame from `start_frame` on was taken.
        pa.field("source_frames", pa.list_(pa.int64())),
        pa.field("source_width", pa.int32(), nullable=False),
        pa.field("source_height", pa.int32(), nullable=False),
        # Null where no bars were cut off, and where nobody had looked for them: before version 4.
        pa.field("crop_left", pa.int32()),
        pa.field("crop_top", pa.int32()),
        pa.field("crop_width", pa.int32()),
        pa.field("crop_height", pa.int32()),
        # Null where the camera hardly moved, so that nobody can tell, and before version 4.
        pa.field("overlay_share", pa.float32()),
        # Null where nothing was found as well.
        pa.field("overlay_left", pa.int32()),
        pa.field("overlay_top", pa.int32()),
        pa.field("overlay_width", pa.int32()),
        pa.field("overlay_height", pa.int32()),
        # Null where the film does not say, and before version 4, where nobody had asked.
        pa.field("transfer", pa.string()),
        pa.field("primaries", pa.string()),
        pa.field("field_order", pa.string()),
        pa.field("interlaced_was", pa.bool_()),
        pa.field("size", pa.int16(), nullable=False),
        pa.field("frames", pa.int16(), nullable=False),
        pa.field("jpeg", pa.binary(), nullable=False),
        # 32 matrices of 3 x 3, row by row: 288 numbers.
        pa.field("to_first", pa.list_(pa.float64(), STRIP_FRAMES * 9), nullable=False),
        pa.field("inlier_ratio", pa.float32(), nullable=False),
        pa.field("reprojection_rmse_px", pa.float32(), nullable=False),
        pa.field("visible_share", pa.float32(), nullable=False),
        pa.field("camera_motion_px", pa.float32(), nullable=False),
        pa.field("camera_still", pa.bool_(), nullable=False),
        pa.field("motion_model", pa.string(), nullable=False),
        pa.field("condition_number", pa.float32(), nullable=False),
        pa.field("drift_px", pa.float32(), nullable=False),
        pa.field("jitter_px", pa.float32(), nullable=False),
        pa.field("residual_motion_px", pa.float32(), nullable=False),
        pa.field("filled_share", pa.float32(), nullable=False),
        pa.field("object_motion", pa.float32(), nullable=False),
        pa.field("flicker", pa.float32(), nullable=False),
        # Null where nobody looked: before version 4, by the method of 2016, and in imported strips.
        pa.field("still_share", pa.float32()),
        pa.field("still_rim", pa.float32()),
        pa.field("still_sides", pa.int8()),
        pa.field("still_margin", pa.float32()),
        # "" until a filter has looked for near duplicates.
        pa.field("near_duplicate_group", pa.string(), nullable=False),
        pa.field("scene_model", pa.string(), nullable=False),
        pa.field("scenes", pa.list_(_TAG), nullable=False),
        pa.field("pipeline_version", pa.string(), nullable=False),
        pa.field("config_hash", pa.string(), nullable=False),
    ],
    metadata={VERSION_KEY: str(SCHEMA_VERSION)},
)

# They want to know of this column only, and take the types of the others as they are.
_HUGGING_FACE = {"info": {"features": {PICTURE: {"_type": "Image"}}}}

# Nullable, because they take no other pair for a picture; the writer refuses a row without one.
_PAIR = pa.field(PICTURE, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))

STORED = pa.schema(
    [_PAIR if field.name == PICTURE else field for field in SCHEMA],
    metadata={**SCHEMA.metadata, b"huggingface": json.dumps(_HUGGING_FACE)},
)


def row_of(record: VideoRecord, strip: Strip, version: str, config_hash: str) -> dict[str, Any]:
    """Lay out one strip, with the rights of its video, as a row of `SCHEMA`."""
    return {
        "strip_id": f"{record.video_id}-{strip.index:05d}",
        "video_id": record.video_id,
        "source": record.source,
        "uri": record.uri,
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
        "near_duplicate_group": "",
        "scene_model": strip.scenes.model if strip.scenes else "",
        "scenes": list(_tag_rows(strip.scenes)),
        "pipeline_version": version,
        "config_hash": config_hash,
    }


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
