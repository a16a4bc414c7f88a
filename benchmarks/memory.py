"""What one worker holds while it cuts strips from a long 1080p film.

    python -m benchmarks.memory --minutes 60     prints a table, puts it into RESULTS.md

A truth film of 33 frames is drawn and encoded once; its packets are written again and again, with
later time stamps, until the film has its length. A process of its own curates it as a worker does,
without the classifier, and reads its resident memory after every clip.

Cost: about as long as the film takes to decode, 15 to 20 ms per frame.
"""

import argparse
import platform
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path

import av

from benchmarks.stages import put_into_results
from benchmarks.truth_films import draw_films
from pipeline.curation import curate, use_one_thread

FPS, LIMIT_MB = 25, 400


def lengthen(film: Path, path: Path, seconds: float) -> Path:
    """Repeat the packets of `film` until it lasts `seconds`, without encoding them again."""
    with av.open(film) as source, av.open(path, "w") as target:
        given = source.streams.video[0]
        stream = target.add_stream_from_template(given)
        base = given.time_base or Fraction(1, 12800)
        packets = [(p.pts, p.dts, bytes(p), p.is_keyframe) for p in source.demux(given) if p.size]
        length = round(len(packets) / FPS / base)
        for number in range(round(seconds * FPS / len(packets))):
            for pts, dts, data, key in packets:
                packet = av.Packet(data)
                packet.stream, packet.time_base, packet.is_keyframe = stream, base, key
                packet.pts, packet.dts = pts + number * length, dts + number * length
                target.mux(packet)
    return path


def resident_mb() -> float:
    """Read the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def watch(film: Path) -> tuple[list[tuple[int, float]], float, float]:
    """Curate a film: last frame and megabytes after every clip, peak megabytes, CPU seconds."""
    use_one_thread()
    start = time.process_time()
    seen = [(clip.start_frame + 32, resident_mb()) for clip in curate(film, None)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return seen, peak, time.process_time() - start


def main() -> None:
    """Measure, print, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short = draw_films(folder, 1, count=1, height=1080, width=1920)[0].path
        film = lengthen(short, folder / "long.mp4", wanted.minutes * 60)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            seen, peak, seconds = pool.submit(watch, film).result()
    minute = [mb for frame, mb in seen if frame < 60 * FPS]
    last = [mb for frame, mb in seen if frame >= seen[-1][0] - 60 * FPS]
    body = (
        f"`python -m benchmarks.memory --minutes {wanted.minutes:g}`: {seen[-1][0]} frames of "
        f"1920 x 1080, one worker\n({platform.machine()}), {LIMIT_MB} MB allowed.\n\n"
        "| figure | value |\n|---|---:|\n"
        f"| resident in the first minute, at most | {max(minute):.0f} MB |\n"
        f"| resident in the last minute, at most | {max(last):.0f} MB |\n"
        f"| peak of the process | {peak:.0f} MB |\n"
        f"| milliseconds per frame, processor time | {seconds * 1000 / seen[-1][0]:.1f} |"
    )
    put_into_results("Memory of a worker", body)
    print(body)


if __name__ == "__main__":
    main()
