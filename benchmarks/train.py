"""Training at the paper's width: how fast a step is, what data and checkpoints cost, and memory.

    python -m benchmarks.train            prints the table, puts it into RESULTS.md
    python -m benchmarks.train --json

A step is compared with one of a plain fp32 port (`benchmarks.peers.plain_vgan`), in turn, in one
run; the ratio is that of the medians. Ours computes in bf16 where the processor does. Ends with
exit code 1 where a figure misses its target.

Cost: 3 minutes on 2 idle cores with bf16 arithmetic.
"""

import argparse
import gc
import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.films.discs import draw_clips
from benchmarks.peers.plain_vgan import PlainTrainer
from benchmarks.stages import put_into_results
from tinyvideo.models.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from tinyvideo.models.step.trainer import Trainer
from tinyvideo.models.step_metrics import METRICS_NAME, StepMetrics, read_metrics
from tinyvideo.models.train_config import TrainConfig
from tinyvideo.models.training.training_run import train
from tinyvideo.pipeline.strips.strip_jpeg import encode_strip
from tinyvideo.pipeline.types import StabilizationFigures, Strip, VideoRecord
from tinyvideo.storage.datasets.dataset_draft import build_dataset
from tinyvideo.storage.datasets.strip_query import DatasetConfig
from tinyvideo.storage.objects.folder import FolderStore
from tinyvideo.storage.shards.schema import row_of
from tinyvideo.storage.shards.shard_writer import ShardWriter

WIDTH = 64
TARGETS = {
    "times as fast as the plain port": (1.9, None),
    "share of the time waiting for data": (None, 0.03),
    "seconds to save a checkpoint": (None, 2.0),
    "seconds to load a checkpoint": (None, 2.0),
    "MB more after 2,000 steps than after 200": (None, 20.0),
}
"""The least and the most that each figure may be."""


def main() -> None:
    """Measure, print, keep the table, and say what missed its target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON and keep nothing")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--parts", nargs="+", default=["step", "data", "checkpoint", "memory"])
    wanted = parser.parse_args()
    parts = {
        "step": lambda: measure_steps(wanted.batch, wanted.rounds),
        "data": lambda: measure_data(wanted.batch),
        "checkpoint": measure_checkpoint,
        "memory": measure_memory,
    }
    found: dict[str, float] = {}
    for name in wanted.parts:
        found |= parts[name]()
        gc.collect()
    missed = [name for name, value in found.items() if not fits(name, value)]
    if wanted.json:
        json.dump({"figures": found, "missed": missed}, sys.stdout, indent=1)
    else:
        lines = ["| figure | value |", "|---|---:|"]
        lines += [f"| {name} | {value:,} |" for name, value in found.items()]
        print("\n".join(lines))
        if len(wanted.parts) == len(parts):
            about = f"`python -m benchmarks.train`, batch {wanted.batch}, {torch.get_num_threads()}"
            capability = torch.backends.cpu.get_cpu_capability()
            body = f"{about} threads, {capability}\n\n" + "\n".join(lines)
            put_into_results("Training at width 64", body)
    sys.exit(1 if missed else 0)


def fits(name: str, value: float) -> bool:
    """Tell whether a figure is within its target; those without one always are."""
    least, most = TARGETS.get(name, (None, None))
    return (least is None or value >= least) and (most is None or value <= most)


def measure_steps(batch: int, rounds: int) -> dict[str, float]:
    """Take steps of the plain port and of ours in turn."""
    clips = draw_clips(batch, seed=0)[0]
    trainers = {
        "plain": PlainTrainer(WIDTH),
        "ours": Trainer(TrainConfig(width=WIDTH, batch=batch), "bench"),
    }
    taken: dict[str, list[float]] = {name: [] for name in trainers}
    for _ in range(rounds):
        for name, trainer in trainers.items():
            start = time.perf_counter()
            trainer.take_step(clips)
            taken[name].append(time.perf_counter() - start)
    plain, ours = (statistics.median(times[1:]) for times in taken.values())
    return {
        "seconds of a step of the plain port": round(plain, 2),
        "seconds of a step": round(ours, 2),
        "times as fast as the plain port": round(plain / ours, 2),
    }


def measure_data(batch: int, steps: int = 6) -> dict[str, float]:
    """Train from shards of 128-pixel strips and see how long steps wait for them."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        make_dataset(root, 256)
        config = TrainConfig(
            width=WIDTH, batch=batch, steps=steps, checkpoint_every=steps, pictures_every=0
        )
        train(root, "bench", config, root / "run")
        shares = [line.data_share or 0 for line in read_metrics(root / "run" / METRICS_NAME)]
    return {"share of the time waiting for data": round(statistics.mean(shares), 4)}


