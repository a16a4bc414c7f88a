"""What training and generating left behind, as a page shows it: curves, and clips in their parts.

Cost: 0.7 s for a run of 65,000 steps, 7 ms per generated clip.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyvideo.flows.report.charts import Chart, Series, draw
from tinyvideo.flows.report.inline_pictures import DEFAULT_FPS, Gallery, Picture
from tinyvideo.models.step_metrics import METRICS_NAME, read_metrics
from tinyvideo.pipeline.outside_json import read_json
from tinyvideo.pipeline.rerender import shrink_strip

RUNS = 4
"""Training runs that are shown."""

CLIPS = 6
"""Generated clips that are shown."""

CLIP_PX, CLIP_QUALITY = 64, 75
"""Largest size of a frame, in pixels, and JPEG quality. Ours: as they are stored, noise at quality
95, six clips would take 2 MB of the page."""

METRICS_PATTERN = f"training/*/{METRICS_NAME}"
# models.use.generation names this file too; importing it costs torch.
INDEX_KEY = "generated/index.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The curves of one run."""

    name: str
    steps: int
    charts: list[Chart]


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedClip:
    """One generated clip and what it is composed of."""

    number: int
    share: str
    """Mean of the mask, written out."""

    parts: list[tuple[str, Picture]]
    """Name and picture: video, mask, foreground, background."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """The clips of one checkpoint."""

    step: int
    checkpoint: str
    clips: list[GeneratedClip]
    left_out: int


def show_training(out: Path) -> tuple[list[Training], int]:
    """Draw the curves of some runs; return them, and how many more there are."""
    paths = sorted(out.glob(METRICS_PATTERN))
    runs = [run for path in paths[:RUNS] if (run := draw_training(path)) is not None]
    return runs, max(0, len(paths) - RUNS)


def show_generated(out: Path, gallery: Gallery, notes: list[str]) -> Generated | None:
    """Read the generated clips; None without any. What cannot be read becomes a note."""
    path = out / INDEX_KEY
    if not path.exists():
        return None
    try:
        index = read_json(path)
        clips = [_clip(path.parent, entry, gallery) for entry in index["clips"][:CLIPS]]
        return Generated(
            step=int(index["step"]),
            checkpoint=str(index["checkpoint"]),
            clips=clips,
            left_out=max(0, len(index["clips"]) - CLIPS),
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        notes.append(f"the generated clips of {path} cannot be shown: {error}")
        return None


def draw_training(path: Path) -> Training | None:
    """Draw the curves of the run whose metrics these are; None if there are none yet."""
    metrics = read_metrics(path)
    if not metrics:
        return None
    steps = [entry.step for entry in metrics]

    def series(label: str, name: str) -> Series:
        return Series(label=label, values=[getattr(entry, name) for entry in metrics])

    return Training(
        name=path.parent.name,
        steps=steps[-1],
        charts=[
            draw(
                "Losses",
                "Cross-entropy in nats. A discriminator that only guesses has 1.39, and then the "
                "generator has 0.69.",
                steps,
                [
                    series("discriminator", "discriminator_loss"),
                    series("generator", "generator_loss"),
                ],
            ),
            draw(
                "What the discriminator gets right",
                "Share of real clips that it calls real, and of generated clips that it calls "
                "generated. Guessing gives 50%.",
                steps,
                [series("real", "accuracy_real"), series("generated", "accuracy_fake")],
                share=True,
            ),
            draw(
                "Foreground",
                "Mean of the mask: the share of a generated clip that moves, the rest being still "
                "background.",
                steps,
                [series("mask", "mask_mean")],
                share=True,
            ),
        ],
    )


def _clip(folder: Path, entry: dict[str, Any], gallery: Gallery) -> GeneratedClip:
    number = int(entry["number"])
    parts: list[tuple[str, Picture]] = []
    for part in ("video", "mask", "foreground", "background"):
        path = (folder / entry[part]).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise ValueError(f"{path} lies outside of {folder}")
        says = f"{part} of generated clip {number}"
        jpeg = path.read_bytes()
        if part == "background":
            parts.append((part, gallery.still(jpeg, says)))
        else:
            smaller = shrink_strip(jpeg, CLIP_PX, CLIP_QUALITY)
            parts.append((part, gallery.strip(smaller, DEFAULT_FPS, says)))
    return GeneratedClip(number=number, share=f"{float(entry['mask_mean']):.0%}", parts=parts)
