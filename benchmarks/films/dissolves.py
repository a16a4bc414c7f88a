"""Does a strip hold two scenes, where films fade into each other, and what do honest windows lose?

    python -m benchmarks.films.dissolves --films DIR [--pairs 50] [--seed 1]

Pairs of the films of a folder are drawn, shrunk to 320 x 240, and faded into each other over 0.2 to
4 seconds; what came before and after stays as it was. Of every window it is known by how much the
share of the second film changes in it. Films whose names begin with the same word are taken for one
scene, and not paired. Puts a table into benchmarks/RESULTS.md.

Cost: 50 pairs take some three minutes of one core.
"""

import argparse
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.stages import put_into_results
from tests.drawn.films import write_video
from tinyvideo.pipeline.curation import curate, use_one_thread
from tinyvideo.pipeline.decode import open_video
from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.find import VIDEO_SUFFIXES
from tinyvideo.pipeline.types import Clip, Frames

SIZE = 320, 240
LENGTHS = (5, 8, 12, 18, 25, 38, 50, 75, 100)
"""Frames of a dissolve, at 25 per second."""

BEFORE, BEHIND = 40, 45
"""Frames of one scene alone, at most, at both ends."""

TWO_SCENES, ONE_SCENE = 0.25, 0.03
"""Change of the second film's share from which on a strip holds two scenes, and up to which it is
honest; between the two it is not counted."""


@dataclass(slots=True)
class Counts:
    """What became of the windows."""

    kept: int = 0
    two_scenes: int = 0
    honest: int = 0
    honest_lost: int = 0

    def add(self, clip: Clip, change: float) -> None:
        """Count one window in which the second film's share changes so much."""
        self.kept += clip.strip is not None
        self.two_scenes += clip.strip is not None and change >= TWO_SCENES
        if change <= ONE_SCENE:
            self.honest += 1
            told = {RejectReason.DISSOLVE, RejectReason.JUMP_CUT}
            self.honest_lost += clip.reason in told


def main() -> None:
    """Fade pairs of films, curate what comes of it, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=Path, required=True, help="a folder of films")
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    use_one_thread()
    films = sorted(p for p in wanted.films.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES)
    counts = Counts()
    with tempfile.TemporaryDirectory() as folder:
        for film, shares in faded_pairs(films, wanted.pairs, wanted.seed, Path(folder)):
            for clip in windows_of(film):
                counts.add(clip, change_of(clip, shares))
    put_into_results("Dissolves", table_of(counts, wanted.pairs, wanted.seed))


def faded_pairs(
    films: list[Path], pairs: int, seed: int, folder: Path
) -> Iterator[tuple[Path, list[float]]]:
    """Yield films that fade from one into another, and the second's share in every frame."""
    rng = random.Random(seed)
    for number in range(pairs):
        one, other = rng.sample(films, 2)
        while one.stem.split("_")[0] == other.stem.split("_")[0]:
            one, other = rng.sample(films, 2)
        length = rng.choice(LENGTHS)
        first = read(one, rng.randint(8, BEFORE) + length)
        second = read(other, length + BEHIND)
        length = min(length, len(first) - 1, len(second) - 1)
        shares = [0.0] * (len(first) - length)
        shares += [(at + 1) / (length + 1) for at in range(length)]
        shares += [1.0] * (len(second) - length)
        film = write_video(folder / f"{number}.mp4", fade(first, second, shares), crf=20)
        yield film, shares


def fade(first: Frames, second: Frames, shares: list[float]) -> Frames:
    """Mix two films, the second beginning with the first share that is not 0."""
    begin = next(at for at, share in enumerate(shares) if share > 0)
    at = np.arange(len(shares))
    one = first[np.minimum(at, len(first) - 1)]
    other = second[np.maximum(at - begin, 0)]
    share = np.array(shares)[:, None, None, None]
    return np.rint((1 - share) * one + share * other).astype(np.uint8)


def read(path: Path, frames: int) -> Frames:
    """Read the first frames of a film, (T, 240, 320, 3)."""
    found = []
    with open_video(path) as video:
        for frame in video:
            found.append(cv2.resize(frame.image, SIZE, interpolation=cv2.INTER_AREA))
            if len(found) == frames:
                break
    return np.stack(found)


def windows_of(film: Path) -> Iterator[Clip]:
    """Yield what becomes of a film's windows; nothing where it is refused as a whole."""
    try:
        yield from curate(film, None)
    except RejectedError:
        return


def change_of(clip: Clip, shares: list[float]) -> float:
    """Tell how much of another scene comes in while a window goes by."""
    last = min(clip.start_frame + 31 * clip.frame_step, len(shares) - 1)
    return shares[last] - shares[min(clip.start_frame, len(shares) - 1)]


def table_of(counts: Counts, pairs: int, seed: int) -> str:
    """Write the counts as a table."""
    return "\n".join(
        [
            f"`python -m benchmarks.films.dissolves --films DIR --pairs {pairs} --seed {seed}`",
            "",
            "Films that fade into each other, in 0.2 to 4 s.",
            "",
            "| figure | value |",
            "|---|---:|",
            f"| strips | {counts.kept} |",
            f"| of them with two scenes | {counts.two_scenes} |",
            f"| windows of one scene | {counts.honest} |",
            f"| of them lost as a dissolve or a jump cut | {counts.honest_lost} |",
        ]
    )


if __name__ == "__main__":
    main()
