"""Checkpoint -> new videos as arrays, for programs; `models.use.generation` writes files.

Stage:  shard -> dataset -> load -> train -> [generate]

Equal checkpoint and seed give equal arrays, and they are what the files of `tinyvideo generate`
show before JPEG.

Cost at width 64: 0.8 s to load the checkpoint, then 0.13 s of one core and 1 MB per video.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinyvideo.models.animations import to_frames
from tinyvideo.models.use.generation import check_wish, draw_videos, open_unconditional


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeneratedVideos:
    """N generated videos, and the parts that the network composed each of.

    Video = mask * foreground + (1 - mask) * background, before it is rounded to bytes. A network of
    one stream paints all as foreground: its masks are 1 and its backgrounds gray.
    """

    checkpoint: Path
    """The file that was used."""

    step: int
    """Steps that it was trained for."""

    seed: int

    videos: npt.NDArray[np.uint8] = field(repr=False)
    """RGB, (N, 32, 64, 64, 3)."""

    foregrounds: npt.NDArray[np.uint8] = field(repr=False)
    """RGB, (N, 32, 64, 64, 3)."""

    masks: npt.NDArray[np.float32] = field(repr=False)
    """Share of the foreground, 0 to 1, (N, 32, 64, 64)."""

    backgrounds: npt.NDArray[np.uint8] = field(repr=False)
    """RGB, (N, 64, 64, 3)."""

    def __len__(self) -> int:
        return len(self.videos)


def generate_arrays(checkpoint: Path, count: int, seed: int) -> GeneratedVideos:
    """Generate `count` videos of a seed; `checkpoint` may be the folder of a run.

    Raises:
        CheckpointError: the checkpoint cannot be read, or wants an image to go on from.
        ValueError: `count` is below 1, or `seed` not from 0 to below 2 ** 63.
    """
    check_wish(count, seed)
    path, state, _, network = open_unconditional(checkpoint)
    drawn = list(draw_videos(network, count, seed))
    return GeneratedVideos(
        checkpoint=path,
        step=state.step,
        seed=seed,
        videos=np.stack([to_frames(one.video[0]) for one in drawn]),
        foregrounds=np.stack([to_frames(one.foreground[0]) for one in drawn]),
        masks=np.stack([one.mask[0, 0].float().numpy() for one in drawn]),
        backgrounds=np.stack([to_frames(one.background[0])[0] for one in drawn]),
    )
