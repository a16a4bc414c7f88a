"""What a figure must see before it may judge a model: spoiled sets of real clips, ranked.

    python -m benchmarks.training.motion_judge        5 seeds, into benchmarks/RESULTS.md
    python -m benchmarks.training.motion_judge --seeds 0 --json

The clips are discs that move in 4 of 8 directions (`benchmarks.films.discs`), so that clips played
backwards are other clips: with all 8, no figure could tell. A small network learns to tell 8
directions from each other and from stills, frames in disorder and blocks of 16 pixels in disorder;
what it pools from a clip, 64 numbers, is the space in which two sets are compared:

* distance: Frechet's, of normal distributions.
* coverage: share of real clips that have a generated one within the distance of their 5th nearest
  real one. Density: how many such balls a generated clip lies in, divided by 5.

A figure judges only if the distance of every spoiled set is at least `MARGIN` times that of the
other real half, on every seed, with a network of its own. Blur, noise, blocks of 8 and of 32
pixels, repeats and a missing direction are in nothing that the network was trained on. Exit
code 1, and no judgment, where one is not.

Cost: 3 minutes of one busy core per seed and more, with the drawing.

Source: density and coverage: Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative
Models", ICML 2020. The features: ours.
"""

import argparse
import json
import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.films.discs import DIRECTIONS, draw_clips
from benchmarks.stages import put_into_results

Rows = npt.NDArray[np.float64]

SEEN_DIRECTIONS = 4
"""Of real clips; the opposite ones are what is seen backwards."""

TAUGHT, EPOCHS, BATCH = 1536, 6, 32
COMPARED = 384
"""Clips on each side of a comparison."""

MARGIN = 2.0
"""Times the distance of the other real half that every spoiled set must be away. Ours."""

NEAREST = 5
KINDS = DIRECTIONS + 3
"""What the network tells apart: directions, stills, frames in disorder, blocks in disorder."""


