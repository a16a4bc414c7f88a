"""Checkpoint -> new videos, with the parts that they are composed of.

Stage:  shard -> dataset -> load -> train -> [generate]

Clip k of seed s is `<s>-<k>/`: `video.jpg`, `foreground.jpg` and `mask.jpg` are strips, 32 frames
of 64 pixels from top to bottom, the geometry of the training data; `background.jpg` is one frame.
`index.json` lists the clips and says which checkpoint they come from.

Equal checkpoint, seed and k give equal bytes, whatever the number of clips: every clip has its
own pass through the network, which uses the means and variances of training. In fp32, since the
parts are to be looked at.

Cost at width 64: 0.8 s to load the checkpoint, then 0.13 s of one core per clip.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import simplejpeg
import torch
from torch import Tensor

from models.checkpoint import load_checkpoint
from models.generator import CLIP_SIZE, LATENT, GeneratedVideo, Generator
from pipeline.strips import encode_strip
from pipeline.types import STRIP_FRAMES

JPEG_QUALITY = 95
"""0 to 100. Ours, as in the strips of the training data."""

INDEX_NAME = "index.json"
PARTS = ("video", "foreground", "mask", "background")


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedClip:
    seed: int
    number: int
    """Which clip of the seed, from 0."""

    video: Path
    """JPEG, 64 x 2048 pixels, color; so is the foreground."""

    foreground: Path
    mask: Path
    """JPEG, 64 x 2048 pixels, gray; white shows the foreground."""

    background: Path
    """JPEG, 64 x 64 pixels, color."""

    mask_mean: float
    """Share of the video, 0 to 1, that is foreground."""


def generate(checkpoint: Path, count: int, seed: int, out: Path) -> list[GeneratedClip]:
    """Write `count` generated clips and `index.json` below `out`, over those of the same names.

    Every file appears whole, the index last; what else lies in `out` stays.

    Raises:
        CheckpointError: the checkpoint cannot be read.
        OSError: `out` cannot be written.
        ValueError: `count` is below 1, or `seed` not from 0 to below 2 ** 63.
    """
    if count < 1 or not 0 <= seed < 2**63:
        raise ValueError(
            f"count must be above 0 and seed from 0 to below 2 ** 63, got {count} and {seed}"
        )
    state = load_checkpoint(checkpoint)
    network = Generator(state.config["width"])
    network.load_state_dict(state.generator)
    network.eval()
    rng = torch.Generator().manual_seed(seed)
    clips = []
    for number in range(count):
        # One by one, so that clip k does not depend on how many clips are wanted.
        with torch.inference_mode():
            generated = network(torch.randn(1, LATENT, generator=rng))
        clips.append(_write_clip(generated, seed, number, out))
    document = {
        "checkpoint": checkpoint.name,
        "step": state.step,
        "width": state.config["width"],
        "manifest_id": state.manifest_id,
        "seed": seed,
        "clips": [_entry(clip, out) for clip in clips],
    }
    _write_whole(out / INDEX_NAME, json.dumps(document, indent=1).encode())
    return clips


def _write_clip(generated: GeneratedVideo, seed: int, number: int, out: Path) -> GeneratedClip:
    folder = out / f"{seed}-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    mask = _bytes_of(generated.mask * 2 - 1).reshape(STRIP_FRAMES * CLIP_SIZE, CLIP_SIZE, 1)
    background = _bytes_of(generated.background)[0]
    pictures = {
        "video": encode_strip(_bytes_of(generated.video), JPEG_QUALITY),
        "foreground": encode_strip(_bytes_of(generated.foreground), JPEG_QUALITY),
        "mask": simplejpeg.encode_jpeg(mask, quality=JPEG_QUALITY, colorspace="GRAY"),
        "background": simplejpeg.encode_jpeg(
            background, quality=JPEG_QUALITY, colorsubsampling="444"
        ),
    }
    paths = {part: folder / f"{part}.jpg" for part in PARTS}
    for part, path in paths.items():
        _write_whole(path, pictures[part])
    share = round(generated.mask.mean().item(), 6)
    return GeneratedClip(seed=seed, number=number, mask_mean=share, **paths)


def _bytes_of(picture: Tensor) -> npt.NDArray[np.uint8]:
    """Turn (1, C, T, H, W) in [-1, 1] into (T, H, W, C) uint8."""
    scaled = picture[0].permute(1, 2, 3, 0).add(1).mul(127.5).round()
    return np.ascontiguousarray(scaled.numpy().astype(np.uint8))


def _entry(clip: GeneratedClip, out: Path) -> dict[str, str | int | float]:
    paths = {part: getattr(clip, part).relative_to(out).as_posix() for part in PARTS}
    return {"seed": clip.seed, "number": clip.number, "mask_mean": clip.mask_mean, **paths}


def _write_whole(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
