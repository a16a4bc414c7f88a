"""Where the time of one video goes: milliseconds per frame of every stage, on one thread.

    make bench-stages          prints the table and puts it into benchmarks/RESULTS.md
    python -m benchmarks.stages --json

A film of a shaking camera is drawn and encoded once per picture size; then each stage runs alone on
the same 64 frames, in turn, `ROUNDS` times. The median round counts. Drawing is not measured.
"""

import argparse
import json
import platform
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from tests.drawn.films import film, shaky_path, write_video
from tinyvideo.models.scenes.places import load_imagenet_proxy
from tinyvideo.pipeline.curation import use_one_thread
from tinyvideo.pipeline.decode.frames import open_video
from tinyvideo.pipeline.stabilize.rendering import render
from tinyvideo.pipeline.stabilize.stabilizer import find_camera_path
from tinyvideo.pipeline.strips.strip_jpeg import crop_to_strip, decode_strip, encode_strip
from tinyvideo.pipeline.tag import tag_shot
from tinyvideo.pipeline.windows.cuts import CutDetector

FRAMES, ROUNDS = 64, 5
SIZES = {"360p": (360, 640), "1080p": (1080, 1920)}
RESULTS = Path(__file__).with_name("RESULTS.md")


def measure(height: int, width: int) -> dict[str, float]:
    """Return milliseconds per frame of every stage, for films of this size."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        camera = shaky_path(FRAMES, seed=1, strength=height / 40, height=height, width=width)
        write_video(path, film(camera, 1, height, width), crf=26)

        def decode() -> np.ndarray:
            with open_video(path) as video:
                return np.stack([frame.image for frame in video])

        frames = decode()
        window = frames[:32]
        found = find_camera_path(window)
        crop = crop_to_strip(window.shape[2], window.shape[1], 128)
        rendered = render(window, found.to_first, crop, 128).frames
        jpeg = encode_strip(rendered)
        classifier = load_imagenet_proxy()
        return {
            "decode and shrink": median_ms(decode, FRAMES),
            "look for cuts": median_ms(lambda: look_for_cuts(frames), FRAMES),
            "find the camera path": median_ms(lambda: find_camera_path(window), 32),
            "render 128 px": median_ms(lambda: render(window, found.to_first, crop, 128), 32),
            "encode the strip": median_ms(lambda: encode_strip(rendered), 32),
            "decode the strip at 64 px": median_ms(lambda: decode_strip(jpeg, 64), 32),
            "tag a shot (per shot)": median_ms(lambda: tag_shot(window[:1], classifier), 1),
        }


def look_for_cuts(frames: np.ndarray) -> int:
    """Count the cuts of a film."""
    detector = CutDetector[None]()
    return sum(new for frame in frames for _, new in detector.push(None, frame))


def median_ms(work: Callable[[], object], frames: int) -> float:
    """Run `work` a few times; return the median in milliseconds per frame."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        rounds.append((time.perf_counter() - start) * 1000 / frames)
    return round(statistics.median(rounds), 3)


def table(results: dict[str, dict[str, float]]) -> str:
    """Lay the results out in Markdown."""
    lines = [f"| stage | {' | '.join(results)} |", "|---|" + "---:|" * len(results)]
    for stage in next(iter(results.values())):
        cells = [f"{results[size][stage]:.2f}" for size in results]
        lines.append(f"| {stage} | {' | '.join(cells)} |")
    return "\n".join(lines)


def put_into_results(title: str, body: str) -> None:
    """Replace the section `title` of RESULTS.md, or append it."""
    text = RESULTS.read_text() if RESULTS.exists() else "# Results\n"
    section = f"## {title}\n\n{body}\n"
    pattern = re.compile(rf"## {re.escape(title)}\n.*?(?=\n## |\Z)", re.DOTALL)
    if pattern.search(text):
        text = pattern.sub(lambda _: section, text)
    else:
        text = f"{text.rstrip()}\n\n{section}"
    RESULTS.write_text(text)


def main() -> None:
    """Measure, print, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON and keep nothing")
    wanted = parser.parse_args()
    use_one_thread()
    with threadpool_limits(1):
        results = {name: measure(*size) for name, size in SIZES.items()}
    if wanted.json:
        json.dump(results, sys.stdout, indent=2)
        return
    machine = f"{platform.machine()}, Python {platform.python_version()}, one thread"
    body = (
        f"`make bench-stages`, milliseconds per frame, median of {ROUNDS} rounds ({machine}).\n\n"
        f"{table(results)}"
    )
    put_into_results("Stages of one video", body)
    print(body)


if __name__ == "__main__":
    main()