class MotionJudge(nn.Module):
    """Clips as floats, (B, 3, 32, 64, 64) -> which of `KINDS`, (B, 11)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv3d(3, 16, (3, 4, 4), (1, 4, 4), (1, 0, 0)),
            nn.ReLU(),
            nn.Conv3d(16, 32, (4, 4, 4), 2, 1),
            nn.ReLU(),
            nn.Conv3d(32, 64, 3, 1, 1),
            nn.ReLU(),
        )
        self.head = nn.Linear(64, KINDS)

    def forward(self, video: Tensor) -> Tensor:
        """Tell the kinds apart."""
        logits: Tensor = self.head(self.pool(video))
        return logits

    def pool(self, video: Tensor) -> Tensor:
        """Take the means, over space and time, of the last features: (B, 64)."""
        features: Tensor = self.layers(video).mean(dim=(2, 3, 4))
        return features

    @torch.no_grad()
    def describe(self, clips: Tensor) -> Rows:
        """Describe uint8 clips (N, 3, 32, 64, 64) by rows (N, 64)."""
        rows = [self.pool(_floats(batch)) for batch in clips.split(BATCH)]
        return torch.cat(rows).double().numpy()

    @torch.no_grad()
    def right_way(self, clips: Tensor) -> float:
        """Measure the share, 0 to 1, of clips that it sees move in a direction of real ones."""
        logits = torch.cat([self(_floats(batch)) for batch in clips.split(BATCH)])
        return float((logits.argmax(1) < SEEN_DIRECTIONS).double().mean())


def teach(seed: int) -> MotionJudge:
    """Train a judge on clips of its own."""
    torch.manual_seed(seed)
    clips, directions = draw_clips(TAUGHT, seed=9000 + seed)
    rng = torch.Generator().manual_seed(seed)
    judge = MotionJudge()
    optimizer = torch.optim.Adam(judge.parameters(), 2e-3)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(TAUGHT, generator=rng).split(BATCH):
            labels = torch.from_numpy(directions)[chosen]
            batch, labels = _spoil_some(clips[chosen], labels, rng)
            optimizer.zero_grad()
            functional.cross_entropy(judge(_floats(batch)), labels).backward()
            optimizer.step()
    return judge.eval()


def _spoil_some(clips: Tensor, labels: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Spoil the first quarter of a batch, in the three ways that are taught."""
    clips, labels = clips.clone(), labels.clone()
    ways = (freeze, shuffle_frames, lambda c, r: shuffle_blocks(c, 16, r))
    part = max(1, len(clips) // 12)
    for number, way in enumerate(ways):
        place = slice(number * part, (number + 1) * part)
        clips[place] = way(clips[place], rng)
        labels[place] = DIRECTIONS + number
    return clips, labels


# -- spoiled sets ----------------------------------------------------------------------------


def freeze(clips: Tensor, rng: torch.Generator) -> Tensor:
    """Repeat frame 0."""
    return clips[:, :, :1].expand_as(clips)


def shuffle_frames(clips: Tensor, rng: torch.Generator) -> Tensor:
    """Give each clip's frames an order of their own."""
    orders = [torch.randperm(clips.shape[2], generator=rng) for _ in clips]
    return torch.stack([clip[:, order] for clip, order in zip(clips, orders, strict=True)])


def shuffle_blocks(clips: Tensor, side: int, rng: torch.Generator) -> Tensor:
    """Give the blocks of `side` pixels of each clip another place, the same in all its frames."""
    count = clips.shape[-1] // side
    blocks = clips.unflatten(4, (count, side)).unflatten(3, (count, side))
    blocks = blocks.permute(0, 3, 5, 1, 2, 4, 6).flatten(1, 2)
    moved = torch.stack([b[torch.randperm(count * count, generator=rng)] for b in blocks])
    back = moved.unflatten(1, (count, count)).permute(0, 3, 4, 1, 5, 2, 6)
    return back.flatten(5, 6).flatten(3, 4)


def blur(clips: Tensor, rng: torch.Generator) -> Tensor:
    """Average 5 x 5 pixels."""
    frames = clips.transpose(1, 2).flatten(0, 1).float()
    soft = functional.avg_pool2d(frames, 5, 1, 2, count_include_pad=False)
    return soft.unflatten(0, (len(clips), -1)).transpose(1, 2).to(torch.uint8)


def add_noise(clips: Tensor, rng: torch.Generator) -> Tensor:
    """Add noise of deviation 25 to each pixel."""
    return (clips + 25 * torch.randn(clips.shape, generator=rng)).clamp(0, 255).to(torch.uint8)


CONTROLS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "frozen": freeze,
    "backwards": lambda clips, rng: clips.flip(2),
    "frames shuffled": shuffle_frames,
    "blocks of 8 shuffled": lambda clips, rng: shuffle_blocks(clips, 8, rng),
    "blocks of 32 shuffled": lambda clips, rng: shuffle_blocks(clips, 32, rng),
    "blurred": blur,
    "noise": add_noise,
    "32 clips repeated": lambda clips, rng: clips[:32].repeat(len(clips) // 32, 1, 1, 1, 1),
}


def real_clips(count: int, seed: int) -> tuple[Tensor, npt.NDArray[np.int64]]:
    """Draw clips that move in one of the directions of real ones."""
    clips, directions = draw_clips(count * DIRECTIONS // SEEN_DIRECTIONS + 64, seed)
    chosen = np.flatnonzero(directions < SEEN_DIRECTIONS)[:count]
    return clips[torch.from_numpy(chosen)], directions[chosen]


def measure_controls(seed: int) -> dict[str, dict[str, float]]:
    """Compare the other real half, and every spoiled set of it, with one half."""
    judge = teach(seed)
    clips, directions = real_clips(2 * COMPARED, 7000 + seed)
    theirs, other = judge.describe(clips[:COMPARED]), clips[COMPARED:]
    rng = torch.Generator().manual_seed(seed)
    sets = {"other real half": other} | {n: spoil(other, rng) for n, spoil in CONTROLS.items()}
    sets["a direction missing"] = other[torch.from_numpy(directions[COMPARED:] != 0)]
    return {name: compare(judge, some, theirs) for name, some in sets.items()}


# -- figures ---------------------------------------------------------------------------------


def compare(judge: MotionJudge, clips: Tensor, theirs: Rows) -> dict[str, float]:
    """Measure clips against the rows of real ones."""
    ours = judge.describe(clips)
    density, coverage = density_and_coverage(ours, theirs)
    return {
        "distance": round(frechet(ours, theirs), 4),
        "density": round(density, 3),
        "coverage": round(coverage, 3),
        "right_way": round(judge.right_way(clips), 3),
    }


def frechet(ours: Rows, theirs: Rows) -> float:
    """Measure the distance of two normal distributions fitted to rows (N, D)."""
    means = ours.mean(0) - theirs.mean(0)
    covariances = np.cov(ours, rowvar=False), np.cov(theirs, rowvar=False)
    # The eigenvalues of a product of two such matrices are real and not negative.
    roots = np.sqrt(np.linalg.eigvals(covariances[0] @ covariances[1]).real.clip(0)).sum()
    spread = np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * roots
    return float(means @ means + spread)


def density_and_coverage(ours: Rows, theirs: Rows) -> tuple[float, float]:
    """Count rows of ours in the balls around theirs: density, and the share of balls with one."""
    radius = np.sort(_distances(theirs, theirs), axis=1)[:, NEAREST]  # place 0 is the row itself
    inside = _distances(theirs, ours) <= radius[:, None]
    return float(inside.sum(0).mean() / NEAREST), float(inside.any(1).mean())


def _distances(some: Rows, others: Rows) -> Rows:
    return np.asarray(torch.cdist(torch.from_numpy(some), torch.from_numpy(others)).numpy())


def _floats(clips: Tensor) -> Tensor:
    return clips.float().div(127.5).sub(1)


def judge_controls(measured: dict[int, dict[str, dict[str, float]]]) -> list[str]:
    """Say, in sentences, which spoiled sets are not far enough away."""
    failures = []
    for seed, sets in measured.items():
        floor = sets["other real half"]["distance"]
        failures += [
            f"FAILED: {name}, seed {seed}, is {found['distance'] / floor:.2f} times as far as the "
            f"other real half, less than {MARGIN}: the distance may not judge"
            for name, found in sets.items()
            if name != "other real half" and found["distance"] < MARGIN * floor
        ]
    return failures


def table(measured: dict[int, dict[str, dict[str, float]]]) -> str:
    """Lay out, for each set, the least and most of each figure over all seeds."""
    lines = ["| clips | distance | times the other half | density | coverage | right way |"]
    lines.append("|---|---|---|---|---|---|")
    runs = list(measured.values())
    for name in runs[0]:
        ratios = [r[name]["distance"] / r["other real half"]["distance"] for r in runs]
        columns = [[r[name][key] for r in runs] for key in ("distance", "density", "coverage")]
        way = [r[name]["right_way"] for r in runs]
        cells = [_span(column) for column in (columns[0], ratios, columns[1], columns[2], way)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _span(values: list[float]) -> str:
    low, high = (f"{value:.3g}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def main() -> None:
    """Measure on every seed, print the table, and say what failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--json", action="store_true", help="print JSON, leave RESULTS.md alone")
    wanted = parser.parse_args()
    measured = {seed: measure_controls(seed) for seed in wanted.seeds}
    failures = judge_controls(measured)
    if wanted.json:
        json.dump({"measured": measured, "failures": failures}, sys.stdout, indent=1)
    else:
        print(table(measured), *failures, sep="\n")
        body = f"`python -m benchmarks.training.motion_judge`\n\n{table(measured)}"
        put_into_results("What the judge of motion sees", "\n\n".join([body, *failures]))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
