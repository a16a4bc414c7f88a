"""Shards as version 1 of the schema wrote them, from a copy of that schema and not from today's."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tinyvideo.storage.shards.schema import SCHEMA

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
    old = [without_nulls(row, SCHEMA_1) for row in rows]
    pq.write_table(
        pa.Table.from_pylist(old, schema=SCHEMA_1),
        path,
        row_group_size=64,
        compression={name: "none" if name == "jpeg" else "zstd" for name in LEAVES},
        write_page_checksum=True,
    )
    return path


def write_shard_4(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows as version 4 wrote them: as they are, nothing but what it could not know null."""
    schema = pa.schema(
        [pa.field(f.name, f.type) for f in SCHEMA if f.name != "source_file"],
        metadata={"tinyvideo.schema_version": "4"},
    )
    old = [without_nulls(row, schema) for row in rows]
    pq.write_table(pa.Table.from_pylist(old, schema=schema), path, compression="zstd")
    return path


def without_nulls(row: dict[str, Any], schema: pa.Schema) -> dict[str, Any]:
    """Lay out a row of today as versions did that had no nulls."""
    texts = {f.name for f in schema if f.type == pa.string() and f.name not in SINCE_4}
    told = {**row, "uri": row["uri"] or f"file:///videos/{row['source_file']}"}
    return {n: "" if told[n] is None and n in texts else told[n] for n in schema.names}


SINCE_4 = {"transfer", "primaries", "field_order"}
"""Texts that were null where unknown from the start."""

LEAVES = [
    *(name for name in SCHEMA_1.names if name not in {"to_first", "scenes"}),
    "to_first.list.element",
    "scenes.list.element.scene",
    "scenes.list.element.probability",
]
