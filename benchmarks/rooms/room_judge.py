"""What became of a drawn film of a room: kept, with which error; or dropped, and why.

The error is measured where the background is, and only there: from the middle of every cell that
shows nothing else to where the camera path puts it, in pixels of the 128-px strip, against where it
truly lies. A path follows somebody if it errs by more than `LEFT_PX` and lies nearer to how a body
moves. A film on a tripod must come back as it was, byte for byte.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.films.truth_films import STRIP_PX, read_frames
from benchmarks.rooms.groups import CELL
from benchmarks.rooms.paint import HEIGHT, WIDTH
from benchmarks.rooms.room_films import RoomFilm
from tinyvideo.pipeline.curation import CurationConfig, curate
from tinyvideo.pipeline.errors import RejectedError
from tinyvideo.pipeline.stabilize.rendering import render
from tinyvideo.pipeline.strips.strip_jpeg import crop_to_strip
from tinyvideo.pipeline.types import Clip, Homographies

LEFT_PX = 2.0
"""Error, in strip pixels, above which a path is not the camera's."""

_FEWEST = 10
"""Cells of a frame that must lie within the strip; where they are fewer, all are asked."""

Distances = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One film; distances in strip pixels, NaN where there is no path."""

    film: str
    room: str
    camera: str
    share: str
    background: float
    """Share of the picture, over all frames, 0 to 1."""

    kept: bool
    reason: str = ""
    detail: str = ""
    model: str = ""
    error_px: float = float("nan")
    """Mean over frames and places."""

    largest_px: float = float("nan")
    """At the worst place of the worst frame."""

    body_px: float = float("nan")
    """Mean distance from the nearest body's own motion."""

    as_filmed: bool = False
    """Whether the strip's frames are, byte for byte, those of the film as it was."""

    @property
    def follows(self) -> bool:
        """Whether it was kept along the motion of somebody."""
        return self.kept and self.error_px > LEFT_PX and self.body_px < self.error_px

    def line(self) -> str:
        """Sum it up for a list."""
        became = f"kept ({self.model})" if self.kept else f"{self.reason}: {self.detail}"
        places = "" if np.isnan(self.error_px) else f"error {self.error_px:.2f} px, largest "
        places += f"{self.largest_px:.2f}, of the body {self.body_px:.2f}; " if places else ""
        return f"{self.film}, background {self.background:.0%}: {places}{became}"


def judge(film: RoomFilm, config: CurationConfig) -> Judged:
    """Run a film through the pipeline, and hold what comes out against the truth."""
    try:
        clip = next(iter(curate(film.path, None, config)))
    except RejectedError as error:
        return _judged(film, kept=False, reason=error.reason, detail=error.detail)
    known: dict[str, Any] = {}
    if clip.to_first is not None:
        away = distances(clip.to_first, film.to_first, film.free)
        follow = [distances(clip.to_first, path, film.bodies) for path in film.followers]
        known["error_px"], known["largest_px"] = float(away.mean()), float(away.max())
        known["body_px"] = min((float(way.mean()) for way in follow if way.size), default=np.inf)
    if clip.certificate is not None:
        known["model"] = clip.certificate.motion_model
        known["as_filmed"] = _as_filmed(film, clip, config)
    reason = str(clip.reason or "")
    return _judged(film, kept=clip.strip is not None, reason=reason, detail=clip.detail, **known)


def _judged(film: RoomFilm, **found: Any) -> Judged:
    plan = film.plan
    return Judged(
        film=plan.name,
        room=plan.room,
        camera=plan.camera,
        share=plan.share,
        background=film.background,
        **found,
    )


def distances(found: Homographies, truth: Homographies, cells: npt.NDArray[np.bool_]) -> Distances:
    """Measure how far two paths (T, 3, 3) put the middles of `cells` (T, h, w) apart: (N,).

    In strip pixels, over all frames but the first; only cells that `truth` puts inside the strip
    count, as long as a frame has enough of them.
    """
    crop = crop_to_strip(WIDTH, HEIGHT, STRIP_PX)
    away: list[Distances] = []
    for ours, theirs, here in zip(found[1:], truth[1:], cells[1:], strict=True):
        y, x = np.nonzero(here)
        places = np.stack([CELL * (x + 0.5) - 0.5, CELL * (y + 0.5) - 0.5, np.ones(len(x))])
        put, right = (crop @ path @ places for path in (ours, theirs))
        put, right = put[:2] / put[2], right[:2] / right[2]
        inside = ((right > -0.5) & (right < STRIP_PX - 0.5)).all(axis=0)
        chosen = inside if inside.sum() >= _FEWEST else np.ones_like(inside)
        away.append(np.linalg.norm(put - right, axis=0)[chosen])
    return np.concatenate(away)


def _as_filmed(film: RoomFilm, clip: Clip, config: CurationConfig) -> bool:
    frames = read_frames(film.path, config.frames.working_px)[: len(film.to_first)]
    crop = crop_to_strip(frames.shape[2], frames.shape[1], config.strips.size)
    still = np.tile(np.eye(3), (len(frames), 1, 1))
    plain = render(frames, still, crop, config.strips.size).frames
    return clip.frames is not None and np.array_equal(plain, clip.frames)
