"""`tinyvideo stabilize`: films in, strips and camera paths out, without catalog or server.

For every film it writes `DIR/<stem>/NNNN.jpg`, one strip per accepted clip, and
`DIR/<stem>/clips.json`, a list with one entry per window of 32 frames:

    index        number of the window, from 0; the strip is NNNN.jpg of that number
    start_frame  its first frame, counted in decoded frames from 0
    frame_step   frames of the film per frame of the strip
    source_frames  null, or the numbers of the 32 frames, where the film repeats some and they are
                 not even; frame_step is then a mean
    accepted     whether there is a strip
    reason       null, or why there is none; `detail` says it with figures
    to_first     32 matrices 3 x 3: pixels of frame t, in the film's own pixel coordinates after
                 rotation, to those of the window's first frame; null where it was not found
    crop         what black bars and logos leave of the picture, in pixels of the film: left, top,
                 width, height; null where there are none
    overlay      which share of the picture stays on the screen while the rest moves, and where the
                 largest patch lies; null where the camera hardly moves
    stored_as    how the film stores its pictures: transfer, primaries, field_order, and whether
                 they were interlaced; the strips are SDR and whole pictures
    figures      of the stabilization; null without a strip
    film         name, size in bytes and SHA-256 of the film; `render` takes no other

Nothing is tagged. The films are decoded in a process of its own, with the limits of `run`: the time
and the memory that TINYVIDEO_VIDEO_LIMIT_S and TINYVIDEO_MEMORY_LIMIT_MB say.

Cost: what `pipeline.curation` says, and 1 s to start the process.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinyvideo.flows.commands.curating.film_identity import FILM, identity_of
from tinyvideo.flows.settings import read_settings
from tinyvideo.flows.terminal import Position, progress, say
from tinyvideo.flows.workers import LimitedCalls, Limits
from tinyvideo.pipeline.curation import CurationConfig, curate
from tinyvideo.pipeline.errors import LimitError, RejectedError, UnreadableError
from tinyvideo.pipeline.outside_json import read_json
from tinyvideo.pipeline.types import Clip
from tinyvideo.storage.objects import FolderStore


@dataclass(frozen=True, slots=True, kw_only=True)
class StabilizedFilm:
    """What became of one film."""

    film: str
    folder: str
    clips: int
    strips: int
    problem: str
    """Why the film as a whole was refused; empty if it was not."""


def stabilize_films(
    films: Sequence[Path], out: Path, config: CurationConfig
) -> Iterator[StabilizedFilm]:
    """Stabilize films one after the other, into a folder each below `out`."""
    out.mkdir(parents=True, exist_ok=True)
    with LimitedCalls(film_limits(), writable=[out]) as calls:
        for film in films:
            try:
                yield calls(stabilize_film, film, out, config)
            except LimitError as error:
                folder = _place_of(film, out)
                strips = len(list(folder.glob("[0-9][0-9][0-9][0-9].jpg")))
                yield StabilizedFilm(
                    film=str(film),
                    folder=str(folder),
                    clips=strips,
                    strips=strips,
                    problem=str(error),
                )


def film_limits() -> Limits:
    """Read what a film may take in all."""
    settings = read_settings()
    return Limits(memory_mb=settings.memory_limit_mb, time_s=settings.video_limit_s)


def stabilize_film(film: Path, out: Path, config: CurationConfig) -> StabilizedFilm:
    """Stabilize one film, in this process.

    Raises:
        MemoryError: it needs more memory than there is.
        StorageError: `out` cannot be written.
    """
    store = FolderStore(_place_of(film, out))
    _remove_old_strips(store.root)
    entries: list[dict[str, Any]] = []
    strips, problem = 0, ""
    identity: dict[str, Any] = {}
    try:
        for clip in curate(film, None, config):
            identity = identity or identity_of(film)
            entries.append(_entry(clip, identity))
            if clip.strip is not None:
                store.replace(f"{clip.index:04d}.jpg", clip.strip.jpeg)
                strips += 1
    except (RejectedError, UnreadableError) as error:
        problem = str(error)
    finally:
        store.replace("clips.json", json.dumps(entries, indent=1).encode())
        store.remove_temporary()
    return StabilizedFilm(
        film=str(film), folder=str(store.root), clips=len(entries), strips=strips, problem=problem
    )


def _place_of(film: Path, out: Path) -> Path:
    return FolderStore(out).path(_folder_of(film))


def _folder_of(film: Path) -> str:
    # `...mp4` is a name, too, and its stem is the folder above.
    return film.stem if film.stem.strip(".") else film.name


def _remove_old_strips(folder: Path) -> None:
    # Only those that an earlier run has listed: the folder may hold pictures of somebody else.
    try:
        listed = read_json(folder / "clips.json")
        old = [f"{entry['index']:04d}.jpg" for entry in listed if entry["accepted"]]
    except (OSError, ValueError, TypeError, KeyError):
        return
    for name in old:
        (folder / name).unlink(missing_ok=True)


def _entry(clip: Clip, film: dict[str, Any]) -> dict[str, Any]:
    return {
        "index": clip.index,
        "start_frame": clip.start_frame,
        "frame_step": clip.frame_step,
        "source_frames": clip.source_frames,
        "accepted": clip.strip is not None,
        "reason": clip.reason,
        "detail": clip.detail,
        "to_first": None if clip.to_first is None else clip.to_first.tolist(),
        "crop": None if clip.crop is None else asdict(clip.crop),
        "overlay": None if clip.overlay is None else asdict(clip.overlay),
        "stored_as": asdict(clip.stored_as),
        "figures": None if clip.strip is None else asdict(clip.strip.figures),
        FILM: film,
    }


def stabilize_with_progress(
    films: Sequence[Path], out: Path, config: CurationConfig
) -> list[dict[str, Any]]:
    """Stabilize films with a progress bar and a line for each; return what became of them.

    Raises:
        ValueError: two films would share a folder.
        StorageError: `out` cannot be written.
    """
    for stem, count in Counter(map(_folder_of, films)).items():
        if count > 1:
            raise ValueError(f"two films are called {stem!r}; stabilize them into two folders")
    store = FolderStore(out)
    store.probe()
    store.remove_temporary()
    done: list[StabilizedFilm] = []
    with progress("films", lambda: Position(len(done), len(films))):
        for film in stabilize_films(films, out, config):
            done.append(film)
            say(f"{film.film}: {film.problem or _sentence(film)}")
    return [asdict(film) for film in done]


def _sentence(film: StabilizedFilm) -> str:
    return f"{film.strips} strips of {film.clips} windows in {film.folder}"
