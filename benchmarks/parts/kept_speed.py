"""What the way from a film to its strips costs beside decoding and shrinking it alone.

Drawn rooms (benchmarks/rooms/room_films.py) of 360p, from a tripod and out of hands, are played
forward and backward until they have four windows. Both ways are run on every film in turn, `ROUNDS`
times; a round gives a ratio of processor times, and the median of all of a kind counts.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.films.truth_films import read_frames
from benchmarks.rooms.hands import FRAMES
from benchmarks.rooms.room_films import Plan, drawn
from benchmarks.rooms.rooms import KINDS
from tests.drawn.films import write_video
from tinyvideo.pipeline.curation import CurationConfig, curate
from tinyvideo.pipeline.decode.frames import open_video

ROUNDS, WINDOWS = 5, 4
LENGTH = WINDOWS * FRAMES


def measure_speed(
    seed: int, films: int, folder: Path, config: CurationConfig
) -> dict[str, dict[str, float]]:
    """Return figures of tripods, and of hands, `films` of each."""
    kinds = {"tripod": ("tripod",), "hand": ("weak", "middle", "strong")}
    return {
        name: _measure([_long(seed, number, cameras, folder) for number in range(films)], config)
        for name, cameras in kinds.items()
    }


def _long(seed: int, number: int, cameras: tuple[str, ...], folder: Path) -> Path:
    """Draw a film, and play it to and fro: no frame has itself for a neighbor."""
    room = list(KINDS)[number % len(KINDS)]
    plan = Plan(room, cameras[number % len(cameras)], ("70+", "50")[number % 2], (seed, number))
    path = folder / f"long-{plan.name}.mp4"
    if not path.exists():
        frames = read_frames(drawn(plan, folder).path)
        there_and_back = [*range(FRAMES), *range(FRAMES - 2, 0, -1)]
        order = np.resize(there_and_back, LENGTH)
        write_video(path, frames[order], crf=23)
    return path


def _measure(films: list[Path], config: CurationConfig) -> dict[str, float]:
    ratios, seconds, kept = [], 0.0, 0
    for number in range(ROUNDS + 1):
        for film in films:
            alone, _ = _timed(_decode, film, config)
            whole, strips = _timed(_curate, film, config)
            if number > 0:  # the first round warms up
                ratios.append(whole / alone)
                seconds, kept = seconds + whole, kept + strips
    return {
        "films": len(films),
        "kept": kept / ROUNDS,
        "windows": WINDOWS * len(films),
        "ratio": statistics.median(ratios),
        "worst": max(ratios),
        "frames_per_second": ROUNDS * len(films) * LENGTH / seconds,
    }


def _decode(film: Path, config: CurationConfig) -> int:
    with open_video(film, config.frames) as video:
        return sum(1 for _ in video)


def _curate(film: Path, config: CurationConfig) -> int:
    return sum(clip.strip is not None for clip in curate(film, None, config))


def _timed(
    work: Callable[[Path, CurationConfig], int], film: Path, config: CurationConfig
) -> tuple[float, int]:
    start = time.process_time()
    result = work(film, config)
    return time.process_time() - start, result


def speed_text(measured: dict[str, dict[str, float]]) -> str:
    """Lay the figures out in Markdown."""
    head = ["camera", "films", "windows kept", "times decoding, median", "worst", "frames/s"]
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * 5]
    for name, line in measured.items():
        lines.append(
            f"| {name} | {line['films']:.0f} | {line['kept']:.0f} of {line['windows']:.0f} | "
            f"{line['ratio']:.2f} | {line['worst']:.2f} | {line['frames_per_second']:.0f} |"
        )
    return "\n".join(lines)
