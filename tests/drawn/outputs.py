"""Output folders as runs leave them, made through storage's own functions: small and fast."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import simplejpeg

from tests.drawn.films import film, shaky_path, write_video
from tests.drawn.strip_rows import (
    count_clips,
    draw_jpeg,
    draw_record,
    draw_scenes,
    draw_strip,
    opened,
    write_strips,
)
from tinyvideo.models.step_metrics import StepMetrics
from tinyvideo.pipeline.stabilize.rendering import render
from tinyvideo.pipeline.strips.strip_jpeg import crop_to_strip, encode_strip
from tinyvideo.pipeline.types import Frames, Homographies, Strip, VideoRecord, VideoState
from tinyvideo.storage.batches.commit_shard import pack, part_path

SIZE = 64
EVIL_TITLE = "<script>window.planted = 1</script><img src=x onerror='window.planted = 2'>"
EVIL_LICENSE = "\"'><svg onload=window.planted=3>{{ 7 * 7 }}"


def add_sharded(
    out: Path, videos: Sequence[tuple[VideoRecord, list[Strip]]], **dropped: int
) -> None:
    """Commit one shard with the strips of these videos; each lost the same windows besides."""
    out.mkdir(parents=True, exist_ok=True)
    with opened(out) as (catalog, store):
        for record, strips in videos:
            catalog.add([record])
            write_strips(part_path(store, record.video_id), record, strips)
            catalog.enter_clips(record.video_id, count_clips(len(strips), **dropped))
        pack(catalog, store)


def add_settled(out: Path, record: VideoRecord, state: VideoState, reason: str, why: str) -> None:
    """Enter a video that was rejected, or that failed."""
    with opened(out) as (catalog, _):
        catalog.add([record])
        catalog.settle(record.video_id, state, reason, why)


def strip_of(frames: Frames, to_first: Homographies, **changes: object) -> Strip:
    """Stabilize 32 frames by a camera path that is known, (32, 3, 3)."""
    height, width = frames.shape[1:3]
    rendering = render(frames, to_first, crop_to_strip(width, height, SIZE), SIZE)
    strip = draw_strip(jpeg=encode_strip(rendering.frames), size=SIZE, to_first=to_first)
    return replace(strip, **changes)  # type: ignore[arg-type]


def write_metrics(out: Path, name: str, steps: int) -> Path:
    """Write the figures of a training run whose generator loss falls from 2 to almost 1."""
    path = out / "training" / name / "metrics.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        StepMetrics(
            step=step,
            discriminator_loss=0.5,
            generator_loss=2 - (step - 1) / steps,
            accuracy_real=0.75,
            accuracy_fake=1.0,
            mask_mean=0.25,
            clips_per_second=3.0,
        )
        for step in range(1, steps + 1)
    ]
    path.write_text("".join(json.dumps(asdict(line)) + "\n" for line in lines))
    return path


def write_generated(out: Path, count: int = 2, **changes: str) -> Path:
    """Write `count` generated clips of noise, and the index of them."""
    folder = out / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    gray = np.full((64, 64, 1), 90, np.uint8)
    clips = []
    for number in range(count):
        parts = {part: f"{number}-{part}.jpg" for part in ("video", "foreground", "mask")}
        for seed, name in enumerate(parts.values()):
            (folder / name).write_bytes(draw_jpeg(10 * number + seed))
        still = f"{number}-background.jpg"
        (folder / still).write_bytes(simplejpeg.encode_jpeg(gray, colorspace="GRAY"))
        entry = {"seed": 0, "number": number, "mask_mean": 0.375, **parts, "background": still}
        clips.append({**entry, **changes})
    index = {"checkpoint": "step-00000300.pt", "step": 300, "seed": 0, "clips": clips}
    (folder / "index.json").write_text(json.dumps(index))
    return folder / "index.json"


def draw_everything(root: Path) -> Path:
    """Make an output folder with one of everything, strangers' titles included."""
    out = root / "out"
    path = shaky_path(32, strength=6)
    frames = film(path)
    shaky = write_video(root / "shaky.mkv", frames, codec="ffv1")
    known = draw_record(
        1, uri=shaky.as_uri(), title=EVIL_TITLE, page_url="https://example.org/1?a=b&c=d"
    )
    gone = draw_record(2, title="a-very-long-name-without-a-space" * 6, license=EVIL_LICENSE)
    proxy = draw_scenes("imagenet-proxy", **{"proxy:beach": 0.002})
    add_sharded(
        out,
        [
            (known, [strip_of(frames, path, scenes=proxy)]),
            (gone, [draw_strip(index, fps=30.0) for index in range(4)]),
        ],
        shot_cut=2,
    )
    add_settled(
        out, draw_record(3, page_url="javascript:alert(1)"), VideoState.FAILED, "bug", "Traceback"
    )
    write_metrics(out, "demo", 500)
    write_generated(out)
    note = {"steps": 300, "checkpoint": "x", "seconds": {"train": 61.5, "generate": 2}}
    (out / "demo.json").write_text(json.dumps(note))
    return out