def make_dataset(root: Path, count: int) -> None:
    """Write a shard of strips of 128 pixels: noise over smooth color, 250 kB each, as real ones."""
    rng = np.random.default_rng(0)
    figures = StabilizationFigures(
        inlier_ratio=1.0,
        reprojection_rmse_px=0.0,
        visible_share=1.0,
        camera_motion_px=0.0,
        camera_still=True,
    )
    record = VideoRecord(video_id="film", source="folder", uri="file:///film.mp4")
    frames = rng.normal(128, 12, (32, 128, 128, 3)).clip(0, 255).astype(np.uint8)
    jpeg = encode_strip(frames)
    with ShardWriter(root / "shard.parquet") as writer:
        for number in range(count):
            strip = Strip(
                index=number,
                start_frame=32 * number,
                start_s=1.28 * number,
                fps=25.0,
                source_step=1,
                source_width=640,
                source_height=480,
                size=128,
                jpeg=jpeg,
                to_first=np.tile(np.eye(3), (32, 1, 1)),
                figures=figures,
                scenes=None,
            )
            writer.add(row_of(record, strip, "0.1.0", "0" * 64))
    all_to_train = DatasetConfig(validation=0, test=0)
    build_dataset(FolderStore(root), "bench", ["shard.parquet"], all_to_train)


def measure_checkpoint() -> dict[str, float]:
    """Save and load the state of a run at the paper's width."""
    trainer = Trainer(TrainConfig(width=WIDTH, batch=2), "bench")
    figures = trainer.take_step(draw_clips(2, seed=0)[0])  # Adam's numbers exist from then on
    metrics = StepMetrics(step=1, clips_per_second=1.0, **figures)
    saved, loaded = [], []
    with tempfile.TemporaryDirectory() as name:
        for _ in range(3):
            start = time.perf_counter()
            path = save_checkpoint(Path(name), trainer.checkpoint(metrics))
            saved.append(time.perf_counter() - start)
            start = time.perf_counter()
            trainer.restore(load_checkpoint(path))
            loaded.append(time.perf_counter() - start)
        size = path.stat().st_size
    return {
        "MB of a checkpoint": round(size / 1e6),
        "seconds to save a checkpoint": round(statistics.median(saved), 2),
        "seconds to load a checkpoint": round(statistics.median(loaded), 2),
    }


def measure_memory(steps: int = 2000) -> dict[str, float]:
    """Train a small network from shards, with all that a run has, and watch the memory."""
    held: dict[int, float] = {}

    def watch(metrics: StepMetrics) -> None:
        if metrics.step in (200, steps):
            gc.collect()
            held[metrics.step] = resident_mb()

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        make_dataset(root, 64)
        # Whatever a run does now and then, it has done before the first look.
        config = TrainConfig(
            width=4, batch=2, steps=steps, checkpoint_every=100, pictures_every=100
        )
        train(root, "bench", config, root / "run", watch)
    return {"MB more after 2,000 steps than after 200": round(held[steps] - held[200], 1)}


def resident_mb() -> float:
    """Measure the memory of this process; Linux only."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found, "no VmRSS"
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
