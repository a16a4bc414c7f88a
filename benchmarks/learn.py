"""Does it learn? A small experiment that can fail: discs that move in one of 8 directions.

    python -m benchmarks.learn --out learn-out            paper and modern, 3 seeds each: 1.5 hours
    python -m benchmarks.learn --out learn-out --json
    python -m benchmarks.learn --out /tmp/try --steps 150 --seeds 0        a look, in minutes

Every run trains a VGAN of width 24 on batches of 16 in bf16, without labels, and then asks:

* probe: a linear classifier sees the features that the frozen discriminator judges clips by, their
  mean over space and time, and has to tell the 8 directions apart. Chance is 12.5 %. The same
  discriminator, before training, is given the same chance.
* Frechet distance of generated to real clips, before and after, in the space of a random network
  that is the same for all; two sets of real clips give the floor. It judges nothing: of real clips
  it calls frozen, backwards and the other half the same (0.027 each), and blocks of 32 pixels in
  disorder 0.034. `benchmarks.training.motion_judge` says what a figure must see first.
* mask: correlation, over the pixels of a clip, of the mask with what moves in the generated video.

It fails, with exit code 1, unless on every seed the probe is at least twice as good as before
training, and `modern` has on average no worse probe than `paper`.
Steps, not minutes, are counted, so a busy machine changes nothing; `modern` gets so many steps
less as its step takes longer, in processor time of one thread, measured at the start.

What is done lies in --out, one file per run, and is not done again.

Cost: on 2 cores with bf16 arithmetic 10 to 20 minutes per run.
"""

import argparse
import copy
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.films.discs import DIRECTIONS, draw_clips
from benchmarks.stages import put_into_results
from tinyvideo.models.networks.generator import LATENT
from tinyvideo.models.step.trainer import Trainer
from tinyvideo.models.train_config import TrainConfig, configure

WIDTH, BATCH = 24, 16
STEPS = 600
TRAIN_CLIPS = 2048
LABELED, HELD_OUT = 2048, 1024
"""Clips that the probe is fitted on, and those that it is judged on. Never trained on."""

COMPARED = 512
"""Clips on each side of a Frechet distance, in a space of 96 dimensions."""

SCORES = ("probe_random", "probe", "frechet_start", "frechet", "frechet_floor", "mask_motion")


