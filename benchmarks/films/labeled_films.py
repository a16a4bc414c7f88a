"""Real films, and what a person says of them: how many windows that are wanted are kept?

A file of labels is JSON, an object per film: `keep` and `drop` are lists of [first, beyond) frames,
`fixed` says that the camera stands on a tripod.

    {"kitchen.mp4": {"keep": [[0, 160]], "drop": [[192, 280]]},
     "desk.mp4": {"keep": [[0, 90]], "fixed": true}}

A window is wanted if all its frames lie in one `keep`, unwanted if half of them lie in `drop`. One
that a cut ends early is neither. Of a film that is dropped as a whole, every 32 frames of
`keep` are a window that is lost. On a tripod, a kept window whose camera path is not the identity
has moved.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyvideo.pipeline.curation import CurationConfig, curate
from tinyvideo.pipeline.errors import RejectedError
from tinyvideo.pipeline.types import STRIP_FRAMES, Clip

Span = Sequence[int]
"""[first, beyond), in frames of the film."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One window of a film, and what is to be said of it."""

    film: str
    start: int
    wanted: bool
    unwanted: bool
    kept: bool
    moved: bool = False
    why: str = ""
    """The reason and its figures, of one that was dropped."""


@dataclass(frozen=True, slots=True)
class Label:
    film: Path
    keep: list[list[int]]
    drop: list[list[int]]
    fixed: bool


def read_labels(folder: Path, file: Path) -> list[Label]:
    """Read labels, and find their films in `folder`.

    Raises:
        SystemExit: with a sentence, where a film is missing or a label says what none can.
    """
    labels = []
    for name, says in sorted(json.loads(file.read_text()).items()):
        unknown = set(says) - {"keep", "drop", "fixed"}
        if unknown:
            raise SystemExit(
                f"{file}: {name} has {', '.join(sorted(unknown))}; known are keep, drop, fixed"
            )
        if not (folder / name).is_file():
            raise SystemExit(f"{file} names {name}, and {folder} has no such film")
        labels.append(_label(folder / name, says))
    return labels


def _label(film: Path, says: dict[str, Any]) -> Label:
    return Label(film, says.get("keep", []), says.get("drop", []), bool(says.get("fixed")))


def judge_windows(label: Label, config: CurationConfig) -> list[Window]:
    """Run a film through the pipeline, and hold each of its windows against the label."""
    try:
        clips = list(curate(label.film, None, config))
    except RejectedError as error:
        why = f"the whole film: {error.reason}: {error.detail}"
        return [_lost(label, start, why) for start in _windows_of(label.keep)]
    return [_judged(label, clip) for clip in clips if clip.reason != "shot_cut"]


def _windows_of(spans: Sequence[Span]) -> Iterator[int]:
    for first, beyond in spans:
        yield from range(first, beyond - STRIP_FRAMES + 1, STRIP_FRAMES)


def _lost(label: Label, start: int, why: str) -> Window:
    return Window(
        film=label.film.name, start=start, wanted=True, unwanted=False, kept=False, why=why
    )


def _judged(label: Label, clip: Clip) -> Window:
    span = clip.start_frame, clip.start_frame + (STRIP_FRAMES - 1) * clip.frame_step + 1
    length = span[1] - span[0]
    still = clip.strip is None or np.allclose(clip.strip.to_first, np.eye(3), atol=1e-9)
    return Window(
        film=label.film.name,
        start=span[0],
        wanted=any(_overlap(span, keep) == length for keep in label.keep),
        unwanted=any(2 * _overlap(span, drop) >= length for drop in label.drop),
        kept=clip.strip is not None,
        moved=label.fixed and not still,
        why=f"{clip.reason}: {clip.detail}" if clip.reason else "",
    )


def _overlap(one: Span, other: Span) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def windows_text(windows: Sequence[Window]) -> str:
    """Lay the films out in Markdown, a line each, and one for all."""
    head = ["film", "wanted", "kept", "share", "unwanted", "kept", "tripod moved"]
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * 6]
    for film in dict.fromkeys(window.film for window in windows):
        lines.append(_row(film, [window for window in windows if window.film == film]))
    return "\n".join([*lines, _row("all", windows)])


def windows_list(windows: Sequence[Window]) -> list[str]:
    """Name each window that was lost, kept though unwanted, or moved on a tripod."""
    lines = [f"lost {w.film}@{w.start}: {w.why}" for w in windows if w.wanted and not w.kept]
    lines += [f"kept, unwanted {w.film}@{w.start}" for w in windows if w.unwanted and w.kept]
    return lines + [f"moved {w.film}@{w.start}" for w in windows if w.moved]


def _row(name: str, windows: Sequence[Window]) -> str:
    wanted = [window for window in windows if window.wanted]
    unwanted = [window for window in windows if window.unwanted]
    kept = sum(window.kept for window in wanted)
    cells = [
        name,
        len(wanted),
        kept,
        f"{kept / len(wanted):.1%}" if wanted else "",
        len(unwanted),
        sum(window.kept for window in unwanted),
        sum(window.moved for window in windows),
    ]
    return f"| {' | '.join(map(str, cells))} |"
