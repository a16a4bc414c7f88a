"""Strips, videos and output folders without the pipeline: valid, tiny, and each one different.

A strip is 32 frames of 16 x 16 pixels and about 3 kB; equal arguments give equal strips.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tinyvideo.pipeline.errors import RejectReason
from tinyvideo.pipeline.strips.strip_jpeg import encode_strip
from tinyvideo.pipeline.types import (
    STRIP_FRAMES,
    ClipCounts,
    Homographies,
    SceneTags,
    StabilizationFigures,
    Strip,
    Tag,
    VideoRecord,
)
from tinyvideo.storage.batches.commit_shard import part_path
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.outputs.output_address import CATALOG_NAME
from tinyvideo.storage.shards.schema import row_of
from tinyvideo.storage.shards.shard_writer import ShardWriter

SIZE = 16


def draw_record(number: int = 0, **changes: Any) -> VideoRecord:
    """Make up video `number`."""
    record = VideoRecord(
        video_id=f"folder-{number:016x}",
        source="folder",
        uri=f"file:///videos/{number}.mp4",
        title=f"{number}.mp4",
    )
    return replace(record, **changes)


def draw_strip(index: int = 0, **changes: Any) -> Strip:
    """Make up the strip of window `index`: (32, 16, 16, 3), seen from a camera that pans."""
    strip = Strip(
        index=index,
        start_frame=STRIP_FRAMES * index,
        start_s=1.28 * index,
        fps=25.0,
        source_step=1,
        source_width=320,
        source_height=180,
        size=SIZE,
        jpeg=draw_jpeg(index),
        to_first=pan_path(index),
        figures=StabilizationFigures(
            inlier_ratio=0.875,
            reprojection_rmse_px=0.25,
            visible_share=0.75,
            camera_motion_px=4.5,
            camera_still=False,
        ),
        scenes=draw_scenes(beach=0.75, harbor=0.125),
    )
    return replace(strip, **changes)


def draw_scenes(model: str = "places365-resnet18", **probabilities: float) -> SceneTags:
    """Tag a shot, `draw_scenes(beach=0.75)`; the most probable scene first."""
    ordered = sorted(probabilities.items(), key=lambda item: -item[1])
    return SceneTags(model=model, tags=tuple(Tag(scene=s, probability=p) for s, p in ordered))


@cache
def draw_jpeg(seed: int) -> bytes:
    """Encode a strip of smooth noise."""
    grid = np.random.default_rng(seed).integers(0, 256, (STRIP_FRAMES, 2, 2, 3), np.uint8)
    return encode_strip(grid.repeat(SIZE // 2, axis=1).repeat(SIZE // 2, axis=2))


def pan_path(seed: int) -> Homographies:
    """Move the camera to the right, a little faster in each strip, (32, 3, 3)."""
    path = np.tile(np.eye(3), (STRIP_FRAMES, 1, 1))
    path[:, 0, 2] = np.arange(STRIP_FRAMES) * (1 + seed / 7)
    return path


def write_strips(path: Path, record: VideoRecord, strips: list[Strip]) -> Path:
    """Write a part file, as a worker does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with ShardWriter(path) as writer:
        for strip in strips:
            writer.add(row_of(record, strip, "0.1.0", "c0ffee"))
    return path


def curate_drawn(
    catalog: Catalog, store: FolderStore, record: VideoRecord, strips: int = 3, dropped: int = 0
) -> list[str]:
    """Take a video through the catalog until it is CURATED; return the ids of its strips.

    Windows are numbered from 0; the `dropped` ones come last and hold a shot cut each.
    """
    catalog.add([record])
    write_strips(
        part_path(store, record.video_id), record, [draw_strip(index) for index in range(strips)]
    )
    catalog.enter_clips(record.video_id, count_clips(strips, shot_cut=dropped))
    return [f"{record.video_id}-{index:05d}" for index in range(strips)]


def count_clips(accepted: int, **rejected: int) -> ClipCounts:
    """Count clips: `count_clips(3, shot_cut=1, flat=2)`."""
    reasons = {RejectReason(name): count for name, count in rejected.items() if count}
    details = {reason: f"figures of the first {reason}" for reason in reasons}
    return ClipCounts(accepted=accepted, rejected=reasons, first_details=details)


@contextmanager
def opened(root: Path) -> Iterator[tuple[Catalog, FolderStore]]:
    """Yield the catalog and the store of an output folder."""
    catalog = Catalog.open(root / CATALOG_NAME)
    try:
        yield catalog, FolderStore(root)
    finally:
        catalog.close()
