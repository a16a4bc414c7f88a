"""Do verdicts and camera paths hang on how a film is encoded? One scene, in 22 ways.

    python -m benchmarks.films.encodings [--scenes 12] [--seed 1]

Rooms with people (benchmarks/rooms) are drawn once, and encoded with nine codecs, in several
qualities, sizes and containers. A person gives one verdict to all of them. So each window has the
verdict of the most, and what is counted is how many encodings share it; and how far the paths of
those that are kept lie apart, in pixels of a strip, in the worst frame: from the one of all that is
the nearest to the others. Puts a table into benchmarks/RESULTS.md.

Cost: a scene takes half a minute of one core.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from benchmarks.films.truth_films import corner_error, in_other_pixels
from benchmarks.rooms.room_films import SHARES, plans
from benchmarks.rooms.scenes import Scene
from benchmarks.stages import put_into_results
from tests.drawn.films import write_video
from tinyvideo.pipeline.curation import curate, use_one_thread
from tinyvideo.pipeline.errors import RejectedError
from tinyvideo.pipeline.types import Frames, Homographies

WIDE, HIGH = 640, 360

WANTED, FAR_PX = 20, 0.3
"""Encodings that should agree, at least, and the largest distance of two paths."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """One way to store a film."""

    name: str
    suffix: str
    codec: str
    options: dict[str, str] = field(default_factory=dict)
    width: int = WIDE

    @property
    def label(self) -> str:
        """Name it for people."""
        height = self.width * HIGH // WIDE
        return f"{self.name}{self.suffix}" + ("" if self.width == WIDE else f" {height}p")


def _h264(crf: int, suffix: str = ".mp4", width: int = WIDE, **options: str) -> Encoding:
    return Encoding(f"h264 crf {crf}", suffix, "libx264", {"crf": str(crf), **options}, width)


def _at_rate(codec: str, suffix: str, rate: str, width: int = WIDE) -> Encoding:
    return Encoding(f"{codec} {rate}", suffix, codec, {"b": rate}, width)


ENCODINGS = (
    _h264(18),
    _h264(23),
    _h264(28),
    _h264(33),
    _h264(23, ".mkv", bf="0"),
    _h264(23, ".mov", g="12"),
    _h264(26, ".ts"),
    _h264(23, width=480),
    _h264(28, width=480),
    _h264(23, width=1280),
    Encoding("hevc crf 24", ".mp4", "libx265", {"crf": "24", "x265-params": "log-level=none"}),
    Encoding("hevc crf 30", ".mkv", "libx265", {"crf": "30", "x265-params": "log-level=none"}),
    Encoding("vp9 crf 32", ".webm", "libvpx-vp9", {"crf": "32", "b": "0", "cpu-used": "6"}),
    Encoding("vp8", ".webm", "libvpx", {"b": "1M", "cpu-used": "6", "deadline": "realtime"}),
    _at_rate("mpeg4", ".avi", "2M"),
    _at_rate("mpeg4", ".mp4", "900k"),
    _at_rate("mpeg4", ".avi", "700k", 480),
    _at_rate("mpeg2video", ".mpg", "3M"),
    _at_rate("mpeg2video", ".ts", "1500k"),
    _at_rate("mjpeg", ".avi", "6M"),
    _at_rate("wmv2", ".wmv", "1500k"),
    _at_rate("flv", ".flv", "1500k"),
)


@dataclass(slots=True)
class Judged:
    """What became of one scene, encoding by encoding."""

    scene: str
    verdicts: list[str] = field(default_factory=list)
    """`kept`, or the reason."""

    paths: list[Homographies] = field(default_factory=list)
    """Of those that were kept, in pixels of 640 x 360."""

    @property
    def usual(self) -> bool:
        """Whether most encodings are kept."""
        return 2 * self.verdicts.count("kept") >= len(self.verdicts)

    @property
    def agreed(self) -> int:
        """How many encodings have the verdict of the most: to be kept, or not."""
        kept = self.verdicts.count("kept")
        return max(kept, len(self.verdicts) - kept)

    @property
    def apart_px(self) -> float:
        """Distance of the path that is farthest from the middle one, in its worst frame."""
        if len(self.paths) < 2:
            return 0.0
        far = [[_distance(one, other) for other in self.paths] for one in self.paths]
        return min(max(row) for row in far)


def main() -> None:
    """Encode scenes in all ways, judge them, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    use_one_thread()
    judged = []
    for plan in plans(wanted.seed, wanted.scenes):
        scene = Scene.draw(np.random.default_rng(plan.seed), plan.room, plan.camera, SHARES["70+"])
        judged.append(judge_scene(f"{plan.room}, {plan.camera}", scene.frames()))
    put_into_results("One scene in 22 encodings", table_of(judged, wanted.scenes, wanted.seed))


def judge_scene(name: str, frames: Frames) -> Judged:
    """Encode (32, 360, 640, 3) frames in every way, and curate what comes of it."""
    judged = Judged(name)
    with tempfile.TemporaryDirectory() as folder:
        for number, way in enumerate(ENCODINGS):
            size = way.width, way.width * HIGH // WIDE
            shown = [cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in frames]
            path = Path(folder) / f"{number}{way.suffix}"
            write_video(path, shown, codec=way.codec, options=way.options)
            verdict, found = judge_film(path)
            judged.verdicts.append(verdict)
            if found is not None:
                judged.paths.append(in_other_pixels(found, size[::-1], (HIGH, WIDE)))
    return judged


def judge_film(path: Path) -> tuple[str, Homographies | None]:
    """Curate a film of one window: its verdict, and its path if it was kept."""
    try:
        clip = next(iter(curate(path, None)))
    except RejectedError as error:
        return str(error.reason), None
    return ("kept", clip.to_first) if clip.strip else (str(clip.reason), None)


def _distance(one: Homographies, other: Homographies) -> float:
    return max(
        corner_error(a[None], b[None], (HIGH, WIDE)) for a, b in zip(one, other, strict=True)
    )


def table_of(judged: Sequence[Judged], scenes: int, seed: int) -> str:
    """Write what became of the scenes as a table, and the two figures above it."""
    agreeing = sum(each.agreed >= WANTED for each in judged)
    near = [each for each in judged if each.usual and each.apart_px <= FAR_PX]
    kept = sum(each.usual for each in judged)
    odd = Counter(
        ENCODINGS[number].label
        for each in judged
        for number, verdict in enumerate(each.verdicts)
        if (verdict == "kept") != each.usual
    )
    rows = [
        f"| {each.scene} | {each.verdicts.count('kept')} | {_others(each)} | {each.apart_px:.2f} |"
        for each in judged
    ]
    return "\n".join(
        [
            f"`python -m benchmarks.films.encodings --scenes {scenes} --seed {seed}`",
            "",
            f"{agreeing} of {len(judged)} windows have one verdict in at least {WANTED} of "
            f"{len(ENCODINGS)} encodings; of {kept} that most keep, the paths of {len(near)} lie "
            f"within {FAR_PX} px of a strip. Encodings that differ most from the others: "
            + (", ".join(f"{name} ({count})" for name, count in odd.most_common(5)) or "none")
            + ".",
            "",
            "| scene | kept | reasons of the others | paths apart, px |",
            "|---|---:|---|---:|",
            *rows,
        ]
    )


def _others(each: Judged) -> str:
    reasons = Counter(verdict for verdict in each.verdicts if verdict != "kept")
    return ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())


if __name__ == "__main__":
    main()
