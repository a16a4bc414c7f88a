"""One video in a process of its own: curate it, leave its strips in a part file.

Videos are hostile input. Every worker is a spawned process that can be killed: its memory is
limited, a watchdog ends it when a window of frames does not come, and whatever goes wrong costs
one video. Where the kernel knows Landlock it writes to the work folder only, and has no network.
Pixels never leave the process except as JPEG strips, written to disk as they come.

Cost: a worker starts with 3 s of processor time and holds about 600 MB, nearly all of it torch;
after that, what `pipeline.curation` says.
"""

import faulthandler
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tinyvideo.flows.settings import code_version, config_hash
from tinyvideo.flows.workers.confinement import end_with_parent, ignore_interrupts, limit_memory
from tinyvideo.flows.workers.landlock import lock_out
from tinyvideo.pipeline.curation import CurationConfig, curate
from tinyvideo.pipeline.errors import FailCause, RejectedError, UnreadableError
from tinyvideo.pipeline.find import path_of
from tinyvideo.pipeline.tag import Classifier
from tinyvideo.pipeline.types import ClipCounts, VideoRecord, VideoState
from tinyvideo.storage.batches import part_path
from tinyvideo.storage.objects import FolderStore
from tinyvideo.storage.shards import ShardWriter, row_of
from tinyvideo.storage.storage_errors import StorageError

UNFINISHED, WATCHDOG = ".unfinished", ".watchdog"
"""Suffixes, beside a part file: strips on their way, and where a video hung."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    out: Path
    """Work folder of the output; part files go below it."""

    places_weights: Path | None
    memory_limit_mb: int
    window_limit_s: float
    curation: CurationConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one video; exactly one of the two is filled."""

    counts: ClipCounts | None = None
    """Its windows were judged."""

    state: VideoState | None = None
    """REJECTED or FAILED as a whole; PENDING, to be tried again."""

    reason: str = ""
    detail: str = ""
    retry_after_s: float | None = None
    """How long whoever was asked wants to be left alone, if it is to be tried again."""


@dataclass(slots=True)
class _Process:
    """What a worker process keeps between videos."""

    config: WorkerConfig | None = None
    classifier: Classifier | None = field(default=None, repr=False)
    problem: Exception | None = None
    """Why this process cannot work."""


_process = _Process()


def prepare_worker(config: WorkerConfig) -> None:
    """Load the classifier and set the limits, once per process."""
    from tinyvideo.models.scenes import load_classifier  # noqa: PLC0415  loads torch, which flows do without

    ignore_interrupts()
    end_with_parent()
    _process.config = config
    try:
        _process.classifier = load_classifier(config.places_weights)
        limit_memory(config.memory_limit_mb)
        config.out.mkdir(parents=True, exist_ok=True)
        lock_out([config.out])
    except Exception as error:  # a pool whose workers cannot start would wait for ever
        _process.problem = error


def curate_video(record: VideoRecord, film: Path | None = None) -> Outcome:
    """Curate one video, and put its strips into its part file if it gives any.

    `film` is where it was fetched to; without it, the video is where the record says.

    Raises:
        Exception: what went wrong when this process was prepared; no video is to blame.
        StorageError: the strips cannot be written; no video is to blame either.
    """
    if _process.problem is not None:
        raise _process.problem
    config = _process.config
    if config is None:
        raise RuntimeError("prepare_worker was not called in this process")
    try:
        return Outcome(counts=_write_part(record, film or _path_of(record), config))
    except RejectedError as error:
        return Outcome(state=VideoState.REJECTED, reason=error.reason, detail=error.detail)
    except UnreadableError as error:
        return failed(FailCause.UNREADABLE, str(error))
    except MemoryError as error:
        limit = f"more than {config.memory_limit_mb} MB needed"
        return failed(FailCause.MEMORY, f"{limit}: {error}".removesuffix(": "))
    except (StorageError, OSError) as error:  # what it reads is `UnreadableError`: the disk is full
        raise StorageError(f"cannot write to {config.out}: {error}") from error
    except Exception:  # a bug must cost one video, and must be found again in the catalog
        return failed(FailCause.BUG, traceback.format_exc())


def _path_of(record: VideoRecord) -> Path:
    try:
        return path_of(record.uri)
    except ValueError as error:
        raise UnreadableError(str(error)) from error


def take_remains(work: Path, video_id: str) -> str:
    """Clear up after a worker that died; return what its watchdog wrote down, if it did."""
    part = part_path(FolderStore(work), video_id)
    part.with_suffix(UNFINISHED).unlink(missing_ok=True)
    report = part.with_suffix(WATCHDOG)
    if not report.exists():
        return ""
    where = report.read_text()
    report.unlink()
    return where


def _write_part(record: VideoRecord, film: Path, config: WorkerConfig) -> ClipCounts:
    store = FolderStore(config.out)
    counts = ClipCounts()
    part = part_path(store, record.video_id)
    part.parent.mkdir(parents=True, exist_ok=True)
    version, named = code_version(), config_hash(config.curation)
    unfinished = part.with_suffix(UNFINISHED)
    with _watchdog(config, record.video_id) as alive:
        try:
            with ShardWriter(unfinished) as writer:
                for clip in curate(film, _process.classifier, config.curation):
                    alive()
                    counts.add(clip)
                    if clip.strip is not None:
                        writer.add(row_of(record, clip.strip, version, named))
            if counts.accepted:
                unfinished.replace(part)
        finally:
            unfinished.unlink(missing_ok=True)
    return counts


@contextmanager
def _watchdog(config: WorkerConfig, video_id: str) -> Iterator[Callable[[], None]]:
    # The timer runs in C and needs no cooperation: it ends the process even when the decoder
    # never returns, and writes down where that was.
    report = part_path(FolderStore(config.out), video_id).with_suffix(WATCHDOG)
    with report.open("w") as file:

        def alive() -> None:
            faulthandler.dump_traceback_later(config.window_limit_s, exit=True, file=file)

        alive()
        try:
            yield alive
        finally:
            faulthandler.cancel_dump_traceback_later()
            report.unlink()


def failed(cause: FailCause, detail: str) -> Outcome:
    """Say that a video could not be judged, and why."""
    return Outcome(state=VideoState.FAILED, reason=cause, detail=detail)
