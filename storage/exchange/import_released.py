"""The released dataset -> shards: each photo id is a video, and the books know it.

A video goes the way of any other: its strips into a part file, how its clips ended into the
catalog, its part into a shard. What the archive does not tell is null in its row: owner, license,
figures, homographies, so that no limit lets them pass. A strip of
34 frames gives its first 32, cut without encoding them anew (`pipeline.strips.recut`).

A video is entered when all its strips have come, in whatever order (`archive_order`). One whose
strips are not all there is pending, and the next import takes it. Run again, it reads the archive
again and does what is missing; a video that has ended is passed over.

Cost, strips of 34 frames and 210 kB, on one core: 10 ms to decompress, 4.7 ms to cut and check,
2 ms to pack.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from tinyvideo.pipeline.errors import FailCause, LimitError, RejectedError, RejectReason
from tinyvideo.pipeline.strips import first_strip, strip_shape
from tinyvideo.pipeline.types import (
    STRIP_FRAMES,
    Clip,
    ClipCounts,
    SceneTags,
    StabilizationFigures,
    Strip,
    Tag,
    VideoRecord,
    VideoState,
)
from tinyvideo.storage.catalog import Catalog
from tinyvideo.storage.database import VIDEOS, transaction, update_videos
from tinyvideo.storage.exchange.archive_order import (
    Expected,
    WaitingStrips,
    expect_archived,
    expect_listed,
)
from tinyvideo.storage.exchange.released_format import Archive, Entry, iterate_strips
from tinyvideo.storage.shards import ShardWriter, row_of

SOURCE = "tinyvideo"

SCENE_MODEL = "tinyvideo-release"
"""Who says so, where a scene is given for a whole archive."""

CONFIG_HASH = "released"
"""Stands for a configuration: other code has made these strips."""

SHARD_VIDEOS, SHARD_STRIPS = 256, 4096
"""A shard is full with either. Ours: 4,096 strips are about 1 GB."""

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_UNKNOWN = float("nan")
_FIGURES = StabilizationFigures(
    inlier_ratio=_UNKNOWN,
    reprojection_rmse_px=_UNKNOWN,
    visible_share=_UNKNOWN,
    camera_motion_px=_UNKNOWN,
    camera_still=False,
    motion_model="unknown",
    condition_number=_UNKNOWN,
    drift_px=_UNKNOWN,
    jitter_px=_UNKNOWN,
    residual_motion_px=_UNKNOWN,
    filled_share=_UNKNOWN,
    object_motion=_UNKNOWN,
    flicker=_UNKNOWN,
)


@dataclass(slots=True)
class ImportCounts:
    """What became of the entries of an archive, in one run."""

    videos: int = 0
    """Entered."""

    strips: int = 0
    """Accepted."""

    encoded: int = 0
    """Of these, strips that had to be encoded anew."""

    rejected: Counter[str] = field(default_factory=Counter)
    """Entries that are in no shard, by reason."""

    known: int = 0
    """Strips of videos that had ended before: in an earlier run, or by a takedown."""

    missing: int = 0
    """Strips of the list that are not in the archive."""

    waiting: int = 0
    """Strips of videos that wait for an archive in which all of theirs are."""

    problem: str = ""
    """Why the archive ended early."""

    @property
    def not_whole(self) -> str:
        """Say why the books are not whole; empty if they are."""
        counted = {
            "listed strips are not in the archive": self.missing,
            "strips wait for those of their videos that have not come": self.waiting,
            "lines of the list name no strip": self.rejected["not_a_line"],
        }
        told = [f"{count} {what}" for what, count in counted.items() if count]
        return "; ".join([*([self.problem] if self.problem else []), *told])


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """Enters the videos of an archive in the catalog."""

    catalog: Catalog
    part_of: Callable[[str], Path]
    """Names the part file of a video."""

    code_version: str
    listed: frozenset[tuple[int, int]] | None = None
    """(photo id, clip) of the strips that are wanted; None wants all."""

    scene: str = ""
    """Scene that all strips show; empty if nobody says."""

    partial: bool = False
    """Take videos as they are, although not all of their strips have come."""

    counts: ImportCounts = field(default_factory=ImportCounts)
    _entered: set[int] = field(default_factory=set)
    """Videos of this run."""

    judged: Callable[[Entry, str], tuple[Clip, bool]] | None = None
    """Calls `judge` in another process, which may be killed; None calls it here."""

    def run(self, tar: Path, pack: Callable[[], object]) -> ImportCounts:
        """Enter all videos of the archive; `pack` is called whenever a shard is full, and last.

        Raises:
            StorageError: the archive cannot be opened, or a part or shard cannot be written.
        """
        videos, strips = 0, 0
        for _ in self._videos(tar):
            if self.counts.videos - videos >= SHARD_VIDEOS or (
                self.counts.strips - strips >= SHARD_STRIPS
            ):
                pack()
                videos, strips = self.counts.videos, self.counts.strips
        pack()
        return self.counts

    def _videos(self, tar: Path) -> Iterator[None]:
        archive, ended = Archive(counts=self.counts.rejected), set[int]()
        missing = set(self.listed or ())
        expected = expect_archived(tar) if self.listed is None else expect_listed(self.listed)
        waiting = WaitingStrips(lambda photo_id: self._part(photo_id).with_suffix(".waiting"))
        for entry in self._wanted(iterate_strips(tar, archive), missing):
            photo_id = entry.name.photo_id
            if photo_id in ended or not (waiting.has(photo_id) or self._is_open(photo_id)):
                kind = "doubled" if photo_id in self._entered else "known"
                self._pass_over(kind)
                ended.add(photo_id)
            elif not waiting.add(entry):
                self._pass_over("doubled")
            elif expected.is_whole(photo_id, waiting.has(photo_id)):
                ended.add(photo_id)
                self._take(photo_id, waiting)
                yield
        for photo_id in waiting.videos():
            if self.partial:
                self._take(photo_id, waiting)
                yield
            else:
                self._wait(photo_id, waiting, expected, tar)
        self.counts.missing, self.counts.problem = len(missing), archive.problem

    def _pass_over(self, kind: str) -> None:
        if kind == "known":
            self.counts.known += 1
        else:
            self.counts.rejected[kind] += 1

    def _wanted(self, entries: Iterator[Entry], missing: set[tuple[int, int]]) -> Iterator[Entry]:
        for entry in entries:
            key = (entry.name.photo_id, entry.name.index)
            missing.discard(key)
            if self.listed is None or key in self.listed:
                yield entry
            else:
                self.counts.rejected["not_listed"] += 1

    def _take(self, photo_id: int, waiting: WaitingStrips) -> None:
        record, part = record_of(waiting.path_of(photo_id)), self._part(photo_id)
        part.parent.mkdir(parents=True, exist_ok=True)
        self._entered.add(photo_id)
        self._enter(record, self._write_part(part, record, waiting.take(photo_id)), part)

    def _wait(self, photo_id: int, waiting: WaitingStrips, expected: Expected, tar: Path) -> None:
        """Leave a video pending whose strips have not all come: the next import takes it."""
        record, found = record_of(waiting.path_of(photo_id)), len(waiting.has(photo_id))
        waiting.drop(photo_id)
        wanted = len(expected.clips[photo_id])
        why = f"{found} of {wanted} strips" if found < wanted else f"{found} strips, perhaps more,"
        self.catalog.add([record])
        if self._is_open(photo_id):
            with transaction(self.catalog.engine, writes=True) as db:
                update_videos(
                    db,
                    VIDEOS.c.video_id == record.video_id,
                    reason=FailCause.TRUNCATED_MEDIA.value,
                    detail=f"{why} came out of {tar.name}; import a whole archive",
                    next_try_at=_NEVER,  # no run can fetch it, only an import
                )
        self.counts.waiting += found

    def _part(self, photo_id: int) -> Path:
        return self.part_of(_id_of(photo_id))

    def _write_part(self, part: Path, record: VideoRecord, entries: Iterator[Entry]) -> ClipCounts:
        clips = ClipCounts()
        with ShardWriter(part) as writer:
            for entry in entries:
                clip, encoded = self._judge(entry)
                clips.add(clip)
                if clip.strip:
                    writer.add(row_of(record, clip.strip, self.code_version, CONFIG_HASH))
                    self.counts.encoded += encoded
        return clips

    def _judge(self, entry: Entry) -> tuple[Clip, bool]:
        try:
            return (self.judged or judge)(entry, self.scene)
        except LimitError as error:
            detail = f"{entry.name}: {error}"
            reason = RejectReason.BROKEN_STREAM
            return Clip(index=entry.name.index, start_frame=-1, reason=reason, detail=detail), False

    def _enter(self, record: VideoRecord, clips: ClipCounts, part: Path) -> None:
        self.catalog.add([record])
        if not self._is_open(int(Path(record.uri).stem)):  # somebody has had it taken down
            self.counts.known += _count(clips)
            part.unlink()
            return
        self.catalog.enter_clips(record.video_id, clips)
        if not clips.accepted:
            part.unlink()
        self.counts.videos += 1
        self.counts.strips += clips.accepted
        self.counts.rejected.update({reason.value: n for reason, n in clips.rejected.items()})

    def _is_open(self, photo_id: int) -> bool:
        query = sa.select(VIDEOS.c.state).where(VIDEOS.c.video_id == _id_of(photo_id))
        with transaction(self.catalog.engine, writes=False) as db:
            state = db.scalar(query)
        return state in {None, VideoState.PENDING}


def _id_of(photo_id: int) -> str:
    return f"{SOURCE}-{photo_id}"


def record_of(video: str) -> VideoRecord:
    """Describe the video of a path such as `videos2/3/2/.../4632147167.mp4`."""
    photo_id = int(Path(video).stem)
    return VideoRecord(
        video_id=_id_of(photo_id),
        source=SOURCE,
        uri=f"{SOURCE}:{video}",
        page_url=f"https://www.flickr.com/photo.gne?id={photo_id}",
    )


def judge(entry: Entry, scene: str = "") -> tuple[Clip, bool]:
    """Make a clip of an entry: a strip of its first 32 frames, or a reason; and whether encoded."""
    index = entry.name.index
    try:
        size = _check_shape(entry)
        jpeg, encoded = first_strip(entry.jpeg)
    except RejectedError as error:
        return Clip(index=index, start_frame=-1, reason=error.reason, detail=error.detail), False
    except ValueError as error:
        detail = f"{entry.name}: {error}"
        reason = RejectReason.BROKEN_STREAM
        return Clip(index=index, start_frame=-1, reason=reason, detail=detail), False
    return Clip(index=index, start_frame=-1, strip=_strip(index, size, jpeg, scene)), encoded


def _check_shape(entry: Entry) -> int:
    height, width = strip_shape(entry.jpeg)
    if width % 16 or not 16 <= width <= 1024 or height % width:
        detail = f"{entry.name} has {width} x {height} pixels, which are no square frames"
        raise RejectedError(RejectReason.FRAME_SIZE, detail)
    if height < STRIP_FRAMES * width:
        detail = f"{entry.name} has {height // width} frames, a strip needs {STRIP_FRAMES}"
        raise RejectedError(RejectReason.TOO_SHORT, detail)
    return width


def _strip(index: int, size: int, jpeg: bytes, scene: str) -> Strip:
    tags = SceneTags(model=SCENE_MODEL, tags=(Tag(scene=scene, probability=1.0),))
    return Strip(
        index=index,
        start_frame=-1,
        start_s=_UNKNOWN,
        fps=_UNKNOWN,
        source_step=1,
        source_width=0,
        source_height=0,
        size=size,
        jpeg=jpeg,
        to_first=np.full((STRIP_FRAMES, 3, 3), _UNKNOWN),
        figures=_FIGURES,
        scenes=tags if scene else None,
    )


def _count(clips: ClipCounts) -> int:
    return clips.accepted + sum(clips.rejected.values())
