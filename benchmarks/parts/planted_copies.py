"""Near duplicates: how many planted copies are found, how many strangers are taken for some.

    python -m benchmarks.parts.planted_copies         copies among 200,000 drawn strips: 15 minutes
        --part growth     10,000 to 10,000,000 hashes: half an hour
        --json            prints, and leaves RESULTS.md as it is

A strip is a JPEG of 32 frames and its hash is the one that a shard holds. The strangers are drawn
at 16 pixels, the planted ones at 128; a copy is encoded by H.264 on its way, as a film is that
somebody puts up again, and moved by a part of a pixel, as by another stabilization. No original has
two copies, so that none is found by way of another. Growth is measured on hashes of random signs of
which an eighth does not count, each size in a process of its own.
"""

import argparse
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import av
import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.dataset import peak_mb
from tests.pipeline.alike.copied_clips import SIZE, brighter, draw_clip, in_mirror_frames
from tinyvideo.pipeline.alike import Hashes, group_alike, hash_clip, to_hashes
from tinyvideo.pipeline.alike.alike_groups import find_pairs
from tinyvideo.pipeline.strips import encode_strip

TITLES = {"copies": "Near duplicates", "growth": "Near duplicates, by number"}
STRANGERS = 200_000
ORIGINALS = 200
"""Of each kind of copy."""

Clip = npt.NDArray[np.uint8]

Copy = Callable[[Clip, np.random.Generator], Clip]
"""48 frames and a generator -> the 32 frames of the copy."""


def through_h264(clip: Clip, rng: np.random.Generator, crf: int, size: int = SIZE) -> Clip:
    """Encode a clip at another size, decode it, and move it by a part of a pixel."""
    film = io.BytesIO()
    with av.open(film, "w", format="mp4") as output:
        stream = output.add_stream(
            "libx264", rate=25, options={"crf": str(crf), "preset": "veryfast"}
        )
        stream.width = stream.height = size
        stream.pix_fmt, stream.thread_count = "yuv420p", 1
        for frame in clip:
            small = cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(small, format="rgb24")))
        output.mux(stream.encode(None))
    film.seek(0)
    with av.open(film) as source:
        frames = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
    across, down = rng.normal(0, 0.4, 2)
    scale = SIZE / size
    move = np.array([[scale, 0, across], [0, scale, down]])
    edge = cv2.BORDER_REPLICATE
    return np.stack([cv2.warpAffine(f, move, (SIZE, SIZE), borderMode=edge) for f in frames])


KINDS: dict[str, Copy] = {
    "re-encoded": lambda clip, rng: through_h264(clip[:32], rng, int(rng.integers(26, 37))),
    "resized": lambda clip, rng: through_h264(clip[:32], rng, 24, int(rng.choice([48, 64, 96]))),
    "brighter": lambda clip, rng: through_h264(
        brighter(clip[:32], rng.uniform(1.1, 1.35), rng.uniform(0, 25)), rng, 24
    ),
    "mirrored": lambda clip, rng: through_h264(in_mirror_frames(clip[:32]), rng, 26),
    "cut 4 frames later": lambda clip, rng: through_h264(clip[4:36], rng, 26),
    "cut 8 frames later": lambda clip, rng: through_h264(clip[8:40], rng, 26),
    "cut 16 frames later": lambda clip, rng: through_h264(clip[16:48], rng, 26),
}


def measure_copies(strangers: int, originals: int) -> dict[str, float]:
    """Plant copies among drawn strips; return what was found."""
    rng = np.random.default_rng(18)
    hashes = [hashed(clip) for clip in draw_strangers(strangers)]
    pairs: dict[str, list[tuple[int, int]]] = {}
    for number, (kind, copy) in enumerate(KINDS.items()):
        for seed in range(originals):
            clip = draw(10_000_000 + number * originals + seed, 48, SIZE)
            pairs.setdefault(kind, []).append((len(hashes), len(hashes) + 1))
            hashes += [hashed(clip[:32]), hashed(copy(clip, rng))]
    told = np.flatnonzero([each is not None for each in hashes])
    start = time.process_time()
    joined = to_hashes(b"".join(each for each in hashes if each is not None))
    wrong = count_wrong(joined, told, {pair for some in pairs.values() for pair in some})
    groups = np.arange(len(hashes))
    groups[told] = told[group_alike(joined, np.arange(len(joined)))]
    seconds = (time.process_time() - start) / 2
    found = {
        f"{kind}, found, %": 100 * float(np.mean([groups[one] == groups[two] for one, two in some]))
        for kind, some in pairs.items()
    }
    return {
        "strips": len(hashes),
        "of these too flat or dark to tell": len(hashes) - len(told),
        **{name: round(share, 2) for name, share in found.items()},
        "wrong pairs per 100,000 strips": round(wrong / len(hashes) * 100_000, 2),
        "processor seconds to group": round(seconds, 1),
    }


