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

clips.json is written when a film is done. Until then its entries stand in `clips.unfinished`, one
per line, each written before its strip: whatever ends the film, by a limit or a kill, what is there
becomes a clips.json that is true, at once or by the next start.

Nothing is tagged. The films are decoded in a process of its own, with the limits of `run`: the time
and the memory that TINYVIDEO_VIDEO_LIMIT_S and TINYVIDEO_MEMORY_LIMIT_MB say.

Cost: what `pipeline.curation` says, and 1 s to start the process.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from tinyvideo.flows.commands.curating.film_identity import FILM, identity_of
from tinyvideo.flows.commands.source_options import no_video_in
from tinyvideo.flows.settings import read_settings
from tinyvideo.flows.terminal import Position, progress, say
from tinyvideo.flows.workers import LimitedCalls, Limits
from tinyvideo.pipeline.curation import CurationConfig, curate
from tinyvideo.pipeline.errors import LimitError, RejectedError, UnreadableError
from tinyvideo.pipeline.find import path_of, scan_folder
from tinyvideo.pipeline.outside_json import read_json
from tinyvideo.pipeline.types import Clip
from tinyvideo.storage.objects import FolderStore
from tinyvideo.storage.storage_errors import StorageError

UNFINISHED = "clips.unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class StabilizedFilm:
    """What became of one film."""

    film: str
    folder: str
    clips: int
    strips: int
    problem: str
    """Why the film as a whole was refused; empty if it was not."""


def films_in(paths: Sequence[Path], pattern: str = "") -> list[Path]:
    """List films, and those of folders among `paths`; what is left out of these is said.

    Raises:
        UnreadableError: a folder holds none, or cannot be read.
    """
    films: list[Path] = []
    for path in paths:
        if not path.is_dir():
            films.append(path)
            continue
        records = list(scan_folder(path, pattern))
        if not records:
            raise no_video_in(path, pattern)
        for record in records:
            if record.refused or record.problem:
                say(f"{record.title}: skipped: {record.refused or record.problem}")
            else:
                films.append(path_of(record.uri))
    return films


def stabilize_films(
    films: Sequence[Path], out: Path, config: CurationConfig
) -> Iterator[StabilizedFilm]:
    """Stabilize films one after the other, into a folder each below `out`."""
    out.mkdir(parents=True, exist_ok=True)
    try:
        with LimitedCalls(film_limits(), writable=[out]) as calls:
            for film in films:
                _clear(FolderStore(_place_of(film, out)))
                try:
                    yield calls(stabilize_film, film, out, config)
                except LimitError as error:
                    yield _cut_off(film, out, str(error))
    finally:  # its process has ended, whatever has ended it
        for film in films:
            _finish(FolderStore(_place_of(film, out)))


def film_limits() -> Limits:
    """Read what a film may take in all."""
    settings = read_settings()
    return Limits(memory_mb=settings.memory_limit_mb, time_s=settings.video_limit_s)


def stabilize_film(film: Path, out: Path, config: CurationConfig) -> StabilizedFilm:
    """Stabilize one film, in this process, into a folder that has been cleared.

    Raises:
        MemoryError: it needs more memory than there is.
        StorageError: `out` cannot be written.
    """
    store = FolderStore(_place_of(film, out))
    problem, identity = "", dict[str, Any]()
    try:
        with _opened_anew(store) as unfinished:
            for clip in curate(film, None, config):
                identity = identity or identity_of(film)
                with _explained(store):
                    unfinished.write(f"{json.dumps(_entry(clip, identity))}\n")
                    unfinished.flush()
                if clip.strip is not None:
                    store.replace(_name(clip.index), clip.strip.jpeg)
    except (RejectedError, UnreadableError) as error:
        problem = str(error)
    finally:
        entries = _finish(store)
    return _summary(film, store, entries, problem)


def _cut_off(film: Path, out: Path, problem: str) -> StabilizedFilm:
    store = FolderStore(_place_of(film, out))
    entries = _finish(store)
    if not entries:  # it may have come as far as its clips.json
        with suppress(OSError, ValueError):
            entries = list(read_json(store.root / "clips.json"))
    return _summary(film, store, entries, problem)


def _summary(
    film: Path, store: FolderStore, entries: Sequence[dict[str, Any]], problem: str
) -> StabilizedFilm:
    return StabilizedFilm(
        film=str(film),
        folder=str(store.root),
        clips=len(entries),
        strips=sum(bool(entry["accepted"]) for entry in entries),
        problem=problem,
    )


def _opened_anew(store: FolderStore) -> TextIO:
    with _explained(store):
        store.root.mkdir(parents=True, exist_ok=True)
        return (store.root / UNFINISHED).open("x")


@contextmanager
def _explained(store: FolderStore) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write into {store.root}: {error.strerror}") from error


def _finish(store: FolderStore) -> list[dict[str, Any]]:
    """Make the clips.json of a film that is done or was cut off; return its entries."""
    unfinished = store.root / UNFINISHED
    entries: list[dict[str, Any]] = []
    try:
        lines = unfinished.read_text().splitlines()
    except OSError:
        return entries
    for line in lines:
        with suppress(ValueError):  # the last one may be cut
            entries.append(json.loads(line))
    last = entries[-1] if entries else None
    if last and last["accepted"] and not (store.root / _name(last["index"])).exists():
        del entries[-1]  # its strip was not written any more
    store.replace("clips.json", json.dumps(entries, indent=1).encode())
    store.remove_temporary()
    unfinished.unlink(missing_ok=True)
    return entries


def _name(index: int) -> str:
    return f"{index:04d}.jpg"


def _place_of(film: Path, out: Path) -> Path:
    return FolderStore(out).path(_folder_of(film))


def _folder_of(film: Path) -> str:
    # `...mp4` is a name, too, and its stem is the folder above.
    return film.stem if film.stem.strip(".") else film.name


def _clear(store: FolderStore) -> None:
    """Remove what an earlier run has left: its list is true no more."""
    _finish(store)  # a kill may have left entries, which say what strips are ours
    with _explained(store):
        _remove_old_strips(store.root)
        (store.root / "clips.json").unlink(missing_ok=True)


def _remove_old_strips(folder: Path) -> None:
    # Only those that an earlier run has listed: the folder may hold pictures of somebody else.
    try:
        listed = read_json(folder / "clips.json")
        old = [_name(entry["index"]) for entry in listed if entry["accepted"]]
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
