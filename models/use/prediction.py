"""A still image -> the 32 frames that a conditional network expects to follow.

Stage:  shard -> dataset -> load -> train -> [predict]

The centered square of the image is shrunk to 64 pixels, as the network has learned them. There
is no noise: the same image and checkpoint give the same future.

Cost at width 64: 2 s to load the checkpoint, 0.4 s of one core for the network.
"""

from pathlib import Path

import torch
from torch import Tensor

from tinyvideo.models.animations import encode_gif, to_frames, write_whole
from tinyvideo.models.networks import CLIP_SIZE
from tinyvideo.models.still_pictures import read_still
from tinyvideo.models.training_errors import CheckpointError, DataError
from tinyvideo.models.use.generation import JPEG_QUALITY, open_generator
from tinyvideo.pipeline.strips import encode_strip, write_mp4
from tinyvideo.pipeline.types import Frames

MOST_BYTES = 2**28
"""Of the file of a picture. Ours: more than any camera writes."""

FORMATS = (".gif", ".mp4", ".jpg")
"""Endings of the file to write; .jpg is a strip, 32 frames from top to bottom."""


def predict(checkpoint: Path, image: Path, out: Path) -> Path:
    """Write the future of `image` to `out`, a GIF, an MP4 or a strip by its ending.

    Raises:
        CheckpointError: the checkpoint cannot be read, or was trained without a condition.
        DataError: `image` is no picture, or cannot be read.
        OSError: `out` cannot be written.
        ValueError: the ending of `out` is none of these.
    """
    kind = out.suffix.lower()
    if kind not in FORMATS:
        raise ValueError(f"the file to write must end with one of {', '.join(FORMATS)}, got {out}")
    frames = predict_frames(checkpoint, image)
    out.parent.mkdir(parents=True, exist_ok=True)
    if kind == ".mp4":
        partial = out.with_name(f"{out.name}.partial")
        write_mp4(partial, frames)
        partial.replace(out)
    else:
        write_whole(
            out, encode_gif(frames) if kind == ".gif" else encode_strip(frames, JPEG_QUALITY)
        )
    return out


def predict_frames(checkpoint: Path, image: Path) -> Frames:
    """Tell the future of `image` as frames, (32, 64, 64, 3).

    Raises:
        CheckpointError: the checkpoint cannot be read, or was trained without a condition.
        DataError: `image` is no picture, or cannot be read.
    """
    first = _read(image)
    path, _, config, network = open_generator(checkpoint)
    if config.condition != "first-frame":
        raise CheckpointError(
            f"{path} was trained without a first frame; train one with --condition first-frame"
        )
    with torch.inference_mode():
        return to_frames(network(first.unsqueeze(0)).video[0])


def _read(image: Path) -> Tensor:
    """Read the first frame, (3, 64, 64) in [-1, 1]."""
    try:
        with image.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"has more than {MOST_BYTES // 2**20} MiB; give a smaller JPEG or PNG")
        return read_still(content, CLIP_SIZE)
    except OSError as error:
        raise DataError(f"cannot read {image}: {error.strerror or error}") from error
    except ValueError as error:
        raise DataError(f"{image} {error}") from error
