"""Films that were damaged on their way: none may crash us, and none may become training data.

    python -m tests.fuzz.mutated_films --films 1000 --seed 1

Films in every format of `film_kinds` are drawn, encoded, damaged as `mutations` says, and curated
in processes with limits. Every frame of a strip is compared with those of the whole film:

    garbage      it differs by more than 12 of 255, in the mean, from every frame of the whole film
    misplaced    it is one of the whole film, but of another time: packets that changed places

It prints a line for each film that is not as it should be, and ends with 1 if there is one.

Cost: 0.7 s per film on one core.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.fuzz.film_kinds import KINDS, draw_pictures, encode
from tests.fuzz.mutations import mutate_film
from tinyvideo.flows.workers.limited_calls import LimitedCalls, Limits
from tinyvideo.pipeline.curation import CurationConfig, curate
from tinyvideo.pipeline.decode.frames import open_video
from tinyvideo.pipeline.errors import FailCause, LimitError, RejectedError, UnreadableError
from tinyvideo.pipeline.strips.strip_jpeg import StripConfig
from tinyvideo.pipeline.types import Clip, Frame, frames_of_film

FAR = 12.0
"""Mean difference, 0 to 255, from which on a frame is another one."""

SMALL = CurationConfig(strips=StripConfig(size=64))
LIMITS = Limits(memory_mb=300, time_s=60)
PER_FILM = 8
"""Mutants of each whole film."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one mutant."""

    strips: int = 0
    garbage: int = 0
    """Strips with a frame that the whole film does not have."""

    misplaced: int = 0
    """Strips with a frame that the whole film has at another time."""

    problem: str = ""
    """Why it was given up: a crash, a limit, an exception that is none of ours."""


def judge_mutant(mutant: Path, whole: Path) -> Judged:
    """Curate a mutant, and compare what came of it with the film that it was."""
    clips: list[Clip] = []
    try:
        for clip in curate(mutant, None, SMALL):
            clips.append(clip)
    except (RejectedError, UnreadableError):
        pass
    strips = [clip for clip in clips if clip.strip]
    if not strips:
        return Judged()
    honest = dict(timed_frames(whole))
    far = [_how_far(mutant, clip, honest) for clip in strips]
    garbage = sum(other for other, _ in far)
    return Judged(len(strips), garbage, sum(there and not other for other, there in far))


def timed_frames(path: Path, wanted: frozenset[int] | None = None) -> Iterator[tuple[int, Frame]]:
    """Yield frames with their time stamps in milliseconds, as far as they can be decoded."""
    try:
        with open_video(path) as video:
            for frame in video if wanted is None else video.take(wanted):
                time_s = frame.source.time if frame.source else None
                yield -1 if time_s is None else round(1000 * time_s), frame.image
    except RejectedError:
        return


def _how_far(mutant: Path, clip: Clip, honest: dict[int, Frame]) -> tuple[bool, bool]:
    """Whether a frame of a clip is none of the whole film, and whether one is not in its place."""
    place = frames_of_film(clip.start_frame, clip.frame_step, clip.source_frames)
    garbage = misplaced = False
    every = np.stack(list(honest.values())).astype(np.int16)
    for time_ms, image in timed_frames(mutant, frozenset(place)):
        there = honest.get(time_ms)
        if there is not None and _difference(image, there) <= FAR:
            continue
        misplaced = True
        same_size = image.shape == every.shape[1:]
        nearest = np.abs(every - image).mean(axis=(1, 2, 3)).min() if same_size else 255
        garbage = garbage or bool(nearest > FAR)
    return garbage, misplaced


def _difference(one: Frame, other: Frame) -> float:
    if one.shape != other.shape:
        return 255
    return float(np.abs(one.astype(np.int16) - other).mean())


def mutants(folder: Path, films: int, seed: int) -> Iterator[tuple[str, str, Path, Path]]:
    """Yield format, mutation, mutant and whole film, one after the other."""
    names = list(KINDS)
    for number in range(films):
        name, group = names[number % len(names)], number // len(names) // PER_FILM
        kind = KINDS[name]
        whole = folder / f"whole-{name}-{group}{kind.suffix}"
        if not whole.exists():
            drawn = draw_pictures(1000 * seed + group, 96, kind.width, kind.height)
            encode(whole, kind, drawn)
        mutant = folder / f"mutant-{number}{kind.suffix}"
        what = mutate_film(whole, mutant, np.random.default_rng([seed, number]))
        yield name, what, mutant, whole


def judge_all(folder: Path, films: int, seed: int, keep: Path | None = None) -> Counter[str]:
    """Judge so many mutants in a process with limits; return what became of them."""
    counts: Counter[str] = Counter()
    with LimitedCalls(LIMITS) as calls:
        for name, what, mutant, whole in mutants(folder, films, seed):
            try:
                judged = calls(judge_mutant, mutant, whole)
            except LimitError as error:
                # Time and memory ran into their limits, which is what these are for.
                held = error.cause in {FailCause.TIMEOUT, FailCause.MEMORY}
                counts["held by a limit"] += held
                judged = Judged(problem="" if held else str(error))
            except Exception as error:
                judged = Judged(problem=repr(error))
            counts.update(_counted(judged))
            if judged.garbage or judged.misplaced or judged.problem:
                sys.stdout.write(f"{mutant.name} {name} {what}: {judged}\n")
                sys.stdout.flush()
                if keep is not None:
                    (keep / mutant.name).write_bytes(mutant.read_bytes())
            mutant.unlink()
    return counts


def _counted(judged: Judged) -> Counter[str]:
    return Counter(
        {
            "films": 1,
            "sharded": bool(judged.strips),
            "strips": judged.strips,
            "garbage": judged.garbage,
            "misplaced": judged.misplaced,
            "problems": bool(judged.problem),
        }
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--keep", type=Path, help="folder for the mutants that are not as they should"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = judge_all(Path(folder), options.films, options.seed, options.keep)
    sys.stdout.write(f"{dict(counts)}\n")
    return int(bool(counts["garbage"] or counts["problems"]))


if __name__ == "__main__":
    sys.exit(main())