def main() -> None:
    """Do what is missing of the runs, print the table, and say what failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("learn-out"), help="folder for results")
    parser.add_argument("--steps", type=int, default=STEPS, help="of `paper`; `modern`: as long")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipes", nargs="+", default=["paper", "modern"])
    parser.add_argument("--json", action="store_true", help="print JSON, leave RESULTS.md alone")
    wanted = parser.parse_args()
    wanted.out.mkdir(parents=True, exist_ok=True)
    recipes = sorted({"paper", *wanted.recipes})
    times = wanted.out / f"step-times-{'-'.join(recipes)}.json"
    ratio = kept(times, lambda: measure_step_times(recipes))
    runs = []
    for seed in wanted.seeds:
        for recipe in wanted.recipes:
            steps = round(wanted.steps * ratio["paper"] / ratio[recipe])
            path = wanted.out / f"{recipe}-{seed}-{steps}.json"
            runs.append(kept(path, lambda r=recipe, s=seed, n=steps: experiment(r, s, n)))
    failures = judge(runs)
    if wanted.json:
        json.dump({"step_times": ratio, "runs": runs, "failures": failures}, sys.stdout, indent=1)
    else:
        print(table(runs), *failures, sep="\n")
        if wanted.steps >= STEPS:
            body = f"`python -m benchmarks.learn --steps {wanted.steps}`\n\n{table(runs)}"
            put_into_results("Does it learn", "\n\n".join([body, *failures]))
    sys.exit(1 if failures else 0)


def kept(path: Path, make: Any) -> dict[str, Any]:
    """Read what an earlier call has made, or make it and keep it."""
    if not path.exists():
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(make(), indent=1))
        partial.replace(path)
    return dict(json.loads(path.read_text()))


def config_of(recipe: str, seed: int) -> TrainConfig:
    """Configure a run of the experiment."""
    return configure(recipe, width=WIDTH, batch=BATCH, seed=seed, precision="bf16")


def measure_step_times(recipes: Sequence[str], rounds: int = 20) -> dict[str, float]:
    """Take steps of the recipes in turn; return the least processor seconds of each.

    On one thread: threads that wait for each other on a busy machine count as work.
    """
    clips, _ = draw_clips(BATCH, seed=0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    trainers = {recipe: Trainer(config_of(recipe, 0), "bench") for recipe in recipes}
    taken: dict[str, list[float]] = {recipe: [] for recipe in trainers}
    for _ in range(rounds):
        for recipe, trainer in trainers.items():
            start = time.process_time()
            trainer.take_step(clips)
            taken[recipe].append(time.process_time() - start)
    torch.set_num_threads(threads)
    return {recipe: min(times[2:]) for recipe, times in taken.items()}


def experiment(recipe: str, seed: int, steps: int) -> dict[str, Any]:
    """Train once and measure before and after."""
    clips, _ = draw_clips(TRAIN_CLIPS, seed=1000 + seed)
    real, _ = draw_clips(2 * COMPARED, seed=2000 + seed)
    trainer = Trainer(config_of(recipe, seed), "bench")
    space = RandomSpace()
    halves = space(real[:COMPARED]), space(real[COMPARED:])
    random_score = probe(settle(trainer.discriminator, clips), seed)
    start = frechet(space(generated(trainer, seed)[0]), halves[0])
    order = np.random.default_rng(seed)
    began = time.process_time()
    curve = []
    for step in range(1, steps + 1):
        chosen = torch.from_numpy(order.choice(TRAIN_CLIPS, BATCH, replace=False))
        figures = trainer.take_step(clips[chosen])
        if step % 25 == 0:
            curve.append({"step": step, **{name: round(v, 4) for name, v in figures.items()}})
            sys.stderr.write(f"{recipe} {seed}: step {step} of {steps}\n")
    videos, masks = generated(trainer, seed)
    return {
        "recipe": recipe,
        "seed": seed,
        "steps": steps,
        "processor_minutes": round((time.process_time() - began) / 60, 1),
        "probe_random": random_score,
        "probe": probe(settle(trainer.discriminator, clips), seed),
        "frechet_start": start,
        "frechet": frechet(space(videos), halves[0]),
        "frechet_floor": frechet(halves[1], halves[0]),
        "mask_motion": mask_motion(videos, masks),
        "curve": curve,
    }


# -- probe -----------------------------------------------------------------------------------


@torch.no_grad()
def settle(network: nn.Module, clips: Tensor) -> nn.Module:
    """Copy a network, with batch normalization by the statistics of real clips.

    Before training it has none, and later those of real and generated clips mixed: features are
    compared at their best.
    """
    copied = copy.deepcopy(network).train()
    for batch in clips[: 64 * BATCH].split(BATCH):
        copied(to_floats(batch))
    return copied.eval()


def probe(network: nn.Module, seed: int) -> float:
    """Fit a linear classifier on frozen features; return its accuracy on other clips, 0 to 1."""
    clips, directions = draw_clips(LABELED + HELD_OUT, seed=3000 + seed)
    values = features(network, clips)
    values = StandardScaler().fit(values[:LABELED]).transform(values)
    classifier = LogisticRegression(max_iter=2000)
    classifier.fit(values[:LABELED], directions[:LABELED])
    return round(float(classifier.score(values[LABELED:], directions[LABELED:])), 4)


@torch.no_grad()
def features(network: nn.Module, clips: Tensor) -> npt.NDArray[np.float32]:
    """Take the means, over space and time, of the last features before the judgment: (B, 8 w)."""
    rows = [network.features(to_floats(batch)).mean(dim=(2, 3, 4)) for batch in clips.split(32)]
    return torch.cat(rows).numpy()


# -- Frechet distance ------------------------------------------------------------------------


class RandomSpace:
    """A random network of two layers, the same always: clips -> (N, 96)."""

    def __init__(self, size: int = 24) -> None:
        rng = torch.Generator().manual_seed(0)
        shapes = ((size, 3, 4, 4, 4), (2 * size, size, 4, 4, 4))
        self._weights = [
            torch.randn(shape, generator=rng) * (2 / np.prod(shape[1:])) ** 0.5 for shape in shapes
        ]

    @torch.no_grad()
    def __call__(self, clips: Tensor) -> npt.NDArray[np.float64]:
        """Pool means and deviations, over space and time, of the second layer."""
        rows = []
        for batch in clips.split(32):
            value = to_floats(batch)
            for weight in self._weights:
                value = functional.relu(functional.conv3d(value, weight, stride=2, padding=1))
            pooled = value.flatten(2)
            rows.append(torch.cat([pooled.mean(2), pooled.std(2)], dim=1))
        return torch.cat(rows).double().numpy()


def frechet(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> float:
    """Measure the distance of two normal distributions fitted to rows (N, D)."""
    means = ours.mean(0) - theirs.mean(0)
    covariances = np.cov(ours, rowvar=False), np.cov(theirs, rowvar=False)
    # The eigenvalues of a product of two such matrices are real and not negative.
    roots = np.sqrt(np.linalg.eigvals(covariances[0] @ covariances[1]).real.clip(0)).sum()
    spread = np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * roots
    return round(float(means @ means + spread), 4)


def generated(trainer: Trainer, seed: int) -> tuple[Tensor, Tensor]:
    """Generate clips as uint8, (512, 3, 32, 64, 64), and their masks."""
    rng = torch.Generator().manual_seed(4000 + seed)
    videos, masks = [], []
    for _ in range(COMPARED // 32):
        made = trainer.show(torch.randn(32, LATENT, generator=rng))
        videos.append(made.video.add(1).mul(127.5).round().to(torch.uint8))
        masks.append(made.mask[:, :, ::4].half())
    return torch.cat(videos), torch.cat(masks)


def mask_motion(videos: Tensor, masks: Tensor) -> float:
    """Correlate, over pixels, the mean mask with the mean change from frame to frame."""
    found = []
    for video, mask in zip(videos, masks, strict=True):
        motion = video.float().diff(dim=1).abs().mean(dim=(0, 1)).flatten()
        pair = torch.stack([motion, mask.float().mean(dim=(0, 1)).flatten()])
        found.append(torch.corrcoef(pair)[0, 1].nan_to_num(0).item())
    return round(statistics.mean(found), 4)


def to_floats(clips: Tensor) -> Tensor:
    """Turn uint8 into [-1, 1]."""
    return clips.float().div(127.5).sub(1)


# -- judgment --------------------------------------------------------------------------------


def judge(runs: list[dict[str, Any]]) -> list[str]:
    """Say, in sentences, which of the claims do not hold."""
    failures = []
    for run in runs:
        name = f"{run['recipe']}, seed {run['seed']}"
        if run["probe"] < 2 * run["probe_random"]:
            failures.append(f"FAILED: the probe of {name} is not twice as good as before training")
    sides = {r: [run for run in runs if run["recipe"] == r] for r in ("paper", "modern")}
    if all(sides.values()):
        paper, modern = (
            statistics.mean(run["probe"] for run in sides[r]) for r in ("paper", "modern")
        )
        if modern < paper:
            failures.append(f"FAILED: modern has a probe of {modern:.3f}, paper {paper:.3f}")
    return failures


def table(runs: list[dict[str, Any]]) -> str:
    """Lay out all runs."""
    names = ("recipe", "seed", "steps", *SCORES)
    lines = [f"| {' | '.join(name.replace('_', ' ') for name in names)} |"]
    lines.append("|" + "---|" * len(names))
    for run in runs:
        cells = [f"{run[n]:.3f}" if isinstance(run[n], float) else str(run[n]) for n in names]
        lines.append(f"| {' | '.join(cells)} |")
    lines.append(f"\nChance of the probe: {1 / DIRECTIONS:.3f}.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
