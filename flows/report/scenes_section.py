"""Scenes and licenses of all strips, as a page shows them: names, counts and bars.

Cost: nothing that can be measured beside `flows.report.shards_survey`.
"""

from collections import Counter
from dataclasses import dataclass

from tinyvideo.flows.report.shards_survey import Survey

TOP = 12
"""Scenes of every model, and licenses, that are named."""

PROXY = "imagenet-proxy"
"""The model whose words must not be taken for Places tags (`models.scenes.places`, which costs
torch)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One bar: a name, how many, and how long the bar is."""

    name: str
    count: int
    percent: float
    """Of the largest count, 0 to 100."""

    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneList:
    """What one model saw."""

    model: str
    proxy: bool
    scenes: list[Count]
    left_out: int


def list_scenes(survey: Survey) -> list[SceneList]:
    """List the most frequent scenes of every model, never those of two models together."""
    return [
        SceneList(
            model=model,
            proxy=model == PROXY,
            scenes=[
                Count(
                    name=scene.replace(":", ": ").replace("_", " ").replace("/", ", "),
                    count=count,
                    percent=100 * count / max(counts.values()),
                    note=f"{survey.probabilities[model, scene] / count:.2g}",
                )
                for scene, count in counts.most_common(TOP)
            ],
            left_out=max(0, len(counts) - TOP),
        )
        for model, counts in sorted(survey.scenes.items())
    ]


def list_licenses(licenses: Counter[str]) -> list[Count]:
    """List the most frequent licenses; no license is called unknown."""
    common = licenses.most_common(TOP)
    rest = licenses.total() - sum(count for _, count in common)
    named = [(name or "unknown", count) for name, count in common]
    most = max(licenses.values(), default=1)
    return [
        Count(name=name, count=count, percent=min(100.0, 100 * count / most))
        for name, count in [*named, ("others", rest)]
        if count
    ]
