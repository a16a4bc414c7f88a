"""Does the stabilizer keep what a person would keep, hold the room still, and cost little?

    python -m benchmarks.kept                                   drawn rooms with somebody in them
    python -m benchmarks.kept --films DIR --labels FILE         real films, with what a person says
    python -m benchmarks.kept --part speed                      beside decoding and shrinking alone

Prints a table and puts it into benchmarks/RESULTS.md; `--json` prints every film and keeps nothing.
Drawn rooms (benchmarks/rooms/room_films.py) have a known camera: each of nine rooms with each of
four cameras and each of four shares of background is a film of 144; `--folder` keeps them for the
next run of the same seed. `--title before` puts the table under a heading of its own, so that two
can stand side by side. Labels: benchmarks/films/labeled_films.py.

Cost: 144 films take about ten minutes of one core to draw, and one to judge.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.films.labeled_films import (
    Label,
    judge_windows,
    read_labels,
    windows_list,
    windows_text,
)
from benchmarks.parts.kept_speed import ROUNDS, measure_speed, speed_text
from benchmarks.rooms.hands import CAMERAS
from benchmarks.rooms.room_films import SHARES, Plan, drawn, plans
from benchmarks.rooms.room_judge import LEFT_PX, Judged, judge
from benchmarks.rooms.rooms import KINDS
from benchmarks.stages import put_into_results
from tinyvideo.pipeline.curation import CurationConfig, use_one_thread
from tinyvideo.pipeline.stabilize import METHODS

Task = TypeVar("Task", Plan, Label)
Result = TypeVar("Result")

ENOUGH = 0.25
"""Share of the picture that must be background for a clip to be wanted. Theirs: no limit."""


def judge_plan(plan: Plan, folder: Path, config: CurationConfig) -> Judged:
    """Draw a film, or find it in `folder`, and judge it."""
    return judge(drawn(plan, folder), config)


def measure_rooms(wanted: argparse.Namespace, folder: Path) -> tuple[str, list[Any], str]:
    """Judge drawn rooms: a heading, every film, and the tables."""
    work = partial(judge_plan, folder=folder, config=_config(wanted))
    judged = list(_each(work, plans(wanted.seed, wanted.count), wanted.jobs))
    if wanted.list:
        print("\n".join(one.line() for one in judged))
    return "What is kept: drawn rooms", [asdict(one) for one in judged], rooms_text(judged)


def measure_films(wanted: argparse.Namespace, folder: Path) -> tuple[str, list[Any], str]:
    """Judge real films with labels: a heading, every window, and the table."""
    labels = read_labels(wanted.films, wanted.labels or wanted.films / "labels.json")
    judged = _each(partial(judge_windows, config=_config(wanted)), labels, wanted.jobs)
    windows = [window for film in judged for window in film]
    if wanted.list:
        print("\n".join(windows_list(windows)))
    return "What is kept: real films", [asdict(one) for one in windows], windows_text(windows)


def measure_costs(wanted: argparse.Namespace, folder: Path) -> tuple[str, list[Any], str]:
    """Time drawn rooms: a heading, the figures, and their table."""
    use_one_thread()
    measured = measure_speed(wanted.seed, min(wanted.count, 6), folder, _config(wanted))
    body = (
        f"From a file of 360p to strips, as times of decoding and shrinking alone; processor\n"
        f"time, one thread, {ROUNDS} rounds in turn.\n\n{speed_text(measured)}"
    )
    return "What the stabilizer costs beside decoding", [measured], body


def _each(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Iterator[Result]:
    """Run `work` on every task, on at most `jobs` cores; yield the results in order."""
    if jobs == 1:
        use_one_thread()
        results: Iterator[Result] = map(work, tasks)
    else:
        pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=use_one_thread)
        results = pool.map(work, tasks)
    for number, result in enumerate(results, 1):
        print(f"\r{number} of {len(tasks)}", end="", file=sys.stderr, flush=True)
        yield result
    print(file=sys.stderr)


def rooms_text(judged: Sequence[Judged]) -> str:
    """Lay drawn rooms out in Markdown: what is to be read first, then a table per question."""
    fair = [one for one in judged if one.background >= ENOUGH]
    tripods = [one for one in judged if one.camera == "tripod"]
    lost = Counter(one.reason for one in fair if not one.kept)
    errors = [one.error_px for one in fair if one.kept]
    lines = [
        f"Of {len(fair)} clips with at least {ENOUGH:.0%} background {_share(fair)} are kept; "
        f"error against the camera, in strip\npixels: median {_median(errors):.3f}, worst "
        f"{max(errors, default=float('nan')):.3f}. {sum(one.follows for one in judged)} of all "
        f"follow a body (error above {LEFT_PX:g} px, nearer to its motion).\n"
        f"Of {len(tripods)} tripods {_share(tripods)} are kept, and "
        f"{sum(one.as_filmed for one in tripods)} come back byte for byte.\n",
        f"Lost: {', '.join(f'{word} {count}' for word, count in lost.most_common()) or 'none'}.\n",
        "Error: mean over frames and places of the background; largest: one place in one frame.",
    ]
    for field, values in (("share", SHARES), ("camera", CAMERAS), ("room", KINDS)):
        among = judged if field == "share" else fair
        lines += ["", _table(among, field, list(values))]
    return "\n".join(lines)


def _table(judged: Sequence[Judged], field: str, values: Sequence[str]) -> str:
    title = {"share": "background, %", "camera": f"camera, of {ENOUGH:.0%} and more"}.get(
        field, f"room, of {ENOUGH:.0%} and more"
    )
    head = [title, "clips", "kept", "error, median px", "worst", "largest", "follow a body"]
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * 6]
    for value in values:
        here = [one for one in judged if getattr(one, field) == value]
        kept = [one for one in here if one.kept]
        errors = [one.error_px for one in kept]
        cells = [value, len(here), _share(here), *(["", "", ""] if not kept else [])]
        if kept:
            largest = max(one.largest_px for one in kept)
            cells += [f"{_median(errors):.3f}", f"{max(errors):.3f}", f"{largest:.2f}"]
        cells.append(sum(one.follows for one in kept))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _share(judged: Sequence[Judged]) -> str:
    kept = sum(one.kept for one in judged)
    return f"{kept} ({kept / len(judged):.0%})" if judged else "0"


def _median(numbers: Sequence[float]) -> float:
    return float(np.median(numbers)) if numbers else float("nan")


def _config(wanted: argparse.Namespace) -> CurationConfig:
    return CurationConfig.of(size=128, method=wanted.method)


def main() -> None:
    """Measure, print, and keep the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=("rooms", "speed"), default="rooms")
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--count", type=int, default=144, help="drawn films")
    parser.add_argument("--folder", type=Path, help="where drawn films are kept, and found again")
    parser.add_argument("--films", type=Path, help="a folder of real films")
    parser.add_argument("--labels", type=Path, help="what a person says; DIR/labels.json")
    parser.add_argument("--method", choices=METHODS, default="tracks")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--title", default="", help="a word behind the heading: before, after")
    parser.add_argument("--list", action="store_true", help="name each film, or each lost window")
    parser.add_argument("--json", action="store_true", help="print JSON and keep nothing")
    wanted = parser.parse_args()
    measure = (
        measure_films if wanted.films else {"speed": measure_costs}.get(wanted.part, measure_rooms)
    )
    with tempfile.TemporaryDirectory() as name:
        folder = wanted.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        heading, results, body = measure(wanted, folder)
    if wanted.json:
        json.dump(results, sys.stdout, indent=2)
        return
    body = f"`{_command(wanted)}`.\n\n{body}"
    put_into_results(f"{heading} ({wanted.title})" if wanted.title else heading, body)
    print(body)


def _command(wanted: argparse.Namespace) -> str:
    words = ["python -m benchmarks.kept"]
    if wanted.films:
        words.append("--films DIR --labels FILE")
    else:
        words.append(f"--seed {wanted.seed} --count {wanted.count}")
        words += [f"--part {wanted.part}"] if wanted.part != "rooms" else []
    words += [f"--method {wanted.method}"] if wanted.method != "tracks" else []
    return " ".join(words)


if __name__ == "__main__":
    main()
