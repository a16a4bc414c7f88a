"""Flicker of ours and of 2016, clip by clip, and whether what each follows is the background.

A clip flickers least if it follows what fills the picture, be it a person. So on films whose
camera is known the error is measured too: where 2016 leaves the camera by more than `LEFT_PX` and
ours does not, its flicker is no yardstick, and the clip is counted apart. In a scene with depth
there are two planes, and either may be followed: the nearer error counts.

For a clip that ours drops: which of its keypoints stand still, over the whole window, if the path
of 2016 is followed. Where it has a background, that is most of them.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.films.truth_films import (
    STRIP_PX,
    TruthFilm,
    corner_error,
    in_other_pixels,
    read_frames,
)
from tinyvideo.pipeline.curation import curate
from tinyvideo.pipeline.errors import RejectedError
from tinyvideo.pipeline.stabilize.certificate import flicker
from tinyvideo.pipeline.stabilize.paper import find_paper_path
from tinyvideo.pipeline.stabilize.rendering import Rendering, render
from tinyvideo.pipeline.strips.strip_jpeg import crop_to_strip
from tinyvideo.pipeline.tracking.motion import carry
from tinyvideo.pipeline.tracking.tracks import follow_points
from tinyvideo.pipeline.types import STRIP_FRAMES, Clip, Frames, Homographies

LEFT_PX = 1.0
"""Mean error, in strip pixels, above which a path follows something else than the camera. One that
follows it has less than half of that."""

ALLOWED = 1.02
"""Flicker of ours over that of 2016."""

_HEAD = "| clip | before | 2016 | in view | error, px | ours | error, px | ours / 2016 |"


@dataclass(slots=True, kw_only=True)
class ClipLine:
    """One clip by both methods; None where there is nothing to measure."""

    clip: str
    before: float
    """Flicker as filmed."""

    paper: float | None = None
    paper_visible: float | None = None
    paper_px: float | None = None
    paper_holds: float | None = None
    """Share of our keypoints that stand still by the path of 2016."""

    ours: float | None = None
    ours_px: float | None = None
    dropped: str = ""
    """Why ours dropped it."""

    @property
    def ratio(self) -> float | None:
        """Flicker of ours over that of 2016."""
        return self.ours / self.paper if self.ours is not None and self.paper else None

    @property
    def apart(self) -> bool:
        """Whether 2016 leaves the camera, and ours does not."""
        if self.paper_px is None or self.ours_px is None:
            return False
        return self.ours_px < LEFT_PX / 2 and self.paper_px > LEFT_PX


def measure_clips(path: Path, film: TruthFilm | None = None) -> Iterator[ClipLine]:
    """Compare the clips that the pipeline cuts out of a film with those of the method of 2016."""
    try:
        clips = list(curate(path, None))
    except RejectedError:
        return
    full, small = read_frames(path), read_frames(path, 240)
    for clip in clips:
        if clip.reason != "shot_cut" and clip.start_frame + STRIP_FRAMES <= len(full):
            here = slice(clip.start_frame, clip.start_frame + STRIP_FRAMES)
            name = f"{path.stem}@{clip.start_frame}"
            yield _measure(name, clip, full[here], small[here], _truths(film, here))


def _measure(
    name: str, clip: Clip, full: Frames, small: Frames, truths: Sequence[Homographies]
) -> ClipLine:
    still = np.tile(np.eye(3), (len(small), 1, 1))
    line = ClipLine(clip=name, before=flicker(_rendered(small, still).frames))
    with suppress(RejectedError):
        path = find_paper_path(full)
        in_small = in_other_pixels(path, full.shape[1:3], small.shape[1:3])
        rendering = _rendered(small, in_small)
        line.paper, line.paper_visible = flicker(rendering.frames), float(rendering.visible.min())
        line.paper_px = _error(path, truths, full)
        line.paper_holds = _held(small, in_small)
    line.dropped = str(clip.reason or "")
    if clip.strip is not None:
        line.ours = clip.strip.figures.flicker
        line.ours_px = _error(clip.strip.to_first, truths, full)
    return line


def _rendered(frames: Frames, path: Homographies) -> Rendering:
    return render(frames, path, crop_to_strip(frames.shape[2], frames.shape[1], STRIP_PX), STRIP_PX)


def _truths(film: TruthFilm | None, here: slice) -> list[Homographies]:
    """The camera as each plane of the film shows it, from the first frame of the clip on."""
    if film is None:
        return []
    planes = [film.to_first] if film.nearer is None else [film.to_first, film.nearer]
    from_clip = [np.linalg.inv(plane[here][0]) @ plane[here] for plane in planes]
    return [path / path[:, 2:, 2:] for path in from_clip]


def _error(path: Homographies, truths: Sequence[Homographies], frames: Frames) -> float | None:
    errors = [corner_error(path, truth, frames.shape[1:3]) for truth in truths]
    return min(errors, default=None)


def _held(frames: Frames, path: Homographies) -> float:
    """Say which share of the keypoints stays within a pixel of its place along `path`."""
    tracks = follow_points(frames)
    away = carry(path, np.nan_to_num(tracks.positions)) - tracks.points
    seen = tracks.seen.sum(axis=0)
    squares = np.where(tracks.seen, (away**2).sum(axis=2), 0).sum(axis=0)
    return float((squares[seen >= 2] < seen[seen >= 2]).mean())


def clips_text(clips: Sequence[ClipLine]) -> str:
    """Lay the clips out in Markdown, with what is to be read from them."""
    compared = [clip for clip in clips if clip.ratio is not None]
    fair = [clip for clip in compared if not clip.apart]
    above = [clip for clip in fair if (clip.ratio or 0) > ALLOWED]
    theirs = [clip for clip in clips if (clip.paper_visible or 0) >= 0.5 and clip.dropped]
    lines = [
        "Flicker before JPEG; the least share of the strip that 2016 fills; error against the",
        "camera of drawn films, mean of 32 frames (in a scene with depth: against the nearer of",
        "its two planes); where ours shows a word, it dropped the clip.\n",
        f"Of {len(compared)} clips that both keep, 2016 leaves the camera in "
        f"{len(compared) - len(fair)} (by more than {LEFT_PX:g} px,",
        f"ours by less than {LEFT_PX / 2:g}; in brackets). In {len(fair) - len(above)} of the "
        f"other {len(fair)}, ours flickers at most {ALLOWED} times",
        f"as much; above: {', '.join(f'{c.clip} ({c.ratio:.2f})' for c in above) or 'none'}.\n",
    ]
    lines += [
        f"2016 keeps {clip.clip}, and {clip.paper_holds:.0%} of the keypoints stand still by it.\n"
        for clip in theirs
        if clip.paper_holds is not None
    ]
    return "\n".join([*lines, _HEAD, "|---|" + "---:|" * 7, *map(_row, clips)])


def _row(clip: ClipLine) -> str:
    ratio = f"{clip.ratio:.3f}" if clip.ratio is not None else ""
    cells = [
        clip.clip,
        f"{clip.before:.3f}",
        f"{clip.paper:.3f}" if clip.paper is not None else "gave up",
        f"{clip.paper_visible:.0%}" if clip.paper_visible is not None else "",
        f"{clip.paper_px:.2f}" if clip.paper_px is not None else "",
        f"{clip.ours:.3f}" if clip.ours is not None else clip.dropped,
        f"{clip.ours_px:.2f}" if clip.ours_px is not None else "",
        f"({ratio})" if clip.apart else ratio,
    ]
    return f"| {' | '.join(cells)} |"
