"""Checkpoint -> new videos, with the parts that they are composed of, and a page to look at.

Stage:  shard -> dataset -> load -> train -> [generate]

Clip k of seed s is `<s>-<k>/`: `video.jpg`, `foreground.jpg` and `mask.jpg` are strips, 32 frames
of 64 pixels from top to bottom, the geometry of the training data; each is there as `.gif` too, the
video also as `.mp4`. `background.jpg` is one frame. `index.json` lists the clips and says which
checkpoint they come from, `index.html` shows them. A way from clip 0 to clip 1 is `<s>-way-<k>/`.

Equal checkpoint, seed and k give equal bytes, whatever the number of clips: every clip has its
own pass through the network, which uses the means and variances of training, and its moving
average where there is one. In fp32, since the parts are to be looked at.

Cost at width 64: 0.8 s to load the checkpoint, then 0.13 s of one core per clip for the network,
and 0.12 s for the files.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import simplejpeg
import torch
from torch import Tensor, nn

from tinyvideo.models.animations import encode_gif, mask_to_frames, to_frames, write_whole
from tinyvideo.models.checkpoints import Checkpoint, load_checkpoint, load_newest
from tinyvideo.models.networks import LATENT, GeneratedVideo, make_generator
from tinyvideo.models.train_config import TrainConfig, from_saved
from tinyvideo.models.training_errors import CheckpointError
from tinyvideo.models.use.gallery import draw_page
from tinyvideo.pipeline.strips import encode_strip, write_mp4

JPEG_QUALITY = 95
"""0 to 100. Ours, as in the strips of the training data."""

INDEX_NAME, PAGE_NAME = "index.json", "index.html"
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


def generate(
    checkpoint: Path, count: int, seed: int, out: Path, *, way: bool = False
) -> list[GeneratedClip]:
    """Write `count` generated clips, index and page below `out`, over those of the same names.

    With `way`, the clips lead from clip 0 of the seed to clip 1, in equal steps of their noise.
    `checkpoint` may be the folder of a run, whose newest one is taken. Every file appears whole,
    index and page last; what else lies in `out` stays.

    Raises:
        CheckpointError: the checkpoint cannot be read, or wants an image to go on from.
        OSError: `out` cannot be written.
        ValueError: `count` is below 1, with `way` 2, or `seed` not from 0 to below 2 ** 63.
    """
    check_wish(count, seed, way=way)
    path, state, config, network = open_unconditional(checkpoint)
    clips = []
    for number, generated in enumerate(draw_videos(network, count, seed, way=way)):
        folder = out / (f"{seed}-way-{number}" if way else f"{seed}-{number}")
        clips.append(_write_clip(generated, seed, number, folder))
    document = {
        "checkpoint": path.name,
        "step": state.step,
        "width": config.width,
        "manifest_id": state.manifest_id,
        "seed": seed,
        "clips": [_entry(clip, out) for clip in clips],
    }
    write_whole(out / INDEX_NAME, json.dumps(document, indent=1).encode())
    title = f"{path.name}, step {state.step}, seed {seed}"
    folders = [clip.video.parent.relative_to(out).as_posix() for clip in clips]
    write_whole(out / PAGE_NAME, draw_page(title, folders, parts=config.streams == 2).encode())
    return clips


def check_wish(count: int, seed: int, *, way: bool = False) -> None:
    """Refuse what cannot be generated.

    Raises:
        ValueError: `count` is below 1, with `way` 2, or `seed` not from 0 to below 2 ** 63.
    """
    if count < 1 + way or not 0 <= seed < 2**63:
        raise ValueError(
            f"count must be above {int(way)} and seed from 0 to below 2 ** 63, "
            f"got {count} and {seed}"
        )


def open_unconditional(checkpoint: Path) -> tuple[Path, Checkpoint, TrainConfig, nn.Module]:
    """Open a generator as `open_generator` does, one that makes videos of nothing but noise.

    Raises:
        CheckpointError: as there, or it wants an image to go on from.
    """
    path, state, config, network = open_generator(checkpoint)
    if config.condition != "none":
        raise CheckpointError(
            f"{path} continues a first frame; use: tinyvideo predict {path} IMAGE"
        )
    return path, state, config, network


def draw_videos(
    network: nn.Module, count: int, seed: int, *, way: bool = False
) -> Iterator[GeneratedVideo]:
    """Generate `count` videos of a seed, or on the way from its first to its second."""
    for z in _noise_on_the_way(seed, count) if way else _noise(seed, count):
        # One by one, so that clip k does not depend on how many clips are wanted.
        with torch.inference_mode():
            generated: GeneratedVideo = network(z)
        yield generated


def open_generator(checkpoint: Path) -> tuple[Path, Checkpoint, TrainConfig, nn.Module]:
    """Load a checkpoint, or the newest one of a run's folder, and build its generator.

    Raises:
        CheckpointError: it cannot be read, or its weights are not those of its configuration.
    """
    path, state = checkpoint, None
    if checkpoint.is_dir():
        newest = load_newest(checkpoint)
        if newest is None:
            raise CheckpointError(f"there is no checkpoint in {checkpoint}")
        path, state = newest
    state = state or load_checkpoint(checkpoint)
    try:
        config = from_saved(state.config)
        network = make_generator(config)
        network.load_state_dict(state.ema or state.generator)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is of another tinyvideo: {error}") from error
    except RuntimeError as error:  # load_state_dict's, of many lines
        raise CheckpointError(
            f"{path} does not hold the weights of the network of width {config.width} that its "
            "configuration names"
        ) from error
    return path, state, config, network.eval()


def _noise(seed: int, count: int) -> Iterator[Tensor]:
    rng = torch.Generator().manual_seed(seed)
    for _ in range(count):
        yield torch.randn(1, LATENT, generator=rng)


def _noise_on_the_way(seed: int, count: int) -> Iterator[Tensor]:
    """Go along the arc between two draws: a straight line leads through noise never trained on."""
    start, end = _noise(seed, 2)
    cosine = torch.nn.functional.cosine_similarity(start, end)
    angle = torch.acos(cosine.clamp(-1 + 1e-6, 1 - 1e-6))
    for step in range(count):
        share = step / (count - 1)
        weights = torch.sin((1 - share) * angle), torch.sin(share * angle)
        yield (weights[0] * start + weights[1] * end) / torch.sin(angle)


def _write_clip(generated: GeneratedVideo, seed: int, number: int, folder: Path) -> GeneratedClip:
    folder.mkdir(parents=True, exist_ok=True)
    video, foreground = to_frames(generated.video[0]), to_frames(generated.foreground[0])
    mask = mask_to_frames(generated.mask[0])
    gray = mask[..., :1].reshape(-1, mask.shape[2], 1)
    background = to_frames(generated.background[0])[0]
    files = {
        "video.jpg": encode_strip(video, JPEG_QUALITY),
        "video.gif": encode_gif(video),
        "foreground.jpg": encode_strip(foreground, JPEG_QUALITY),
        "foreground.gif": encode_gif(foreground),
        "mask.jpg": simplejpeg.encode_jpeg(gray.copy(), quality=JPEG_QUALITY, colorspace="GRAY"),
        "mask.gif": encode_gif(mask),
        "background.jpg": simplejpeg.encode_jpeg(
            background.copy(), quality=JPEG_QUALITY, colorsubsampling="444"
        ),
    }
    for name, content in files.items():
        write_whole(folder / name, content)
    partial = folder / "video.mp4.partial"
    write_mp4(partial, video)
    partial.replace(folder / "video.mp4")
    share = round(generated.mask.mean().item(), 6)
    paths = {part: folder / f"{part}.jpg" for part in PARTS}
    return GeneratedClip(seed=seed, number=number, mask_mean=share, **paths)


def _entry(clip: GeneratedClip, out: Path) -> dict[str, str | int | float]:
    paths = {part: getattr(clip, part).relative_to(out).as_posix() for part in PARTS}
    return {"seed": clip.seed, "number": clip.number, "mask_mean": clip.mask_mean, **paths}
