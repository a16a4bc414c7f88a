"""What became of single videos, and what to do about those that failed.

    explain     everything that is known of one video
    failures    why videos failed or wait, with examples in the words of whoever said no
    retry       some of the failed are tried again
    credits     whose the videos in the shards are, and under which license

Cost: for one video a few queries, and the small columns of its shard; for the failures, all videos
that failed or wait are read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog import note
from tinyvideo.storage.database import CLIPS, EVENTS, TAKEDOWNS, VIDEOS, transaction
from tinyvideo.storage.outputs.output_address import Output
from tinyvideo.storage.shards import HASH, PICTURE, SCHEMA, ShardFile, iterate_rows
from tinyvideo.storage.storage_errors import StorageError

_HIDDEN = frozenset({"secret"})
"""Columns of a video that are not for people."""

_FIGURES = [name for name in SCHEMA.names if name not in {PICTURE, HASH, "to_first", "uri"}]
_CHUNK = 500
_TROUBLED = sa.or_(
    VIDEOS.c.state == VideoState.FAILED,
    sa.and_(VIDEOS.c.state == VideoState.PENDING, VIDEOS.c.reason != ""),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One cause, and some of the videos that it befell."""

    cause: str
    failed: int
    """Videos that ended with it."""

    waiting: int
    """Videos that will be tried again."""

    examples: list[dict[str, Any]]


def explain(output: Output, name: str) -> dict[str, Any]:
    """Tell everything about a video, by its id in the catalog or at its source, for JSON.

    Raises:
        StorageError: nobody knows it, or its shard cannot be read.
    """
    with transaction(output.catalog.engine, writes=False) as db:
        row = _find(db, name)
        if row is None:
            raise StorageError(f"the catalog knows no video {name!r}")
        same = row["video_id"]
        events = db.execute(_of(EVENTS, same).order_by(EVENTS.c.number)).mappings().all()
        clips = db.execute(_of(CLIPS, same).order_by(CLIPS.c.outcome)).mappings().all()
        blocks = sa.select(TAKEDOWNS.c.kind, TAKEDOWNS.c.name)
        taken = db.execute(blocks.where(TAKEDOWNS.c.name.in_([same, row["owner"]]))).all()
    return {
        "video": {k: _plain(v) for k, v in row.items() if k not in _HIDDEN},
        "history": [{k: _plain(e[k]) for k in ("at", "what", "detail")} for e in events],
        "windows": {c["outcome"]: {"count": c["count"], "first": c["first_detail"]} for c in clips},
        "strips": list(_strips(output, row)),
        "takedowns": [f"{kind} {taken_name}" for kind, taken_name in taken],
    }


def failures(engine: sa.Engine, examples: int = 3) -> list[Failure]:
    """List the causes for which videos failed or wait, the most frequent first.

    Raises:
        StorageError: the catalog cannot be read.
    """
    counts = sa.select(VIDEOS.c.reason, VIDEOS.c.state, sa.func.count()).where(_TROUBLED)
    found: dict[str, dict[str, int]] = {}
    with transaction(engine, writes=False) as db:
        for cause, state, count in db.execute(counts.group_by(VIDEOS.c.reason, VIDEOS.c.state)):
            found.setdefault(cause, {})[state] = int(count)
        shown = {cause: _examples(db, cause, examples) for cause in found}
    return [
        Failure(
            cause=cause,
            failed=by_state.get(VideoState.FAILED, 0),
            waiting=by_state.get(VideoState.PENDING, 0),
            examples=shown[cause],
        )
        for cause, by_state in sorted(found.items(), key=lambda item: -sum(item[1].values()))
    ]


def retry(
    engine: sa.Engine, causes: Sequence[str], older_than: timedelta, now: datetime | None = None
) -> int:
    """Have failed videos, and those that wait, tried again now; return how many.

    `causes` narrows it to some, and `older_than` to what happened so long ago or longer.

    Raises:
        StorageError: the catalog cannot be used.
    """
    now = now or datetime.now(UTC)
    where = sa.and_(_TROUBLED, VIDEOS.c.updated_at <= now - older_than)
    if causes:
        where = sa.and_(where, VIDEOS.c.reason.in_(causes))
    again = {"state": VideoState.PENDING, "attempts": 0, "next_try_at": now, "updated_at": now}
    with transaction(engine, writes=True) as db:
        ids = list(db.scalars(sa.select(VIDEOS.c.video_id).where(where)))
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            db.execute(VIDEOS.update().where(VIDEOS.c.video_id.in_(chunk)).values(again))
            note(db, chunk, now, "retry", "asked for")
    return len(ids)


def credits(engine: sa.Engine) -> Iterator[dict[str, str]]:
    """Yield whose each video in a shard is, by owner and title.

    Raises:
        StorageError: the catalog cannot be read.
    """
    names = [
        "video_id",
        "title",
        "owner",
        "owner_name",
        "page_url",
        "license",
        "license_url",
        "asked_at",
        "found_to_be",
    ]
    query = sa.select(*(VIDEOS.c[name] for name in names))
    query = query.where(VIDEOS.c.state == VideoState.SHARDED)
    with transaction(engine, writes=False) as db:
        for row in db.execute(query.order_by(VIDEOS.c.owner, VIDEOS.c.title, VIDEOS.c.video_id)):
            told = dict(zip(names, row, strict=True))
            yield {**told, "asked_at": f"{told['asked_at']:%Y-%m-%d}" if told["asked_at"] else ""}


def _find(db: sa.Connection, name: str) -> dict[str, Any] | None:
    row = db.execute(sa.select(VIDEOS).where(VIDEOS.c.video_id == name)).mappings().one_or_none()
    if row is None and name.isdecimal():
        return _find(db, f"flickr-{name}")
    return dict(row) if row else None


def _of(table: sa.Table, video_id: str) -> sa.Select[Any]:
    return sa.select(table).where(table.c.video_id == video_id)


def _strips(output: Output, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if row["state"] != VideoState.SHARDED:
        return
    for strip in iterate_rows(ShardFile(output.store, row["shard_key"]), _FIGURES):
        if strip["video_id"] == row["video_id"]:
            yield strip


def _examples(db: sa.Connection, cause: str, count: int) -> list[dict[str, Any]]:
    names = ("video_id", "detail", "attempts", "updated_at")
    query = sa.select(*(VIDEOS.c[name] for name in names))
    query = query.where(_TROUBLED, VIDEOS.c.reason == cause).order_by(VIDEOS.c.video_id)
    rows = db.execute(query.limit(count))
    return [{n: _plain(v) for n, v in zip(names, row, strict=True)} for row in rows]


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
