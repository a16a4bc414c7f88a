"""One pass over all shards: counts, and which few strips are worth showing.

Only the small columns are read, and of the rows only the chosen ones are kept, so that memory
does not grow with the number of strips. JPEGs are fetched afterwards, for the chosen ones.

Cost: 42 us per strip on one core, and 1 MB of memory however many there are.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeAlias

from tinyvideo.storage.objects import Store
from tinyvideo.storage.shards import CROP_COLUMNS, ShardFile, iterate_groups, read_rows
from tinyvideo.storage.storage_errors import StorageError

PAIRS = 6
"""Clips that are shown before and after."""

RANKED = 3
"""Best strips, and worst ones, that are shown of every figure."""

DECODED_AGAIN = 1000
"""Frames of a film that are decoded again at most. Ours: 5 s of work at 1280 x 720 pixels."""

HIGHER_IS_BETTER = {
    "visible_share": True,
    "inlier_ratio": True,
    "reprojection_rmse_px": False,
    "camera_motion_px": False,
}
"""The figures of a strip by which strips are ranked."""

COLUMNS = [
    *("strip_id", "video_id", "title", "license", "start_frame", "start_s", "fps"),
    "clip_index",
    *("source_step", "source_frames", *CROP_COLUMNS),
    *(*HIGHER_IS_BETTER, "camera_still", "scene_model", "scenes"),
    *("pipeline_version", "config_hash"),
]

Row: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A strip, and where its picture is."""

    row: Row
    shard: str
    row_group: int
    number: int
    """Row number within the row group."""


@dataclass(slots=True)
class Least:
    """Keeps the entries with the smallest keys."""

    size: int
    _entries: list[tuple[Key, str, Found]] = field(default_factory=list)

    def offer(self, key: Key, found: Found) -> None:
        """Take an entry into account; of equal keys the smaller strip id wins."""
        self._entries.append((key, found.row["strip_id"], found))
        if len(self._entries) > 32 * self.size:
            self._cut()

    def ranked(self) -> list[Found]:
        """Return what was kept, the smallest key first."""
        self._cut()
        return [found for _, _, found in self._entries]

    def _cut(self) -> None:
        self._entries = sorted(self._entries, key=itemgetter(0, 1))[: self.size]


@dataclass(slots=True)
class Survey:
    """What one pass over the shards gives."""

    strips: int = 0
    licenses: Counter[str] = field(default_factory=Counter)
    makers: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Strips by version of tinyvideo and configuration hash."""

    scenes: dict[str, Counter[str]] = field(default_factory=dict)
    """Strips by their most probable scene, for each model."""

    probabilities: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Sum of those probabilities, by model and scene."""

    best: dict[str, Least] = field(
        default_factory=lambda: {name: Least(RANKED) for name in HIGHER_IS_BETTER}
    )
    worst: dict[str, Least] = field(
        default_factory=lambda: {name: Least(2 * RANKED) for name in HIGHER_IS_BETTER}
    )
    """Twice as many, since equal strips may be among the best as well."""

    moved: Least = field(default_factory=lambda: Least(PAIRS))
    """Clips whose camera moved most, of as many videos as there are."""

    problems: list[str] = field(default_factory=list)
    """Shards that could not be read."""


def survey_shards(store: Store, keys: Iterable[str]) -> Survey:
    """Read the small columns of every shard; one that cannot be read becomes a problem."""
    survey = Survey()
    for key in keys:
        try:
            for _, strips in groupby(_walk(store, key), key=lambda found: found.row["video_id"]):
                _take_video(survey, strips)
        except StorageError as error:
            survey.problems.append(str(error))
    return survey


def fetch_jpeg(store: Store, found: Found) -> bytes:
    """Read the JPEG of one strip.

    Raises:
        StorageError: the shard cannot be read.
    """
    shard = ShardFile(store, found.shard)
    return bytes(read_rows(shard, found.row_group, [found.number], ["jpeg"])[0]["jpeg"])


def _walk(store: Store, key: str) -> Iterator[Found]:
    for group, rows in enumerate(iterate_groups(ShardFile(store, key), COLUMNS)):
        for number, row in enumerate(rows):
            yield Found(row, key, group, number)


def _take_video(survey: Survey, strips: Iterable[Found]) -> None:
    # The strips of a video follow each other in its shard, so its own ranking fits in here.
    moved = Least(PAIRS)
    for found in strips:
        _take_strip(survey, found)
        moved.offer(_wish(found), found)
    # Every video's first choice comes before any video's second.
    for rank, found in enumerate(moved.ranked()):
        late, motion = _wish(found)
        survey.moved.offer((late, rank, motion), found)


def _wish(found: Found) -> tuple[bool, float]:
    start, motion = found.row["start_frame"], found.row["camera_motion_px"]
    return start is None or start >= DECODED_AGAIN, -(motion or 0)


def _take_strip(survey: Survey, found: Found) -> None:
    row = found.row
    survey.strips += 1
    survey.licenses[row["license"] or ""] += 1
    survey.makers[row["pipeline_version"], row["config_hash"]] += 1
    if row["scenes"]:
        model, top = row["scene_model"], row["scenes"][0]
        survey.scenes.setdefault(model, Counter())[top["scene"]] += 1
        survey.probabilities[model, top["scene"]] += top["probability"]
    known = {name: up for name, up in HIGHER_IS_BETTER.items() if row[name] is not None}
    for name, higher_is_better in known.items():
        key = -row[name] if higher_is_better else row[name]
        survey.best[name].offer((key,), found)
        survey.worst[name].offer((-key,), found)
