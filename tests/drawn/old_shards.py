"""Shards as version 1 of the schema wrote them, from a copy of that schema and not from today's."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA_1 = pa.schema(
    [
        pa.field(name, kind, nullable=False)
        for name, kind in {
            "strip_id": pa.string(),
            "video_id": pa.string(),
            "source": pa.string(),
            "uri": pa.string(),
            "page_url": pa.string(),
            "owner": pa.string(),
            "title": pa.string(),
            "license": pa.string(),
            "clip_index": pa.int32(),
            "start_frame": pa.int64(),
            "start_s": pa.float64(),
            "fps": pa.float64(),
            "source_step": pa.int8(),
            "source_width": pa.int32(),
            "source_height": pa.int32(),
            "size": pa.int16(),
            "frames": pa.int16(),
            "jpeg": pa.binary(),
            "to_first": pa.list_(pa.float64(), 288),
            "inlier_ratio": pa.float32(),
            "reprojection_rmse_px": pa.float32(),
            "visible_share": pa.float32(),
            "camera_motion_px": pa.float32(),
            "camera_still": pa.bool_(),
            "scene_model": pa.string(),
            "scenes": pa.list_(pa.struct([("scene", pa.string()), ("probability", pa.float32())])),
            "pipeline_version": pa.string(),
            "config_hash": pa.string(),
        }.items()
    ],
    metadata={"tinyvideo.schema_version": "1"},
)


def write_old_shard(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows of today as version 1 wrote them: without its later columns and checksums."""
    path.parent.mkdir(parents=True, exist_ok=True)
    old = [{name: row[name] for name in SCHEMA_1.names} for row in rows]
    pq.write_table(
        pa.Table.from_pylist(old, schema=SCHEMA_1),
        path,
        row_group_size=64,
        compression={name: "none" if name == "jpeg" else "zstd" for name in LEAVES},
        write_page_checksum=True,
    )
    return path


LEAVES = [
    *(name for name in SCHEMA_1.names if name not in {"to_first", "scenes"}),
    "to_first.list.element",
    "scenes.list.element.scene",
    "scenes.list.element.probability",
]
