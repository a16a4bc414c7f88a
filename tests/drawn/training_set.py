"""A dataset whose clips are known: clip k is a square that moves over a ground of color k."""

from functools import cache
from pathlib import Path

import numpy as np

from tinyvideo.pipeline.strips.strip_jpeg import encode_strip
from tinyvideo.pipeline.types import Frames, StabilizationFigures, Strip, VideoRecord
from tinyvideo.storage.datasets.dataset_draft import build_dataset
from tinyvideo.storage.datasets.manifest import Manifest
from tinyvideo.storage.datasets.strip_query import DatasetConfig
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.shards.schema import row_of
from tinyvideo.storage.shards.shard_writer import ShardWriter

SIZE = 64
COLOR_STEP = 20


def draw_clip(number: int) -> Frames:
    """(32, 64, 64, 3): ground of brightness 20 * (number % 10), white square on a diagonal."""
    frames = np.full((32, SIZE, SIZE, 3), COLOR_STEP * (number % 10), np.uint8)
    for t, frame in enumerate(frames):
        frame[t : t + 16, t : t + 16] = 255
    return frames


@cache
def draw_jpeg(number: int) -> bytes:
    """Encode clip `number`."""
    return encode_strip(draw_clip(number))


def draw_strip(number: int, jpeg: bytes | None = None) -> Strip:
    return Strip(
        index=number,
        start_frame=32 * number,
        start_s=1.28 * number,
        fps=25.0,
        source_step=1,
        source_width=SIZE,
        source_height=SIZE,
        size=SIZE,
        jpeg=jpeg if jpeg is not None else draw_jpeg(number % 10),
        to_first=np.tile(np.eye(3), (32, 1, 1)),
        figures=StabilizationFigures(
            inlier_ratio=1.0,
            reprojection_rmse_px=0.0,
            visible_share=1.0,
            camera_motion_px=0.0,
            camera_still=True,
        ),
        scenes=None,
    )


def make_dataset(
    root: Path, shards: list[int], broken: dict[int, bytes] | None = None, name: str = "drawn"
) -> Manifest:
    """Write `shards[i]` clips into shard i, numbered through; `broken` replaces strips by bytes."""
    record = VideoRecord(video_id="film", source="folder", uri="file:///film.mp4")
    number, keys = 0, []
    for index, count in enumerate(shards):
        keys.append(f"shard-{index}.parquet")
        with ShardWriter(root / keys[-1]) as writer:
            for _ in range(count):
                strip = draw_strip(number, (broken or {}).get(number))
                writer.add(row_of(record, strip, "0.1.0", "0" * 64))
                number += 1
    everything_is_for_training = DatasetConfig(validation=0, test=0)
    return build_dataset(FolderStore(root), name, keys, everything_is_for_training)
