"""What one worker holds while it cuts strips from a long 1080p film.

    python -m benchmarks.memory --minutes 60     prints a table, puts it into RESULTS.md

A truth film of 33 frames is drawn and encoded once; its packets are written again and again, with
later time stamps, until the film has its length. A process of its own curates it as a worker does,
without the classifier, and reads its resident memory after every clip
(benchmarks/parts/memory_worker.py).

Cost: 8 ms of processor time per frame, twelve minutes for an hour of film.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av

from benchmarks.films.truth_films import draw_films
from benchmarks.stages import put_into_results

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


def main() -> None:
    """Measure, print, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short = draw_films(folder, 1, count=1, height=1080, width=1920)[0].path
        film = lengthen(short, folder / "long.mp4", wanted.minutes * 60)
        command = [sys.executable, "-m", "benchmarks.parts.memory_worker", str(film)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    clips = found["clips"]
    frames = clips[-1][0]
    minute = [mb for frame, mb, _ in clips if frame < 60 * FPS]
    last = [mb for frame, mb, _ in clips if frame >= frames - 60 * FPS]
    body = (
        f"`python -m benchmarks.memory --minutes {wanted.minutes:g}`: {frames} frames of "
        f"1920 x 1080, one worker\nwithout the classifier ({platform.machine()}), {LIMIT_MB} MB "
        "allowed.\n\n"
        "| figure | value |\n|---|---:|\n"
        f"| resident in the first minute, at most | {max(minute):.0f} MB |\n"
        f"| resident in the last minute, at most | {max(last):.0f} MB |\n"
        f"| peak of the process | {found['peak_mb']:.0f} MB |\n"
        f"| strips | {sum(kept for *_, kept in clips)} |\n"
        f"| milliseconds per frame, processor time | {found['seconds'] * 1000 / frames:.1f} |"
    )
    put_into_results("Memory of a worker", body)
    print(body)


if __name__ == "__main__":
    main()
