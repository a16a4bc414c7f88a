"""The books and the list of videos, as a page shows them: counts, bars, and reasons in words.

What a reason means has one home, the strings under the members of `RejectReason` and `FailCause`;
they are read out of the source, since Python does not keep them.

Cost: nothing that can be measured beside the queries in `storage`.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import pairwise
from typing import Any

from tinyvideo.flows.terminal import web_link
from tinyvideo.pipeline.errors import FailCause, RejectReason
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog import VideoOutcome

DETAIL_CHARS = 240
"""Length to which a detail is cut. Ours: figures and messages fit, a traceback does not."""

KINDS = ("sharded", "rejected", "failed", "pending")
"""What can become of a video or clip, in the order of the books."""

FATES = {
    "sharded": "Its strips are in a shard, ready to train on.",
    "pending": "Still to be looked at, or not in a shard yet. The next run goes on there.",
}
"""What became of a video or clip that was neither rejected nor failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """One line of the books."""

    kind: str
    """`sharded`, `rejected`, `failed` or `pending`."""

    name: str
    """The reason in words, or the kind."""

    meaning: str
    videos: int
    clips: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One piece of a stacked bar, in percent of its width."""

    kind: str
    count: int
    start: float
    length: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One side of the books as a stacked bar."""

    unit: str
    found: int
    parts: list[Part]


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """One line of the list of videos."""

    title: str
    link: str
    """Address of its page if that is a web address, else empty."""

    state: str
    reason: str
    meaning: str
    detail: str
    strips: int
    dropped: str
    """Windows that gave no strip, by reason."""

    dropped_clips: int

    license: str


def headline(books: Mapping[str, Any]) -> str:
    """Say in one sentence what became of everything."""
    videos = books["videos"]
    if not videos["found"]:
        return "No video has been found yet."
    rejected, failed = sum(videos["rejected"].values()), sum(videos["failed"].values())
    rest = [
        f"; {count:,} {words[count != 1]}"
        for count, words in (
            (rejected, ("was rejected", "were rejected")),
            (failed, ("failed", "failed")),
            (videos["pending"], ("is still to do", "are still to do")),
        )
        if count
    ]
    return (
        f"Of {plural(videos['found'], 'video')}, {videos['sharded']:,} gave "
        f"{plural(books['strips'], 'strip')} of 32 frames with the camera motion taken out"
        f"{''.join(rest)}."
    )


def list_fates(books: Mapping[str, Any]) -> list[Fate]:
    """List the right side of the books, line by line."""
    videos, clips = books["videos"], books["clips"]
    fates = [_plain("sharded", videos, clips)]
    for kind, meanings in (("rejected", RejectReason), ("failed", FailCause)):
        explained = explain(meanings)
        counts = {name: videos[kind].get(name, 0) for name in {**videos[kind], **clips[kind]}}
        fates += [
            Fate(
                kind=kind,
                name=name.replace("_", " "),
                meaning=explained.get(name, ""),
                videos=videos[kind].get(name, 0),
                clips=clips[kind].get(name, 0),
            )
            for name in sorted(counts, key=lambda n: (-videos[kind].get(n, 0), n))
        ]
    return [*fates, _plain("pending", videos, clips)]


def list_accounts(books: Mapping[str, Any]) -> list[Account]:
    """Lay videos and clips out as two stacked bars."""
    return [_account(unit, books[unit]) for unit in ("videos", "clips")]


def list_videos(outcomes: list[VideoOutcome]) -> list[Video]:
    """Put what became of single videos in words, what is still to do last."""
    return sorted(map(_video, outcomes), key=lambda video: KINDS.index(video.state))


@cache
def explain(reasons: type[StrEnum]) -> dict[str, str]:
    """Read what every member of `reasons` means, from the string under it."""
    (definition,) = ast.parse(inspect.getsource(reasons)).body
    assert isinstance(definition, ast.ClassDef)
    return dict(_documented(definition.body))


def plural(count: int, noun: str) -> str:
    """Write a number with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for member, text in pairwise(body):
        match member, text:
            case (
                ast.Assign(value=ast.Constant(value=str(name))),
                ast.Expr(value=ast.Constant(value=str(meaning))),
            ):
                yield name, " ".join(meaning.split())


def _plain(kind: str, videos: Mapping[str, Any], clips: Mapping[str, Any]) -> Fate:
    return Fate(kind=kind, name=kind, meaning=FATES[kind], videos=videos[kind], clips=clips[kind])


def _account(unit: str, side: Mapping[str, Any]) -> Account:
    counts = {
        "sharded": side["sharded"],
        "rejected": sum(side["rejected"].values()),
        "failed": sum(side["failed"].values()),
        "pending": side["pending"],
    }
    total, start = sum(counts.values()) or 1, 0.0
    parts = []
    for kind, count in counts.items():
        length = 100 * count / total
        parts.append(Part(kind=kind, count=count, start=round(start, 3), length=round(length, 3)))
        start += length
    return Account(unit=unit, found=side["found"], parts=parts)


def _video(outcome: VideoOutcome) -> Video:
    video, record = outcome.video, outcome.video.record
    meanings = explain(RejectReason) | explain(FailCause)
    unfinished = video.state in {VideoState.PENDING, VideoState.LEASED, VideoState.CURATED}
    return Video(
        title=record.title or record.video_id,
        link=web_link(record.page_url),
        state="pending" if unfinished else str(video.state),
        reason=video.reason.replace("_", " "),
        meaning=meanings.get(video.reason, ""),
        detail=_short(video.detail),
        strips=outcome.accepted,
        dropped=", ".join(
            f"{count:,} {name.replace('_', ' ')}" for name, count in outcome.rejected.items()
        ),
        dropped_clips=sum(outcome.rejected.values()),
        license=record.license or "unknown",
    )


def _short(detail: str) -> str:
    # Of a traceback, the last line is the one that says what happened.
    line = detail.strip().rpartition("\n")[2]
    return line if len(line) <= DETAIL_CHARS else f"{line[: DETAIL_CHARS - 1]}…"
