"""Kill -9 a training run at random moments until it is done, and hold it against an unbroken one.

    python -m tests.chaos.chaos_training --kills 20

Each life of the run is a process of its own; it is killed between 0 and `WINDOW_S` seconds after
its first step, so in the middle of steps, checkpoints and lines.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch

from tests.drawn.training_set import make_dataset
from tinyvideo.models.checkpoints.checkpoint import load_checkpoint
from tinyvideo.models.step_metrics import METRICS_NAME, StepMetrics, last_metrics, read_metrics
from tinyvideo.models.train_config import TrainConfig, configure
from tinyvideo.models.training.training_run import train

WINDOW_S = 0.6


def survive(root: Path, config: TrainConfig, kills: int, seed: int) -> int:
    """Train under `root` with at most `kills` kills; assert equality; return how many came."""
    make_dataset(root, [3, 2])
    train(root, "drawn", config, root / "unbroken")
    rng, killed = random.Random(seed), 0
    while not live(root, config, rng.uniform(0, WINDOW_S) if killed < kills else None):
        killed += 1
    assert lines(root / "broken") == lines(root / "unbroken")
    name = f"step-{config.steps:08d}.pt"
    one, two = (load_checkpoint(root / run / name) for run in ("unbroken", "broken"))
    for part in ("generator", "discriminator", "ema"):
        weights, others = getattr(one, part) or {}, getattr(two, part) or {}
        assert all(torch.equal(weight, others[key]) for key, weight in weights.items())
    assert torch.equal(one.rng, two.rng)
    return killed


def live(root: Path, config: TrainConfig, limit_s: float | None) -> bool:
    """Let the run live, for `limit_s` seconds from its next step; tell whether it got done."""
    before = last_metrics(root / "broken" / METRICS_NAME)
    arguments = [str(root), str(root / "broken"), json.dumps(asdict(config)), "0"]
    command = [sys.executable, "-m", "tests.servers.torchrun_ranks", *arguments]
    with subprocess.Popen(command) as process:
        while limit_s is not None and process.poll() is None:
            if last_metrics(root / "broken" / METRICS_NAME) != before:
                time.sleep(limit_s)
                process.kill()
                break
            time.sleep(0.01)
        return process.wait() == 0


def lines(run: Path) -> list[StepMetrics]:
    """Read all figures of a run but its speed."""
    found = read_metrics(run / METRICS_NAME)
    return [replace(line, clips_per_second=0.0, data_share=0.0) for line in found]


def small(steps: int) -> TrainConfig:
    """Configure a run with every switch whose state a resume has to bring back."""
    size = {"width": 1, "batch": 2, "steps": steps, "checkpoint_every": 3, "pictures_every": 5}
    switches = {"loss": "hinge", "spectral_norm": True, "augment": True, "r1": 1.0, "r1_every": 4}
    return configure("modern", precision="bf16", seed=3, **size, **switches)


def main() -> None:
    """Kill as often as was asked for, and say so."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        killed = survive(Path(name), small(40 * wanted.kills), wanted.kills, wanted.seed)
    sys.stdout.write(f"killed {killed} times; every resume was exact\n")


if __name__ == "__main__":
    main()
