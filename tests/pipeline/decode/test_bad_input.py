"""Whatever is wrong with a film, it is given a reason, and never an exception of another kind."""

import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.drawn.films import film, flat, shaky_path, write_video
from tinyvideo.pipeline.curation import CurationConfig, curate
from tinyvideo.pipeline.errors import RejectedError, RejectReason
from tinyvideo.pipeline.strips.strip_jpeg import StripConfig

SMALL = CurationConfig(strips=StripConfig(size=64))


def shot(frames: int, height: int = 96, width: int = 128):
    return film(shaky_path(frames, seed=1, height=height, width=width), 1, height, width)


def noise(frames: int):
    return np.random.default_rng(0).integers(0, 256, (frames, 96, 128, 3)).astype(np.uint8)


def with_gaps(path: Path) -> Path:
    times = [t / 25 + (0.2 if t >= 40 else 0) for t in range(72)]  # the gap is in window 1
    return write_video(path, shot(72), times=times)


def two_sizes(path: Path) -> Path:
    wide = write_video(path.with_suffix(".1.ts"), shot(40)).read_bytes()
    narrow = write_video(path.with_suffix(".2.ts"), shot(40, width=96)).read_bytes()
    film = path.with_suffix(".ts")
    film.write_bytes(wide + narrow)
    return film


BAD: dict[str, tuple[Callable[[Path], Path], set[str], str]] = {
    **{
        f"{n}-frames": (
            lambda path, n=n: write_video(path, shot(n)),
            {"too_short"},
            rf"{n} frames?, a window needs 32",
        )
        for n in (1, 2, 15, 31)
    },
    "16-px-wide": (
        lambda path: write_video(path, shot(40, width=16)),
        {"frame_size"},
        "16 x 96 px; the short side must have 64 px at least",
    ),
    "white": (
        lambda path: write_video(path, flat(64, 255, 96, 128)),
        {"flat"},
        r"frame (0|32) has contrast 0\.0, 4\.0 needed",
    ),
    "noise": (
        lambda path: write_video(path, noise(64)),
        {"shot_cut"},
        r"a new shot begins at frame \d+",
    ),
    "300-fps": (
        lambda path: write_video(path, shot(64), fps=300),
        {"frame_rate"},
        "300 fps; no step of 1 to 8 frames gives 10 to 35 fps",
    ),
    "gap": (
        with_gaps,
        {"", "uneven_timing"},
        r"frame 40 comes 6\.\d+ intervals after the one before it",
    ),
    "two-sizes": (
        two_sizes,
        {"", "broken_stream"},
        # The container has noticed before: the second film's packets do not follow the first's.
        r"the film breaks off, or has a gap, after \d+ frames",
    ),
}


def judged(path: Path) -> list[tuple[RejectReason | None, str]]:
    found: list[tuple[RejectReason | None, str]] = []
    try:
        found.extend((clip.reason, clip.detail) for clip in curate(path, None, SMALL))
    except RejectedError as error:
        found.append((error.reason, error.detail))
    return found


@pytest.mark.parametrize("name", BAD)
def test_every_bad_film_has_its_reason_and_one_sentence(tmp_path, name):
    write, reasons, sentence = BAD[name]

    found = judged(write(tmp_path / "film.mp4"))

    assert {str(reason or "") for reason, _ in found} == reasons
    for reason, detail in found:
        assert re.fullmatch(sentence if reason else "", detail)


def test_32_frames_are_enough(tmp_path):
    assert judged(write_video(tmp_path / "film.mp4", shot(32))) == [(None, "")]


def test_a_long_film_takes_no_more_memory_than_a_short_one(tmp_path):
    path = write_video(tmp_path / "film.mp4", shot(32 * 12))
    peaks = []
    tracemalloc.start()  # NumPy and the frames tell it what they take
    try:
        for _ in curate(path, None, SMALL):
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()

    assert len(peaks) == 12
    assert max(peaks[4:]) < 1.1 * max(peaks[1:4])