def count_wrong(hashes: Hashes, rows: npt.NDArray[np.int64], planted: set[tuple[int, int]]) -> int:
    """Count the pairs that were taken for copies and are none."""
    found = {
        (min(pair), max(pair))
        for one, other in find_pairs(hashes, np.arange(len(hashes)))
        for pair in zip(rows[one].tolist(), rows[other].tolist(), strict=True)
    }
    return len(found - planted)


def draw_strangers(count: int) -> Iterator[Clip]:
    """Draw so many small clips, each different."""
    for seed in range(count):
        yield draw(seed, 32, 16)


def draw(seed: int, frames: int, size: int) -> Clip:
    """Draw a clip with up to three things that move, and keep nothing of it."""
    return draw_clip.__wrapped__(seed, frames=frames, things=seed % 4, size=size)


def hashed(clip: Clip) -> bytes | None:
    """Hash the strip of a clip."""
    return hash_clip(encode_strip(np.ascontiguousarray(clip), 90))


def measure_growth(count: int) -> dict[str, float]:
    """Group so many hashes, a hundredth of them copies; return processor time and memory."""
    rng = np.random.default_rng(count)
    hashes = to_hashes(rng.bytes(48 * count)).copy()
    for word in (2, 3, 5):
        hashes[:, word] |= rng.integers(0, 2**64, count, np.uint64, endpoint=False)
        hashes[:, word] |= rng.integers(0, 2**64, count, np.uint64, endpoint=False)
    copies = count // 100
    hashes[-copies:] = hashes[:copies]
    held = peak_mb()
    start = time.process_time()
    groups = group_alike(hashes, np.arange(count))
    return {
        "processor seconds": round(time.process_time() - start, 1),
        "peak mb": peak_mb(),
        "of these the hashes": held,
        "strangers joined": int((groups[:-copies] != np.arange(count - copies)).sum()),
        "copies found, %": round(100 * float((groups[-copies:] == np.arange(copies)).mean()), 2),
    }


def grow(sizes: list[int]) -> dict[int, dict[str, float]]:
    """Measure each size in a process of its own."""
    found = {}
    for size in sizes:
        command = [sys.executable, "-m", "benchmarks.parts.planted_copies", "--one", str(size)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found[size] = json.loads(done.stdout)
    return found


def table_of_copies(found: dict[str, float]) -> str:
    """Lay out the figures of `measure_copies` in Markdown."""
    lines = [f"| {name} | {value:,} |" for name, value in found.items()]
    head = "`python -m benchmarks.parts.planted_copies`: copies among drawn strips, by their JPEGs."
    return "\n".join([head, "", "| figure | value |", "|---|---:|", *lines])


def table_of_growth(found: dict[int, dict[str, float]]) -> str:
    """Lay out the figures of `grow` in Markdown."""
    names = [*next(iter(found.values()))]
    lines = [
        f"| {size:,} | " + " | ".join(f"{row[name]:,}" for name in names) + " |"
        for size, row in found.items()
    ]
    head = "`python -m benchmarks.parts.planted_copies --part growth`: random signs, one core."
    columns = f"| hashes | {' | '.join(names)} |"
    return "\n".join([head, "", columns, f"|---:|{'---:|' * len(names)}", *lines])


def main() -> None:
    """Measure a part, print it, and put it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=TITLES, default="copies")
    parser.add_argument("--strangers", type=int, default=STRANGERS)
    parser.add_argument("--originals", type=int, default=ORIGINALS, help="of each kind of copy")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000, 10_000_000]
    )
    parser.add_argument("--one", type=int, help="measure this number of hashes, here")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure_growth(given.one)))
        return
    if given.part == "copies":
        copies = measure_copies(given.strangers, given.originals)
        found, table = copies, table_of_copies(copies)
    else:
        sizes = grow(given.sizes)
        found, table = sizes, table_of_growth(sizes)
    print(json.dumps(found) if given.json else table)
    if not given.json:
        from benchmarks.stages import put_into_results  # noqa: PLC0415  torch, which is memory

        put_into_results(TITLES[given.part], table)


if __name__ == "__main__":
    main()
