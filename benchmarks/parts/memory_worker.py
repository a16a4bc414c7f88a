"""The worker that benchmarks/memory.py watches: curates a film, and says what it holds.

    python -m benchmarks.parts.memory_worker FILM     prints JSON

A process of its own that imports what cutting strips needs and nothing else: the benchmark draws
films, and what that takes would be counted too.
"""

import json
import sys
import time
from pathlib import Path

from tinyvideo.pipeline.curation import curate, use_one_thread


def held_mb(figure: str) -> float:
    """Read the memory of this process: `VmRSS` is what it holds now, `VmHWM` the most it held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = next(line for line in lines if line.startswith(f"{figure}:"))
    return int(found.split()[1]) * 1024 / 1e6


def watch(film: Path) -> dict[str, object]:
    """Curate a film; return the last frame and megabytes of every clip, the peak, CPU seconds."""
    use_one_thread()
    start = time.process_time()
    clips = [
        (clip.start_frame + 32, held_mb("VmRSS"), clip.strip is not None)
        for clip in curate(film, None)
    ]
    seconds = time.process_time() - start
    return {"clips": clips, "peak_mb": held_mb("VmHWM"), "seconds": seconds}


if __name__ == "__main__":
    json.dump(watch(Path(sys.argv[1])), sys.stdout)
